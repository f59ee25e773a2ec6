/**
 * Writes one file of a local store: a temporary file first, which gets its name only when all its bytes are on the
 * drive. After any failure the temporary file is thrown away and never touched again; in particular an fsync is never
 * tried twice, because the system may have dropped the bytes it failed to write and call the next one a success.
 */
import { assert } from '../../../src-shared/assert.ts';
import { createHasher } from '../codec/index.ts';
import { equalBytes } from '../kernel/index.ts';
import { attemptError } from './destination-error.ts';
import type { WriteHandle } from './filesystem.ts';
import type { LocalRoot, PathOf } from './local-root.ts';
import { checkTargetName, folderOf } from './names.ts';
import type { FinishOptions, StoreWriter } from './store.ts';

/** Bytes read at a time when a finished file is compared. */
const COMPARE_BYTES = 1024 * 1024;

export class LocalWriter implements StoreWriter {
  readonly #root: LocalRoot;
  readonly #temporary: string;
  #handle: WriteHandle | undefined;
  #sizeBytes = 0;
  #busy = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  /** `temporary` is the name of the file behind the handle, just made. */
  constructor(root: LocalRoot, temporary: string, handle: WriteHandle) {
    this.#root = root;
    this.#temporary = temporary;
    this.#handle = handle;
    root.openTemporary.add(temporary);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#alone((handle) => this.#writeAll(handle, bytes), this.#temporary);
  }

  async finish(name: string, options: FinishOptions = {}): Promise<void> {
    checkTargetName(name);
    const durable = options.durable ?? true;
    await this.#alone(async (handle) => {
      await this.#checkSize(handle);
      if (durable) await handle.sync('file-content');
      // Closed before it is read or renamed: Windows refuses both on an open file, and NFS reports errors here.
      this.#handle = undefined;
      await handle.close();
      if (options.hash !== undefined) await this.#compare(options.hash);
      await this.#root.held((at) => this.#rename(name, durable, at));
    }, name);
  }

  async #rename(name: string, durable: boolean, at: PathOf): Promise<void> {
    const { fileSystem } = this.#root;
    const folder = folderOf(name);
    if (folder !== folderOf(this.#temporary)) {
      // No folder is made in a root that doesn't hold this file: it is another one.
      await fileSystem.stat(at(this.#temporary));
      await this.#root.prepareFolder(folder, at);
    }
    await fileSystem.rename(at(this.#temporary), at(name));
    this.#ended = true;
    this.#root.openTemporary.delete(this.#temporary);
    if (durable) await this.#root.syncFolder(folder, 'folder-after-rename', at);
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#failure ??= {
      error: attemptError(this.#root.attempt('write', this.#temporary), 'engine/cancelled', 'it was aborted'),
    };
    await this.#discard();
  }

  /** Runs one step; when it fails, explains the error, discards the file and remembers the failure for later calls. */
  async #alone(step: (handle: WriteHandle) => Promise<void>, name: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const handle = this.#handle;
    assert(handle !== undefined && !this.#busy, 'a store writer is used after finish or by two callers at once');
    this.#busy = true;
    try {
      await step(handle);
    } catch (error) {
      const explained = await this.#root.explain('write', name, error);
      this.#failure ??= { error: explained };
      if (!this.#ended) await this.#discard();
      throw explained;
    } finally {
      this.#busy = false;
    }
  }

  async #writeAll(handle: WriteHandle, bytes: Uint8Array): Promise<void> {
    let left = bytes;
    let stalled = false;
    while (left.length > 0) {
      const written = await handle.write(left);
      assert(written >= 0 && written <= left.length, 'a filesystem wrote more bytes than it was given');
      if (written === 0 && stalled) throw this.#writeError('the drive takes no more bytes');
      stalled = written === 0;
      left = left.subarray(written);
      this.#sizeBytes += written;
    }
  }

  async #checkSize(handle: WriteHandle): Promise<void> {
    const sizeBytes = await handle.sizeBytes();
    if (sizeBytes === this.#sizeBytes) return;
    throw this.#writeError(`${this.#sizeBytes} bytes were written and ${sizeBytes} have arrived`);
  }

  async #compare(expected: Uint8Array): Promise<void> {
    const handle = await this.#root.fileSystem.openRead(this.#root.pathOf(this.#temporary));
    try {
      const hasher = createHasher();
      const buffer = new Uint8Array(Math.min(COMPARE_BYTES, Math.max(this.#sizeBytes, 1)));
      let offset = 0;
      for (;;) {
        const count = await handle.read(buffer, offset);
        if (count === 0) break;
        hasher.update(buffer.subarray(0, count));
        offset += count;
        if (offset > this.#sizeBytes) break;
      }
      if (offset !== this.#sizeBytes || !equalBytes(hasher.digest(), expected)) {
        throw this.#writeError('the bytes read back are not those that were written');
      }
    } finally {
      await handle.close();
    }
  }

  #writeError(words: string): Error {
    return attemptError(this.#root.attempt('write', this.#temporary), 'destination/io', words);
  }

  /** Best effort, on the way out of a failure that is reported: what stays behind is swept up at the next start. */
  async #discard(): Promise<void> {
    this.#ended = true;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
    await this.#root.fileSystem.unlink(this.#root.pathOf(this.#temporary)).catch(() => undefined);
    this.#root.openTemporary.delete(this.#temporary);
  }
}
