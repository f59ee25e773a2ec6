/**
 * Folders that the user picked, by random handle. The page sees a handle and a text to show; only a handle that was
 * given out leads back to a path. So a page that was taken over can name no folder that the user did not choose.
 */

/** 128 bits: not to be guessed. */
const HANDLE_BYTES = 16;
/** More than a person picks in one run of the app; the oldest are forgotten first. */
const HANDLES_MAX = 1000;

export class FolderHandles {
  readonly #randomBytes: (count: number) => Uint8Array;
  readonly #paths = new Map<string, string>();

  constructor(randomBytes: (count: number) => Uint8Array) {
    this.#randomBytes = randomBytes;
  }

  add(path: string): string {
    for (const [handle, known] of this.#paths) if (known === path) return handle;
    const [oldest] = this.#paths.keys();
    if (this.#paths.size >= HANDLES_MAX && oldest !== undefined) this.#paths.delete(oldest);
    const handle = Buffer.from(this.#randomBytes(HANDLE_BYTES)).toString('base64url');
    this.#paths.set(handle, path);
    return handle;
  }

  path(handle: string): string | undefined {
    return this.#paths.get(handle);
  }

  /** For an engine that was started anew and knows none of them. */
  all(): readonly (readonly [handle: string, path: string])[] {
    return [...this.#paths];
  }
}
