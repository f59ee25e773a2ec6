/**
 * Proofs that a snapshot holds an entry with exactly this content and metadata at this path, or that it holds no such
 * name. A proof is a chain of steps from the target up: each step is what one node's hash was made of, and names the
 * hash below it. Checked without a repository and without a key (proof-check.ts); later steps (snapshot, log) are
 * added at the end of the chain.
 *
 * What a proof of absence rests on: a folder of up to 1,024 children is shown whole. Of a larger one only the groups
 * around the place of the name are shown, which shows absence because whoever made the snapshot sorted the names.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES, type NodeId } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { ByteWriter, compareBytes, equalBytes, utf8 } from '../kernel/index.ts';
import { type ChildRecords, createChildList, hashGroups, recordName, recordNodeId } from './child-list.ts';
import type { EntryMetadata } from './entry.ts';
import { canonicalName } from './name.ts';
import { type SourceNode, sourcesPreimage } from './node.ts';
import {
  GROUP_CHILDREN_MAX,
  groupCounts,
  type LeafEntry,
  writeFolderPreimage,
  writeLeafPreimage,
  writeMetadata,
} from './preimage.ts';

/** A group on the way to a child: its child records, and the lists of group hashes above it below the folder's own. */
export type GroupProof = {
  /** Which group of level 0. */
  readonly index: number;
  readonly records: Uint8Array;
  /** Levels 1 and up: all hashes of the group that holds the group below. Empty up to 1,048,576 children. */
  readonly lists: readonly Uint8Array[];
};

export type ProofStep =
  /** First step: the preimage of an entry that is no folder. */
  | { readonly kind: 'leaf'; readonly preimage: Uint8Array }
  /** First step: the folder that follows has no child with this canonical name. */
  | { readonly kind: 'absent'; readonly name: string }
  /** A folder with all its child records. As a first step it is the target itself. */
  | {
      readonly kind: 'folder';
      readonly path: string;
      readonly childCount: number;
      readonly records: Uint8Array;
      readonly metadata: Uint8Array;
    }
  /** A folder of more than GROUP_CHILDREN_MAX children, with the groups that matter: none, one or two neighbours. */
  | {
      readonly kind: 'grouped-folder';
      readonly path: string;
      readonly childCount: number;
      /** The list of group hashes the folder's node holds. */
      readonly top: Uint8Array;
      readonly groups: readonly GroupProof[];
      readonly metadata: Uint8Array;
    }
  /** Last step: the sources node, and which of the sources it is. */
  | { readonly kind: 'sources'; readonly source: string; readonly preimage: Uint8Array };

export type FolderStep = Extract<ProofStep, { kind: 'folder' | 'grouped-folder' }>;

export type EntryProof = { readonly steps: readonly ProofStep[] };

/** A folder on the way, with its direct children in raw-name order. */
export type FolderToProve = {
  readonly path: string;
  readonly metadata: EntryMetadata;
  readonly children: readonly { readonly name: Uint8Array; readonly nodeId: NodeId }[];
};

export type EntryToProve = {
  /**
   * - `leaf`: an entry that is no folder, at this path.
   * - `folder`: the first of `folders` itself.
   * - `absent`: a canonical name that the first of `folders` doesn't hold.
   */
  readonly target:
    | { readonly kind: 'leaf'; readonly path: string; readonly entry: LeafEntry }
    | { readonly kind: 'folder' }
    | { readonly kind: 'absent'; readonly name: string };
  /** From the target's folder up to the source root (path ''). Empty only where the source is a single file. */
  readonly folders: readonly FolderToProve[];
  readonly source: string;
  readonly sources: readonly SourceNode[];
};

