/**
 * Taking one snapshot in: what differs from what its lines' open versions stand for is written, and nothing else is
 * looked at.
 *
 * Where the tail's pages are known, the two trees are compared page by page and equal pages are stepped over, so the cost
 * follows the change. Where they are not (the first snapshot of a line, an interrupted walk, a tail that can't be read any
 * more), the whole new tree is compared with the rows. The second way finds out by itself whatever the rows hold, so
 * nothing ever needs to be undone: a walk that ended half-way is simply done again.
 *
 * A page that can't be read leaves out what stands in it, and the snapshot is not whole: lists that must be complete are
 * made without the catalog then. Later snapshots that share the page step over it and are not whole either.
 */
import { CairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { asBlobId } from '../../../src-shared/ids.ts';
import { Breather, equalBytes, utf8 } from '../kernel/index.ts';
import {
  DIFF_DEPTH_MAX,
  type DirectoryEntry,
  type Entry,
  type FolderRef,
  diffFolder,
  folderRef,
  iterateFolder,
  iterateFolderLeaves,
} from '../merkle/index.ts';
import { factsOf, sameFacts } from './facts.ts';
import type { SnapshotToTake } from './messages.ts';
import { OpenRows } from './open-rows.ts';
import type { PageSource } from './page-requests.ts';
import { type Line, ROWS_PER_READ, type Tail, type TreeReads } from './tree-reads.ts';
import type { FinishedLine, TreeWrites, Write } from './tree-writes.ts';

/** Changes that are collected before they are written as one transaction, of some 30 ms. */
const BATCH_WRITES = 4096;
/** Folders of one leaf page whose pages are asked for ahead. */
const FOLDERS_AHEAD = 16;
const NO_NAME = new Uint8Array(0);

/** The tail's pages do not lead to the rows: compare with the rows instead. */
class TailUnusable extends Error {}

type Left = Pick<FinishedLine, 'tail' | 'isWhole'>;
type Folder = { readonly path: number; readonly isNew: boolean; readonly depth: number };

export class SnapshotWalk {
  readonly #reads: TreeReads;
  readonly #writes: TreeWrites;
  readonly #pages: PageSource;
  readonly #signal: AbortSignal;
  readonly #breather = new Breather();
  #batch: Write[] = [];
  readonly #touched: number[] = [];
  #line = 0;
  #damagedPages = 0;

  constructor(options: {
    readonly reads: TreeReads;
    readonly writes: TreeWrites;
    readonly pages: PageSource;
    readonly signal: AbortSignal;
  }) {
    this.#reads = options.reads;
    this.#writes = options.writes;
    this.#pages = options.pages;
    this.#signal = options.signal;
  }

  /** `instanceId`: the copy it is read from. @throws what ends the walk: cancelled, the destination gone, the file unusable */
  async take(snapshot: SnapshotToTake, instanceId: string): Promise<void> {
    const lines: FinishedLine[] = [];
    const tops = await this.#tops(snapshot);
    const isOnlyFolder = snapshot.sources.length === 1 && tops[0]?.entry.nodeType === 'directory';
    for (const { entry, source } of tops) {
      const line = this.#reads.line(snapshot.host, source) ?? this.#newLine(snapshot.host, source);
      const left = await this.#source(line, entry);
      lines.push({ line: line.line, prefix: isOnlyFolder ? undefined : entry.name, ...left });
    }
    const isWhole = tops.length === snapshot.sources.length && lines.every((line) => line.isWhole);
    this.#writes.finish(snapshot, { writes: this.#batch, lines, isWhole, instanceId });
  }

  /** The entries of the sources, each with the path it was read from. None where the top page can't be read. */
  async #tops({ topPage, topLevel, sources }: SnapshotToTake) {
    const tops: { readonly entry: Entry; readonly source: Uint8Array }[] = [];
    try {
      for await (const entry of iterateFolder(this.#pages.fetch, asBlobId(topPage), topLevel)) {
        const source = sources.find(({ name }) => equalBytes(utf8(name), entry.name));
        // No writer of ours makes such a page; what it shows is found without the catalog.
        if (source === undefined || tops.some((top) => equalBytes(top.source, source.path))) return [];
        tops.push({ entry, source: source.path });
      }
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      return [];
    }
    return tops;
  }

  #newLine(host: string, source: Uint8Array): Line {
    return { ...this.#writes.addLine(host, source), tail: { kind: 'unknown' }, isTailWhole: true };
  }

  /** Gives what the line's open versions stand for now. */
  async #source({ line, root, tail, isTailWhole }: Line, entry: Entry): Promise<Left> {
    this.#line = line;
    this.#touched.push(line);
    this.#damagedPages = 0;
    const known = this.#reads.openVersion(root);
    const facts = factsOf(entry);
    if (known === undefined || !sameFacts(known, facts)) this.#set(root, facts);
    if (entry.nodeType !== 'directory') {
      if (tail.kind !== 'no-folder') await this.#below(root);
      return { tail: { kind: 'no-folder' }, isWhole: true };
    }
    const folder: Folder = { path: root, isNew: known === undefined, depth: 0 };
    const reached: Tail = { kind: 'folder', page: entry.page, level: entry.pageLevel };
    // What is new in it was compared, and may be damaged.
    if (await this.#follow(folder, tail, entry))
      return { tail: reached, isWhole: isTailWhole && this.#damagedPages === 0 };
    this.#damagedPages = 0;
    try {
      await this.#compare(folder, folderRef(entry));
      return { tail: reached, isWhole: this.#damagedPages === 0 };
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      return { tail: { kind: 'unknown' }, isWhole: false };
    }
  }

  /** From the tail's pages to the new ones; false where these pages can't be followed. */
  async #follow(folder: Folder, tail: Tail, entry: DirectoryEntry): Promise<boolean> {
    if (tail.kind !== 'folder') return false;
    try {
      const before: FolderRef = { page: asBlobId(tail.page), level: tail.level };
      if (!equalBytes(before.page, entry.page)) await this.#diff(folder, before, folderRef(entry));
      return true;
    } catch (error) {
      if (!(error instanceof TailUnusable) && !isIntegrityError(error)) throw error;
      // What comes next reads the rows.
      this.#flush();
      return false;
    }
  }

  /** Both trees in pages: what differs is written. */
  async #diff(folder: Folder, before: FolderRef, after: FolderRef): Promise<void> {
    checkDepth(folder);
    const { fetch } = this.#pages;
    for await (const pair of diffFolder(fetch, before, fetch, after)) {
      await this.#pause();
      const name = (pair.after ?? pair.before)?.name ?? NO_NAME;
      const known = this.#reads.pathId(folder.path, name);
      if (pair.before !== undefined && known === undefined) throw new TailUnusable();
      if (pair.after === undefined) {
        if (known !== undefined) await this.#gone(known);
        continue;
      }
      const facts = factsOf(pair.after);
      const isChanged = pair.before === undefined || !sameFacts(factsOf(pair.before), facts);
      const path = known ?? this.#add(folder.path, name, facts);
      if (known !== undefined && isChanged) this.#set(known, facts);
      if (pair.after.nodeType !== 'directory') continue;
      const child: Folder = { path, isNew: known === undefined, depth: folder.depth + 1 };
      if (pair.before?.nodeType !== 'directory') await this.#compare(child, folderRef(pair.after));
      else if (!equalBytes(pair.before.page, pair.after.page))
        await this.#diff(child, folderRef(pair.before), folderRef(pair.after));
    }
  }

  /** The new tree against the open rows, whatever they stand for. */
  async #compare(folder: Folder, after: FolderRef): Promise<void> {
    checkDepth(folder);
    const rows = new OpenRows(this.#reads, folder);
    const onDamage = (): void => {
      this.#damagedPages++;
    };
    const { page, level, totalEntries } = after;
    for await (const leaf of iterateFolderLeaves(this.#pages.fetch, page, level, onDamage, totalEntries)) {
      const folders: { readonly child: Folder; readonly entry: DirectoryEntry }[] = [];
      for (const entry of leaf) {
        await this.#pause();
        for (let row = rows.before(entry.name); row !== undefined; row = rows.before(entry.name))
          await this.#gone(row.path);
        const child = await this.#one(folder, entry, rows);
        if (entry.nodeType === 'directory') folders.push({ child, entry });
      }
      for (const [index, { child, entry }] of folders.entries()) {
        if (index % FOLDERS_AHEAD === 0)
          this.#pages.prefetch(folders.slice(index, index + FOLDERS_AHEAD).map((ahead) => ahead.entry.page));
        await this.#compare(child, folderRef(entry));
      }
    }
    for (let row = rows.next(); row !== undefined; row = rows.next()) await this.#gone(row.path);
  }

  /** One entry against its row. */
  async #one(folder: Folder, entry: Entry, rows: OpenRows): Promise<Folder> {
    const facts = factsOf(entry);
    const row = rows.at(entry.name);
    const depth = folder.depth + 1;
    if (row !== undefined) {
      if (row.facts.nodeType === 'directory' && entry.nodeType !== 'directory') await this.#below(row.path);
      if (!sameFacts(row.facts, facts)) this.#set(row.path, facts);
      return { path: row.path, isNew: false, depth };
    }
    const known = folder.isNew ? undefined : this.#reads.pathId(folder.path, entry.name);
    if (known === undefined) return { path: this.#add(folder.path, entry.name, facts), isNew: true, depth };
    this.#set(known, facts);
    return { path: known, isNew: false, depth };
  }

  /** A path and all below it are not there any more. */
  async #gone(path: number): Promise<void> {
    this.#push({ kind: 'gone', path });
    await this.#below(path);
  }

  async #below(path: number): Promise<void> {
    const folders = [path];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      let after: Uint8Array = NO_NAME;
      for (;;) {
        await this.#pause();
        const children = this.#reads.openChildren(folder, after);
        for (const child of children) {
          this.#push({ kind: 'gone', path: child.path });
          if (child.facts.nodeType === 'directory') folders.push(child.path);
          after = child.name;
        }
        if (children.length < ROWS_PER_READ) break;
      }
    }
  }

  #set(path: number, facts: ReturnType<typeof factsOf>): void {
    this.#push({ kind: 'set', path, isNew: undefined, facts });
  }

  #add(parent: number, name: Uint8Array, facts: ReturnType<typeof factsOf>): number {
    const path = this.#writes.newPath();
    this.#push({ kind: 'set', path, isNew: { line: this.#line, parent, name }, facts });
    return path;
  }

  #push(write: Write): void {
    this.#batch.push(write);
  }

  /** Now and then: writes what has come together, hears others, and ends if that is wanted. */
  async #pause(): Promise<void> {
    if (this.#batch.length >= BATCH_WRITES) this.#flush();
    if (this.#signal.aborted) throw new CairnError('engine/cancelled', 'The catalog was stopped.');
    await this.#breather.step();
  }

  #flush(): void {
    this.#writes.part(this.#touched, this.#batch);
    this.#batch = [];
  }
}

function checkDepth({ depth }: Folder): void {
  if (depth > DIFF_DEPTH_MAX)
    throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
}
