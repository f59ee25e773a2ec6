/**
 * Holes: a file that had some gets them back where its content is zeros. They are found in the content, in blocks that
 * lie at multiples of 4 KiB in the file, because only whole blocks of a filesystem can be absent.
 */

const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(1024 * 1024);

/** True where every byte is zero; compares memory, a megabyte at a time. */
export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const length = Math.min(ZEROS.length, bytes.length - at);
    if (ZEROS.compare(bytes, at, at + length, 0, length) !== 0) return false;
  }
  return true;
}

/**
 * Calls `write` for each run of blocks that is not all zeros; stops at and gives its first problem. `position` is where
 * the bytes belong in the file. Whoever calls it sets the file's length in the end.
 */
export function writeAroundHoles<Trouble>(
  bytes: Uint8Array,
  position: number,
  write: (bytes: Uint8Array, position: number) => Trouble | undefined,
): Trouble | undefined {
  let from = 0;
  let at = 0;
  const flush = (end: number): Trouble | undefined =>
    end > from ? write(bytes.subarray(from, end), position + from) : undefined;
  while (at < bytes.length) {
    const end = Math.min(bytes.length, at + BLOCK_BYTES - ((position + at) % BLOCK_BYTES));
    if (ZEROS.compare(bytes, at, end, 0, end - at) === 0) {
      const trouble = flush(at);
      if (trouble !== undefined) return trouble;
      from = end;
    }
    at = end;
  }
  return flush(at);
}
