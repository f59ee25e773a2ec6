/**
 * Checking proofs that an id is, or is not, in a Merkle set with a given root, and their bytes. (MerkleSet.prove makes
 * them.)
 *
 * A proof is the path from the top to the one leaf where the id would have to be. The id's own bits choose the way,
 * so for one root there is one leaf per id: if it holds the id the id is a member, if it holds another it is absent,
 * and nobody can prove both, not even who made the set.
 *
 * Bytes: magic "CrnM"(4) | u8 version=1 | u8 kind (0 empty set, 1 the leaf holds the id, 2 it holds another id)
 * | empty: nothing more | varint count | varint stepCount (≤ 256) | steps from the top: u8 bit, sibling(32)
 * | kind 2: the other id(32).
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { ID_BYTES } from '../../../src-shared/ids.ts';
import { ByteReader, ByteWriter, equalBytes, utf8 } from '../kernel/index.ts';
import {
  bitOf,
  EMPTY_SET_HASH,
  SET_BITS,
  setInnerHash,
  setLeafHash,
  type SetProof,
  type SetProofStep,
  setRootHash,
} from './set.ts';

export const SET_PROOF_MAGIC: Uint8Array = utf8('CrnM');
export const SET_PROOF_VERSION = 1;

function refuse(reason: string): never {
  throw new CairnError('integrity/damaged', `the proof of a set is not valid: ${reason}`);
}

/**
 * What the proof shows about the id under this root. Throws integrity/damaged where it shows nothing: it was made
 * for another set or another id, or was changed.
 */
export function verifySetProof(root: Uint8Array, id: Uint8Array, proof: SetProof): 'member' | 'absent' {
  if (id.length !== ID_BYTES) refuse('the id has not 32 bytes');
  if (proof.kind === 'empty') {
    return equalBytes(root, EMPTY_SET_HASH) ? 'absent' : refuse('the set is not empty');
  }
  const leafId = proof.otherId ?? id;
  checkPath(proof.steps, id, leafId);
  if (proof.otherId !== undefined && equalBytes(proof.otherId, id)) refuse('it shows the id itself as another');
  // A count below the least that has such a path can't be; more is bound by the root alone.
  if (proof.count <= proof.steps.length) refuse('its count is too small for its path');
  let hash = setLeafHash(leafId);
  for (const { bit, sibling } of proof.steps.toReversed()) {
    hash = bitOf(id, bit) === 0 ? setInnerHash(bit, hash, sibling) : setInnerHash(bit, sibling, hash);
  }
  if (!equalBytes(setRootHash(proof.count, hash), root)) refuse('it leads to another root');
  return proof.otherId === undefined ? 'member' : 'absent';
}

/** Bits rise, and the leaf's id belongs where the id's bits lead. */
function checkPath(steps: readonly SetProofStep[], id: Uint8Array, leafId: Uint8Array): void {
  if (leafId.length !== ID_BYTES) refuse('the other id has not 32 bytes');
  let before = -1;
  for (const { bit, sibling } of steps) {
    if (!Number.isInteger(bit) || bit <= before || bit >= SET_BITS) refuse('its bits do not rise');
    if (sibling.length !== ID_BYTES) refuse('a hash has not 32 bytes');
    if (bitOf(leafId, bit) !== bitOf(id, bit)) refuse('the other id does not belong there');
    before = bit;
  }
}

const KIND = { empty: 0, member: 1, other: 2 } as const;

export function encodeSetProof(proof: SetProof): Uint8Array {
  const writer = new ByteWriter(256);
  writer.bytes(SET_PROOF_MAGIC).u8(SET_PROOF_VERSION);
  if (proof.kind === 'empty') return writer.u8(KIND.empty).finish();
  writer.u8(proof.otherId === undefined ? KIND.member : KIND.other);
  writer.varint(proof.count).varint(proof.steps.length);
  for (const { bit, sibling } of proof.steps) writer.u8(bit).bytes(sibling);
  if (proof.otherId !== undefined) writer.bytes(proof.otherId);
  return writer.finish();
}

/** Reads the bytes of a proof; whether it proves anything is verifySetProof's to say. */
export function decodeSetProof(bytes: Uint8Array): SetProof {
  const reader = new ByteReader(bytes, 'proof of a set');
  for (const expected of SET_PROOF_MAGIC) if (reader.u8() !== expected) reader.fail('it does not start with its magic');
  const version = reader.u8();
  if (version > SET_PROOF_VERSION) {
    throw new CairnError('repository/newer-format', `a proof of a set has version ${version}`);
  }
  if (version !== SET_PROOF_VERSION) reader.fail(`version ${version} does not exist`);
  const kind = reader.u8();
  if (kind === KIND.empty) {
    reader.end();
    return { kind: 'empty' };
  }
  if (kind !== KIND.member && kind !== KIND.other) reader.fail(`${kind} is no kind of proof`);
  const count = reader.varint();
  const stepCount = reader.count(1 + ID_BYTES);
  if (stepCount > SET_BITS) reader.fail(`a path of ${stepCount} steps`);
  const steps: SetProofStep[] = [];
  for (let index = 0; index < stepCount; index++) {
    const bit = reader.u8();
    if (bit <= (steps.at(-1)?.bit ?? -1)) reader.fail('bits do not rise');
    steps.push({ bit, sibling: reader.bytes(ID_BYTES) });
  }
  const proof = { kind: 'leaf', count, steps } as const;
  if (kind === KIND.member) {
    reader.end();
    return proof;
  }
  const otherId = reader.bytes(ID_BYTES);
  reader.end();
  return { ...proof, otherId };
}
