/**
 * Small files on their way: collected into batches over folders, read by lanes or here, and added to the session; their
 * records go back to the folders they belong to.
 *
 * Bounds: FILES_AHEAD and BYTES_AHEAD on the way; `room()` is awaited before more is handed in.
 */
import { BLOB_TYPE, CHUNKING } from '../codec/index.ts';
import type { RepositoryContext, WriteSession } from '../repository/index.ts';
import { compareEntries, decodeEntryBytes } from '../merkle/index.ts';
import { exact } from '../source/index.ts';
import type { Counters } from './counters.ts';
import type { FolderAssembly } from './folder-assembly.ts';
import type { Lanes } from './lanes.ts';
import { FilesReader, type ReadPart } from './read-files.ts';
import { type ReadBuffers, ReadOutcomes, ReadRecords } from './read-results.ts';
import type { Place } from './scan-folder.ts';

const BATCH_FILES_MAX = 192;
/** A batch is sent when it has so much; the file that completes it may go beyond. */
const BATCH_BYTES = 1024 * 1024;
const FILES_AHEAD = 4096;
const BYTES_AHEAD = 8 * 1024 * 1024;
/** Room that the contents of any batch need. */
export const BATCH_BYTES_MAX = BATCH_BYTES + CHUNKING.standard.minBytes;

/** A folder with files to read, and what to do about one that has to be looked at with patience. */
export type ReadingFolder = {
  readonly place: Place;
  readonly assembly: FolderAssembly;
  readonly readPatiently: (row: number, linkGroup: number | undefined) => void;
};

type Collected = { readonly folder: ReadingFolder; readonly rows: number[]; readonly links: (number | undefined)[] };

export class SmallFiles {
  readonly #session: WriteSession;
  readonly #counters: Counters;
  readonly #lanes: () => Lanes | undefined;
  readonly #context: RepositoryContext;
  /** Where there are no lanes. */
  #here: FilesReader | undefined;
  #collected: Collected[] = [];
  #collectedFiles = 0;
  #collectedBytes = 0;
  #filesAhead = 0;
  #bytesAhead = 0;
  #failure: { readonly error: unknown } | undefined;
  #wakers: (() => void)[] = [];

  constructor(
    context: RepositoryContext,
    session: WriteSession,
    options: { readonly counters: Counters; readonly lanes: () => Lanes | undefined },
  ) {
    this.#context = context;
    this.#session = session;
    this.#counters = options.counters;
    this.#lanes = options.lanes;
  }

  /** Hands in a file that its assembly expects. */
  add(folder: ReadingFolder, row: number, linkGroup: number | undefined): void {
    let last = this.#collected.at(-1);
    if (last?.folder !== folder) {
      last = { folder, rows: [], links: [] };
      this.#collected.push(last);
    }
    last.rows.push(row);
    last.links.push(linkGroup);
    const size = folder.assembly.listing.size(row);
    this.#collectedFiles++;
    this.#collectedBytes += size;
    this.#filesAhead++;
    this.#bytesAhead += size;
    if (this.#collectedFiles >= BATCH_FILES_MAX || this.#collectedBytes >= BATCH_BYTES) this.dispatch();
  }

  get isFull(): boolean {
    return this.#filesAhead >= FILES_AHEAD || this.#bytesAhead >= BYTES_AHEAD || this.#session.isFull;
  }

  /** Waits while too much is on its way, and lets finished segments go to packs meanwhile. */
  async room(): Promise<void> {
    while (this.isFull) {
      this.#throwFailure();
      if (this.#session.isFull) await this.#session.drain();
      else {
        this.dispatch();
        await this.#change();
      }
    }
    this.#throwFailure();
  }

  /** Sends what is collected, to be called before waiting for a folder. */
  dispatch(): void {
    const collected = this.#collected;
    if (collected.length === 0) return;
    const [files, bytes] = [this.#collectedFiles, this.#collectedBytes];
    this.#collected = [];
    this.#collectedFiles = 0;
    this.#collectedBytes = 0;
    const request = { parts: collected.map(partOf), files, bytes };
    const lanes = this.#lanes();
    if (lanes === undefined) {
      this.#here ??= new FilesReader(this.#context.blobHasher);
      // Mostly a few files of a live backup: each backup with a megabyte of its own would keep the collector at work.
      const contents = new Uint8Array(bytes);
      this.#receive(collected, this.#here.read(request, contents), contents);
      this.#forget(files, bytes);
      return;
    }
    void lanes
      .read(request, (result, contents) => this.#receive(collected, result, contents))
      .catch((error: unknown) => {
        this.#failure ??= { error };
        for (const { folder } of collected) folder.assembly.fail(error);
      })
      .finally(() => this.#forget(files, bytes));
  }

  /** Waits for everything handed in. */
  async flush(): Promise<void> {
    this.dispatch();
    while (this.#filesAhead > 0) await this.#change();
    this.#throwFailure();
  }

  /** `contents` belongs to somebody else again when this returns. */
  #receive(collected: readonly Collected[], buffers: ReadBuffers, contents: Uint8Array): void {
    const records = new ReadRecords(buffers);
    const outcomes = new ReadOutcomes(buffers);
    let index = 0;
    let bytes = 0;
    for (const { folder, rows, links } of collected) {
      for (const [at, row] of rows.entries()) {
        if (outcomes.isStored(index)) {
          const content = contents.subarray(records.contentBegin(index), records.contentEnd(index));
          bytes += content.length;
          if (content.length > 0) this.#session.addKnown(outcomes.blobId(index), BLOB_TYPE.fileChunk, content);
          this.#count(folder, row, content.length, records.record(index));
          folder.assembly.record(row, records, index);
        } else folder.readPatiently(row, links[at]);
        index++;
      }
    }
    this.#counters.read(bytes);
  }

  #count({ assembly }: ReadingFolder, row: number, size: number, record: Uint8Array): void {
    const before = assembly.matchOf(row)?.entry;
    if (before?.nodeType !== 'file') {
      this.#counters.stored(size, true);
      return;
    }
    const change = compareEntries(before, decodeEntryBytes(record));
    // Read again for safety and found to be the same: nobody changed it.
    if (change === 'changed') this.#counters.stored(size, false);
    else this.#counters.unmodified(size, change === 'metadata');
  }

  #forget(files: number, bytes: number): void {
    this.#filesAhead -= files;
    this.#bytesAhead -= bytes;
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  #change(): Promise<void> {
    return new Promise((wake) => this.#wakers.push(wake));
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function partOf({ folder, rows, links }: Collected): ReadPart {
  const { place, assembly } = folder;
  const { folder: source } = place;
  return {
    descriptor: source.isDescriptor ? source.descriptor?.fd : undefined,
    access: exact(source.access),
    path: exact(source.path),
    nodePath: place.nodePath,
    data: assembly.listing.pick(rows),
    linkGroups: links.every((link) => link === undefined)
      ? undefined
      : Float64Array.from(links, (link) => link ?? Number.NaN),
  };
}
