/**
 * Folders of this computer, as a person goes through them. Where the desk is confined (a page in a browser), every path
 * is resolved and has to lie in the person's home folder or on a mounted drive.
 */
import { mkdir, opendir, realpath, stat } from 'node:fs/promises';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath, escapePath } from '../../../src-shared/format/index.ts';
import type { Drive, FolderListing, Place, PlaceKind } from '../../../src-shared/model/index.ts';
import type { DriveWatch, Volume } from '../drives/index.ts';
import { baseNameOf, joinPath, parentOf, pathWithin } from '../kernel/index.ts';
import { localErrno } from '../service/index.ts';
import type { Handles } from './handles.ts';
import { userFolders } from './user-folders.ts';

/** In a picker nobody looks through more. */
const FOLDERS_LISTED_MAX = 1000;
/** A folder of a million files is not read to its end to find those that are folders. */
const ENTRIES_READ_MAX = 100_000;
const DOT = 0x2e;

export type PlacesOptions = {
  readonly handles: Handles;
  readonly drives: DriveWatch;
  readonly userHome: string;
  readonly confined: boolean;
};

export class Places {
  readonly #handles: Handles;
  readonly #home: Buffer;
  readonly #options: PlacesOptions;

  constructor(options: PlacesOptions) {
    this.#options = options;
    this.#handles = options.handles;
    this.#home = Buffer.from(options.userHome);
  }

