/**
 * An open repository: reads blobs and snapshots, begins write sessions, manages keys. Reading needs no lock and works
 * on a read-only destination.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type { BlobId, IndexRunId, KeySlotId, WriterId } from '../../../src-shared/ids.ts';
import type { BlobType, SlotSecret } from '../codec/index.ts';
import type { BlobLocation } from '../pack/index.ts';
import { type BlobIndex, openBlobIndex } from './blob-index.ts';
import { BlobReader } from './blob-reader.ts';
import { type RepositoryConfig, refuseToWrite } from './config.ts';
import type { RepositoryContext } from './context.ts';
import type { Instance } from './identity.ts';
import { healSmallFiles } from './heal.ts';
import { type SnapshotObjects, readSnapshotObjects } from './snapshot-objects.ts';
import type { TierLimits } from './limits.ts';
import { tidy } from './tiers.ts';
import { WriteSession } from './write-session.ts';

/** Between two scans of all packs for a blob that no index run names. */
const SCAN_PAUSE_MS = 2000;

export class Repository {
  readonly context: RepositoryContext;
  /** The slot that opened this repository; undefined where it is not encrypted. */
  readonly openedWith: KeySlotId | undefined;
  readonly #masterKey: Uint8Array;
  /** The marker a writer must find. */
  #instance: Instance;
  #reader: BlobReader;
  #index: Promise<BlobIndex> | undefined;
  #scannedAtMs: number | undefined;
  /** Index runs that were found to be damaged inside, and how many of them the last scan knew of. */
  #spoiled = new Set<IndexRunId>();
  #spoiledAtScan = 0;

  constructor(context: RepositoryContext, masterKey: Uint8Array, openedWith: KeySlotId | undefined) {
    this.context = context;
    this.#instance = context.instance;
    this.openedWith = openedWith;
    this.#masterKey = masterKey;
    this.#reader = new BlobReader(context);
  }

  get config(): RepositoryConfig {
    return this.context.config;
  }

  /** Only for making a new key slot. */
  get masterKey(): Uint8Array {
    return this.#masterKey;
  }

  snapshotObjects(): Promise<SnapshotObjects> {
    return readSnapshotObjects(this.context);
  }

  /** The index as readers use it; opened at the first need and again after `refresh`. */
  index(): Promise<BlobIndex> {
    return this.#index ?? this.#keep(openBlobIndex(this.context, { complete: false, spoiled: this.#spoiled }));
  }

  /** Keeps an index that is being opened, but not its failure: the drive may come back. */
  #keep(opening: Promise<BlobIndex>): Promise<BlobIndex> {
    this.#index = opening;
    opening.catch(() => {
      if (this.#index === opening) this.#index = undefined;
    });
    return opening;
  }

  /** The index with every pack's own footer where no run covers it: finds what a lost run can't tell any more. */
  scannedIndex(): Promise<BlobIndex> {
    this.#spoiledAtScan = this.#spoiled.size;
    return this.#keep(openBlobIndex(this.context, { complete: false, scanPacks: true, spoiled: this.#spoiled }));
  }

  /** Forgets everything that was read: another session may have changed it, or the drive may have lost it. */
  refresh(): void {
    this.#index = undefined;
    this.#scannedAtMs = undefined;
    this.#spoiled = new Set();
    this.#spoiledAtScan = 0;
    this.#reader = new BlobReader(this.context);
  }

  /**
   * The plaintext of a blob, hashed again. What seems missing is looked up once more with all packs scanned: another
   * session may have merged files meanwhile, or an index run is lost.
   * @throws CairnError integrity/…
   */
  async readBlob(id: BlobId, type: BlobType): Promise<Uint8Array> {
    const used = this.index();
    try {
      return await this.#reader.read(await used, id, type);
    } catch (error) {
      if (!isCairnError(error, 'integrity/missing')) throw error;
      const better = this.#betterIndex(used);
      if (better === undefined) throw error;
      return this.#reader.read(await better, id, type);
    }
  }

  /** Where a blob lies, looked up as thoroughly as `readBlob` does; undefined where no file has it. */
  async locate(id: BlobId): Promise<BlobLocation | undefined> {
    const used = this.index();
    const place = await (await used).find(id);
    return place ?? (await this.#betterIndex(used))?.find(id);
  }

  /** An index that may know what the one just used did not, or undefined. */
  #betterIndex(used: Promise<BlobIndex>): Promise<BlobIndex> | undefined {
    // Another reader may have scanned meanwhile.
    if (this.#index !== undefined && this.#index !== used) return this.#index;
    return this.#mayScan() ? this.scannedIndex() : undefined;
  }

  /** Scanning costs a footer per uncovered pack: not for each of ten thousand missing blobs. */
  #mayScan(): boolean {
    const nowMs = this.context.ports.clock.monotonicMs();
    // A run that was found damaged since then covered packs which that scan left out.
    if (this.#spoiled.size > this.#spoiledAtScan) return true;
    if (this.#scannedAtMs !== undefined && nowMs - this.#scannedAtMs < SCAN_PAUSE_MS) return false;
    this.#scannedAtMs = nowMs;
    return true;
  }

  /** Begins a session that may publish one snapshot; small damaged files are healed first. */
  async beginWrite(writerId: WriterId): Promise<WriteSession> {
    refuseToWrite(this.config);
    this.#instance = await healSmallFiles(this.#writing(), this.#masterKey);
    return WriteSession.open(this.#writing(), writerId);
  }

  /** A marker that was written again has another id than the one this repository was opened with. */
  #writing(): RepositoryContext {
    return { ...this.context, instance: this.#instance };
  }

  /** Merges small files where there are too many; part of every backup, after its snapshot is published. */
  async tidy(limits?: TierLimits): Promise<void> {
    try {
      await tidy(this.#writing(), limits);
    } finally {
      // A merge that failed half-way has changed the files too.
      this.refresh();
    }
  }
}

/** What a host gives to open a repository: asked for only where it is encrypted. */
export type SecretSource = () => Promise<SlotSecret>;

export function noSecret(): Promise<SlotSecret> {
  return Promise.reject(
    new CairnError('key/password-needed', 'This repository is encrypted and no password was given.'),
  );
}
