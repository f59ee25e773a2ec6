/**
 * The folder a local store lives in: paths, folders made durably, and the difference between “this file is absent”
 * and “the drive is gone”.
 *
 * Invariants: the root itself is never created here; nothing is written once the root is on another device than at
 * first use (an unmounted drive leaves an empty folder of the same name behind, which takes files gladly).
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
import { errnoOf, type FileSystem, type FolderItem, type FolderSyncReason } from './filesystem.ts';
import { baseOf, folderOf, isSegment, joinName } from './names.ts';

/** Most folders remembered as durable; beyond that they are simply fsynced once more. A repository has about 270. */
const DURABLE_FOLDERS_MAX = 4096;

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
    const stat = await this.fileSystem.statRoot(this.path).catch((error: unknown): never => {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      const unreachable = errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EIO' || isGoneErrno(errno);
      throw unreachable ? goneError(this.path, error) : destinationError(this.attempt('look at', ''), errno, error);
    });
    if (stat.kind !== 'folder') throw goneError(this.path);
    this.#device ??= stat.device;
    if (stat.device !== this.#device) throw goneError(this.path);
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
   * like a new one: the process that made it may have died before its fsync.
   */
  async prepareFolder(folder: string): Promise<void> {
    if (folder === '' || this.#durableFolders.has(folder)) return;
    const parent = folderOf(folder);
    await this.prepareFolder(parent);
    try {
      await this.fileSystem.mkdir(this.pathOf(folder));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    // Listed before the fsync: every folder named here is durable after it, so the next ones cost nothing.
    const items = await this.fileSystem.readFolder(this.pathOf(parent));
    this.#mustBeFolder(folder, items);
    await this.syncFolder(parent, 'new-ancestor');
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
  async syncFolder(folder: string, reason: FolderSyncReason): Promise<void> {
    try {
      await this.fileSystem.syncFolder(this.pathOf(folder), reason);
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
