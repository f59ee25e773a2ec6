/**
 * A Merkle set of 32-byte ids: a crit-bit trie. An inner node stands at the first bit in which the ids below it
 * differ, so the shape depends on the ids alone, whatever the order they came in, and the root is one value per set.
 *
 * Sets are immutable: `add` and `remove` share all but one path with the set they came from. Hashes are computed when
 * a root is asked for and kept in the nodes, so an unchanged subtree is never hashed twice.
 *
 *   leaf  = H("frame_leaf" ‖ id)      inner = H("frame_node" ‖ u16 bit ‖ left ‖ right)
 *   root  = H("frame_root" ‖ u64 count ‖ top)      root of the empty set = EMPTY_SET_HASH
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { ByteWriter, compareBytes, equalBytes, fromHex, utf8 } from '../kernel/index.ts';
import { writeU64 } from './preimage.ts';

/** H("cairn/merkle-set/empty/v1"): a set without ids has a root too, and no other set has it. */
export const EMPTY_SET_HASH: Uint8Array = fromHex('f7d9f430adc2be22773d02cdbb2a2bf1f6bcfaabbbe30148a56d70eccd68d2ec');

/** Bits of an id, and so the greatest depth of a trie. */
export const SET_BITS = ID_BYTES * 8;

const LEAF_TAG = utf8('frame_leaf');
const NODE_TAG = utf8('frame_node');
const ROOT_TAG = utf8('frame_root');

type SetLeaf = { readonly kind: 'leaf'; readonly id: Uint8Array; hash: Uint8Array | undefined };
type SetInner = {
  readonly kind: 'inner';
  /** The first bit, counted from the top of byte 0, in which the ids of the two sides differ. */
  readonly bit: number;
  /** Ids with this bit 0; they stand before the others. */
  readonly left: SetNode;
  readonly right: SetNode;
  hash: Uint8Array | undefined;
};
type SetNode = SetLeaf | SetInner;

/** One inner node on the way: its critical bit and the hash of the side not taken. */
export type SetProofStep = { readonly bit: number; readonly sibling: Uint8Array };

export type SetProof =
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'leaf';
      /** Members of the set; bound by the root. */
      readonly count: number;
      /** From the top down; bits rise strictly. */
      readonly steps: readonly SetProofStep[];
      /** What the leaf holds, where that is not the id asked for. */
      readonly otherId?: Uint8Array;
    };

const writer = new ByteWriter(128);

export function setLeafHash(id: Uint8Array): Uint8Array {
  writer.reset();
  writer.bytes(LEAF_TAG).bytes(id);
  return hash(writer.view());
}

export function setInnerHash(bit: number, left: Uint8Array, right: Uint8Array): Uint8Array {
  writer.reset();
  writer.bytes(NODE_TAG).u16(bit).bytes(left).bytes(right);
  return hash(writer.view());
}

export function setRootHash(count: number, top: Uint8Array): Uint8Array {
  writer.reset();
  writer.bytes(ROOT_TAG);
  writeU64(writer, count);
  writer.bytes(top);
  return hash(writer.view());
}

/** Recursion is bounded by SET_BITS: the bits of a path rise. */
function setNodeHash(node: SetNode): Uint8Array {
  node.hash ??=
    node.kind === 'leaf'
      ? setLeafHash(node.id)
      : setInnerHash(node.bit, setNodeHash(node.left), setNodeHash(node.right));
  return node.hash;
}

/** Bit `bit` of an id, 0 or 1. */
export function bitOf(id: Uint8Array, bit: number): number {
  return ((id[bit >>> 3] ?? 0) >>> (7 - (bit & 7))) & 1;
}

/** The first bit in which two ids differ, or SET_BITS when they are equal. */
function firstDifference(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < ID_BYTES; index++) {
    const difference = (left[index] ?? 0) ^ (right[index] ?? 0);
    if (difference !== 0) return index * 8 + Math.clz32(difference) - 24;
  }
  return SET_BITS;
}

function newLeaf(id: Uint8Array): SetLeaf {
  // A copy: an id may be a view of a large buffer that is about to be reused.
  return { kind: 'leaf', id: id.slice(), hash: undefined };
}

function newInner(bit: number, left: SetNode, right: SetNode): SetInner {
  return { kind: 'inner', bit, left, right, hash: undefined };
}

/** The leaf an id would be, if it were in the set: the only candidate. */
function closestLeaf(top: SetNode, id: Uint8Array): SetLeaf {
  let node = top;
  while (node.kind === 'inner') node = bitOf(id, node.bit) === 0 ? node.left : node.right;
  return node;
}

