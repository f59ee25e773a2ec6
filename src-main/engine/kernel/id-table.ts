/**
 * An open-addressing table from 32-byte ids to unsigned 32-bit values, in typed arrays: 36 bytes a slot, no object
 * per id. The ids are keyed hashes, so their first bytes are already uniform and serve as the hash.
 *
 * Invariant: at most 70 % of the slots are taken, so a probe always ends at a free slot.
 */
import { ID_BYTES } from '../../../src-shared/ids.ts';

const LOAD_MAX = 0.7;
const CAPACITY_MIN = 1024;

export class IdTable {
  #ids: Buffer;
  #values: Uint32Array;
  #taken: Uint8Array;
  #mask: number;
  #size = 0;

  constructor(expected = 0) {
    let capacity = CAPACITY_MIN;
    while (capacity * LOAD_MAX < expected) capacity *= 2;
    this.#ids = Buffer.alloc(capacity * ID_BYTES);
    this.#values = new Uint32Array(capacity);
    this.#taken = new Uint8Array(capacity);
    this.#mask = capacity - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The value of an id, or undefined. */
  get(id: Uint8Array): number | undefined {
    const slot = this.#slotOf(id);
    return this.#taken[slot] === 1 ? this.#values[slot] : undefined;
  }

  has(id: Uint8Array): boolean {
    return this.#taken[this.#slotOf(id)] === 1;
  }

  set(id: Uint8Array, value: number): void {
    if ((this.#size + 1) / (this.#mask + 1) > LOAD_MAX) this.#grow();
    const slot = this.#slotOf(id);
    if (this.#taken[slot] === 0) {
      this.#taken[slot] = 1;
      this.#ids.set(id, slot * ID_BYTES);
      this.#size++;
    }
    this.#values[slot] = value;
  }

  /** Every id (a view) and its value, in no order. */
  *entries(): Generator<readonly [id: Uint8Array, value: number]> {
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#taken[slot] === 1) {
        yield [this.#ids.subarray(slot * ID_BYTES, (slot + 1) * ID_BYTES), this.#values[slot] ?? 0];
      }
    }
  }

  #slotOf(id: Uint8Array): number {
    let slot = (((id[0] ?? 0) | ((id[1] ?? 0) << 8) | ((id[2] ?? 0) << 16) | ((id[3] ?? 0) << 24)) >>> 0) & this.#mask;
    while (this.#taken[slot] === 1) {
      const at = slot * ID_BYTES;
      if (this.#ids.compare(id, 0, ID_BYTES, at, at + ID_BYTES) === 0) break;
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #grow(): void {
    const [ids, values, taken, mask] = [this.#ids, this.#values, this.#taken, this.#mask];
    const capacity = (mask + 1) * 2;
    this.#ids = Buffer.alloc(capacity * ID_BYTES);
    this.#values = new Uint32Array(capacity);
    this.#taken = new Uint8Array(capacity);
    this.#mask = capacity - 1;
    for (let old = 0; old <= mask; old++) {
      if (taken[old] === 0) continue;
      const id = ids.subarray(old * ID_BYTES, (old + 1) * ID_BYTES);
      const slot = this.#slotOf(id);
      this.#ids.set(id, slot * ID_BYTES);
      this.#values[slot] = values[old] ?? 0;
      this.#taken[slot] = 1;
    }
  }
}