/** Makes the proof. The caller gives consistent nodes; where it doesn't, this asserts or the check fails. */
export function buildEntryProof(input: EntryToProve): EntryProof {
  const { target, folders } = input;
  const steps: ProofStep[] = [];
  let wanted: Wanted = { kind: 'none' };
  if (target.kind === 'leaf') {
    const preimage = new ByteWriter(512);
    writeLeafPreimage(preimage, new ByteWriter(256), target.path, target.entry);
    steps.push({ kind: 'leaf', preimage: preimage.finish() });
    wanted = { kind: 'child', name: utf8(lastName(target.path)), nodeId: hash(preimage.view()) };
  } else if (target.kind === 'absent') {
    const name = target.name.normalize('NFC');
    steps.push({ kind: 'absent', name });
    wanted = { kind: 'absent', name: utf8(name) };
  }
  assert(folders.length > 0 || target.kind === 'leaf', 'only a file can be a source without a folder');
  for (const folder of folders) {
    const step = folderStep(folder, wanted);
    steps.push(step);
    wanted = { kind: 'child', name: utf8(lastName(folder.path)), nodeId: folderStepHash(step) };
  }
  steps.push({ kind: 'sources', source: input.source.normalize('NFC'), preimage: sourcesPreimage(input.sources) });
  return { steps };
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The NodeId of the folder a step stands for. */
export function folderStepHash(step: FolderStep): Uint8Array {
  const writer = new ByteWriter(4096);
  const childPart = step.kind === 'grouped-folder' ? step.top : step.records;
  writeFolderPreimage(writer, { path: step.path, childCount: step.childCount, childPart, metadata: step.metadata });
  return hash(writer.view());
}

/** What a folder's step has to show. */
type Wanted =
  | { readonly kind: 'none' }
  | { readonly kind: 'child'; readonly name: Uint8Array; readonly nodeId: Uint8Array }
  | { readonly kind: 'absent'; readonly name: Uint8Array };

function folderStep(folder: FolderToProve, wanted: Wanted): FolderStep {
  const children = createChildList();
  for (const child of folder.children) children.add(canonicalName(child.name).text, child.name, child.nodeId);
  const list = children.sorted();
  const metadataWriter = new ByteWriter(256);
  writeMetadata(metadataWriter, folder.metadata, folder.path === '');
  const common = { path: folder.path, childCount: children.count, metadata: metadataWriter.finish() };
  if (children.count <= GROUP_CHILDREN_MAX) return { kind: 'folder', ...common, records: list.records.slice() };
  const levels = hashGroups(list);
  const top = levels.at(-1);
  assert(top !== undefined, 'a grouped folder has groups');
  const groups = wantedGroups(list, wanted).map((index) => groupProof(list, levels, index));
  return { kind: 'grouped-folder', ...common, top, groups };
}

/** The groups that show the child, or the neighbours of an absent name. */
function wantedGroups(list: ChildRecords, wanted: Wanted): readonly number[] {
  if (wanted.kind === 'none') return [];
  let at = lowerBound(list, wanted.name);
  const count = list.starts.length - 1;
  if (wanted.kind === 'child') {
    // Twins have one canonical name; the node tells them apart.
    while (at < count && !equalBytes(recordNodeId(list, at), wanted.nodeId)) at++;
    assert(at < count, 'the child to prove stands in its folder');
    return [Math.floor(at / GROUP_CHILDREN_MAX)];
  }
  assert(at === count || !equalBytes(recordName(list, at), wanted.name), 'the absent name is absent');
  const left = Math.floor(Math.max(at - 1, 0) / GROUP_CHILDREN_MAX);
  const right = Math.floor(Math.min(at, count - 1) / GROUP_CHILDREN_MAX);
  return left === right ? [left] : [left, right];
}

/** Index of the first record whose name is not below `name`. */
function lowerBound(list: ChildRecords, name: Uint8Array): number {
  let low = 0;
  let high = list.starts.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(recordName(list, middle), name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function groupProof(list: ChildRecords, levels: readonly Uint8Array[], index: number): GroupProof {
  const childCount = list.starts.length - 1;
  const end = Math.min((index + 1) * GROUP_CHILDREN_MAX, childCount);
  const records = list.records.slice(list.starts[index * GROUP_CHILDREN_MAX], list.starts[end]);
  const lists: Uint8Array[] = [];
  let above = index;
  // The last level is the folder's own list, so the lists of this proof are those of the levels below it.
  for (let level = 1; level < groupCounts(childCount).length; level++) {
    above = Math.floor(above / GROUP_CHILDREN_MAX);
    const from = above * GROUP_CHILDREN_MAX * ID_BYTES;
    lists.push((levels[level - 1] ?? EMPTY).slice(from, from + GROUP_CHILDREN_MAX * ID_BYTES));
  }
  return { index, records, lists };
}

const EMPTY = new Uint8Array(0);