function insert(node: SetNode, id: Uint8Array, bit: number): SetNode {
  if (node.kind === 'leaf' || node.bit > bit) {
    return bitOf(id, bit) === 0 ? newInner(bit, newLeaf(id), node) : newInner(bit, node, newLeaf(id));
  }
  return bitOf(id, node.bit) === 0
    ? newInner(node.bit, insert(node.left, id, bit), node.right)
    : newInner(node.bit, node.left, insert(node.right, id, bit));
}

/** Without the leaf of `id`, which is below `node`; undefined when nothing is left. */
function without(node: SetNode, id: Uint8Array): SetNode | undefined {
  if (node.kind === 'leaf') return undefined;
  if (bitOf(id, node.bit) === 0) {
    const left = without(node.left, id);
    return left === undefined ? node.right : newInner(node.bit, left, node.right);
  }
  const right = without(node.right, id);
  return right === undefined ? node.left : newInner(node.bit, node.left, right);
}

/** A trie over sorted, different ids [from, to), to > from. */
function build(ids: readonly Uint8Array[], from: number, to: number): SetNode {
  const first = ids[from];
  const last = ids[to - 1];
  assert(first !== undefined && last !== undefined, 'a trie is built over at least one id');
  if (to - from === 1) return newLeaf(first);
  const bit = firstDifference(first, last);
  let low = from + 1;
  let high = to - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bitOf(ids[middle] ?? last, bit) === 0) low = middle + 1;
    else high = middle;
  }
  return newInner(bit, build(ids, from, low), build(ids, low, to));
}

function* leavesOf(node: SetNode): Generator<Uint8Array> {
  const stack: SetNode[] = [node];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.kind === 'leaf') yield next.id;
    else stack.push(next.right, next.left);
  }
}

function checkId(id: Uint8Array): void {
  assert(id.length === ID_BYTES, 'a set holds ids of 32 bytes');
}

export class MerkleSet {
  static readonly empty: MerkleSet = new MerkleSet(undefined, 0);

  readonly size: number;
  /** Undefined for the empty set. */
  readonly #top: SetNode | undefined;
  #root: Uint8Array | undefined;

  /** Use `MerkleSet.empty`, `add`, `remove` or `fromIds`. */
  private constructor(top: SetNode | undefined, size: number) {
    this.#top = top;
    this.size = size;
  }

  /** The set of these ids; an id may stand more than once. */
  static fromIds(ids: Iterable<Uint8Array>): MerkleSet {
    const sorted = [...ids].sort(compareBytes);
    const different = sorted.filter((id, index) => {
      checkId(id);
      const before = sorted[index - 1];
      return before === undefined || !equalBytes(before, id);
    });
    if (different.length === 0) return MerkleSet.empty;
    return new MerkleSet(build(different, 0, different.length), different.length);
  }

  /** 32 bytes; binds the ids and their count. Computed when first asked for. */
  get root(): Uint8Array {
    this.#root ??= this.#top === undefined ? EMPTY_SET_HASH : setRootHash(this.size, setNodeHash(this.#top));
    return this.#root;
  }

  has(id: Uint8Array): boolean {
    checkId(id);
    return this.#top !== undefined && equalBytes(closestLeaf(this.#top, id).id, id);
  }

  /** This set and the id; itself where it has the id already. */
  add(id: Uint8Array): MerkleSet {
    checkId(id);
    if (this.#top === undefined) return new MerkleSet(newLeaf(id), 1);
    const bit = firstDifference(closestLeaf(this.#top, id).id, id);
    if (bit === SET_BITS) return this;
    return new MerkleSet(insert(this.#top, id, bit), this.size + 1);
  }

  /** This set without the id; itself where it doesn't have it. */
  remove(id: Uint8Array): MerkleSet {
    if (this.#top === undefined || !this.has(id)) return this;
    const top = without(this.#top, id);
    return top === undefined ? MerkleSet.empty : new MerkleSet(top, this.size - 1);
  }

  /** A proof of membership for a member, of absence for any other id. Checked by verifySetProof. */
  prove(id: Uint8Array): SetProof {
    checkId(id);
    if (this.#top === undefined) return { kind: 'empty' };
    const steps: SetProofStep[] = [];
    let node = this.#top;
    while (node.kind === 'inner') {
      const toLeft = bitOf(id, node.bit) === 0;
      steps.push({ bit: node.bit, sibling: setNodeHash(toLeft ? node.right : node.left) });
      node = toLeft ? node.left : node.right;
    }
    const found = { kind: 'leaf', count: this.size, steps } as const;
    return equalBytes(node.id, id) ? found : { ...found, otherId: node.id };
  }

  /** All ids, sorted. Views that must not be written to. */
  *ids(): Generator<Uint8Array> {
    if (this.#top !== undefined) yield* leavesOf(this.#top);
  }
}
