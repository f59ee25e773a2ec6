/**
 * A file on its way into the target. It grows under a temporary name in the folder where it belongs and takes its own
 * name in one step when content, owner, mode and time are complete; until then nothing of that name changes.
 */
import fs from 'node:fs';
import { assert } from '../../../src-shared/assert.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import { errnoOf, fileStatOf } from '../source/index.ts';
import { writeAroundHoles } from './holes.ts';
import {
  applyMetadata,
  exists,
  failed,
  identityOf,
  placeEntry,
  type PlaceResult,
  removeQuietly,
  type TargetContext,
  type TargetMetadata,
  targetProblem,
} from './target-place.ts';

export type TargetFileParts = {
  readonly fd: number;
  readonly temporary: Buffer;
  readonly final: Buffer;
  /** For people. */
  readonly path: Buffer;
  readonly context: TargetContext;
  /** Throws when the folder is no longer the one that was opened (systems without descriptor paths). */
  readonly check: () => void;
};

export class TargetFile {
  readonly #parts: TargetFileParts;
  #position = 0;
  #open = true;

  constructor(parts: TargetFileParts) {
    this.#parts = parts;
  }

  /** For writing at positions from another thread; valid until finish() or abort(). */
  get descriptor(): number {
    assert(this.#open, 'a target file is not used after finish or abort');
    return this.#parts.fd;
  }

  /**
   * Writes all bytes, after the last ones or at `position`; what is skipped over is a hole of zeros. A Problem leaves the
   * file open for abort(); throws restore/target when the target is full or read-only.
   */
  write(bytes: Uint8Array, position = this.#position): Problem | undefined {
    assert(this.#open, 'a target file is not written after finish or abort');
    let written = 0;
    try {
      while (written < bytes.length) {
        written += fs.writeSync(this.#parts.fd, bytes, written, bytes.length - written, position + written);
      }
    } catch (error) {
      return this.#problem('can’t be written', error);
    }
    this.#position = position + bytes.length;
    return undefined;
  }

  /** Writes at a position; with `sparse` blocks of zeros become holes, and the caller sets the length in the end. */
  writeAround(bytes: Uint8Array, position: number, sparse: boolean): Problem | undefined {
    if (!sparse) return this.write(bytes, position);
    return writeAroundHoles(bytes, position, (part, at) => this.write(part, at));
  }

  /** Sets the length, for a file that ends in a hole. */
  setLength(sizeBytes: number): Problem | undefined {
    assert(this.#open, 'a target file is not changed after finish or abort');
    try {
      fs.ftruncateSync(this.#parts.fd, sizeBytes);
    } catch (error) {
      return this.#problem('can’t be written', error);
    }
    return undefined;
  }

  /** Completes the file under its name. With `replace` whatever has that name (a link itself, never what it points to) gives way; a folder never does. */
  finish(options: TargetMetadata & { readonly replace: boolean }): PlaceResult {
    assert(this.#open, 'a target file is finished once');
    const { fd, temporary, final, path, context } = this.#parts;
    try {
      const problems = applyMetadata({ time: { kind: 'descriptor', fd }, nodeType: 'file', path }, options, context);
      if (context.durable) fs.fsyncSync(fd);
      const identity = identityOf(fileStatOf(fs.fstatSync(fd, { bigint: true })));
      this.#close();
      this.#parts.check();
      if (placeEntry(temporary, final, options.replace)) return { kind: 'placed', identity, problems };
      this.abort();
      return exists(path);
    } catch (error) {
      this.abort();
      const code = errnoOf(error);
      if (code === 'EISDIR' || code === 'ENOTEMPTY' || code === 'EEXIST') return exists(path);
      return failed(path, 'can’t be restored', error);
    }
  }

  /** Throws away what was written. May be called at any time, more than once; after a placed finish() it does nothing. */
  abort(): void {
    this.#close();
    removeQuietly(this.#parts.temporary);
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    fs.closeSync(this.#parts.fd);
  }

  #problem(what: string, error: unknown): Problem {
    try {
      return targetProblem(this.#parts.path, what, error);
    } catch (stopping) {
      this.abort();
      throw stopping;
    }
  }
}
