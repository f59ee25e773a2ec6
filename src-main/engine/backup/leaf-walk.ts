/**
 * The entries of a folder that are no folders: taken over from the parent snapshot, handed to whoever reads them, or made
 * into entries on the spot.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { CHUNKING } from '../codec/index.ts';
import type { RateBucket } from '../kernel/index.ts';
import { type Entry, type FileEntry, type NodeType, canonicalName, compareEntries, nodePath } from '../merkle/index.ts';
import { type FileStat, joinPath, resolvePath } from '../source/index.ts';
import { countEntries } from './counters.ts';
import { type Child, carried } from './entries.ts';
import { type FileBackupOptions, type Seen, describeEntry, isUnmodified, storeFile, takeOver } from './file-backup.ts';
import type { LinkGroups } from './link-groups.ts';
import type { LiveNotes } from './live.ts';
import type { PreviousEntry } from './previous.ts';
import type { ReadingFolder, SmallFiles } from './small-files.ts';

export type LeafOptions = FileBackupOptions & {
  readonly smallFiles: SmallFiles;
  readonly links: LinkGroups;
  /** Only where not everything is walked. */
  readonly live: LiveNotes | undefined;
  /** How fast sources may be read. */
  readonly reading: RateBucket;
};

/** So many bytes may be asked for before the limit of reading is asked. */
const READ_UNPAID_BYTES = 1024 * 1024;

type Match = PreviousEntry | undefined;

export class LeafWalk {
  readonly #options: LeafOptions;
  /** Bytes of small files handed to whoever reads, and not yet taken from the bucket. Large ones pay by themselves. */
  #unpaid = 0;

  constructor(options: LeafOptions) {
    this.#options = options;
  }

  /** A row by itself. `linkGroup` where it was asked for already: each question counts as a name. */
  seen({ place, assembly }: ReadingFolder, row: number, match: Match, linkGroup?: number): Seen {
    const name = assembly.listing.name(row);
    const stat = assembly.listing.stat(row);
    const access = resolvePath(place.folder, name);
    return {
      name,
      stat,
      access,
      attributesOf: access,
      path: joinPath(place.folder.path, name),
      linkGroup: linkGroup ?? this.#linkGroup(place.nodePath, name, stat, match),
    };
  }

