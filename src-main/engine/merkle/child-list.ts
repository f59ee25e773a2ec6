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
import { ByteWriter, compareBytes, equalBytes } from '../kernel/index.ts';
import { canonicalBytes } from './name.ts';
import { GROUP_CHILDREN_MAX, writeGroupPreimage } from './preimage.ts';

/** Record `index` ends where record `index + 1` starts, so `starts` has one element more than there are records. */
export type ChildRecords = { readonly records: Uint8Array; readonly starts: Uint32Array };

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
  let starts = new Uint32Array(64);
  let count = 0;
  /** Raw names that are not the canonical ones, by child: few have one. No object is kept for the others. */
  let raws = new Map<number, Uint8Array>();
  let inOrder = true;
  let last: { readonly name: Uint8Array; readonly raw: Uint8Array } | undefined;

  function nameOf(index: number): Uint8Array {
    return writer.view().subarray((starts[index] ?? 0) + LENGTH_BYTES, (starts[index + 1] ?? 0) - ID_BYTES);
  }

  function order(left: number, right: number): number {
    const [leftName, rightName] = [nameOf(left), nameOf(right)];
    const byName = compareBytes(leftName, rightName);
    return byName !== 0 ? byName : compareBytes(raws.get(left) ?? leftName, raws.get(right) ?? rightName);
  }

  function sort(): ChildRecords {
    const permutation = Array.from({ length: count }, (_, index) => index).sort(order);
    const unsorted = writer.view();
    const records = new ByteWriter(unsorted.length);
    const sortedStarts = new Uint32Array(count + 1);
    for (const [at, index] of permutation.entries()) {
      records.bytes(unsorted.subarray(starts[index], starts[index + 1]));
      sortedStarts[at + 1] = records.length;
    }
    for (let at = 1; at < permutation.length; at++) {
      assert(order(permutation[at - 1] ?? 0, permutation[at] ?? 0) < 0, 'a folder holds a raw name once');
    }
    return { records: records.view(), starts: sortedStarts };
  }

  return {
    get count() {
      return count;
    },
    add: (text, rawName, nodeId) => {
      assert(nodeId.length === ID_BYTES, 'a node id has 32 bytes');
      const name = canonicalBytes(text, rawName);
      // A copy: a view would keep what it was read from in memory.
      if (name !== rawName && !equalBytes(name, rawName)) raws.set(count, rawName.slice());
      writer.u32(name.length).bytes(name).bytes(nodeId);
      count++;
      if (count === starts.length) starts = new Uint32Array(starts.buffer.transfer(2 * starts.byteLength));
      starts[count] = writer.length;
      if (last !== undefined && inOrder) {
        const byName = compareBytes(last.name, name);
        inOrder = byName < 0 || (byName === 0 && compareBytes(last.raw, rawName) < 0);
      }
      last = { name, raw: rawName };
    },
    sorted: () => (inOrder ? { records: writer.view(), starts: starts.subarray(0, count + 1) } : sort()),
    reset: () => {
      writer.reset();
      count = 0;
      raws = new Map();
      inOrder = true;
      last = undefined;
    },
  };
}

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
