/**
 * The folders of a snapshot as they are now, for a comparison. Only what a person chose to protect is looked at: a
 * repository may come from anywhere, and what it says its sources are is not believed. No link leads out of them.
 */
import { type Stats, constants } from 'node:fs';
import { lstat, open, realpath, stat } from 'node:fs/promises';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { EntryType, SnapshotSummary } from '../../../src-shared/model/index.ts';
import { baseNameOf, bytesOf, joinPath, parentOf, pathWithin } from '../kernel/index.ts';

// Not every system has all of them.
const { O_RDONLY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

export type LiveEntry = { readonly type: EntryType; readonly size: number | null };

/** `prefix`: what paths of the snapshot begin with in this source; `file`: the source is a file, and this its path. */
type LiveSource = { readonly prefix: string; readonly file: string | null; readonly root: Buffer };

export class LiveSources {
  readonly #sources: readonly LiveSource[];
  /** Folders that were looked at, for one question: as many as a page has. */
  readonly #held = new Map<string, Promise<boolean>>();

  private constructor(sources: readonly LiveSource[]) {
    this.#sources = sources;
  }

  /** @throws CairnError app/unavailable where a source is none of the protected ones */
  static async of({ sources }: SnapshotSummary, protectedPaths: readonly string[]): Promise<LiveSources> {
    const chosen = new Set(protectedPaths);
    if (!sources.every(({ path }) => chosen.has(path)))
      throw new CairnError('app/unavailable', 'This snapshot is of folders that are not protected on this computer.', {
        hint: 'Nothing was changed. Compare it with another snapshot.',
      });
    const isOne = sources.length === 1;
    return new LiveSources(
      await Promise.all(
        sources.map(async ({ name, path }) => {
          const root = bytesOf(path);
          const isFile = (await stat(root).catch(() => undefined))?.isFile() === true;
          // As in SNAP:PATH: of one folder paths begin in it, of several sources and of a file with its name.
          return { prefix: isOne && !isFile ? '' : `${name}/`, file: isFile ? name : null, root };
        }),
      ),
    );
  }

  /** Undefined where there is nothing now, where a link leads out of the sources, or where nobody can say. */
  async entry(path: string): Promise<LiveEntry | undefined> {
    const file = this.#fileOf(path);
    const folder = file === undefined ? undefined : parentOf(file);
    if (file === undefined || folder === undefined || !(await this.#holds(folder))) return undefined;
    const found = await lstat(file).catch(() => undefined);
    return found && { type: typeOf(found), size: found.isFile() ? found.size : null };
  }

  /**
   * The first bytes of a file; none where it went.
   * @throws CairnError source/unreadable; app/unavailable where a link leads out of the sources
   */
  async content(path: string, bytesMax: number): Promise<Uint8Array> {
    const file = this.#fileOf(path);
    const folder = file === undefined ? undefined : parentOf(file);
    if (file === undefined || folder === undefined) return new Uint8Array();
    try {
      // No link is left in the way that is read, whatever the folders on it were when they were looked at.
      const real = await realpath(folder, { encoding: 'buffer' });
      if (!(await this.#holds(real)))
        throw new CairnError('app/unavailable', 'A link leads out of the protected folders here.');
      return await readStart(joinPath(real, baseNameOf(file)), bytesMax);
    } catch (error) {
      if (isGone(error)) return new Uint8Array();
      if (error instanceof CairnError) throw error;
      throw new CairnError('source/unreadable', `“${displayPath(path)}” can’t be read now.`, { cause: error });
    }
  }

  /** Undefined where it leads out of the sources. */
  #fileOf(path: string): Buffer | undefined {
    const whole = this.#sources.find(({ file }) => file === path);
    if (whole !== undefined) return whole.root;
    const source = this.#sources.find(({ prefix, file }) => file === null && path.startsWith(prefix));
    if (source === undefined) return undefined;
    const rest = bytesOf(path.slice(source.prefix.length));
    // By bytes: an escape may stand for anything.
    const names = rest.toString('latin1').split('/');
    return names.some((name) => name === '' || name === '.' || name === '..') ? undefined : joinPath(source.root, rest);
  }

  /** Whether a folder really is one of the sources or lies in one; that of a source which is a file is its own. */
  #holds(folder: Buffer): Promise<boolean> {
    const key = folder.toString('latin1');
    const known = this.#held.get(key) ?? this.#isInside(folder);
    this.#held.set(key, known);
    return known;
  }

  async #isInside(folder: Buffer): Promise<boolean> {
    if (this.#sources.some(({ file, root }) => file !== null && parentOf(root)?.equals(folder) === true)) return true;
    const real = await realpath(folder, { encoding: 'buffer' }).catch(() => undefined);
    if (real === undefined) return false;
    const roots = await Promise.all(
      this.#sources.map(({ root }) => realpath(root, { encoding: 'buffer' }).catch(() => root)),
    );
    return roots.some((root) => pathWithin(real, root));
  }
}

/** No link at the end of the path is followed, and no pipe is waited for. */
async function readStart(file: Buffer, bytesMax: number): Promise<Uint8Array> {
  const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) return new Uint8Array();
    const buffer = Buffer.alloc(bytesMax);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

function typeOf(found: Stats): EntryType {
  if (found.isFile()) return 'file';
  if (found.isDirectory()) return 'directory';
  if (found.isSymbolicLink()) return 'symlink';
  if (found.isFIFO()) return 'fifo';
  return found.isSocket() ? 'socket' : 'device';
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
