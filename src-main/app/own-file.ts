/** A small file of the app's own: read whole, written whole or not at all, one writing at a time. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

export class OwnFile {
  readonly path: string;
  #last: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.path = file;
  }

  /** Undefined when there is none. */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  write(text: string): Promise<void> {
    const written = this.#last.then(() => this.#replace(text));
    this.#last = written.catch(() => undefined);
    return written;
  }

  /** Resolves when everything that was asked for has been written or has failed. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #replace(text: string): Promise<void> {
    await mkdir(path.dirname(this.path), { recursive: true, mode: 0o700 });
    const temporary = `${this.path}.new`;
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}