  place(path: Buffer, kind: PlaceKind = 'folder'): Place {
    return {
      handle: this.#handles.give(path),
      path: escapePath(path),
      name: escapePath(baseNameOf(path)),
      kind: kind === 'folder' && path.equals(this.#home) ? 'home' : kind,
    };
  }

  async suggested(): Promise<readonly Place[]> {
    const folders = await userFolders(this.#options.userHome);
    return folders.map(({ path, kind }) => this.place(Buffer.from(path), kind));
  }

  /** Confined, the system's own drive is not among them: its handle would be one of everything. */
  async drives(): Promise<readonly Drive[]> {
    const { volumes } = await this.#options.drives.look();
    return volumes.filter(({ system }) => !system || !this.#options.confined).map((volume) => this.#driveOf(volume));
  }

  /** @throws CairnError app/not-found, source/not-found, source/unreadable */
  async browse(handle: string | null, hidden: boolean): Promise<FolderListing> {
    const folder = handle === null ? this.#home : this.#handles.pathOf(handle);
    await this.refuseOutside(folder);
    const { folders, truncated } = await this.#foldersIn(folder, hidden);
    const above = parentOf(folder);
    const isAboveAllowed = above !== undefined && (await this.isAllowed(above));
    return {
      place: this.place(folder),
      parent: isAboveAllowed ? this.place(above) : null,
      folders: folders.map((path) => this.place(path)),
      truncated,
    };
  }

  /** @throws CairnError app/not-found, destination/… */
  async makeFolder(handle: string, name: string): Promise<Place> {
    const folder = this.#handles.pathOf(handle);
    await this.refuseOutside(folder);
    const made = joinPath(folder, Buffer.from(name));
    try {
      await mkdir(made);
    } catch (error) {
      throw makeError(made, error);
    }
    return this.place(made);
  }

  #driveOf({ mountPoint, label, fileSystem, removable, system, writable, freeBytes, totalBytes }: Volume): Drive {
    const place = {
      handle: this.#handles.give(mountPoint),
      path: escapePath(mountPoint),
      name: label,
      kind: 'drive' as const,
    };
    return { place, label, fileSystem, removable, system, writable, freeBytes, totalBytes };
  }

  async #foldersIn(folder: Buffer, hidden: boolean): Promise<{ folders: readonly Buffer[]; truncated: boolean }> {
    const found: Buffer[] = [];
    let read = 0;
    let truncated = false;
    try {
      // The types of Node know no folder of Buffer names, which is what this encoding gives.
      for await (const { name, kind } of entriesOf(folder)) {
        if (++read > ENTRIES_READ_MAX) {
          truncated = true;
          break;
        }
        if (kind === 'other' || (!hidden && name[0] === DOT)) continue;
        const path = joinPath(folder, name);
        if (kind === 'link' && !(await this.#leadsToFolder(path))) continue;
        found.push(path);
      }
    } catch (error) {
      throw readError(folder, error);
    }
    const sorted = found.sort((left, right) => compareNames(baseNameOf(left), baseNameOf(right)));
    return { folders: sorted.slice(0, FOLDERS_LISTED_MAX), truncated: truncated || found.length > FOLDERS_LISTED_MAX };
  }

  async #leadsToFolder(path: Buffer): Promise<boolean> {
    const found = await stat(path).catch(() => undefined);
    return found?.isDirectory() === true && (await this.isAllowed(path));
  }

  /** For a restore. The engine refuses Cairn's own folder too. @throws CairnError restore/target, and as below */
  async refuseAsTarget(folder: Buffer, home: string): Promise<void> {
    if (pathWithin(folder, Buffer.from(home)))
      throw new CairnError('restore/target', 'Cairn’s own folder can’t be restored into.');
    await this.refuseOutside(folder);
  }

  /** @throws CairnError source/unreadable */
  async refuseOutside(folder: Buffer): Promise<void> {
    if (await this.isAllowed(folder)) return;
    throw new CairnError('source/unreadable', `${displayPath(folder)} can’t be looked at from here.`, {
      hint: 'Nothing was changed. A page may look at your home folder and at mounted drives; use the command line for others.',
    });
  }

  /** Whether a folder, there or yet to be made, may be named here. */
  async isAllowed(folder: Buffer): Promise<boolean> {
    if (!this.#options.confined) return true;
    const real = await realPathOf(folder);
    if (pathWithin(real, await realPathOf(this.#home))) return true;
    const { volumes } = await this.#options.drives.current();
    return volumes.some(({ mountPoint, system }) => !system && pathWithin(real, mountPoint));
  }
}

/** Of what is not there, where it would come to be: the folders above may be links. */
async function realPathOf(folder: Buffer): Promise<Buffer> {
  const real = await realpath(folder, { encoding: 'buffer' }).catch(() => undefined);
  if (real !== undefined) return real;
  const above = parentOf(folder);
  return above === undefined ? folder : joinPath(await realPathOf(above), baseNameOf(folder));
}

type FolderEntry = { readonly name: Buffer; readonly kind: 'folder' | 'link' | 'other' };

async function* entriesOf(folder: Buffer): AsyncGenerator<FolderEntry> {
  const encoding: unknown = 'buffer';
  for await (const entry of await opendir(folder, { encoding: encoding as BufferEncoding })) {
    const name: unknown = entry.name;
    const kind = entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other';
    if (Buffer.isBuffer(name)) yield { name, kind };
  }
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

function compareNames(left: Buffer, right: Buffer): number {
  return collator.compare(left.toString(), right.toString()) || left.compare(right);
}

function readError(folder: Buffer, error: unknown): unknown {
  const errno = localErrno(error);
  if (errno === undefined) return error;
  const gone = errno === 'ENOENT' || errno === 'ENOTDIR';
  const what = gone ? 'does not exist any more' : errno === 'EACCES' || errno === 'EPERM' ? 'may not be read' : errno;
  return new CairnError(gone ? 'source/not-found' : 'source/unreadable', `${displayPath(folder)} ${what}.`, {
    hint: 'Nothing was changed. Choose another folder.',
    cause: error,
  });
}

function makeError(folder: Buffer, error: unknown): unknown {
  const errno = localErrno(error);
  const shown = displayPath(folder);
  switch (errno) {
    case undefined:
      return error;
    case 'EEXIST':
      return new CairnError('usage/invalid', `${shown} is there already.`, {
        hint: 'Nothing was changed. Choose it, or take another name.',
        cause: error,
      });
    case 'EROFS':
      return new CairnError('destination/read-only', `${shown} can’t be made: the drive is read-only.`, {
        cause: error,
      });
    case 'ENOSPC':
    case 'EDQUOT':
      return new CairnError('destination/full', `${shown} can’t be made: there is no room.`, { cause: error });
    case 'ENOENT':
    case 'ENOTDIR':
      return new CairnError('destination/gone', `${shown} can’t be made: its folder is gone.`, { cause: error });
    default:
      return new CairnError('destination/denied', `${shown} can’t be made (${errno}).`, { cause: error });
  }
}
