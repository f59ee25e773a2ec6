/**
 * Very many figures as a few counters: how many lay in each stretch, stretches growing by GROWTH, so that a percentile is
 * right to 2.5 %. Sketches of two hours are added by adding their counters.
 */
import { ByteReader, ByteWriter } from '../kernel/index.ts';
import { CatalogDamage } from './database-file.ts';

const GROWTH = Math.log(1.05);
/** Closer to nothing than this is nothing. */
const LEAST = 1e-9;
/** Stretches of one sketch; the least are counted as one where there are more. 1e-9 to 1e18 are some 1,300. */
const STRETCHES_MAX = 1400;
/** Numbers of stretches are stored from 0 on, those of negative figures too. */
const SHIFT = 2 ** 15;

export class Sketch {
  /** By the number of the stretch: 0 for nothing, positive and negative ones for figures of that sign. */
  readonly #counts = new Map<number, number>();

  add(value: number, count = 1): void {
    this.#count(stretchOf(value), count);
  }

  addAll(other: Sketch): void {
    for (const [stretch, count] of other.#counts) this.#count(stretch, count);
  }

  /** The figure below which `share` of all lie; 0 where there are none. */
  percentile(share: number): number {
    const stretches = [...this.#counts].toSorted(([left], [right]) => left - right);
    const total = stretches.reduce((sum, [, count]) => sum + count, 0);
    let left = Math.max(1, Math.ceil(share * total));
    for (const [stretch, count] of stretches) {
      left -= count;
      if (left <= 0) return middleOf(stretch);
    }
    return 0;
  }

  encode(): Uint8Array {
    const writer = new ByteWriter();
    for (const [stretch, count] of this.#counts) writer.varint(stretch + SHIFT).varint(count);
    return writer.finish();
  }

  static decode(bytes: Uint8Array): Sketch {
    const sketch = new Sketch();
    try {
      const reader = new ByteReader(bytes, 'a sketch');
      while (reader.left > 0) sketch.#count(reader.varint() - SHIFT, reader.varint());
    } catch (cause) {
      throw new CatalogDamage('a sketch can’t be read', { cause });
    }
    return sketch;
  }

  #count(stretch: number, count: number): void {
    this.#counts.set(stretch, (this.#counts.get(stretch) ?? 0) + count);
    if (this.#counts.size <= STRETCHES_MAX) return;
    const [least = 0, next = 0] = [...this.#counts.keys()].toSorted((left, right) => left - right);
    this.#counts.set(next, (this.#counts.get(next) ?? 0) + (this.#counts.get(least) ?? 0));
    this.#counts.delete(least);
  }
}

/** Stretch n > 0 reaches from LEAST × 1.05^(n − 1) to LEAST × 1.05^n. */
function stretchOf(value: number): number {
  const size = Math.abs(value);
  if (size < LEAST) return 0;
  const stretch = Math.min(SHIFT - 1, 1 + Math.floor(Math.log(size / LEAST) / GROWTH));
  return value < 0 ? -stretch : stretch;
}

function middleOf(stretch: number): number {
  if (stretch === 0) return 0;
  return Math.sign(stretch) * LEAST * Math.exp((Math.abs(stretch) - 0.5) * GROWTH);
}
