/**
 * Folders that chokidar can't reach because a string can't hold their names (lossy-names.ts), each watched by a handle
 * of its own, which takes and gives bytes. There are few of them, or none.
 */
import { type FSWatcher, watch } from 'node:fs';
import { joinPath } from '../folder.ts';
import { isPlainName } from './lossy-names.ts';
import { subfolderNames, walkFolders } from './subfolders.ts';
import { noteEvent } from './turn-meter.ts';
import { unawaited } from './unawaited.ts';
import { type WatchOptions, type WatcherFailure, failureOf } from './watcher.ts';

export class RawFolders {
  /** By path in latin1. */
  readonly #handles = new Map<string, FSWatcher>();
  readonly #options: Pick<WatchOptions, 'isIgnored' | 'report'>;
  readonly #fail: (failure: WatcherFailure) => void;
  #isClosed = false;

  constructor(options: Pick<WatchOptions, 'isIgnored' | 'report'>, fail: (failure: WatcherFailure) => void) {
    this.#options = options;
    this.#fail = fail;
  }

  get count(): number {
    return this.#handles.size;
  }

  /** Finds every such folder below `top`. Nothing is reported of them. */
  async search(top: Buffer): Promise<void> {
    await walkFolders(top, (folder) => {
      if (this.#isClosed || this.#options.isIgnored(folder)) return false;
      const name = folder.subarray(folder.lastIndexOf(0x2f) + 1);
      // One that is below such a folder can't be reached either.
      if (!folder.equals(top) && (!isPlainName(name) || this.#handles.has(parentKey(folder))))
        this.#watch(folder, false);
      return true;
    });
  }

  /** Something came into a folder that chokidar watches, or the folder itself came: watches such folders in it anew. */
  async lookIn(folder: Buffer): Promise<void> {
    const names = await subfolderNames(folder);
    for (const name of names ?? []) if (!isPlainName(name)) this.#watchAnew(joinPath(folder, name));
  }

  /** A folder is gone, or is another one now: handles stay with the folder that they were opened for. */
  forget(folder: Buffer): void {
    const key = folder.toString('latin1');
    for (const known of this.#handles.keys()) {
      if (known === key || known.startsWith(`${key}/`)) this.#drop(known);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const handle of this.#handles.values()) handle.close();
    this.#handles.clear();
  }

  #watchAnew(top: Buffer): void {
    this.forget(top);
    unawaited(walkFolders(top, (folder) => this.#watch(folder, true)));
  }

  /** False where there is nothing below to go on with. */
  #watch(folder: Buffer, isNew: boolean): boolean {
    const key = folder.toString('latin1');
    if (this.#isClosed || this.#options.isIgnored(folder)) return false;
    this.#drop(key);
    try {
      const handle = watch(folder, { encoding: 'buffer' }, (event) => this.#take(folder, event));
      handle.on('error', () => this.#drop(key));
      this.#handles.set(key, handle);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.reason !== 'error') this.#fail(failure);
      return false;
    }
    if (isNew) this.#options.report({ kind: 'dirty', folder });
    return true;
  }

  #take(folder: Buffer, event: string): void {
    if (this.#isClosed) return;
    noteEvent();
    this.#options.report({ kind: 'dirty', folder });
    if (event === 'rename') unawaited(this.#refresh(folder));
  }

  /** Something in it came, went, or was replaced: what is below may be another folder under the same path. */
  async #refresh(folder: Buffer): Promise<void> {
    const names = await subfolderNames(folder);
    if (names === undefined) return this.forget(folder);
    for (const name of names) this.#watchAnew(joinPath(folder, name));
  }

  #drop(key: string): void {
    this.#handles.get(key)?.close();
    this.#handles.delete(key);
  }
}

function parentKey(folder: Buffer): string {
  return folder.toString('latin1', 0, folder.lastIndexOf(0x2f));
}
