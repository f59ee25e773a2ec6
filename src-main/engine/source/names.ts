/**
 * The names in a folder, in the order of their bytes.
 *
 * Names are latin1 strings: that maps bytes to characters one to one, so nothing is lost, and sorting the strings sorts
 * the bytes. Of a very large folder they stay bytes in one piece of memory, and each is a string only for a moment: a
 * million strings at once leave the heap a hundred megabytes larger than anything else needs it.
 */
import fs from 'node:fs';
import { giveBack } from '../kernel/index.ts';

/** `bytes` is the length of all names together. */
export type FolderNames = { readonly count: number; readonly bytes: number; readonly inOrder: Iterable<string> };

/** From this size on, as the filesystem gives it for the folder itself, a folder has some ten thousand names. */
const LARGE_FOLDER_BYTES = 512 * 1024;
/** Names asked for in one call. */
const NAMES_PER_CALL = 1024;

/** `folderBytes` is the folder’s own size. Throws the errno of opening or reading it, and RangeError above `countMax`. */
export function folderNames(access: Buffer, folderBytes: number, countMax: number): FolderNames | 'too many' {
  if (folderBytes >= LARGE_FOLDER_BYTES) return manyNames(access, countMax);
  const names = fs.readdirSync(access, { encoding: 'latin1' }).sort();
  if (names.length > countMax) return 'too many';
  return { count: names.length, bytes: names.reduce((sum, { length }) => sum + length, 0), inOrder: names };
}

function manyNames(access: Buffer, countMax: number): FolderNames | 'too many' {
  const table = new NameTable();
  const folder = fs.opendirSync(access, { encoding: 'latin1' as BufferEncoding, bufferSize: NAMES_PER_CALL });
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      if (table.count === countMax) return 'too many';
      table.add(entry.name);
    }
  } finally {
    folder.closeSync();
  }
  return { count: table.count, bytes: table.bytes, inOrder: table.inOrder() };
}

/** Names end to end, and where each of them begins. */
class NameTable {
  #bytes = Buffer.allocUnsafeSlow(1024 * 1024);
  #begins = new Uint32Array(64 * 1024);
  count = 0;
  bytes = 0;

  add(name: string): void {
    if (this.bytes + name.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(this.#bytes.length * 2);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    if (this.count + 1 >= this.#begins.length) {
      const larger = new Uint32Array(this.#begins.length * 2);
      larger.set(this.#begins);
      this.#begins = larger;
    }
    this.#bytes.write(name, this.bytes, 'latin1');
    this.bytes += name.length;
    this.#begins[++this.count] = this.bytes;
  }

  *inOrder(): Generator<string> {
    const order = Uint32Array.from({ length: this.count }, (_unused, index) => index);
    order.sort((left, right) => this.#compare(left, right));
    for (const index of order) yield this.#bytes.toString('latin1', this.#begins[index], this.#begins[index + 1]);
    // They are read once.
    for (const memory of [order, this.#bytes, this.#begins]) giveBack(memory);
  }

  #compare(left: number, right: number): number {
    const begins = this.#begins;
    const bytes = this.#bytes;
    const [leftEnd, rightEnd] = [begins[left + 1] ?? 0, begins[right + 1] ?? 0];
    let at = begins[left] ?? 0;
    let other = begins[right] ?? 0;
    for (; at < leftEnd && other < rightEnd; at++, other++) {
      const difference = (bytes[at] ?? 0) - (bytes[other] ?? 0);
      if (difference !== 0) return difference;
    }
    return leftEnd - at - (rightEnd - other);
  }
}
