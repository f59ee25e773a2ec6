/**
 * A folder of the target, and everything that may be done in it.
 *
 * Invariant: nothing outside the target is written, whatever links lie in the way and whoever changes folders
 * meanwhile. On Linux a folder is held by a descriptor that was opened from its parent's, without following a link;
 * /proc/self/fd/N/name then means openat(N, name). Elsewhere each step first checks by lstat that every folder from the
 * root down is still the one that was opened, which leaves a gap that only someone who races this process could use.
 */
import fs from 'node:fs';
import { assert } from '../../../src-shared/assert.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { errnoOf, type FileStat, fileStatOf, joinPath } from '../source/index.ts';
import { TargetFile } from './target-file.ts';
import { nameProblem, targetNameFault } from './target-names.ts';
import {
  applyMetadata,
  applyMetadataHeld,
  exists,
  type Failed,
  failed,
  identityOf,
  isStillFolder,
  lstatOf,
  makeFolder,
  O_PATH,
  placeEntry,
  PRIVATE_FOLDER,
  type PlaceResult,
  type TargetContext,
  type TargetIdentity,
  type TargetMetadata,
  removeQuietly,
  targetProblem,
} from './target-place.ts';
import { removeRecursively } from './target-remove.ts';
import { nativeCalls } from './target-native.ts';
import { makeSpecial, type SpecialNode } from './target-special.ts';

const { O_WRONLY = 0, O_CREAT = 0, O_EXCL = 0, O_NOFOLLOW = 0, O_DIRECTORY = 0, O_RDONLY = 0 } = fs.constants;
const CREATE_FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const PRIVATE_FILE = 0o600;
/** A temporary name is taken only by a leftover of an earlier run. */
const TEMPORARY_TRIES_MAX = 16;

export type ChildResult =
  /** `created`: it was not there before. */
  | { readonly kind: 'opened'; readonly folder: TargetFolder; readonly created: boolean }
  /** Only without `create`. */
  | { readonly kind: 'missing' }
  /** A link, file or anything else has that name. It is not followed, and not changed. */
  | { readonly kind: 'conflict'; readonly found: FileStat; readonly problem: Problem }
  | Failed;

/** An entry of this run to hard-link to: the folder it lies in, still open, its name and what finish() said it is. */
export type LinkSource = {
  readonly folder: TargetFolder;
  readonly name: Uint8Array;
  readonly identity: TargetIdentity;
};

type FolderParts = {
  readonly path: Buffer;
  readonly context: TargetContext;
  readonly parent: TargetFolder | undefined;
  readonly identity: TargetIdentity;
  readonly fd: number | undefined;
};

export class TargetFolder {
  readonly #parts: FolderParts;
  /** Prefix of every system call here. */
  readonly #access: Buffer;
  #open = true;
  #hasDefaultAcl: boolean | undefined;
  /** The mode it had before it was made writable. */
  #modeBefore: number | undefined;

  /** Only openTarget and child() make folders. */
  constructor(parts: FolderParts) {
    this.#parts = parts;
    this.#access = parts.fd === undefined ? parts.path : Buffer.from(`/proc/self/fd/${parts.fd}`);
  }

  /** The whole path, for people. */
  get path(): Buffer {
    return this.#parts.path;
  }

  /** Linux: the descriptor that holds it, for system calls on names in it; closed by close(). */
  get descriptor(): number | undefined {
    assert(this.#open, 'a target folder is not used after it is closed');
    return this.#parts.fd;
  }

  /** Whether it gives what is made in it an access control list of its own. */
  get hasDefaultAcl(): boolean {
    this.#hasDefaultAcl ??= nativeCalls()?.attributes?.hasDefaultAcl(this.#access) ?? false;
    return this.#hasDefaultAcl;
  }

  get identity(): TargetIdentity {
    return this.#parts.identity;
  }

  /**
   * Opens a folder in this one; makes it with `create`, private to this user until setMetadata. One that was there and
   * denies its owner to write in it is made writable with `create` or `writable`. Close it in the end.
   */
  child(name: Uint8Array, options: { readonly create: boolean; readonly writable?: boolean }): ChildResult {
    return this.#guarded(name, 'can’t be opened as a folder', (access, path): ChildResult => {
      const created = options.create && makeFolder(access);
      try {
        const folder = openFolder(access, {
          path,
          context: this.#parts.context,
          parent: this,
          useDescriptor: this.#parts.fd !== undefined,
        });
        if (options.writable === true || (options.create && !created)) folder.#makeWritable();
        return { kind: 'opened', folder, created };
      } catch (error) {
        const code = errnoOf(error);
        if (code === 'ENOENT' && !options.create) return { kind: 'missing' };
        if (code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
        const found = lstatOf(access);
        const message = 'was not restored: there is something else where a folder has to be';
        return { kind: 'conflict', found, problem: { path: escapePath(path), code, message } };
      }
    });
  }