  /** Anything but a file or a folder: an entry at once. */
  special(folder: ReadingFolder, row: number, nodeType: Exclude<NodeType, 'file' | 'directory'>, match: Match): void {
    const seen = this.seen(folder, row, match);
    const shared = describeEntry(this.#options, seen, match?.entry);
    const entry = specialEntry(nodeType, shared, seen.stat, folder.assembly.listing.linkTarget(row));
    if (match !== undefined && compareEntries(match.entry, entry) !== 'equal') this.#options.counters.metadataChange();
    folder.assembly.put(row, leaf(entry), match);
  }

  /** A file: taken over, or read. Waits where there is too much on the way. */
  file(folder: ReadingFolder, row: number, match: Match): Promise<void> | undefined {
    const before = fileOf(match);
    if (before === undefined) return this.#newFile(folder, row, match);
    const unmodified = isUnmodified(this.#options, before, folder.assembly.listing.stat(row));
    const settle = (is: boolean): Promise<void> | undefined =>
      is ? this.#takeOver(folder, row, match, before) : this.#newFile(folder, row, match);
    return unmodified instanceof Promise ? unmodified.then(settle) : settle(unmodified);
  }

  /** Reads a file by itself, in its turn; its place in the assembly is filled when that is done. */
  store({ assembly }: ReadingFolder, row: number, seen: Seen, match: Match): void {
    assembly.expect(row, match);
    this.#storeExpected(assembly, row, seen, match);
  }

  /** For a small file that was not as listed when a lane looked at it. */
  readPatiently(folder: ReadingFolder, row: number, linkGroup: number | undefined): void {
    const match = folder.assembly.matchOf(row);
    this.#storeExpected(folder.assembly, row, this.seen(folder, row, match, linkGroup), match);
  }

  /** Notes that an entry can't be read, and gives what stands in its place: what the parent snapshot has of it. */
  unread(problem: Problem, match: Match): Child | undefined {
    this.#options.problems.push(problem);
    return match === undefined ? undefined : carried(match);
  }

  /** Counts the files of an entry of the parent snapshot that is gone. */
  async countRemoved(previous: PreviousEntry): Promise<void> {
    const { counters, repository, live } = this.#options;
    const counted = await countEntries(previous.entry, (page, type) => repository.readBlob(page, type));
    counters.removed(counted);
    if (live !== undefined && counted.hasLinks) live.linksTouched = true;
  }

  #linkGroup(folderPath: string, name: Uint8Array, stat: FileStat, match: Match): number | undefined {
    const { live, links } = this.#options;
    const before = match?.entry.linkGroup;
    const isLinked = stat.linkCount > 1 && stat.nodeType !== 'directory';
    if (live !== undefined) {
      if (isLinked && live.areLinksInDoubt) live.linksTouched = true;
      if (isLinked !== (before !== undefined)) live.linksTouched = true;
      // The first of its names may lie where nothing is looked at.
      else if (before !== undefined) return before;
    }
    return isLinked ? links.numberOf(stat, nodePath(folderPath, canonicalName(name).text)) : undefined;
  }

  #takeOver(folder: ReadingFolder, row: number, match: Match, before: FileEntry): undefined {
    folder.assembly.put(row, leaf(takeOver(this.#options, this.seen(folder, row, match), before)), match);
  }

  /** Small files go with others; large ones by themselves. */
  #newFile(folder: ReadingFolder, row: number, match: Match): Promise<void> | undefined {
    const { smallFiles, storer, live } = this.#options;
    const { assembly, place } = folder;
    const { listing } = assembly;
    const isLinked = listing.linkCount(row) > 1;
    // Its other names have the new content too.
    if (live !== undefined && isLinked) live.linksTouched = true;
    if (listing.size(row) > CHUNKING.standard.minBytes) {
      this.store(folder, row, this.seen(folder, row, match), match);
    } else {
      this.#unpaid += listing.size(row);
      assembly.expect(row, match);
      const group = isLinked ? this.#linkGroup(place.nodePath, listing.name(row), listing.stat(row), match) : undefined;
      smallFiles.add(folder, row, group);
    }
    return smallFiles.isFull || storer.isFull || this.#unpaid > READ_UNPAID_BYTES ? this.#room() : undefined;
  }

  async #room(): Promise<void> {
    const { smallFiles, storer, reading, session } = this.#options;
    const unpaid = this.#unpaid;
    this.#unpaid = 0;
    await reading.take(unpaid, () => session.beat());
    await storer.room();
    await smallFiles.room();
  }

  #storeExpected(assembly: ReadingFolder['assembly'], row: number, seen: Seen, match: Match): void {
    void storeFile(this.#options, seen, fileOf(match))
      .then(async (stored) => {
        if (stored === undefined) {
          if (match !== undefined) await this.countRemoved(match);
          assembly.child(row, undefined);
        } else assembly.child(row, 'failed' in stored ? this.unread(stored.failed, match) : leaf(stored));
      })
      .catch((error: unknown) => assembly.fail(error));
  }
}

function fileOf(match: Match): FileEntry | undefined {
  return match?.entry.nodeType === 'file' ? match.entry : undefined;
}

function leaf(entry: Entry): Child {
  return { entry, nodeId: undefined, seal: undefined };
}

function specialEntry(
  nodeType: Exclude<NodeType, 'file' | 'directory'>,
  shared: ReturnType<typeof describeEntry>,
  { deviceMajor: major = 0, deviceMinor: minor = 0 }: FileStat,
  target: Uint8Array,
): Entry {
  switch (nodeType) {
    case 'symlink':
      return { ...shared, nodeType, target };
    case 'fifo':
    case 'socket':
      return { ...shared, nodeType };
    case 'char-device':
    case 'block-device':
      return { ...shared, nodeType, major, minor };
  }
}
