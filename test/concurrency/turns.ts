/**
 * Several sessions on one store, one step at a time, in an order drawn from a seed. Every call to the store waits until
 * its turn comes; between turns nothing else happens. What one drive does in some order under load, this does in every
 * order that a seed can name, and again in the same order where one of them fails.
 */
import type { Store, StoreWriter } from '../../src-main/engine/store/index.ts';
import { type Seeded, seeded } from '../support/seed.ts';

type Parked = { readonly actor: number; readonly what: string; readonly go: () => void };

/** Rounds of the event loop after which a session that waits for nothing but the store has come to its next call. */
const SETTLE_ROUNDS = 2;

export class Turns {
  readonly #random: Seeded;
  /** How likely it is that another session gets the next turn: from nearly never to nearly always. */
  readonly #restless: number;
  readonly #trace: string[] = [];
  #parked: Parked[] = [];
  #working = 0;
  #last = -1;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#restless = this.#random.pick([0.02, 0.05, 0.1, 0.3, 0.7, 1]);
  }

  /** The calls in the order of their turns: “1 list commits”. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** The store as one of the sessions has it. */
  storeFor(actor: number, store: Store): Store {
    const turn = <Value>(what: string, step: () => Promise<Value>): Promise<Value> =>
      new Promise((resolve, reject) => {
        this.#parked.push({ actor, what, go: () => void step().then(resolve, reject) });
      });
    const writerIn = (folder: string, writer: StoreWriter): StoreWriter => ({
      get sizeBytes() {
        return writer.sizeBytes;
      },
      append: (bytes) => writer.append(bytes),
      finish: (name, options) => turn(`finish ${name}`, () => writer.finish(name, options)),
      abort: () => turn(`abort in ${folder}`, () => writer.abort()),
    });
    return {
      description: store.description,
      create: (folder) => turn(`create in ${folder}`, async () => writerIn(folder, await store.create(folder))),
      read: (name, range, options) => turn(`read ${name}`, () => store.read(name, range, options)),
      stat: (name) => turn(`stat ${name}`, () => store.stat(name)),
      // A repository has 256 folders of packs; that each is listed at another time is one case among very many.
      list: (folder) =>
        folder.startsWith('packs/') && folder !== 'packs/00'
          ? store.list(folder)
          : turn(`list ${folder}`, () => store.list(folder)),
      listNames: (folder) => turn(`list ${folder}`, () => store.listNames(folder)),
      move: (from, to) => turn(`move ${from}`, () => store.move(from, to)),
      // No drive removes several files at once.
      remove: async (names, options) => {
        for (const name of names) await turn(`remove ${name}`, () => store.remove([name], options));
      },
    };
  }

  /** Runs all of them to their ends; what one throws is its result. */
  async run<Result>(works: readonly (() => Promise<Result>)[]): Promise<readonly PromiseSettledResult<Result>[]> {
    this.#working = works.length;
    const all = Promise.allSettled(
      works.map(async (work) => {
        try {
          return await work();
        } finally {
          this.#working--;
        }
      }),
    );
    while (this.#working > 0) {
      for (let round = 0; round < SETTLE_ROUNDS; round++) await new Promise((resolve) => setImmediate(resolve));
      this.#next()?.go();
    }
    return all;
  }

  /** Mostly the one who had the last turn goes on, so that sessions get far between each other's steps. */
  #next(): Parked | undefined {
    const mine = this.#parked.filter(({ actor }) => actor === this.#last);
    const others = this.#parked.filter(({ actor }) => actor !== this.#last);
    const isOthers = mine.length === 0 || (others.length > 0 && this.#random.chance(this.#restless));
    const among = isOthers ? others : mine;
    if (among.length === 0) return undefined;
    const next = this.#random.pick(among);
    this.#parked = this.#parked.filter((parked) => parked !== next);
    this.#last = next.actor;
    this.#trace.push(`${next.actor} ${next.what.replace(/([0-9a-f]{6})[0-9a-f]{26,}/, '$1…')}`);
    return next;
  }
}
