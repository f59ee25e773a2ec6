/**
 * A store in a folder of a mounted filesystem. See local-root.ts for what makes an absence or a folder trustworthy,
 * local-writer.ts for the order in which a file comes to be.
 */
import { assert } from '../../../src-shared/assert.ts';
import { mapBounded, type Random, toHex } from '../kernel/index.ts';
import { attemptError, destinationError } from './destination-error.ts';
import { errnoOf, type FileSystem, type FolderItem, type ReadHandle } from './filesystem.ts';
import { createLocalClock } from './local-clock.ts';
import { LocalRoot, type PathOf } from './local-root.ts';
import { LocalWriter } from './local-writer.ts';
import {
  baseOf,
  checkFolder,
  checkName,
  checkTargetName,
  folderOf,
  isSegment,
  isTemporaryName,
  joinName,
  NAME_SEGMENTS_MAX,
} from './names.ts';
import { nodeFileSystem } from './node-filesystem.ts';
import {
  type ByteRange,
  checkReadSize,
  missingError,
  type PlaceCheck,
  type ReadOptions,
  type RemoveOptions,
  shortError,
  type Store,
  type StoreClock,
  type StoreEntry,
  type StoreWriter,
} from './store.ts';

/** Calls to stat in flight for one listing. */
const LIST_CONCURRENCY = 16;
/** Most files one folder may hold: a listing is kept in memory. */
const LIST_ENTRIES_MAX = 1_000_000;
/** Random bytes in the name of a temporary file: the tag of the store that makes it, then its own. */
const TEMPORARY_TAG_BYTES = 4;
const TEMPORARY_OWN_BYTES = 4;
/** Tries for a free temporary name (4 random bytes of its own: a second one is never needed in practice). */
const TEMPORARY_ATTEMPTS_MAX = 4;
/** Times a file is looked for when the system first denies and then confirms that it exists. */
const LOOK_ATTEMPTS_MAX = 3;

export type LocalStoreOptions = {
  /** An existing folder. It is never created here: see createRoot. */
  readonly root: string;
  /** Default nodeFileSystem. */
  readonly fileSystem?: FileSystem;
  readonly random: Random;
};

export type TemporaryFile = StoreEntry & { readonly modifiedAtMs: number };

export type LocalStore = Store & {
  readonly clock: StoreClock;
  readonly temporaryTag: string;
  /** True once the filesystem refused to fsync a folder: new names may be lost by a power cut. */
  readonly weakDurability: boolean;
  /** Every temporary file in the store, those being written included. */
  listTemporary(): Promise<TemporaryFile[]>;
  /**
   * Deletes temporary files, never those this store is writing: those last written before a moment of the destination's
   * clock (Infinity where no other session lives), or those the caller says. Returns what was deleted.
   */
  removeTemporary(
    options: { readonly modifiedBeforeMs: number } | { readonly which: (file: TemporaryFile) => boolean },
  ): Promise<StoreEntry[]>;
};

export function createLocalStore(options: LocalStoreOptions): LocalStore {
  return new FolderStore(new LocalRoot(options.fileSystem ?? nodeFileSystem, options.root), options.random);
}

class FolderStore implements LocalStore {
  readonly clock: StoreClock;
  readonly #root: LocalRoot;
  readonly #random: Random;
  #tag: string | undefined;

  constructor(root: LocalRoot, random: Random) {
    this.#root = root;
    this.#random = random;
    this.clock = createLocalClock(root, () => this.#temporaryName(''));
  }

  get temporaryTag(): string {
    this.#tag ??= toHex(this.#random.bytes(TEMPORARY_TAG_BYTES));
    return this.#tag;
  }

  #temporaryName(folder: string): string {
    return joinName(folder, `tmp-${this.temporaryTag}${toHex(this.#random.bytes(TEMPORARY_OWN_BYTES))}`);
  }

  get description(): string {
    return this.#root.path;
  }

  get weakDurability(): boolean {
    return this.#root.weakDurability;
  }

