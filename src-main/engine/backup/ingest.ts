/**
 * Where file contents go: read, cut, hashed and handed to the session, by this thread for a small backup and by workers
 * for a large one.
 *
 * A live backup of one file must not wait for threads to start, so the first WARM_FILES files or WARM_BYTES bytes are
 * done right here. From then on small files are read by workers in batches; large ones are read and cut here (that runs
 * at the speed of memory) and compressed by workers chunk by chunk.
 */
import type { RepositoryContext, WriteSession } from '../repository/index.ts';
import { CHUNKING } from '../codec/index.ts';
import { IngestPool } from './ingest-pool.ts';
import { FileStorer, type FileToStore, type StoreFileResult } from './store-file.ts';

const WARM_FILES = 128;
const WARM_BYTES = 8 * 1024 * 1024;
/** Large files waiting for their turn; each is only a path. */
const LARGE_AHEAD = 8;

export class Ingest {
  readonly #context: RepositoryContext;
  readonly #session: WriteSession;
  readonly #workers: number;
  readonly #onBytes: (count: number) => void;
  readonly #storer: FileStorer;
  #pool: IngestPool | undefined;
  #files = 0;
  #bytes = 0;
  #here: Promise<unknown> = Promise.resolve();
  #hereCount = 0;

  constructor(
    context: RepositoryContext,
    session: WriteSession,
    options: { readonly workers: number; readonly onBytes: (count: number) => void },
  ) {
    this.#context = context;
    this.#session = session;
    this.#workers = options.workers;
    this.#onBytes = options.onBytes;
    this.#storer = new FileStorer(context, session, options.onBytes);
  }

  /** Stores one file; resolves when its content is on its way. Await `room()` before each. */
  async store(file: FileToStore): Promise<StoreFileResult> {
    const pool = this.#warmPool(file.stat.size);
    if (pool === undefined || file.stat.size > CHUNKING.standard.minBytes) return this.#storeHere(file);
    const { access, path, stat } = file;
    const result = await pool.read({ access, path, stat });
    switch (result.kind) {
      case 'read': {
        const { size } = result.stat;
        const chunks = size === 0 ? [] : [{ id: result.id, length: size }];
        const content = { kind: 'inline', chunks } as const;
        return {
          kind: 'stored',
          file: { stat: result.stat, contentHash: result.contentHash, content, isInconsistent: false },
        };
      }
      case 'again':
        return this.#storeHere(file);
      case 'vanished':
      case 'failed':
        return result;
    }
  }

  /** True when `room()` should be awaited before more is handed in. */
  get isFull(): boolean {
    return this.#hereCount > LARGE_AHEAD || this.#session.isFull || (this.#pool?.isFull ?? false);
  }

  /** Waits while too much is on its way. */
  async room(): Promise<void> {
    if (this.#hereCount > LARGE_AHEAD) {
      this.#pool?.dispatch();
      await this.#here;
    }
    if (this.#pool !== undefined) await this.#pool.room();
    else if (this.#session.isFull) await this.#session.drain();
  }

  /** To be called before waiting for a result: sends what is collected. */
  dispatch(): void {
    this.#pool?.dispatch();
  }

  /** Waits until every content is with the session. */
  async flush(): Promise<void> {
    await this.#here;
    await this.#pool?.flush();
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }

  #warmPool(size: number): IngestPool | undefined {
    this.#files++;
    this.#bytes += size;
    if (this.#pool === undefined && this.#workers > 0 && (this.#files > WARM_FILES || this.#bytes > WARM_BYTES)) {
      this.#pool = new IngestPool(this.#context, this.#session, { workers: this.#workers, onBytes: this.#onBytes });
      this.#storer.compressWith(this.#pool);
    }
    return this.#pool;
  }

  /** One at a time: the storer has one buffer. */
  #storeHere(file: FileToStore): Promise<StoreFileResult> {
    this.#hereCount++;
    const result = this.#here.then(() => this.#storer.store(file));
    this.#here = result.then(
      () => this.#hereCount--,
      () => this.#hereCount--,
    );
    return result;
  }
}
