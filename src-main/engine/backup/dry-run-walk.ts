/**
 * The walk of a dry run: every folder that a backup would list is listed and its entries decided by the same rules, but
 * no file is opened. What a rule leaves out is measured, a folder with all that is in it, so that a person can see what
 * the rule is worth; only folders on other file systems are not entered.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { EntryCounts, Progress, RuleRef } from '../../../src-shared/model/index.ts';
import { Breather } from '../kernel/index.ts';
import { type Entry, FILE_FLAG, type PageFetch, canonicalName, nodePath } from '../merkle/index.ts';
import {
  type FileStat,
  type Filter,
  type FolderFilter,
  type SourceEntry,
  type SourceFolder,
  closeSourceFolder,
  followLink,
  joinPath,
  listFolder,
  openSourceChild,
  openSourceRoot,
  resolvePath,
  timeProblem,
} from '../source/index.ts';
import { countEntries } from './counters.ts';
import { ParentFolder } from './dry-run-parent.ts';
import { NOTHING, type RuleTally, plus } from './dry-run-rules.ts';
import { BLOCK_BYTES } from './entries.ts';

/** As in a backup. */
const DEPTH_MAX = 8192;
const RACY_WINDOW_NS = 2_000_000_000n;

export type PlanCounts = EntryCounts & {
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnmodified: number;
  readonly filesRemoved: number;
  readonly bytesToRead: number;
  readonly bytesOnDisk: number;
};

export type PlanWalkOptions = {
  readonly tally: RuleTally;
  readonly problems: Problem[];
  readonly followLinks: boolean;
  readonly reread: boolean;
  /** Reads the parent's pages. */
  readonly fetch: PageFetch;
  /** When the parent's reading began, in ns since 1970. */
  readonly previousReadNs: bigint | undefined;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal | undefined;
};

type Place = {
  readonly folder: SourceFolder;
  readonly relativePath: string;
  readonly depth: number;
  readonly ancestors: readonly FileStat[];
  readonly above: FolderFilter | undefined;
};

export class PlanWalk {
  readonly #options: PlanWalkOptions;
  readonly #breather = new Breather();
  #counts = NOTHING;
  #filesNew = 0;
  #filesChanged = 0;
  #filesUnmodified = 0;
  #filesRemoved = 0;
  #bytesToRead = 0;
  #bytesOnDisk = 0;
  #unmeasured = 0;

  constructor(options: PlanWalkOptions) {
    this.#options = options;
  }

  get counts(): PlanCounts {
    return {
      ...this.#counts,
      filesNew: this.#filesNew,
      filesChanged: this.#filesChanged,
      filesUnmodified: this.#filesUnmodified,
      filesRemoved: this.#filesRemoved,
      bytesToRead: this.#bytesToRead,
      bytesOnDisk: this.#bytesOnDisk,
    };
  }

  get unmeasured(): number {
    return this.#unmeasured;
  }

  /** A whole source that is a folder. Throws source/unreadable where it can't be listed, as a backup does. */
  async source(folder: SourceFolder, stat: FileStat, filter: Filter, previous: Entry | undefined): Promise<void> {
    const place = { folder, relativePath: '', depth: 0, ancestors: [stat], above: undefined };
    const failed = await this.#folder(place, stat, filter, previous);
    if (failed !== undefined) throw new CairnError('source/unreadable', `${failed.path}: ${failed.message}.`);
  }

  /** A file that is part of the backup: a source of its own, or met on the way. */
  file(stat: FileStat, previous: Entry | undefined): void {
    this.#counts = plus(this.#counts, { ...NOTHING, files: 1, bytes: stat.size });
    this.#bytesOnDisk += Math.min(stat.size, stat.blocks * BLOCK_BYTES);
    const before = previous?.nodeType === 'file' ? previous : undefined;
    if (before !== undefined && this.#isUnmodified(before, stat)) {
      this.#filesUnmodified++;
      return;
    }
    this.#bytesToRead += stat.size;
    if (before === undefined) this.#filesNew++;
    else this.#filesChanged++;
  }

