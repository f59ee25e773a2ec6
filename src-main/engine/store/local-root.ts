/**
 * The folder a local store lives in: paths, folders made durably, and the difference between “this file is absent”
 * and “the drive is gone”.
 *
 * Invariants: the root itself is never created here; nothing is written once the root is on another device than at
 * first use (an unmounted drive leaves an empty folder of the same name behind, which takes files gladly). Whatever
 * makes a new name does so below a root that is held: it can't go away between the look at it and the making.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import {
  type Attempt,
  attemptError,
  destinationError,
  goneError,
  isGoneErrno,
  isNoFolderSyncErrno,
} from './destination-error.ts';
import { errnoOf, type FileStat, type FileSystem, type FolderItem, type FolderSyncReason } from './filesystem.ts';
import { baseOf, folderOf, isSegment, joinName } from './names.ts';
import { nodeFileSystem } from './node-filesystem.ts';

/** Most folders remembered as durable; beyond that they are simply fsynced once more. A repository has about 270. */
const DURABLE_FOLDERS_MAX = 4096;

/** The path of a name below a root. */
export type PathOf = (name: string) => string;

export class LocalRoot {
  readonly fileSystem: FileSystem;
  readonly path: string;
  /** Temporary files this process is writing: clean-up leaves them alone. */
  readonly openTemporary = new Set<string>();
  #device: number | undefined;
  #weakDurability = false;
  /** Folders whose own name is known to be durable in their parent. */
  readonly #durableFolders = new Set<string>();

  constructor(fileSystem: FileSystem, path: string) {
    this.fileSystem = fileSystem;
    this.path = path.length > 1 ? path.replace(/\/+$/, '') : path;
  }

  get weakDurability(): boolean {
    return this.#weakDurability;
  }

  pathOf(name: string): string {
    return name === '' ? this.path : `${this.path}/${name}`;
  }

  attempt(action: string, name: string): Attempt {
    return { action, name, description: this.path };
  }

  /** Throws destination/gone unless the root stands, on the device it was on at first. */
  async check(): Promise<void> {
    this.#judge(await this.fileSystem.statRoot(this.path).catch((error: unknown) => this.#unreachable(error)));
  }

  /** At the first use of all it is said which device is meant; afterwards this is free. */
  async meet(): Promise<void> {
    if (this.#device === undefined) await this.check();
  }

  /**
   * Runs a step that makes new names, with the root checked and held. `at` gives the path of a name below it.
   * @throws as `check`
   */
  async held<Value>(step: (at: PathOf) => Promise<Value>): Promise<Value> {
    const root = await this.fileSystem.holdRoot(this.path).catch((error: unknown) => this.#unreachable(error));
    try {
      this.#judge(root.stat);
      return await step((name) => (name === '' ? root.path : `${root.path}/${name}`));
    } finally {
      // Nothing was written through it that a failing close could lose.
      await root.close().catch(() => undefined);
    }
  }

  #unreachable(error: unknown): never {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    const isGone = errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EIO' || isGoneErrno(errno);
    throw isGone ? goneError(this.path, error) : destinationError(this.attempt('look at', ''), errno, error);
  }

  #judge({ kind, device }: FileStat): void {
    if (kind !== 'folder') throw goneError(this.path);
    this.#device ??= device;
    if (device !== this.#device) throw goneError(this.path);
  }

  /** The error to throw for a failed attempt; what is no filesystem error passes through unchanged. */
  async explain(action: string, name: string, error: unknown): Promise<unknown> {
    const errno = errnoOf(error);
    if (error instanceof CairnError || errno === undefined) return error;
    if (isGoneErrno(errno)) return goneError(this.path, error);
    // Somebody may have removed a folder, so nothing is known about folders any more.
    if (errno === 'ENOENT') this.#durableFolders.clear();
    try {
      await this.check();
    } catch (rootError) {
      if (isCairnError(rootError, 'destination/gone')) return goneError(this.path, error);
      // Otherwise the first error says more than that the root can't be looked at either.
    }
    return destinationError(this.attempt(action, name), errno, error);
  }

  /** After ENOENT for a file: true when it is really absent, false when asking again finds it. */
  async isAbsent(name: string): Promise<boolean> {
    await this.check();
    try {
      await this.fileSystem.stat(this.pathOf(name));
      return false;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return true;
      throw error;
    }
  }

  /** After ENOENT for a folder: true when its parent can be listed and doesn't name it. */
  async isFolderAbsent(folder: string): Promise<boolean> {
    await this.check();
    if (folder === '') return false;
    const parent = folderOf(folder);
    try {
      const siblings = await this.fileSystem.readFolder(this.pathOf(parent));
      return !siblings.some((item) => item.name === baseOf(folder));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return this.isFolderAbsent(parent);
      throw error;
    }
  }

  /**
   * Makes a folder and those above it, and makes their names durable. A folder met for the first time is treated
   * like a new one: the process that made it may have died before its fsync. `at` is that of a held root.
   */
  async prepareFolder(folder: string, at: PathOf): Promise<void> {
    if (folder === '' || this.#durableFolders.has(folder)) return;
    const parent = folderOf(folder);
    await this.prepareFolder(parent, at);
    try {
      await this.fileSystem.mkdir(at(folder));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    // Listed before the fsync: every folder named here is durable after it, so the next ones cost nothing.
    const items = await this.fileSystem.readFolder(at(parent));
    this.#mustBeFolder(folder, items);
    await this.syncFolder(parent, 'new-ancestor', at);
    if (this.#durableFolders.size + items.length > DURABLE_FOLDERS_MAX) this.#durableFolders.clear();
    for (const item of items) {
      if (item.kind === 'folder' && isSegment(item.name)) this.#durableFolders.add(joinName(parent, item.name));
    }
  }

  /** After ENOENT in a prepared folder: the next prepareFolder makes it again. */
  forgetFolders(): void {
    this.#durableFolders.clear();
  }

  /** Fsyncs a folder; a filesystem that can't is noted as weakly durable. */
  async syncFolder(folder: string, reason: FolderSyncReason, at: PathOf = (name) => this.pathOf(name)): Promise<void> {
    try {
      await this.fileSystem.syncFolder(at(folder), reason);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined || !isNoFolderSyncErrno(errno)) throw error;
      this.#weakDurability = true;
    }
  }

  #mustBeFolder(folder: string, siblings: readonly FolderItem[]): void {
    const item = siblings.find((sibling) => sibling.name === baseOf(folder));
    if (item?.kind === 'folder') return;
    const words =
      item === undefined ? 'it is gone as soon as it is made' : 'something else than a folder has that name';
    throw attemptError(
      this.attempt('make the folder', folder),
      item === undefined ? 'destination/io' : 'integrity/damaged',
      words,
    );
  }
}

/**
 * Makes the folder for a new repository, durably. Its parent has to exist: a missing parent is more often a drive that
 * isn't there than a wish. Returns whether it was made now.
 */
export async function createRoot(
  path: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<{ readonly created: boolean }> {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path;
  const parent = new LocalRoot(fileSystem, folderOf(trimmed) === '' ? '/' : folderOf(trimmed));
  await parent.check();
  let created = true;
  try {
    await fileSystem.mkdir(trimmed);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw await parent.explain('make the folder', trimmed, error);
    created = false;
  }
  await new LocalRoot(fileSystem, trimmed).check();
  try {
    await parent.syncFolder('', 'new-ancestor');
  } catch (error) {
    throw await parent.explain('make the folder', trimmed, error);
  }
  return { created };
}
