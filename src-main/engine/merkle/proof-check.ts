/**
 * Checks a proof of an entry against the root of a snapshot, with nothing but the hash: every step is hashed anew and
 * the next step up must name that hash, under that name, in that folder.
 */
import { assertNever } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { asNodeId, type ContentHash, ID_BYTES, type NodeId } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { ByteReader, ByteWriter, compareBytes, equalBytes, utf8 } from '../kernel/index.ts';
import { type ChildRecords, recordName, recordNodeId } from './child-list.ts';
import type { NodeType } from './entry.ts';
import { CANONICAL_NAME_BYTES_MAX, nodePath } from './name.ts';
import { parseLeafPreimage, parseMetadata, type NodeMetadata } from './preimage-parse.ts';
import { GROUP_CHILDREN_MAX, groupCounts, TAG, writeGroupPreimage } from './preimage.ts';
import { type EntryProof, type FolderStep, folderStepHash, type GroupProof, type ProofStep } from './proof.ts';

/** What a valid proof says about the snapshot with that root. */
export type EntryStatement =
  | {
      readonly kind: 'present';
      readonly source: string;
      readonly path: string;
      readonly nodeId: NodeId;
      readonly nodeType: NodeType;
      /** Files: BLAKE3 of the content. Links: of the target. Absent for all else. */
      readonly contentHash?: ContentHash;
      readonly metadata: NodeMetadata;
    }
  | { readonly kind: 'absent'; readonly source: string; readonly path: string };

function refuse(reason: string): never {
  throw new CairnError('integrity/damaged', `the proof is not valid: ${reason}`);
}

type Target =
  | Omit<Extract<EntryStatement, { kind: 'present' }>, 'source'>
  | Omit<Extract<EntryStatement, { kind: 'absent' }>, 'source'>;

/** The hash the next step has to name, and where. */
type Below = { readonly path: string; readonly nodeId: Uint8Array };

/**
 * What the proof shows about the snapshot whose sources node is `expectedRoot`. Throws integrity/damaged where it
 * shows nothing: made for another snapshot, or changed.
 */
export function checkEntryProof(proof: EntryProof, expectedRoot: Uint8Array): EntryStatement {
  let target: Target | undefined;
  let below: Below | undefined;
  let absentName: string | undefined;
  for (const [index, step] of proof.steps.entries()) {
    switch (step.kind) {
      case 'leaf': {
        if (index !== 0) refuse('an entry stands in the middle');
        const nodeId = asNodeId(hash(step.preimage));
        target = { kind: 'present', nodeId, ...parseLeafPreimage(step.preimage) };
        below = { path: target.path, nodeId };
        break;
      }
      case 'absent':
        if (index !== 0) refuse('an absent name stands in the middle');
        if (!isPlainName(step.name)) refuse('it is about something that is no name');
        absentName = step.name;
        break;
      case 'folder':
      case 'grouped-folder': {
        const nodeId = asNodeId(checkFolder(step, below, absentName));
        if (absentName !== undefined) target = { kind: 'absent', path: nodePath(step.path, absentName) };
        absentName = undefined;
        target ??= {
          kind: 'present',
          path: step.path,
          nodeId,
          nodeType: 'directory',
          metadata: parseMetadata(step.metadata),
        };
        below = { path: step.path, nodeId };
        break;
      }
      case 'sources':
        if (index !== proof.steps.length - 1) refuse('something stands above the sources');
        if (target === undefined || below === undefined) refuse('it starts in the middle');
        checkSources(step, below, expectedRoot);
        return { ...target, source: step.source };
      default:
        assertNever(step);
    }
  }
  return refuse('it does not reach the root');
}

function isPlainName(name: string): boolean {
  const special = name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0');
  return !special && name.isWellFormed() && name === name.normalize('NFC');
}

/** The folder's NodeId, once it is clear that it holds what is below, or doesn't hold the absent name. */
function checkFolder(step: FolderStep, below: Below | undefined, absentName: string | undefined): Uint8Array {
  const grouped = step.kind === 'grouped-folder';
  if (!Number.isSafeInteger(step.childCount) || step.childCount < 0) refuse('a child count is no count');
  if (step.childCount > GROUP_CHILDREN_MAX !== grouped) refuse('a folder has the wrong form for its size');
  const lists = grouped ? checkGroups(step) : [{ index: 0, list: splitRecords(step.records, step.childCount) }];
  if (below !== undefined) {
    const name = nameInFolder(below.path, step.path);
    const holds = lists.some(({ list }) => holdsChild(list, name, below.nodeId));
    if (!holds) refuse('a folder does not hold what is below it');
  }
  if (absentName !== undefined) {
    const groupCount = grouped ? Math.ceil(step.childCount / GROUP_CHILDREN_MAX) : 1;
    checkAbsence(lists, groupCount, utf8(absentName));
  }
  return folderStepHash(step);
}

/** The canonical name under which a path stands in a folder. */
function nameInFolder(path: string, folder: string): Uint8Array {
  const cut = path.lastIndexOf('/');
  if (path === '' || folder !== (cut < 0 ? '' : path.slice(0, cut)))
    refuse('a folder is not the parent of what is below');
  return utf8(path.slice(cut + 1));
}