  async removed(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) this.#filesRemoved += (await countEntries(entry, this.#options.fetch)).files;
  }

  /** By the same signs as a backup (file-backup.ts), but for a chunk that the repository lost and folders that changed places. */
  #isUnmodified(before: Entry & { readonly nodeType: 'file' }, { size, mtimeNs, ctimeNs }: FileStat): boolean {
    const { reread, previousReadNs } = this.#options;
    if (reread || before.size !== size || before.mtimeNs !== mtimeNs) return false;
    if (((before.fileFlags ?? 0) & FILE_FLAG.inconsistent) !== 0) return false;
    if (previousReadNs === undefined) return false;
    const longAgoNs = previousReadNs - RACY_WINDOW_NS;
    return mtimeNs <= longAgoNs && ctimeNs <= longAgoNs;
  }

  /** Gives the problem where the folder can't be listed: then nothing in it counts, and nothing of it as removed. */
  async #folder(
    place: Place,
    stat: FileStat,
    filter: Filter,
    previous: Entry | undefined,
  ): Promise<Problem | undefined> {
    await this.#turn(place.folder.path);
    const { folder, relativePath } = place;
    if (place.depth > DEPTH_MAX) {
      const message = `this folder lies deeper than ${DEPTH_MAX} folders`;
      return { path: escapePath(folder.path), code: 'too-deep', message };
    }
    const listing = listFolder(folder, { expected: stat });
    if ('failed' in listing) return listing.failed;
    const rules = filter.enter(folder, relativePath, listing.entries, place.above);
    this.#options.problems.push(...listing.problems, ...rules.problems);
    this.#counts = plus(this.#counts, { ...NOTHING, folders: 1 });
    const before = new ParentFolder(
      this.#options.fetch,
      previous?.nodeType === 'directory' ? { page: previous.page, level: previous.pageLevel } : undefined,
    );
    const unread = new Set(listing.problems.map(({ path }) => path));
    const gone = (passed: readonly Entry[]): Promise<void> =>
      this.removed(passed.filter(({ name }) => !unread.has(escapePath(joinPath(folder.path, name)))));
    for (const listed of listing.entries) {
      const pause = this.#breather.step();
      if (pause !== undefined) await pause;
      const { passed, match } = await before.upTo(listed.name);
      await gone(passed);
      await this.#entry({ ...place, above: rules }, listed, rules, filter, match);
    }
    await gone((await before.upTo(undefined)).passed);
    return undefined;
  }

  async #entry(
    place: Place,
    listed: SourceEntry,
    rules: FolderFilter,
    filter: Filter,
    match: Entry | undefined,
  ): Promise<void> {
    const { text } = canonicalName(listed.name);
    const decision = rules.decide(text, listed.stat);
    if (!decision.include) {
      if (match !== undefined) await this.removed([match]);
      await this.#leftOut(place.folder, listed, decision.rule);
      return;
    }
    const below = { ...place, relativePath: nodePath(place.relativePath, text), depth: place.depth + 1 };
    if (decision.contents !== undefined) {
      this.#counts = plus(this.#counts, { ...NOTHING, folders: 1 });
      this.#options.tally.add(decision.contents, escapePath(joinPath(place.folder.path, listed.name)), NOTHING);
      this.#unmeasured++;
      if (match?.nodeType === 'directory') await this.removed([match]);
      return;
    }
    const { nodeType, mtimeNs } = listed.stat;
    const ofTime = timeProblem(joinPath(place.folder.path, listed.name), mtimeNs);
    if (ofTime !== undefined) this.#options.problems.push(ofTime);
    if (nodeType === 'directory') {
      const opened = openSourceChild(place.folder, listed.name, listed.stat);
      await this.#directory(below, listed.stat, opened, filter, match);
    } else if (nodeType === 'file') this.file(listed.stat, match);
    else if (nodeType === 'symlink' && this.#options.followLinks) await this.#follow(below, listed, filter, match);
    else this.#other();
  }

  async #directory(
    below: Place,
    stat: FileStat,
    opened: ReturnType<typeof openSourceChild>,
    filter: Filter,
    match: Entry | undefined,
  ): Promise<void> {
    if ('failed' in opened) {
      this.#options.problems.push(opened.failed);
      return;
    }
    try {
      const ancestors = this.#options.followLinks ? [...below.ancestors, stat] : [];
      const failed = await this.#folder({ ...below, folder: opened, ancestors }, stat, filter, match);
      if (failed !== undefined) this.#options.problems.push(failed);
    } finally {
      closeSourceFolder(opened);
    }
  }

  async #follow(below: Place, listed: SourceEntry, filter: Filter, match: Entry | undefined): Promise<void> {
    const { folder, ancestors } = below;
    const target = followLink(resolvePath(folder, listed.name), joinPath(folder.path, listed.name), ancestors);
    if ('failed' in target) {
      this.#options.problems.push(target.failed);
      this.#other();
    } else if (target.stat.nodeType === 'directory') {
      await this.#directory(below, target.stat, openSourceRoot(target.path, folder.pinned), filter, match);
    } else if (target.stat.nodeType === 'file') this.file(target.stat, match);
    else this.#other();
  }

  #other(): void {
    this.#counts = plus(this.#counts, { ...NOTHING, others: 1 });
  }

  async #leftOut(folder: SourceFolder, listed: SourceEntry, rule: RuleRef): Promise<void> {
    const path = escapePath(joinPath(folder.path, listed.name));
    const counts = await this.#measure(folder, listed, rule.origin === 'one-file-system' ? 'not' : 'all', 0);
    this.#options.tally.add(rule, path, counts);
  }

  /** An entry that is left out, a folder with all in it on the same file system. No rules are asked below. */
  async #measure(parent: SourceFolder, listed: SourceEntry, enter: 'all' | 'not', depth: number): Promise<EntryCounts> {
    const { nodeType, size, device } = listed.stat;
    if (nodeType === 'file') return { ...NOTHING, files: 1, bytes: size };
    if (nodeType !== 'directory') return { ...NOTHING, others: 1 };
    let counts: EntryCounts = { ...NOTHING, folders: 1 };
    const folder =
      enter === 'all' && depth <= DEPTH_MAX ? openSourceChild(parent, listed.name, listed.stat) : undefined;
    if (folder === undefined || 'failed' in folder) {
      this.#unmeasured++;
      return counts;
    }
    try {
      await this.#turn(folder.path);
      const listing = listFolder(folder, { expected: listed.stat });
      if ('failed' in listing) {
        this.#unmeasured++;
        return counts;
      }
      for (const entry of listing.entries) {
        const pause = this.#breather.step();
        if (pause !== undefined) await pause;
        const isHere = entry.stat.device === device;
        counts = plus(counts, await this.#measure(folder, entry, isHere ? 'all' : 'not', depth + 1));
      }
      return counts;
    } finally {
      closeSourceFolder(folder);
    }
  }

  /** Lets others have their turn, hears a signal, and tells where the walk is. */
  async #turn(path: Uint8Array): Promise<void> {
    await this.#breather.step();
    const { signal, onProgress } = this.#options;
    if (signal?.aborted === true) throw new CairnError('engine/cancelled', 'The dry run was cancelled.');
    const { files, bytes } = this.#counts;
    onProgress({
      phase: 'scan',
      files,
      bytes,
      filesTotal: 0,
      bytesTotal: 0,
      get current() {
        return escapePath(path);
      },
    });
  }
}
