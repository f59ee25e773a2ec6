/**
 * A folder with a real watcher on it: what it reported so far, and when it has reported everything.
 *
 * A watcher is done when it has told of a file written after everything else, since events keep their order, and then for
 * a moment nothing more comes of folders that it had to walk. The second part is a guess about time, so it is repeated for
 * a while before a test may say that something was missed.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openWatcher } from '../../src-main/engine/source/watch/choose.ts';
import type { WatchEvent, WatchOptions, Watcher, WatcherKind } from '../../src-main/engine/source/watch/watcher.ts';

export const WATCHER_KINDS: readonly WatcherKind[] = ['inotify', 'chokidar', 'parcel'];

/** Names that a string can't hold exist on Linux only. */
const SENTINEL = 'sentinel~';
const STEP_MS = 25;
/** Quiet after the sentinel: @parcel/watcher gathers folders for 300 ms. */
const QUIET_MS: Readonly<Record<WatcherKind, number>> = { inotify: 100, chokidar: 250, parcel: 700 };
const SENTINEL_MS_MAX = 30_000;

export class WatchLab {
  readonly root: Buffer;
  readonly outside: Buffer;
  readonly kind: WatcherKind;
  /** Folders reported since `forget`, as latin1. */
  readonly dirty = new Set<string>();
  readonly lost: WatchEvent[] = [];
  readonly #folder: string;
  #watcher: Watcher | undefined;
  #count = 0;
  #lastMs = 0;

  constructor(kind: WatcherKind) {
    this.kind = kind;
    this.#folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-watch-')));
    this.root = Buffer.from(path.join(this.#folder, 'root'));
    this.outside = Buffer.from(path.join(this.#folder, 'outside'));
    fs.mkdirSync(this.root);
    fs.mkdirSync(this.outside);
    fs.mkdirSync(this.path(SENTINEL));
  }

  path(...names: readonly (string | Buffer)[]): Buffer {
    return Buffer.concat([this.root, ...names.flatMap((name) => [Buffer.from('/'), Buffer.from(name)])]);
  }

  get folders(): number {
    return this.#watcher?.folders ?? 0;
  }

  async open(options: Partial<WatchOptions> = {}): Promise<void> {
    this.#watcher = await openWatcher([this.kind], async () => ({
      root: this.root,
      canary: undefined,
      isIgnored: () => false,
      report: (event) => this.#take(event),
      signal: new AbortController().signal,
      ...options,
    }));
  }

  async reopen(): Promise<void> {
    await this.#watcher?.close();
    this.forget();
    await this.open();
  }

  forget(): void {
    this.dirty.clear();
    this.lost.length = 0;
  }

  isDirty(...names: readonly (string | Buffer)[]): boolean {
    return this.dirty.has(this.path(...names).toString('latin1'));
  }

  /** Waits until everything that was done before has been reported. */
  async settle(): Promise<void> {
    const sentinel = this.path(SENTINEL).toString('latin1');
    this.dirty.delete(sentinel);
    const endMs = performance.now() + SENTINEL_MS_MAX;
    fs.writeFileSync(this.path(SENTINEL, 'file'), String(this.#count++));
    while (!this.dirty.has(sentinel) && this.lost.length === 0) {
      if (performance.now() > endMs) throw new Error(`${this.kind} did not report the sentinel`);
      await delay(STEP_MS);
    }
    while (performance.now() - this.#lastMs < QUIET_MS[this.kind]) await delay(STEP_MS);
    this.dirty.delete(sentinel);
  }

  /** As often as it takes for `isDone`, or until it is certain that more time would not help. */
  async settleUntil(isDone: () => boolean): Promise<void> {
    for (let tries = 0; tries < 8; tries++) {
      await this.settle();
      if (isDone() || this.lost.length > 0) return;
      await delay(QUIET_MS[this.kind] * tries);
    }
  }

  async closeWatcher(): Promise<void> {
    await this.#watcher?.close();
    this.#watcher = undefined;
  }

  async close(): Promise<void> {
    await this.closeWatcher();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  #take(event: WatchEvent): void {
    this.#lastMs = performance.now();
    if (event.kind === 'dirty') this.dirty.add(event.folder.toString('latin1'));
    else this.lost.push(event);
  }
}

/** What each folder is like: its own attributes and its listing, as text. Paths as latin1. */
export type Folders = ReadonlyMap<string, FolderState>;
export type FolderState = {
  readonly own: string;
  readonly listing: string;
  /** Inodes of the files in it, … */
  readonly files: readonly bigint[];
  /** … and of those that have other names too. */
  readonly linked: readonly bigint[];
};

export function foldersOf(root: Buffer): Folders {
  const found = new Map<string, FolderState>();
  const visit = (folder: Buffer): void => {
    const { mode, mtimeNs } = fs.lstatSync(folder, { bigint: true });
    const lines: string[] = [];
    const [files, linked]: [bigint[], bigint[]] = [[], []];
    const names = fs.readdirSync(folder, { encoding: 'buffer' }).toSorted((left, right) => left.compare(right));
    for (const name of names) {
      const entry = Buffer.concat([folder, Buffer.from('/'), name]);
      const stats = fs.lstatSync(entry, { bigint: true });
      const target = stats.isSymbolicLink() ? fs.readlinkSync(entry, { encoding: 'buffer' }).toString('latin1') : '';
      // Size and time of a folder are its own: they change with its listing.
      const content = stats.isDirectory() ? '' : `${stats.size} ${stats.mtimeNs}`;
      lines.push(`${name.toString('latin1')}\0${stats.mode} ${content} ${target}`);
      if (stats.isFile()) files.push(stats.ino);
      if (stats.isFile() && stats.nlink > 1n) linked.push(stats.ino);
      if (stats.isDirectory() && name.toString() !== SENTINEL) visit(entry);
    }
    found.set(folder.toString('latin1'), { own: `${mode} ${mtimeNs}`, listing: lines.join('\0'), files, linked });
  };
  visit(root);
  return found;
}

/**
 * Folders that are other than they were and were not reported. A file with two names counts as reported in all its
 * folders when it is in one: the kernel tells of the name that was used, and whoever looks finds the others by inode.
 * The second name may have come and gone `meanwhile`: linked, written through the new name, and that one deleted.
 */
export function missedFolders(
  before: Folders,
  after: Folders,
  dirty: ReadonlySet<string>,
  meanwhile: readonly Folders[] = [],
): readonly string[] {
  const inodes = new Set<bigint>();
  for (const folder of dirty) {
    for (const states of [before, ...meanwhile, after])
      for (const inode of states.get(folder)?.linked ?? []) inodes.add(inode);
  }
  const parentOf = (folder: string): string => folder.slice(0, folder.lastIndexOf('/'));
  return [...after].flatMap(([folder, now]) => {
    const was = before.get(folder);
    const isLinked = [...now.files, ...(was?.files ?? [])].some((inode) => inodes.has(inode));
    if (dirty.has(folder) || (isLinked && was !== undefined)) return [];
    if (was === undefined || was.listing !== now.listing) return [folder];
    // Its own attributes are looked at with it or with the folder above.
    return was.own === now.own || dirty.has(parentOf(folder)) ? [] : [folder];
  });
}