function holdsChild(list: ChildRecords, name: Uint8Array, nodeId: Uint8Array): boolean {
  for (let index = 0; index < list.starts.length - 1; index++) {
    if (equalBytes(recordName(list, index), name) && equalBytes(recordNodeId(list, index), nodeId)) return true;
  }
  return false;
}

type IndexedList = { readonly index: number; readonly list: ChildRecords };

/** The name is in none of the lists, and they are the ones it would have to be in. */
function checkAbsence(lists: readonly IndexedList[], groupCount: number, name: Uint8Array): void {
  if (lists.length < 1 || lists.length > 2) refuse('absence is shown by one group or two');
  // Where the lists before the name end and those after it begin, in terms of groups.
  let roomBelow = lists[0]?.index === 0;
  let roomAbove = lists.at(-1)?.index === groupCount - 1;
  for (const [position, { index, list }] of lists.entries()) {
    if (position > 0 && index !== (lists[position - 1]?.index ?? 0) + 1) refuse('two groups are no neighbours');
    for (let at = 0; at < list.starts.length - 1; at++) {
      const order = compareBytes(recordName(list, at), name);
      if (order === 0) refuse('the absent name is there');
      if (order < 0) roomBelow = true;
      else roomAbove = true;
    }
  }
  if (!roomBelow || !roomAbove) refuse('the absent name would stand in another group');
}

/** Child records cut at their lengths; exactly `count`, in hashed order, nothing behind them. */
function splitRecords(records: Uint8Array, count: number): ChildRecords {
  const reader = new ByteReader(records, 'child list in a proof');
  const starts = [0];
  let before: Uint8Array | undefined;
  for (let index = 0; index < count; index++) {
    const length = reader.u32();
    if (length === 0 || length > CANONICAL_NAME_BYTES_MAX) reader.fail(`a name of ${length} bytes`);
    const name = reader.bytes(length);
    if (before !== undefined && compareBytes(before, name) > 0) refuse('the children of a folder are not sorted');
    before = name;
    reader.bytes(ID_BYTES);
    starts.push(reader.offset);
  }
  reader.end();
  return { records, starts: Uint32Array.from(starts) };
}

/** Each group shown hangs in the folder's list of groups where its index says. */
function checkGroups(step: Extract<ProofStep, { kind: 'grouped-folder' }>): IndexedList[] {
  const counts = groupCounts(step.childCount);
  if (step.top.length !== (counts.at(-1) ?? 0) * ID_BYTES) refuse('a list of groups has the wrong length');
  return step.groups.map((group) => ({
    index: group.index,
    list: checkGroup(group, step.childCount, counts, step.top),
  }));
}

function checkGroup(group: GroupProof, childCount: number, counts: readonly number[], top: Uint8Array): ChildRecords {
  const groupCount = counts[0] ?? 0;
  if (!Number.isSafeInteger(group.index) || group.index < 0 || group.index >= groupCount)
    refuse('no group has this index');
  if (group.lists.length !== counts.length - 1) refuse('a group has the wrong depth');
  const list = splitRecords(group.records, countInGroup(group.index, childCount));
  let index = group.index;
  let groupHash = hashGroup(0, index, group.records);
  for (const [position, hashes] of [...group.lists, top].entries()) {
    const isTop = position === group.lists.length;
    const above = Math.floor(index / GROUP_CHILDREN_MAX);
    if (!isTop && hashes.length !== countInGroup(above, counts[position] ?? 0) * ID_BYTES) {
      refuse('a list of groups has the wrong length');
    }
    const at = (isTop ? index : index % GROUP_CHILDREN_MAX) * ID_BYTES;
    if (!equalBytes(hashes.subarray(at, at + ID_BYTES), groupHash)) refuse('a group does not hang in its folder');
    if (isTop) break;
    index = above;
    groupHash = hashGroup(position + 1, index, hashes);
  }
  return list;
}

/** Items in group `index` of a level of `total` items: all groups but the last are full. */
function countInGroup(index: number, total: number): number {
  return Math.min(GROUP_CHILDREN_MAX, total - index * GROUP_CHILDREN_MAX);
}

function hashGroup(level: number, index: number, records: Uint8Array): Uint8Array {
  const writer = new ByteWriter(records.length + 64);
  writeGroupPreimage(writer, { level, index, records });
  return hash(writer.view());
}

function checkSources(step: Extract<ProofStep, { kind: 'sources' }>, below: Below, expectedRoot: Uint8Array): void {
  if (below.path !== '') refuse('it does not reach the root of its source');
  if (!equalBytes(hash(step.preimage), expectedRoot)) refuse('it leads to another snapshot');
  const reader = new ByteReader(step.preimage, 'sources node in a proof');
  if (!equalBytes(reader.bytes(TAG.sources.length), TAG.sources)) refuse('it does not end in the sources');
  const count = reader.u64Number();
  if (reader.left < count * ID_BYTES) refuse('the sources are incomplete');
  const list = splitRecords(step.preimage.subarray(reader.offset), count);
  if (!holdsChild(list, utf8(step.source), below.nodeId)) refuse('the source is not in the snapshot');
}
