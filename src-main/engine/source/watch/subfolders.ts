/** The folders in a folder, in raw bytes, however long the path. Asynchronous: this runs beside everything else. */
import { opendir, readdir, stat } from 'node:fs/promises';
import { closeSourceFolder, joinPath, openSourceRoot } from '../folder.ts';
import { errnoOf } from '../problem.ts';
import { unawaited } from './unawaited.ts';

/** Folders that are listed at a time: each holds one of the few threads that make system calls. */
const LISTED_AT_ONCE = 4;

/** From this size on, as the filesystem gives it for the folder itself, a folder has some ten thousand names. */
const LARGE_FOLDER_BYTES = 512 * 1024;
/** Names of a large folder that are in memory at a time: all of a million would take 700 MB. */
const NAMES_AT_ONCE = 1024;

/** Names, links not followed. Undefined where it can't be listed, or is gone. `bytes`: its own size, if it is known. */
export async function subfolderNames(folder: Buffer, bytes?: number): Promise<readonly Buffer[] | undefined> {
  const opened = openSourceRoot(folder, false);
  if ('failed' in opened) return undefined;
  try {
    const size = bytes ?? (await stat(opened.access)).size;
    return await (size < LARGE_FOLDER_BYTES ? namesAtOnce(opened.access) : namesInTurn(opened.access));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  } finally {
    closeSourceFolder(opened);
  }
}

async function namesAtOnce(access: Buffer): Promise<readonly Buffer[]> {
  const entries = await readdir(access, { withFileTypes: true, encoding: 'buffer' });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function namesInTurn(access: Buffer): Promise<readonly Buffer[]> {
  const names: Buffer[] = [];
  // Latin-1 stands for the bytes one to one; Node knows the encoding, its types do not.
  const entries = await opendir(access, { encoding: 'latin1' as BufferEncoding, bufferSize: NAMES_AT_ONCE });
  for await (const entry of entries) if (entry.isDirectory()) names.push(Buffer.from(entry.name, 'latin1'));
  return names;
}

/** Gives `use` what a system call takes for a path that may be too long for it. Undefined where it can't be opened. */
export function withAccess<Result>(folder: Buffer, use: (access: Buffer) => Result): Result | undefined {
  const opened = openSourceRoot(folder, false);
  if ('failed' in opened) return undefined;
  try {
    return use(opened.access);
  } finally {
    closeSourceFolder(opened);
  }
}

/** Folders to be listed one after the other, a few at a time, and what is found in them handed on. */
export class FolderLister<Item> {
  readonly #queue: Item[] = [];
  readonly #namesOf: (item: Item) => Promise<readonly Buffer[] | undefined>;
  readonly #found: (item: Item, names: readonly Buffer[]) => void;
  #running = 0;
  #isClosed = false;
  #whenIdle: (() => void)[] = [];

  /** `found` may add more. */
  constructor(
    namesOf: (item: Item) => Promise<readonly Buffer[] | undefined>,
    found: (item: Item, names: readonly Buffer[]) => void,
  ) {
    this.#namesOf = namesOf;
    this.#found = found;
  }

  add(item: Item): void {
    if (this.#isClosed) return;
    this.#queue.push(item);
    this.#next();
  }

  /** When everything that was added, and what it led to, has been listed; or after `close`. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Nothing more is listed or handed on. */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#settle();
  }

  #next(): void {
    while (this.#running < LISTED_AT_ONCE) {
      // The newest first: then the queue holds the siblings on one way down, and not a whole level of the tree.
      const item = this.#queue.pop();
      if (item === undefined) return;
      this.#running++;
      unawaited(this.#list(item));
    }
  }

  async #list(item: Item): Promise<void> {
    const names = await this.#namesOf(item);
    this.#running--;
    if (this.#isClosed) return;
    if (names !== undefined) this.#found(item, names);
    this.#next();
    if (this.#running === 0 && this.#queue.length === 0) this.#settle();
  }

  #settle(): void {
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }
}

/** Every folder below `top` and itself, from the top down, as long as `enter` says so. */
export async function walkFolders(top: Buffer, enter: (folder: Buffer) => boolean): Promise<void> {
  const lister: FolderLister<Buffer> = new FolderLister<Buffer>(
    (folder) => subfolderNames(folder),
    (folder, names) => {
      for (const name of names) visit(joinPath(folder, name));
    },
  );
  const visit = (folder: Buffer): void => {
    if (enter(folder)) lister.add(folder);
  };
  visit(top);
  await lister.idle();
}
