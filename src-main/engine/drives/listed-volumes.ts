/** What was found out about each mounting, as long as it lasts: asking a tool takes a moment. */
import { mapBounded } from '../kernel/index.ts';
import type { ListedVolume } from './volumes.ts';

const ASKED_AT_ONCE = 4;

export class ListedVolumes<Listed> {
  readonly #keyOf: (listed: Listed) => string;
  #known = new Map<string, ListedVolume>();

  constructor(keyOf: (listed: Listed) => string) {
    this.#keyOf = keyOf;
  }

  /** Of these and no others; `ask` is called for those that are new. */
  async of(all: readonly Listed[], ask: (listed: Listed) => Promise<ListedVolume>): Promise<readonly ListedVolume[]> {
    const volumes = await mapBounded(all, ASKED_AT_ONCE, async (listed) => {
      const key = this.#keyOf(listed);
      return [key, this.#known.get(key) ?? (await ask(listed))] as const;
    });
    this.#known = new Map(volumes);
    return volumes.map(([, volume]) => volume);
  }
}
