/**
 * Restoring a tree into a target folder: depth first, each file written under a temporary name, hashed, and given its
 * name only when every byte was right. Within a folder links come after everything else, and the folder's own time and
 * mode last of all.
 *
 * Invariants: nothing outside the target is touched (target-folder.ts); a damaged file is a problem, and its old state
 * stays; nothing that is in the way is lost without being asked for: a folder where a file belongs is put aside.
 */
import { CairnError, type Problem, isIntegrityError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { RestoreReport } from '../../../src-shared/model/index.ts';
import { Breather } from '../kernel/index.ts';
import { fetchPages, readContent } from '../browse/index.ts';
import { type Entry, type FileEntry, type FolderRef, type SymlinkEntry, iterateFolder } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { FileStat } from '../source/index.ts';
import type { RestoreOptions } from './options.ts';
import type { Selection } from './selection.ts';
import { type PlaceResult, type TargetFolder, type TargetMetadata, isTemporaryName } from './target.ts';

const DEPTH_MAX = 8192;

/** A folder of the target that is made only when something is to be put into it. */
export type LazyFolder = {
  /** The open folder; undefined in a dry run where it does not exist, or where a problem keeps us out (already told). */
  readonly open: () => TargetFolder | undefined;
  /** What is there already, without making anything. */
  readonly peek: () => TargetFolder | undefined;
};

export class RestoreRun {
  readonly #repository: Repository;
  readonly #options: RestoreOptions;
  readonly #selection: Selection;
  readonly #breather = new Breather();
  readonly #problems: Problem[] = [];
  readonly #conflicts: string[] = [];
  #restored = 0;
  #unchanged = 0;
  #skipped = 0;
  #replaced = 0;
  #removed = 0;
  #bytes = 0;
  #files = 0;
  #filesTotal = 0;
  #bytesTotal = 0;

  constructor(repository: Repository, options: RestoreOptions, selection: Selection) {
    this.#repository = repository;
    this.#options = options;
    this.#selection = selection;
  }

  report(): RestoreReport {
    return {
      restored: this.#restored,
      unchanged: this.#unchanged,
      skipped: this.#skipped,
      replaced: this.#replaced,
      removed: this.#removed,
      bytes: this.#bytes,
      conflicts: this.#conflicts,
      problems: this.#problems,
    };
  }

  expect(entries: number, bytes: number): void {
    this.#filesTotal += entries;
    this.#bytesTotal += bytes;
  }

  problem(problem: Problem): void {
    this.#problems.push(problem);
  }

  /** Restores the entries of a stored folder into a target folder. `path` is relative to what is restored. */
  async folder(stored: FolderRef, target: LazyFolder, path: string, depth = 0): Promise<void> {
    if (depth > DEPTH_MAX) throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
    const links: SymlinkEntry[] = [];
    const names = new Set<string>();
    let isWhole = true;
    try {
      for await (const entry of iterateFolder(fetchPages(this.#repository), stored.page, stored.level)) {
        names.add(Buffer.from(entry.name).toString('latin1'));
        if (entry.nodeType === 'symlink') links.push(entry);
        else await this.entry(entry, target, join(path, entry.name), depth);
      }
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      isWhole = false;
      this.#problems.push({
        path: path || '.',
        code: error.code,
        message: `the rest of this folder can’t be read: ${error.message}`,
      });
    }
    for (const link of links) await this.entry(link, target, join(path, link.name), depth);
    if (this.#options.delete && isWhole) this.#removeOthers(target, names, path);
  }

  /** Restores one entry under its own name. */
  async entry(entry: Entry, into: LazyFolder, path: string, depth: number): Promise<void> {
    await this.#breather.step();
    if (this.#options.signal?.aborted === true) throw new CairnError('engine/cancelled', 'The restore was cancelled.');
    if (this.#selection.isExcluded(path)) return;
    if (entry.nodeType === 'directory') {
      await this.#directory(entry, into, path, depth);
      return;
    }
    if (!this.#isSelected(path)) return;
    this.#files++;
    this.#tell(path);
    const existing = this.#existing(into, entry.name);
    if (existing === 'problem') return;
    const decision = existing === undefined ? 'restore' : this.#decide(entry, existing, path);
    if (decision === 'unchanged') this.#unchanged++;
    else if (decision === 'skip') this.#skipped++;
    else await this.#place(entry, into, path, existing, decision);
  }

  async #directory(
    entry: Entry & { readonly nodeType: 'directory' },
    into: LazyFolder,
    path: string,
    depth: number,
  ): Promise<void> {
    const isSelected = this.#isSelected(path);
    const state = { folder: undefined as TargetFolder | undefined, created: false, tried: false };
    const inside: LazyFolder = {
      open: () => {
        if (!state.tried) {
          state.tried = true;
          this.#openChild(entry, into, path, state);
        }
        return state.folder;
      },
      peek: () => {
        if (state.folder !== undefined || state.tried) return state.folder;
        const child = into.peek()?.child(entry.name, { create: false });
        if (child?.kind !== 'opened') return undefined;
        state.folder = child.folder;
        return state.folder;
      },
    };
    try {
      if (isSelected) inside.open();
      const selection =
        isSelected && !this.#selection.takesAll ? { ...this.#selection, isIncluded: () => true } : this.#selection;
      const run = selection === this.#selection ? this : this.#with(selection);
      await run.folder({ page: entry.page, level: entry.pageLevel }, inside, path, depth + 1);
      const isOurs = state.tried && state.folder !== undefined && !this.#options.dryRun;
      if (isOurs && state.folder !== undefined) this.#problems.push(...state.folder.setMetadata(this.#metadata(entry)));
    } finally {
      state.folder?.close();
    }
  }

  /** The same run below a folder that was asked for by name: everything in it is wanted. */
  #with(selection: Selection): Pick<RestoreRun, 'folder'> {
    return {
      folder: async (stored, target, path, depth) => {
        const whole = new RestoreRun(this.#repository, this.#options, selection);
        await whole.folder(stored, target, path, depth);
        this.#add(whole);
      },
    };
  }

  #add(other: RestoreRun): void {
    this.#restored += other.#restored;
    this.#unchanged += other.#unchanged;
    this.#skipped += other.#skipped;
    this.#replaced += other.#replaced;
    this.#removed += other.#removed;
    this.#bytes += other.#bytes;
    this.#files += other.#files;
    for (const problem of other.#problems) this.#problems.push(problem);
    for (const conflict of other.#conflicts) this.#conflicts.push(conflict);
  }

  #openChild(
    entry: Entry,
    into: LazyFolder,
    path: string,
    state: { folder: TargetFolder | undefined; created: boolean },
  ): void {
    const { dryRun, overwrite } = this.#options;
    // What was only looked at may be closed to its owner; it is opened again to be written to.
    state.folder?.close();
    state.folder = undefined;
    const parent = dryRun ? into.peek() : into.open();
    if (parent === undefined) {
      if (dryRun) this.#restored++;
      return;
    }
    let child = parent.child(entry.name, { create: !dryRun });
    if (child.kind === 'conflict') {
      this.#conflicts.push(path);
      if (overwrite === 'never') {
        this.#skipped++;
        return;
      }
      if (dryRun) {
        this.#restored++;
        return;
      }
      const aside = parent.renameAside(entry.name);
      if (aside.kind === 'failed') {
        this.#problems.push(aside.problem);
        return;
      }
      child = parent.child(entry.name, { create: true });
    }
    if (child.kind === 'opened') {
      if (child.created) this.#restored++;
      state.folder = child.folder;
      state.created = child.created;
    } else if (child.kind === 'missing') this.#restored++;
    else this.#problems.push(child.problem);
  }

  #existing(into: LazyFolder, name: Uint8Array): FileStat | undefined | 'problem' {
    const folder = into.peek();
    if (folder === undefined) return undefined;
    const found = folder.lstat(name);
    if (found === undefined || !('kind' in found)) return found;
    this.#problems.push(found.problem);
    return 'problem';
  }

  /** What to do about something of that name that is there already. */
  #decide(entry: Entry, existing: FileStat, path: string): 'unchanged' | 'skip' | 'replace' | 'put-aside' {
    const { overwrite } = this.#options;
    const isSame = this.#isSame(entry, existing);
    if (overwrite === 'never') return isSame ? 'unchanged' : 'skip';
    if (isSame && overwrite !== 'always') return 'unchanged';
    if (overwrite === 'if-newer' && entry.mtimeNs <= existing.mtimeNs) return 'skip';
    if (existing.nodeType === 'directory' || overwrite === 'keep-both') {
      this.#conflicts.push(path);
      return 'put-aside';
    }
    return 'replace';
  }

  /** By type, size, time and mode, as a backup would see it. A link is compared by its target when it is written. */
  #isSame(entry: Entry, existing: FileStat): boolean {
    if (entry.nodeType !== existing.nodeType || entry.mtimeNs !== existing.mtimeNs) return false;
    const isSameOwner = !this.#options.restoreOwner || (entry.uid === existing.uid && entry.gid === existing.gid);
    if (!isSameOwner) return false;
    if (entry.nodeType === 'symlink') return entry.target.length === existing.size;
    return entry.mode === existing.mode && (entry.nodeType !== 'file' || entry.size === existing.size);
  }

  async #place(
    entry: Entry,
    into: LazyFolder,
    path: string,
    existing: FileStat | undefined,
    decision: 'restore' | 'replace' | 'put-aside',
  ): Promise<void> {
    if (this.#options.dryRun) {
      this.#count(entry, decision);
      return;
    }
    const folder = into.open();
    if (folder === undefined) return;
    const put = (): PlaceResult | undefined => {
      if (decision !== 'put-aside' || existing === undefined) return undefined;
      const aside = folder.renameAside(entry.name);
      return aside.kind === 'failed' ? aside : undefined;
    };
    const result = await this.#write(entry, folder, path, decision === 'replace', put);
    if (result === undefined) return;
    if (result.kind === 'placed') {
      this.#count(entry, decision);
      for (const problem of result.problems) this.#problems.push(problem);
    } else this.#problems.push(result.problem);
  }

  #count(entry: Entry, decision: 'restore' | 'replace' | 'put-aside'): void {
    if (decision === 'replace') this.#replaced++;
    else this.#restored++;
    if (entry.nodeType === 'file') this.#bytes += entry.size;
  }

  /** `makeWay` is called when the new entry is ready to take its name. */
  async #write(
    entry: Entry,
    folder: TargetFolder,
    path: string,
    replace: boolean,
    makeWay: () => PlaceResult | undefined,
  ): Promise<PlaceResult | undefined> {
    const options = { ...this.#metadata(entry), replace };
    switch (entry.nodeType) {
      case 'file':
        return this.#writeFile(entry, folder, path, options, makeWay);
      case 'symlink':
        return makeWay() ?? folder.symlink(entry.name, entry.target, options);
      case 'fifo':
      case 'socket':
        return makeWay() ?? folder.special(entry.name, { nodeType: entry.nodeType }, options);
      case 'char-device':
      case 'block-device':
        return (
          makeWay() ??
          folder.special(entry.name, { nodeType: entry.nodeType, major: entry.major, minor: entry.minor }, options)
        );
      case 'directory':
        return undefined;
    }
  }

  async #writeFile(
    entry: FileEntry,
    folder: TargetFolder,
    path: string,
    options: TargetMetadata & { readonly replace: boolean },
    makeWay: () => PlaceResult | undefined,
  ): Promise<PlaceResult> {
    const created = folder.createFile(entry.name);
    if (created.kind === 'failed') return created;
    const { file } = created;
    try {
      for await (const bytes of readContent(this.#repository, entry)) {
        const problem = file.write(bytes);
        if (problem !== undefined) {
          file.abort();
          return { kind: 'failed', problem };
        }
        this.#tell(path);
      }
    } catch (error) {
      file.abort();
      if (!isIntegrityError(error)) throw error;
      return {
        kind: 'failed',
        problem: { path, code: error.code, message: `not restored, because its data is damaged: ${error.message}` },
      };
    }
    const inTheWay = makeWay();
    if (inTheWay !== undefined) {
      file.abort();
      return inTheWay;
    }
    return file.finish(options);
  }

  /** With --delete: what the snapshot does not have, unless a pattern leaves it alone. */
  #removeOthers(target: LazyFolder, names: ReadonlySet<string>, path: string): void {
    const folder = target.peek();
    const found = folder?.list();
    if (folder === undefined || found === undefined) return;
    if ('kind' in found) {
      this.#problems.push(found.problem);
      return;
    }
    for (const name of found) {
      const relative = join(path, name);
      const isOurs = names.has(name.toString('latin1')) || isTemporaryName(name);
      if (isOurs || this.#selection.isExcluded(relative) || !this.#isSelected(relative)) continue;
      if (!this.#options.dryRun) {
        const removed = folder.removeEntry(name);
        if (removed.kind === 'failed') {
          this.#problems.push(removed.problem);
          continue;
        }
      }
      this.#removed++;
    }
  }

  #isSelected(path: string): boolean {
    return this.#selection.isIncluded(path);
  }

  #metadata(entry: Entry): TargetMetadata {
    const owner = this.#options.restoreOwner ? { uid: entry.uid, gid: entry.gid } : {};
    return { mode: entry.mode, mtimeNs: entry.mtimeNs, ...owner };
  }

  #tell(current: string): void {
    this.#options.onProgress({
      phase: 'restore',
      files: this.#files,
      bytes: this.#bytes,
      filesTotal: this.#filesTotal,
      bytesTotal: this.#bytesTotal,
      current,
    });
  }
}

function join(path: string, name: Uint8Array): string {
  const text = escapePath(name);
  return path === '' ? text : `${path}/${text}`;
}
