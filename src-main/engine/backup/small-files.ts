/**
 * Small files on their way: collected into batches over folders, read by lanes or here, and added to the session; their
 * records go back to the folders they belong to.
 *
 * Bounds: FILES_AHEAD and BYTES_AHEAD on the way; `room()` is awaited before more is handed in.
 */
import { asBlobId, ID_BYTES } from '../../../src-shared/ids.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import type { RepositoryContext, WriteSession } from '../repository/index.ts';
import { compareEntries } from '../merkle/index.ts';
import { exact } from '../source/index.ts';
import type { Counters } from './counters.ts';
import { type FolderAssembly, type ReadRecords, entryOf } from './folder-assembly.ts';
import type { Lanes } from './lanes.ts';
import { FilesReader, READ, type ReadPart, type ReadResult } from './read-files.ts';
import type { Place } from './scan-folder.ts';

const BATCH_FILES_MAX = 192;
const BATCH_BYTES_MAX = 1024 * 1024;
const FILES_AHEAD = 4096;
const BYTES_AHEAD = 12 * 1024 * 1024;

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
  #reader: FilesReader | undefined;
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
    if (this.#collectedFiles >= BATCH_FILES_MAX || this.#collectedBytes >= BATCH_BYTES_MAX) this.dispatch();
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
      this.#reader ??= new FilesReader(this.#context.blobHasher);
      this.#receive(collected, this.#reader.read(request));
      this.#forget(files, bytes);
      return;
    }
    void lanes
      .read(request)
      .then((result) => this.#receive(collected, result))
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

  #receive(collected: readonly Collected[], result: ReadResult): void {
    const { records, recordEnds, nodeIds, contentEnds } = result;
    // The contents are with the session after this; only the records stay until their folder is sealed.
    const kept: ReadRecords = { records, recordEnds, nodeIds, contentEnds };
    let index = 0;
    let bytes = 0;
    for (const { folder, rows, links } of collected) {
      for (const [at, row] of rows.entries()) {
        if (result.status[index] === READ.stored) {
          const begin = index === 0 ? 0 : (result.contentEnds[index - 1] ?? 0);
          const content = result.contents.subarray(begin, result.contentEnds[index]);
          bytes += content.length;
          this.#store(content, result, index);
          this.#count(folder, row, content.length, result, index);
          folder.assembly.record(row, kept, index);
        } else folder.readPatiently(row, links[at]);
        index++;
      }
    }
    this.#counters.read(bytes);
  }

  #store(content: Uint8Array, result: ReadResult, index: number): void {
    if (content.length === 0) return;
    const id = asBlobId(result.blobIds.subarray(index * ID_BYTES, (index + 1) * ID_BYTES));
    this.#session.addKnown(id, BLOB_TYPE.fileChunk, content);
  }

  #count(folder: ReadingFolder, row: number, size: number, result: ReadResult, index: number): void {
    const before = folder.assembly.matchOf(row)?.entry;
    if (before?.nodeType !== 'file') {
      this.#counters.stored(size, true);
      return;
    }
    const change = compareEntries(before, entryOf(result, index));
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