  async create(folder: string, check?: PlaceCheck): Promise<StoreWriter> {
    checkFolder(folder);
    return this.#explained('write in', folder, () =>
      this.#root.held(async (at) => {
        await check?.({ read: (name, range, options) => this.#readHeld(at, name, range, options) });
        return this.#createAt(folder, at);
      }),
    );
  }

  async #createAt(folder: string, at: PathOf): Promise<StoreWriter> {
    for (let attempt = 0; attempt < TEMPORARY_ATTEMPTS_MAX; attempt++) {
      await this.#root.prepareFolder(folder, at);
      const temporary = this.#temporaryName(folder);
      checkName(temporary);
      try {
        return new LocalWriter(this.#root, temporary, await this.#root.fileSystem.openWrite(at(temporary)));
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === 'ENOENT') this.#root.forgetFolders();
        else if (errno !== 'EEXIST') throw error;
      }
    }
    throw attemptError(this.#root.attempt('write in', folder), 'destination/io', 'no temporary file can be made');
  }

  async read(name: string, range?: ByteRange, options?: ReadOptions): Promise<Uint8Array> {
    checkName(name);
    if (range !== undefined) {
      const whole = Number.isSafeInteger(range.offset) && Number.isSafeInteger(range.length);
      assert(whole && range.offset >= 0 && range.length >= 0, 'a byte range is two whole numbers');
    }
    const read = await this.#look('read', name, () => this.#readAt(this.#root.pathOf(name), name, range, options));
    if (read === undefined) throw missingError(name, this.description);
    return read;
  }

  /** In a folder that is held, what is not there is absent. */
  async #readHeld(at: PathOf, name: string, range?: ByteRange, options?: ReadOptions): Promise<Uint8Array> {
    checkName(name);
    try {
      return await this.#readAt(at(name), name, range, options);
    } catch (error) {
      throw errnoOf(error) === 'ENOENT' ? missingError(name, this.description, error) : error;
    }
  }

  async #readAt(
    path: string,
    name: string,
    range: ByteRange | undefined,
    options: ReadOptions | undefined,
  ): Promise<Uint8Array> {
    const handle = await this.#root.fileSystem.openRead(path);
    try {
      return await this.#readFrom(handle, name, range, options);
    } finally {
      // The bytes are here and will be verified; nothing was written that a failing close could lose.
      await handle.close().catch(() => undefined);
    }
  }

  async stat(name: string): Promise<{ readonly sizeBytes: number } | undefined> {
    checkName(name);
    return this.#look('look at', name, async () => {
      const stat = await this.#root.fileSystem.stat(this.#root.pathOf(name));
      if (stat.kind !== 'file') throw destinationError(this.#root.attempt('look at', name), 'EFTYPE', undefined);
      return { sizeBytes: stat.sizeBytes };
    });
  }

  async list(folder: string): Promise<StoreEntry[]> {
    checkFolder(folder);
    const entries = await this.#explained('list', folder, () =>
      this.#filesIn(folder, (item) => !isTemporaryName(item)),
    );
    return entries
      .map(({ name, sizeBytes }) => ({ name, sizeBytes }))
      .sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
  }

  async listNames(folder: string): Promise<readonly string[]> {
    checkFolder(folder);
    const items = await this.#explained('list', folder, () => this.#itemsIn(folder));
    return items
      .filter(({ kind, name }) => kind === 'file' && isSegment(name) && !isTemporaryName(name))
      .map(({ name }) => joinName(folder, name))
      .sort();
  }

  async listFolders(folder: string): Promise<readonly string[]> {
    checkFolder(folder);
    const items = await this.#explained('list', folder, () => this.#itemsIn(folder));
    // Not only what is known to be a folder: looking into something else says what is wrong with it.
    return items
      .filter(({ kind, name }) => kind !== 'file' && isSegment(name))
      .map(({ name }) => joinName(folder, name));
  }

  async move(from: string, to: string): Promise<void> {
    checkName(from);
    checkTargetName(to);
    await this.#explained('move', from, async () => {
      await this.#root.held((at) => this.#root.prepareFolder(folderOf(to), at));
      try {
        await this.#root.fileSystem.rename(this.#root.pathOf(from), this.#root.pathOf(to));
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || !(await this.#root.isAbsent(from))) throw error;
        throw missingError(from, this.description, error);
      }
      // The new name first: a crash in between leaves both names, never neither.
      await this.#root.syncFolder(folderOf(to), 'folder-after-move-target');
      if (folderOf(from) !== folderOf(to)) await this.#root.syncFolder(folderOf(from), 'folder-after-move-source');
    });
  }

  async remove(names: readonly string[], options: RemoveOptions = {}): Promise<void> {
    for (const name of names) checkName(name);
    if (names.length > 0) await this.#explained('remove from', '', () => this.#root.check());
    for (const name of names) await this.#unlink(name);
    if (options.durable === false) return;
    for (const folder of new Set(names.map(folderOf))) {
      await this.#explained('remove from', folder, async () => {
        try {
          await this.#root.syncFolder(folder, 'folder-after-remove');
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT' || !(await this.#root.isFolderAbsent(folder))) throw error;
        }
      });
    }
  }

  async listTemporary(): Promise<TemporaryFile[]> {
    const found: TemporaryFile[] = [];
    await this.#explained('list', '', () => this.#collectTemporary('', 1, found));
    return found;
  }

  async removeTemporary(
    options: { readonly modifiedBeforeMs: number } | { readonly which: (file: TemporaryFile) => boolean },
  ): Promise<StoreEntry[]> {
    const isWanted =
      'which' in options
        ? options.which
        : ({ modifiedAtMs }: TemporaryFile): boolean => modifiedAtMs < options.modifiedBeforeMs;
    const removed: StoreEntry[] = [];
    for (const file of await this.listTemporary()) {
      if (this.#root.openTemporary.has(file.name) || !isWanted(file)) continue;
      // Not made durable: should it come back after a power cut, it is swept up again.
      await this.#unlink(file.name);
      removed.push({ name: file.name, sizeBytes: file.sizeBytes });
    }
    return removed;
  }

  async removeTemporaryOf(tags: ReadonlySet<string>): Promise<void> {
    await this.removeTemporary({ which: ({ name }) => [...tags].some((tag) => baseOf(name).startsWith(`tmp-${tag}`)) });
  }

  /** A file that is absent already is fine. */
  async #unlink(name: string): Promise<void> {
    await this.#explained('remove', name, async () => {
      try {
        await this.#root.fileSystem.unlink(this.#root.pathOf(name));
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || !(await this.#root.isAbsent(name))) throw error;
      }
    });
  }

  async #explained<Value>(action: string, name: string, step: () => Promise<Value>): Promise<Value> {
    try {
      await this.#root.meet();
      return await step();
    } catch (error) {
      throw await this.#root.explain(action, name, error);
    }
  }

  /** Looks for a file; undefined only when it is proven absent. */
  async #look<Value>(action: string, name: string, look: () => Promise<Value>): Promise<Value | undefined> {
    return this.#explained(action, name, async () => {
      for (let attempt = 0; attempt < LOOK_ATTEMPTS_MAX; attempt++) {
        try {
          return await look();
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT') throw error;
          if (await this.#root.isAbsent(name)) return undefined;
        }
      }
      throw attemptError(
        this.#root.attempt(action, name),
        'destination/io',
        'the system says it is absent and names it',
      );
    });
  }

  async #readFrom(
    handle: ReadHandle,
    name: string,
    range: ByteRange | undefined,
    options: ReadOptions | undefined,
  ): Promise<Uint8Array> {
    const sizeBytes = await handle.sizeBytes();
    const wanted = range ?? { offset: 0, length: sizeBytes };
    checkReadSize(name, wanted.length, options);
    if (wanted.offset + wanted.length > sizeBytes) throw shortError(name, this.description, wanted);
    // Not zeroed: every byte is filled below, or nothing is handed out.
    const memory = Buffer.allocUnsafeSlow(wanted.length);
    const bytes = new Uint8Array(memory.buffer, memory.byteOffset, wanted.length);
    for (let filled = 0; filled < bytes.length;) {
      const count = await handle.read(bytes.subarray(filled), wanted.offset + filled);
      if (count === 0) throw shortError(name, this.description, wanted);
      filled += count;
    }
    return bytes;
  }

  /** The plain files directly in a folder whose names are wanted; [] when the folder is proven absent. */
  async #filesIn(folder: string, wanted: (name: string) => boolean): Promise<TemporaryFile[]> {
    const items = await this.#itemsIn(folder);
    const names = items
      .filter((item) => item.kind === 'file' && isSegment(item.name) && wanted(item.name))
      .map((item) => item.name);
    const vanished: string[] = [];
    const files = await mapBounded(names, LIST_CONCURRENCY, async (base) => {
      const name = joinName(folder, base);
      try {
        const stat = await this.#root.fileSystem.stat(this.#root.pathOf(name));
        return { name, sizeBytes: stat.sizeBytes, modifiedAtMs: stat.modifiedAtMs };
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
        vanished.push(base);
        return undefined;
      }
    });
    if (vanished.length > 0) await this.#confirmVanished(folder, vanished);
    return files.filter((file) => file !== undefined);
  }

  /** A file may be deleted between listing and stat. A file that is still listed and can't be found is an error. */
  async #confirmVanished(folder: string, vanished: readonly string[]): Promise<void> {
    const still = new Set((await this.#itemsIn(folder)).map((item) => item.name));
    const lost = vanished.find((base) => still.has(base));
    if (lost === undefined) return;
    throw attemptError(
      this.#root.attempt('list', joinName(folder, lost)),
      'destination/io',
      'it is listed and can’t be found',
    );
  }

  async #itemsIn(folder: string): Promise<FolderItem[]> {
    const items = await this.#readFolder(folder);
    if (items.length > LIST_ENTRIES_MAX) {
      throw attemptError(
        this.#root.attempt('list', folder),
        'limit/exceeded',
        `it holds more than ${LIST_ENTRIES_MAX} entries`,
      );
    }
    // An unmounted drive leaves an empty folder: believe an empty listing only where the root still is what it was.
    if (items.length === 0) await this.#root.check();
    return items;
  }

  /** Another session may make the folder between the look for it and the proof that it is absent: then look again. */
  async #readFolder(folder: string): Promise<FolderItem[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#root.fileSystem.readFolder(this.#root.pathOf(folder));
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
        if (await this.#root.isFolderAbsent(folder)) return [];
        if (attempt >= LOOK_ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #collectTemporary(folder: string, depth: number, found: TemporaryFile[]): Promise<void> {
    found.push(...(await this.#filesIn(folder, isTemporaryName)));
    if (depth >= NAME_SEGMENTS_MAX) return;
    for (const item of await this.#itemsIn(folder)) {
      if (item.kind !== 'folder' || !isSegment(item.name)) continue;
      await this.#collectTemporary(joinName(folder, item.name), depth + 1, found);
    }
  }
}
