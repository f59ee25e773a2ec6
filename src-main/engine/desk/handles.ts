/**
 * Handles stand for folders of this computer in everything that a window or a page says: random, of this process, given
 * out by the engine. What was never given out can't be named, whatever a page was turned into.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { type Random, toHex } from '../kernel/index.ts';

const HANDLE_BYTES = 16;
/** A person who browses for a day meets fewer folders. Beyond it the oldest are forgotten. */
const HANDLES_MAX = 100_000;

export class Handles {
  readonly #random: Random;
  /** By the path's bytes as Latin-1, which carries each byte as one character. */
  readonly #byPath = new Map<string, string>();
  readonly #paths = new Map<string, Buffer>();
  readonly #max: number;

  constructor(random: Random, max = HANDLES_MAX) {
    this.#random = random;
    this.#max = max;
  }

  /** The handle of a path; the same one for the same path. */
  give(path: Buffer): string {
    const key = path.toString('latin1');
    const known = this.#byPath.get(key);
    if (known !== undefined) return known;
    const handle = toHex(this.#random.bytes(HANDLE_BYTES));
    this.#byPath.set(key, handle);
    this.#paths.set(handle, path);
    if (this.#paths.size > this.#max) this.#forgetOldest();
    return handle;
  }

  /** @throws CairnError app/not-found for a handle that was not given out, or so long ago that it is forgotten */
  pathOf(handle: string): Buffer {
    const path = this.#paths.get(handle);
    if (path !== undefined) return path;
    throw new CairnError('app/not-found', 'This folder was chosen too long ago.', {
      hint: 'Nothing was changed. Choose the folder again.',
    });
  }

  #forgetOldest(): void {
    for (const [handle, path] of this.#paths) {
      this.#paths.delete(handle);
      this.#byPath.delete(path.toString('latin1'));
      return;
    }
  }
}
