/**
 * The bytes of an entry proof: the payload of a proof file.
 *
 * magic "CrnI"(4) | u8 version=1 | varint stepCount | steps: u8 kind, then
 *  1 leaf: sizedBytes preimage · 2 absent: text name · 3 folder: text path, varint childCount, sizedBytes records,
 *  sizedBytes metadata · 4 grouped folder: text path, varint childCount, sizedBytes top, varint groupCount (≤ 2),
 *  groups (varint index, sizedBytes records, varint listCount, sizedBytes lists), sizedBytes metadata ·
 *  5 sources: text source, sizedBytes preimage.
 */
import { assert, assertNever } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { ByteReader, ByteWriter, utf8 } from '../kernel/index.ts';
import { CANONICAL_NAME_BYTES_MAX } from './name.ts';
import type { EntryProof, GroupProof, ProofStep } from './proof.ts';

export const ENTRY_PROOF_MAGIC: Uint8Array = utf8('CrnI');
export const ENTRY_PROOF_VERSION = 1;
/** A usual proof has some kilobytes. A folder of 1,024 names at their greatest length would have 16 MiB. */
export const ENTRY_PROOF_BYTES_MAX = 64 * 1024 * 1024;
/** One step per folder on the path, and three more. */
export const ENTRY_PROOF_STEPS_MAX = 8192;
/** Levels of groups above the lowest and below the folder: enough for 2^60 children. */
const GROUP_LISTS_MAX = 5;

const STEP = { leaf: 1, absent: 2, folder: 3, groupedFolder: 4, sources: 5 } as const;

export function encodeEntryProof(proof: EntryProof): Uint8Array {
  assert(proof.steps.length <= ENTRY_PROOF_STEPS_MAX, 'a proof has a bounded number of steps');
  const writer = new ByteWriter(4096);
  writer.bytes(ENTRY_PROOF_MAGIC).u8(ENTRY_PROOF_VERSION).varint(proof.steps.length);
  for (const step of proof.steps) encodeStep(writer, step);
  assert(writer.length <= ENTRY_PROOF_BYTES_MAX, 'a proof has a bounded size');
  return writer.finish();
}

function encodeStep(writer: ByteWriter, step: ProofStep): void {
  switch (step.kind) {
    case 'leaf':
      writer.u8(STEP.leaf).sizedBytes(step.preimage);
      return;
    case 'absent':
      writer.u8(STEP.absent).text(step.name);
      return;
    case 'folder':
      writer.u8(STEP.folder).text(step.path).varint(step.childCount);
      writer.sizedBytes(step.records).sizedBytes(step.metadata);
      return;
    case 'grouped-folder':
      writer.u8(STEP.groupedFolder).text(step.path).varint(step.childCount).sizedBytes(step.top);
      writer.varint(step.groups.length);
      for (const group of step.groups) {
        writer.varint(group.index).sizedBytes(group.records).varint(group.lists.length);
        for (const list of group.lists) writer.sizedBytes(list);
      }
      writer.sizedBytes(step.metadata);
      return;
    case 'sources':
      writer.u8(STEP.sources).text(step.source).sizedBytes(step.preimage);
      return;
    default:
      assertNever(step);
  }
}

/** Reads the bytes of a proof; whether it proves anything is checkEntryProof's to say. */
export function decodeEntryProof(bytes: Uint8Array): EntryProof {
  if (bytes.length > ENTRY_PROOF_BYTES_MAX) {
    throw new CairnError(
      'limit/exceeded',
      `a proof of ${bytes.length} bytes, at most ${ENTRY_PROOF_BYTES_MAX} are allowed`,
    );
  }
  const reader = new ByteReader(bytes, 'proof');
  for (const expected of ENTRY_PROOF_MAGIC)
    if (reader.u8() !== expected) reader.fail('it does not start with its magic');
  const version = reader.u8();
  if (version > ENTRY_PROOF_VERSION) {
    throw new CairnError(
      'repository/newer-format',
      `a proof has version ${version}, this Cairn reads ${ENTRY_PROOF_VERSION}`,
    );
  }
  if (version !== ENTRY_PROOF_VERSION) reader.fail(`version ${version} does not exist`);
  const count = reader.count(2);
  if (count > ENTRY_PROOF_STEPS_MAX) reader.fail(`${count} steps`);
  const steps: ProofStep[] = [];
  for (let index = 0; index < count; index++) steps.push(decodeStep(reader));
  reader.end();
  return { steps };
}

function rest(reader: ByteReader): Uint8Array {
  return reader.sizedBytes(reader.left);
}

function decodeStep(reader: ByteReader): ProofStep {
  const kind = reader.u8();
  switch (kind) {
    case STEP.leaf:
      return { kind: 'leaf', preimage: rest(reader) };
    case STEP.absent:
      return { kind: 'absent', name: reader.text(CANONICAL_NAME_BYTES_MAX) };
    case STEP.folder: {
      const path = reader.text(reader.left);
      return { kind: 'folder', path, childCount: reader.varint(), records: rest(reader), metadata: rest(reader) };
    }
    case STEP.groupedFolder: {
      const path = reader.text(reader.left);
      const childCount = reader.varint();
      const top = rest(reader);
      const groupCount = reader.varint();
      if (groupCount > 2) reader.fail(`${groupCount} groups of one folder`);
      const groups = Array.from({ length: groupCount }, () => decodeGroup(reader));
      return { kind: 'grouped-folder', path, childCount, top, groups, metadata: rest(reader) };
    }
    case STEP.sources:
      return { kind: 'sources', source: reader.text(CANONICAL_NAME_BYTES_MAX), preimage: rest(reader) };
    default:
      return reader.fail(`${kind} is no kind of step`);
  }
}

function decodeGroup(reader: ByteReader): GroupProof {
  const index = reader.varint();
  const records = rest(reader);
  const listCount = reader.varint();
  if (listCount > GROUP_LISTS_MAX) reader.fail(`${listCount} lists above a group`);
  return { index, records, lists: Array.from({ length: listCount }, () => rest(reader)) };
}
