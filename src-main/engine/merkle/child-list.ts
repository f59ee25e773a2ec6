/**
 * A folder's children as they are hashed: (length, canonical name, NodeId) records in one run of bytes, in the order
 * of the canonical names' UTF-8, ties (twins with one canonical name) in the order of the raw names.
 *
 * Children arrive in raw-name order, which nearly always is the hashed order already; only where it is not are the
 * records sorted.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { ByteWriter, compareBytes } from '../kernel/index.ts';
import { canonicalBytes } from './name.ts';
import { GROUP_CHILDREN_MAX, writeGroupPreimage } from './preimage.ts';

/** Record `index` ends where record `index + 1` starts, so `starts` has one element more than there are records. */
export type ChildRecords = { readonly records: Uint8Array; readonly starts: readonly number[] };

export type ChildList = {
  readonly count: number;
  add(text: string, rawName: Uint8Array, nodeId: Uint8Array): void;
  /** The records in hashed order, valid until the next `add` or `reset`. */
  sorted(): ChildRecords;
  reset(): void;
};

const LENGTH_BYTES = 4;

export function recordName({ records, starts }: ChildRecords, index: number): Uint8Array {
  return records.subarray((starts[index] ?? 0) + LENGTH_BYTES, (starts[index + 1] ?? 0) - ID_BYTES);
}

export function recordNodeId({ records, starts }: ChildRecords, index: number): Uint8Array {
  const end = starts[index + 1] ?? 0;
  return records.subarray(end - ID_BYTES, end);
}

export function createChildList(): ChildList {
  const writer = new ByteWriter(8192);
  let starts: number[] = [];
  let raws: Uint8Array[] = [];
  let names: Uint8Array[] = [];
  let inOrder = true;

  function order(left: number, right: number): number {
    const byName = compareBytes(names[left] ?? EMPTY, names[right] ?? EMPTY);
    return byName !== 0 ? byName : compareBytes(raws[left] ?? EMPTY, raws[right] ?? EMPTY);
  }

  function sort(): ChildRecords {
    const permutation = Array.from({ length: names.length }, (_, index) => index).sort(order);
    const unsorted = writer.view();
    const records = new ByteWriter(unsorted.length);
    const sortedStarts: number[] = [];
    for (const index of permutation) {
      sortedStarts.push(records.length);
      records.bytes(unsorted.subarray(starts[index], starts[index + 1] ?? unsorted.length));
    }
    sortedStarts.push(records.length);
    for (let at = 1; at < permutation.length; at++) {
      assert(order(permutation[at - 1] ?? 0, permutation[at] ?? 0) < 0, 'a folder holds a raw name once');
    }
    return { records: records.view(), starts: sortedStarts };
  }

  return {
    get count() {
      return names.length;
    },
    add: (text, rawName, nodeId) => {
      assert(nodeId.length === ID_BYTES, 'a node id has 32 bytes');
      const name = canonicalBytes(text, rawName);
      const index = names.length;
      names.push(name);
      raws.push(rawName);
      starts.push(writer.length);
      writer.u32(name.length).bytes(name).bytes(nodeId);
      if (index > 0 && inOrder && order(index - 1, index) >= 0) inOrder = false;
    },
    sorted: () => (inOrder ? { records: writer.view(), starts: [...starts, writer.length] } : sort()),
    reset: () => {
      writer.reset();
      starts = [];
      raws = [];
      names = [];
      inOrder = true;
    },
  };
}

const EMPTY = new Uint8Array(0);

/**
 * The hashes of each level of groups of a folder with more than GROUP_CHILDREN_MAX children, the lowest level first,
 * each as one run of 32-byte hashes. The last level has at most GROUP_CHILDREN_MAX and stands in the folder's node.
 */
export function hashGroups(list: ChildRecords): Uint8Array[] {
  const writer = new ByteWriter(128 * 1024);
  const levels: Uint8Array[] = [];
  const childCount = list.starts.length - 1;
  let count = Math.ceil(childCount / GROUP_CHILDREN_MAX);
  let hashes = new Uint8Array(count * ID_BYTES);
  for (let index = 0; index < count; index++) {
    const end = Math.min((index + 1) * GROUP_CHILDREN_MAX, childCount);
    const records = list.records.subarray(list.starts[index * GROUP_CHILDREN_MAX], list.starts[end]);
    writer.reset();
    writeGroupPreimage(writer, { level: 0, index, records });
    hashes.set(hash(writer.view()), index * ID_BYTES);
  }
  levels.push(hashes);
  for (let level = 1; count > GROUP_CHILDREN_MAX; level++) {
    const below = hashes;
    count = Math.ceil(count / GROUP_CHILDREN_MAX);
    hashes = new Uint8Array(count * ID_BYTES);
    for (let index = 0; index < count; index++) {
      const from = index * GROUP_CHILDREN_MAX * ID_BYTES;
      const records = below.subarray(from, from + GROUP_CHILDREN_MAX * ID_BYTES);
      writer.reset();
      writeGroupPreimage(writer, { level, index, records });
      hashes.set(hash(writer.view()), index * ID_BYTES);
    }
    levels.push(hashes);
  }
  return levels;
}
