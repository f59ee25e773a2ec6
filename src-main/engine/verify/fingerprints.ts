/**
 * Many ids in little memory: an open-addressing table from the first 64 bits of an id (or of any hash) to a number, 12
 * bytes a slot, no object per id.
 *
 * Two ids of one table are confused with a chance of one in 2^64 a pair: ids are keyed hashes, which nobody without the
 * key can aim. A table never grows: what does not fit is left out, and the caller asks the index on the drive for it.
 */
import { assert } from '../../../src-shared/assert.ts';

/** 48 MiB; 3.1 million ids. */
const SLOTS_MAX = 4 * 1024 * 1024;
const SLOTS_MIN = 1024;
const LOAD_MAX = 0.75;
/** The value of ids that were added with different values. */
const CONTRADICTED = 0xffff_ffff;

export class Fingerprints {
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  /** 0: a free slot. */
  readonly #values: Uint32Array;
  readonly #mask: number;
  readonly #sizeMax: number;
  #size = 0;

  /** `expected` ids fit in, as far as the bound of memory allows. */
  constructor(expected: number, slotsMax: number = SLOTS_MAX) {
    let slots = Math.min(SLOTS_MIN, slotsMax);
    while (slots * LOAD_MAX < expected && slots < slotsMax) slots *= 2;
    this.#low = new Uint32Array(slots);
    this.#high = new Uint32Array(slots);
    this.#values = new Uint32Array(slots);
    this.#mask = slots - 1;
    this.#sizeMax = Math.floor(slots * LOAD_MAX);
  }

  get slots(): number {
    return this.#mask + 1;
  }

  /** A table of twice the size that holds the same. */
  doubled(): Fingerprints {
    const larger = new Fingerprints(this.slots * 2 * LOAD_MAX, this.slots * 2);
    this.#values.forEach((value, slot) => {
      if (value !== 0) larger.#put(this.#low[slot] ?? 0, this.#high[slot] ?? 0, value);
    });
    return larger;
  }

  get isFull(): boolean {
    return this.#size >= this.#sizeMax;
  }

  /** Adds an id with a value from 1 to 2^32 − 2. One that is there with another value has no value any more. */
  add(id: Uint8Array, value: number): void {
    this.addWords(word(id, 0), word(id, 4), value);
  }

  /** The same with the first eight bytes of the id as two numbers, the lowest byte first. */
  addWords(low: number, high: number, value: number): void {
    assert(value > 0 && value < CONTRADICTED, 'a value fits and is not zero');
    const slot = this.#slotOf(low, high);
    const known = this.#values[slot] ?? 0;
    if (known !== 0) {
      if (known !== value) this.#values[slot] = CONTRADICTED;
      return;
    }
    if (!this.isFull) this.#put(low, high, value);
  }

  #put(low: number, high: number, value: number): void {
    const slot = this.#slotOf(low, high);
    this.#low[slot] = low;
    this.#high[slot] = high;
    this.#values[slot] = value;
    this.#size++;
  }

  /** The value of an id; 0 where it is not known, or was added with different values. */
  valueOf(id: Uint8Array): number {
    const value = this.#values[this.#slotOf(word(id, 0), word(id, 4))] ?? 0;
    return value === CONTRADICTED ? 0 : value;
  }

  #slotOf(low: number, high: number): number {
    let slot = low & this.#mask;
    while (this.#values[slot] !== 0 && (this.#low[slot] !== low || this.#high[slot] !== high))
      slot = (slot + 1) & this.#mask;
    return slot;
  }
}

/** Four bytes of an id as an unsigned number. */
export function word(id: Uint8Array, at: number): number {
  return ((id[at] ?? 0) | ((id[at + 1] ?? 0) << 8) | ((id[at + 2] ?? 0) << 16) | ((id[at + 3] ?? 0) << 24)) >>> 0;
}

/**
 * What was seen lately, by hash: two tables, of which the older is thrown away when the younger is as large as it may get
 * and full. So memory is bounded, and what is met again and again stays.
 */
export class RecentlySeen {
  readonly #slotsMax: number;
  #young = new Fingerprints(0);
  #old = new Fingerprints(0);

  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax;
  }

  has(id: Uint8Array): boolean {
    if (this.#young.valueOf(id) !== 0) return true;
    if (this.#old.valueOf(id) === 0) return false;
    this.add(id);
    return true;
  }

  add(id: Uint8Array): void {
    if (this.#young.isFull) {
      if (this.#young.slots < this.#slotsMax) {
        this.#young = this.#young.doubled();
      } else {
        this.#old = this.#young;
        this.#young = new Fingerprints(this.#slotsMax * LOAD_MAX, this.#slotsMax);
      }
    }
    this.#young.add(id, 1);
  }
}
