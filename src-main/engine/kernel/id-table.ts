/**
 * A set of blob ids, or a map from them to 32-bit numbers, in typed arrays: open addressing, no object per id or call.
 *
 * An id is kept by its first 96 bits. Ids are keyed hashes, so two different ones agree in 96 bits by chance once in
 * 2^96 pairs: among a hundred million known and ten million new ones that is 2^-46, far below what memory and disks get
 * wrong. Whoever does not know the key can’t aim at it. Whoever does (a repository without encryption) needs 2^48 hashes
 * for two contents of his own of which the second is left out of the backup; reading it says so.
 *
 * Memory: slots of 12 bytes (16 with a number), of which 61 % to 80 % are taken: 15 to 20 bytes an id (20 to 26). They lie
 * in 256 segments that grow one at a time, so there is never more than one old and one new segment above that.
 */

export type IdTableContent = 'ids' | 'numbers';

const LOAD_MAX = 0.8;
const GROWTH = 1.3;
const SEGMENT_COUNT = 256;
const CAPACITY_MIN = 8;
/** The highest byte of an id’s mixed word chooses its segment, the others its slot. */
const SEGMENT_SHIFT = 24;
const SEGMENT_MASK = 2 ** SEGMENT_SHIFT - 1;

const SLOT_WORDS = { ids: 3, numbers: 4 } as const satisfies Record<IdTableContent, number>;

/** Four bytes as an unsigned number, the first byte the highest. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}

/** One to one for any second and third word, so it can stand for the first; spreads ids that are no hashes, too. */
function mixed(first: number, second: number, third: number): number {
  const product = Math.imul(first ^ Math.imul(second, 0x85ebca6b) ^ Math.imul(third, 0xc2b2ae35), 0x9e3779b1);
  return (product ^ (product >>> 15)) >>> 0;
}

/** The slots of the ids whose mixed word begins with one byte. A slot of zeros is free. */
type Segment = { words: Uint32Array; capacity: number; count: number };

export class IdTable {
  readonly #stride: number;
  readonly #segments: Segment[];
  #size = 0;
  /** The number of the one id whose words are all zero: it can’t stand in a slot. */
  #zero: number | undefined;

  constructor(content: IdTableContent = 'numbers') {
    this.#stride = SLOT_WORDS[content];
    this.#segments = Array.from({ length: SEGMENT_COUNT }, () => {
      return { words: new Uint32Array(CAPACITY_MIN * this.#stride), capacity: CAPACITY_MIN, count: 0 };
    });
  }

  /** How many different ids it holds. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of its slots. */
  get sizeBytes(): number {
    return this.#segments.reduce((sum, { words }) => sum + words.byteLength, 0);
  }

  /** Whether the id whose bytes begin at `at` is in it. */
  has(bytes: Uint8Array, at = 0): boolean {
    return this.get(bytes, at) !== undefined;
  }

  /** The number of an id (0 where none are kept), or undefined. */
  get(bytes: Uint8Array, at = 0): number | undefined {
    if (this.#size === 0) return undefined;
    const second = wordAt(bytes, at + 4);
    const third = wordAt(bytes, at + 8);
    const first = mixed(wordAt(bytes, at), second, third);
    if ((first | second | third) === 0) return this.#zero;
    const segment = this.#segments[first >>> SEGMENT_SHIFT];
    if (segment === undefined) return undefined;
    const place = placeOf(segment, this.#stride, first, second, third);
    if (isFree(segment.words, place)) return undefined;
    return this.#stride === SLOT_WORDS.ids ? 0 : segment.words[place + 3];
  }

  /** Takes an id in; a later number replaces an earlier one. Where no numbers are kept, it is ignored. */
  set(bytes: Uint8Array, value = 0, at = 0): void {
    const second = wordAt(bytes, at + 4);
    const third = wordAt(bytes, at + 8);
    const first = mixed(wordAt(bytes, at), second, third);
    if ((first | second | third) === 0) {
      if (this.#zero === undefined) this.#size++;
      this.#zero = this.#stride === SLOT_WORDS.ids ? 0 : value;
      return;
    }
    const segment = this.#segments[first >>> SEGMENT_SHIFT];
    if (segment === undefined) return;
    let place = placeOf(segment, this.#stride, first, second, third);
    if (isFree(segment.words, place)) {
      if (segment.count + 1 > segment.capacity * LOAD_MAX) {
        grow(segment, this.#stride);
        place = placeOf(segment, this.#stride, first, second, third);
      }
      segment.words[place] = first;
      segment.words[place + 1] = second;
      segment.words[place + 2] = third;
      segment.count++;
      this.#size++;
    }
    if (this.#stride === SLOT_WORDS.numbers) segment.words[place + 3] = value;
  }
}

function isFree(words: Uint32Array, place: number): boolean {
  return ((words[place] ?? 0) | (words[place + 1] ?? 0) | (words[place + 2] ?? 0)) === 0;
}

/** Where the slot of an id begins, or the free one where it would go. At most LOAD_MAX are taken, so there is one. */
function placeOf({ words, capacity }: Segment, stride: number, first: number, second: number, third: number): number {
  // In the order of the words, so that growing copies from front to back.
  let slot = Math.floor(((first & SEGMENT_MASK) * capacity) / (SEGMENT_MASK + 1));
  for (;;) {
    const place = slot * stride;
    if (words[place] === first && words[place + 1] === second && words[place + 2] === third) return place;
    if (isFree(words, place)) return place;
    slot++;
    if (slot === capacity) slot = 0;
  }
}

function grow(segment: Segment, stride: number): void {
  const { words: old } = segment;
  segment.capacity = Math.ceil(segment.capacity * GROWTH);
  segment.words = new Uint32Array(segment.capacity * stride);
  const { words } = segment;
  for (let from = 0; from < old.length; from += stride) {
    if (isFree(old, from)) continue;
    const place = placeOf(segment, stride, old[from] ?? 0, old[from + 1] ?? 0, old[from + 2] ?? 0);
    for (let word = 0; word < stride; word++) words[place + word] = old[from + word] ?? 0;
  }
}
