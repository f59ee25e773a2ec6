/**
 * Delta segments wait here until those that share a base can be decoded together: a base is a whole chunk of a large file,
 * and many small deltas stand on it. Without this, each delta would cost the decoding of its base.
 *
 * Bounds: HELD_BYTES_MAX of frames, from at most HELD_PACKS_MAX packs.
 */
import type { BlobId } from '../../../src-shared/ids.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { BlobType } from '../codec/index.ts';
import { toHex } from '../kernel/index.ts';
import type { Repository } from '../repository/index.ts';
import type { CheckLanes, OnResult } from './check-lanes.ts';
import { isDamage } from './small-files.ts';

const HELD_BYTES_MAX = 16 * 1024 * 1024;
const HELD_PACKS_MAX = 16;

export type HeldDelta = {
  readonly pack: number;
  readonly segment: number;
  readonly baseId: BlobId;
  /** Of the blob, and so of its base. */
  readonly type: BlobType;
  /** The sealed frame, in memory of its own. */
  readonly frame: Uint8Array;
};

export class HeldDeltas {
  readonly #repository: Repository;
  readonly #lanes: CheckLanes;
  readonly #onResult: OnResult;
  readonly #packs = new Set<number>();
  #byBase = new Map<string, HeldDelta[]>();
  #bytes = 0;

  constructor(repository: Repository, lanes: CheckLanes, onResult: OnResult) {
    this.#repository = repository;
    this.#lanes = lanes;
    this.#onResult = onResult;
  }

  add(delta: HeldDelta): void {
    const key = `${delta.type}:${toHex(delta.baseId)}`;
    const group = this.#byBase.get(key);
    if (group === undefined) this.#byBase.set(key, [delta]);
    else group.push(delta);
    this.#packs.add(delta.pack);
    this.#bytes += delta.frame.length;
  }

  get isFull(): boolean {
    return this.#bytes >= HELD_BYTES_MAX || this.#packs.size >= HELD_PACKS_MAX;
  }

  holds(pack: number): boolean {
    return this.#packs.has(pack);
  }

  /** Submits everything and forgets it. Gives the packs that were waited for. */
  async flush(signal: AbortSignal | undefined): Promise<readonly number[]> {
    const groups = [...this.#byBase.values()];
    const packs = [...this.#packs];
    this.#byBase = new Map();
    this.#packs.clear();
    this.#bytes = 0;
    for (const group of groups) {
      if (signal?.aborted === true) break;
      await this.#submit(group);
    }
    return packs;
  }

  async #submit(group: readonly HeldDelta[]): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    let base: Uint8Array;
    try {
      base = await this.#readBase(first);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const faults = group.map(({ pack, segment }) => ({ pack, segment, message: error.message }));
      this.#onResult({ faults, packs: [] });
      return;
    }
    await this.#lanes.room();
    const deltas = group.map(({ pack, segment, frame }) => ({ pack, segment, frame }));
    this.#lanes.submit({ kind: 'deltas', base, deltas }, this.#onResult);
  }

  /** A copy of the base. Reading a delta has depth one, so a base that is only there as a delta itself is of no use. */
  async #readBase({ baseId, type }: HeldDelta): Promise<Uint8Array> {
    const plain = await this.#repository.readBlob(baseId, type);
    const places = await (await this.#repository.index()).findAll(baseId);
    if (places.every(({ delta }) => delta)) {
      throw new CairnError('integrity/damaged', `The base ${toHex(baseId)} of a delta is a delta itself.`);
    }
    return new Uint8Array(plain);
  }
}