  /** What has this name, not following a link; undefined when nothing has. */
  lstat(name: Uint8Array): FileStat | undefined | Failed {
    return this.#guarded(name, 'can’t be looked at', (access) => {
      const stats = fs.lstatSync(access, { bigint: true, throwIfNoEntry: false });
      return stats === undefined ? undefined : fileStatOf(stats);
    });
  }

  /** Raw names in this folder, in no order. */
  list(): readonly Buffer[] | Failed {
    try {
      this.#check();
      return fs.readdirSync(this.#access, { encoding: 'buffer' });
    } catch (error) {
      return failed(this.path, 'this folder can’t be listed', error);
    }
  }

  readLink(name: Uint8Array): Buffer | Failed {
    return this.#guarded(name, 'can’t be read', (access) => fs.readlinkSync(access, { encoding: 'buffer' }));
  }

  /** The path to give to openSourceFile to read what is there now. */
  accessPath(name: Uint8Array): Buffer | Failed {
    return this.#guarded(name, 'can’t be read', (access) => access);
  }

  /** Begins a file: see TargetFile. */
  createFile(name: Uint8Array): { readonly kind: 'created'; readonly file: TargetFile } | Failed {
    return this.#guarded(name, 'can’t be restored', (final, path) => {
      let fd = -1;
      const temporary = this.#temporary((access) => {
        fd = fs.openSync(access, CREATE_FLAGS, PRIVATE_FILE);
      });
      return {
        kind: 'created',
        file: new TargetFile({ fd, temporary, final, path, context: this.#parts.context, check: () => this.#check() }),
      };
    });
  }

  /** Makes a symbolic link with raw target bytes. Nobody looks at where it leads. Restore all links last. */
  symlink(
    name: Uint8Array,
    linkTarget: Uint8Array,
    options: TargetMetadata & { readonly replace: boolean },
  ): PlaceResult {
    return this.#placed(name, options, 'symlink', (temporary) => fs.symlinkSync(Buffer.from(linkTarget), temporary));
  }

  /** Makes a FIFO, device or socket node. Devices need root. */
  special(name: Uint8Array, node: SpecialNode, options: TargetMetadata & { readonly replace: boolean }): PlaceResult {
    return this.#placed(name, options, node.nodeType, (temporary) => makeSpecial(temporary, node));
  }

  /** Makes a hard link to a file of this run; refused when another object has its name by now. Metadata is that file's. */
  hardLink(name: Uint8Array, to: LinkSource, options: { readonly replace: boolean }): PlaceResult {
    return this.#guarded(name, 'can’t be linked', (final, path): PlaceResult => {
      const from = to.folder.accessPath(to.name);
      if (!Buffer.isBuffer(from)) return from;
      const temporary = this.#temporary((access) => fs.linkSync(from, access));
      const made = identityOf(lstatOf(temporary));
      if (made.device !== to.identity.device || made.inode !== to.identity.inode) {
        removeQuietly(temporary);
        return {
          kind: 'failed',
          problem: {
            path: escapePath(path),
            code: 'REPLACED',
            message: 'can’t be linked: the file it belongs to was replaced',
          },
        };
      }
      return this.#place({ temporary, final, path, replace: options.replace, problems: [] });
    });
  }

  /** Removes an entry with everything in it, never following a link. False when nothing had that name. */
  removeEntry(name: Uint8Array): { readonly kind: 'removed'; readonly existed: boolean } | Failed {
    return this.#guarded(name, 'can’t be removed', (access) => {
      const stats = fs.lstatSync(access, { bigint: true, throwIfNoEntry: false });
      if (stats === undefined) return { kind: 'removed', existed: false };
      if (!stats.isDirectory()) fs.unlinkSync(access);
      else {
        const opened = this.child(name, { create: false, writable: true });
        if (opened.kind === 'missing') return { kind: 'removed', existed: false };
        if (opened.kind !== 'opened') return { kind: 'failed', problem: opened.problem };
        try {
          const problem = removeRecursively(opened.folder, this.#parts.context.temporaryName);
          if (problem !== undefined) return { kind: 'failed', problem };
        } finally {
          opened.folder.close();
        }
        fs.rmdirSync(access);
      }
      return { kind: 'removed', existed: true };
    });
  }

  /** Sets mode, time and owner of this folder itself, after everything in it is in place: that changes its time. */
  setMetadata(metadata: TargetMetadata): readonly Problem[] {
    try {
      this.#check();
    } catch (error) {
      return [targetProblem(this.path, 'was restored, but its metadata can’t be set', error)];
    }
    const isDescriptor = this.#parts.fd !== undefined;
    const time = { kind: 'path', path: this.#access, follow: isDescriptor } as const;
    return applyMetadata({ time, nodeType: 'directory', path: this.path }, metadata, this.#parts.context);
  }

  /** Gives the descriptor back; with `durable` the names in this folder are made durable first. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      if (this.#parts.context.durable) this.#sync();
    } finally {
      if (this.#parts.fd !== undefined) fs.closeSync(this.#parts.fd);
    }
  }

  #sync(): void {
    if (process.platform === 'win32') return;
    const fd = fs.openSync(this.#access, O_RDONLY | O_DIRECTORY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** A folder that was there may deny its owner to write; setMetadata gives it its mode in the end. */
  #makeWritable(): void {
    if (this.#parts.fd === undefined || process.geteuid?.() === 0) return;
    const stat = fileStatOf(fs.fstatSync(this.#parts.fd, { bigint: true }));
    const isOurs = stat.uid === process.geteuid?.();
    if (!isOurs || (stat.mode & PRIVATE_FOLDER) === PRIVATE_FOLDER) return;
    fs.chmodSync(this.#access, stat.mode | PRIVATE_FOLDER);
    this.#modeBefore ??= stat.mode;
  }

  /** For a folder that keeps its own metadata: takes back what was needed to write in it. */
  restoreMode(): readonly Problem[] {
    if (this.#modeBefore === undefined) return [];
    try {
      this.#check();
      fs.chmodSync(this.#access, this.#modeBefore);
      return [];
    } catch (error) {
      return [targetProblem(this.path, 'has other permissions than before', error)];
    }
  }

  /** Runs one step on a checked name; what a filesystem call throws becomes a Problem of that name. */
  #guarded<Result>(name: Uint8Array, what: string, step: (access: Buffer, path: Buffer) => Result): Result | Failed {
    const fault = targetNameFault(name);
    if (fault !== undefined) return { kind: 'failed', problem: nameProblem(this.path, name, fault) };
    const path = joinPath(this.path, name);
    try {
      this.#check();
      return step(joinPath(this.#access, name), path);
    } catch (error) {
      return failed(path, what, error);
    }
  }

  #placed(
    name: Uint8Array,
    options: TargetMetadata & { readonly replace: boolean },
    nodeType: FileStat['nodeType'],
    make: (temporary: Buffer) => void,
  ): PlaceResult {
    return this.#guarded(name, 'can’t be restored', (final, path): PlaceResult => {
      const { context } = this.#parts;
      const temporary = this.#temporary(make);
      const problems =
        this.#parts.fd === undefined
          ? applyMetadata({ time: { kind: 'path', path: temporary, follow: false }, nodeType, path }, options, context)
          : applyMetadataHeld({ access: temporary, nodeType, path }, options, context);
      return this.#place({ temporary, final, path, replace: options.replace, problems });
    });
  }

  #place(entry: {
    temporary: Buffer;
    final: Buffer;
    path: Buffer;
    replace: boolean;
    problems: readonly Problem[];
  }): PlaceResult {
    try {
      const identity = identityOf(lstatOf(entry.temporary));
      if (!placeEntry(entry.temporary, entry.final, entry.replace)) return exists(entry.path);
      return { kind: 'placed', identity, problems: entry.problems };
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EISDIR' || code === 'ENOTEMPTY' || code === 'EEXIST') return exists(entry.path);
      throw error;
    } finally {
      // After a failure it is still there; after renaming one hard link of a file over another one it is, too.
      removeQuietly(entry.temporary);
    }
  }

  #temporary(make: (access: Buffer) => void): Buffer {
    for (let tries = 1; ; tries++) {
      const access = joinPath(this.#access, this.#parts.context.temporaryName());
      try {
        make(access);
        return access;
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST' || tries >= TEMPORARY_TRIES_MAX) throw error;
      }
    }
  }

  /** Without descriptors: every folder up to the root must still be the one that was opened. */
  #check(): void {
    assert(this.#open, 'a target folder is not used after it is closed');
    if (this.#parts.fd !== undefined) return;
    const { parent } = this.#parts;
    if (parent !== undefined) parent.#check();
    if (!isStillFolder(this.path, this.identity))
      throw Object.assign(new Error('a folder of the target was replaced'), { code: 'ELOOP' });
  }
}

type OpenOptions = {
  readonly path: Buffer;
  readonly context: TargetContext;
  readonly parent: TargetFolder | undefined;
  readonly useDescriptor: boolean;
};

/** Opens what must be a folder and no link. Throws errno errors: ELOOP or ENOTDIR for anything else. */
export function openFolder(access: Buffer, options: OpenOptions): TargetFolder {
  const { path, context, parent, useDescriptor } = options;
  if (!useDescriptor) {
    const stat = lstatOf(access);
    if (stat.nodeType !== 'directory') throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
    return new TargetFolder({ path, context, parent, identity: identityOf(stat), fd: undefined });
  }
  const fd = fs.openSync(access, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const identity = identityOf(fileStatOf(fs.fstatSync(fd, { bigint: true })));
  return new TargetFolder({ path, context, parent, identity, fd });
}
