/**
 * The content of one file on its way into the repository: read, cut and hashed (cut-file.ts, by a lane where there is
 * one), and handed to the session, which keeps only what is new.
 *
 * A file that changes while it is read is read again; after RETRIES_MAX tries it is stored as it was last seen and
 * flagged. Never more is read than the file had when it was opened, so a file that grows for ever ends.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { type ContentHash, asContentHash } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, CHUNKING, hash } from '../codec/index.ts';
import type { RateBucket } from '../kernel/index.ts';
import { type FileContent, createChunkListBuilder } from '../merkle/index.ts';
import type { RepositoryContext, WriteSession } from '../repository/index.ts';
import { type FileStat, type SourceFile, exact, openSourceFile } from '../source/index.ts';
import { type CutFile, FileCutter, type FilePart, chunksOf } from './cut-file.ts';
import type { Lanes } from './lanes.ts';

const RETRIES_MAX = 2;
/** Files waiting for their turn; each is only a path. One is read at a time. */
const AHEAD = 8;

export type FileToStore = {
  /** For system calls. */
  readonly access: Buffer;
  /** For people. */
  readonly path: Uint8Array;
  readonly stat: FileStat;
  /** What stands there now, where it changed while it was read. */
  readonly statAgain: () => FileStat | undefined;
};

export type StoredFile = {
  readonly stat: FileStat;
  readonly contentHash: ContentHash;
  readonly content: FileContent;
  /** What was read may be a mix of before and after a change. */
  readonly isInconsistent: boolean;
};

export type StoreFileResult =
  | { readonly kind: 'stored'; readonly file: StoredFile }
  | { readonly kind: 'vanished' }
  | { readonly kind: 'failed'; readonly problem: Problem };

type Content = { readonly contentHash: ContentHash; readonly content: FileContent; readonly bytes: number };

type Reading =
  | { readonly kind: 'read'; readonly file: StoredFile; readonly changed: boolean }
  | { readonly kind: 'failed'; readonly problem: Problem };

export class FileStorer {
  readonly #session: WriteSession;
  readonly #context: RepositoryContext;
  readonly #onBytes: (count: number) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #reading: RateBucket;
  readonly #lanes: (fileBytes: number) => Pick<Lanes, 'cut'> | undefined;
  /** Where there are no lanes; made when first needed, for its memory is 8 MB. */
  #cutter: FileCutter | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(
    context: RepositoryContext,
    session: WriteSession,
    options: {
      readonly lanes: (fileBytes: number) => Pick<Lanes, 'cut'> | undefined;
      readonly onBytes: (count: number) => void;
      /** How fast large files may be read; a part is read, then waited for. */
      readonly reading: RateBucket;
      readonly signal: AbortSignal | undefined;
    },
  ) {
    this.#context = context;
    this.#session = session;
    this.#lanes = options.lanes;
    this.#onBytes = options.onBytes;
    this.#signal = options.signal;
    this.#reading = options.reading;
  }

  /** Reads and stores one file, when those handed in before are done. */
  store(file: FileToStore): Promise<StoreFileResult> {
    this.#waiting++;
    const result = this.#last.then(() => this.#storeNow(file));
    this.#last = result.then(
      () => this.#waiting--,
      () => this.#waiting--,
    );
    return result;
  }

  /** True when `room` should be awaited before the next is handed in. */
  get isFull(): boolean {
    return this.#waiting > AHEAD;
  }

  async room(): Promise<void> {
    if (this.isFull) await this.#last;
  }

  /** Waits for every file handed in. */
  async flush(): Promise<void> {
    while (this.#waiting > 0) await this.#last;
  }

  async #storeNow({ access, path, stat: listed, statAgain }: FileToStore): Promise<StoreFileResult> {
    let expected = listed;
    let last: StoredFile | undefined;
    for (let tries = 0; tries <= RETRIES_MAX; tries++) {
      const opened = openSourceFile(access, expected, path);
      if (opened.kind === 'failed') return opened;
      if (opened.kind === 'opened') {
        const reading = await this.#read(opened.file, path);
        if (reading.kind === 'failed') return reading;
        if (!reading.changed) return { kind: 'stored', file: reading.file };
        last = reading.file;
      }
      const now = statAgain();
      if (now === undefined) break;
      expected = now;
    }
    return last === undefined ? { kind: 'vanished' } : { kind: 'stored', file: { ...last, isInconsistent: true } };
  }

  async #read(file: SourceFile, path: Uint8Array): Promise<Reading> {
    const { size } = file.stat;
    let content: Content | Problem;
    try {
      content =
        size <= CHUNKING.standard.minBytes
          ? await this.#readSmall(file, size)
          : await this.#readLarge(file, path, size);
    } catch (error) {
      file.close();
      throw error;
    }
    const { changed } = file.close();
    if ('code' in content) return { kind: 'failed', problem: content };
    const { bytes, ...stored } = content;
    const isShort = bytes !== size;
    const stat = isShort ? { ...file.stat, size: bytes } : file.stat;
    return { kind: 'read', changed: changed || isShort, file: { ...stored, stat, isInconsistent: false } };
  }

  /** A file below the smallest chunk is one blob: its hash is the file's hash. */
  async #readSmall(file: SourceFile, size: number): Promise<Content | Problem> {
    const buffer = new Uint8Array(size);
    const count = size === 0 ? 0 : file.readInto(buffer, 0, size);
    if (typeof count !== 'number') return count;
    this.#onBytes(count);
    const plain = buffer.subarray(0, count);
    const contentHash = asContentHash(hash(plain));
    if (count === 0) return { contentHash, content: { kind: 'inline', chunks: [] }, bytes: 0 };
    const id = this.#session.add(BLOB_TYPE.fileChunk, plain, contentHash);
    await this.#room();
    return { contentHash, content: { kind: 'inline', chunks: [{ id, length: count }] }, bytes: count };
  }

  async #readLarge(file: SourceFile, path: Uint8Array, size: number): Promise<Content | Problem> {
    const chunks = createChunkListBuilder((type, bytes) => this.#session.add(type, bytes));
    const onPart = async (part: Omit<FilePart, 'isLast'>): Promise<void> => {
      // A large file can take hours; nobody waits for its end to stop.
      if (this.#signal?.aborted === true) throw new CairnError('engine/cancelled', 'The backup was cancelled.');
      this.#onBytes(part.read);
      await this.#reading.take(part.read, () => this.#session.beat());
      for (const { id, plain } of chunksOf(part)) {
        this.#session.addKnown(id, BLOB_TYPE.fileChunk, plain);
        chunks.add({ id, length: plain.length });
      }
      await this.#room();
    };
    const lanes = this.#lanes(size);
    const cut =
      lanes === undefined
        ? await this.#cutHere(file, size, onPart)
        : await lanes.cut({ fd: file.descriptor, path: exact(path), size }, onPart);
    if ('code' in cut) return cut;
    return { contentHash: cut.contentHash, content: chunks.finish(), bytes: cut.bytes };
  }

  async #cutHere(
    file: SourceFile,
    size: number,
    onPart: (part: FilePart) => Promise<void>,
  ): Promise<CutFile | Problem> {
    this.#cutter ??= new FileCutter(this.#context.chunkKey, this.#context.blobHasher);
    this.#cutter.begin(size, (buffer, offset, length) => file.readInto(buffer, offset, length));
    for (;;) {
      const part = this.#cutter.next();
      if ('code' in part) return part;
      await onPart(part);
      if (part.isLast) return this.#cutter.finish();
    }
  }

  async #room(): Promise<void> {
    await this.#session.beat();
    if (this.#session.isFull) await this.#session.drain();
  }
}
