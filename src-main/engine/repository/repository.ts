/**
 * An open repository: reads blobs and snapshots, begins write sessions, manages keys. Reading needs no lock and works
 * on a read-only destination.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { type BlobId, type IndexRunId, type KeySlotId, type WriterId, parseWriterId } from '../../../src-shared/ids.ts';
import type { StoredSet } from '../../../src-shared/model/index.ts';
import type { BlobType, SlotSecret } from '../codec/index.ts';
import type { BlobLocation } from '../pack/index.ts';
import type { Store } from '../store/index.ts';
import type { ByteRange } from '../store/index.ts';
import { type BlobIndex, openBlobIndex } from './blob-index.ts';
import { BlobReader } from './blob-reader.ts';
import { readCondemned } from './condemned.ts';
import { type RepositoryConfig, refuseToWrite } from './config.ts';
import type { RepositoryContext } from './context.ts';
import { guardedStore } from './guarded-store.ts';
import { type Instance, NO_INSTANCE, assertSameInstance } from './identity.ts';
import { healSmallFiles } from './heal.ts';
import { openSession } from './leases.ts';
import { FOLDERS } from './names.ts';
import { type SnapshotObjects, readSnapshotObjects } from './snapshot-objects.ts';
import type { TierLimits } from './limits.ts';
import { readStoredSets, writeStoredSet } from './stored-sets.ts';
import { tidy } from './tiers.ts';
import { WriteSession } from './write-session.ts';

const NO_WRITER = parseWriterId('0'.repeat(32));
/** Between two scans of all packs for a blob that no index run names, unless files have come or gone since. */
const SCAN_PAUSE_MS = 2000;
/** How often in one such pause it is looked whether any have: not for each of ten thousand missing blobs. */
const LOOKS_MAX = 256;
/** So often the files may be merged away under one reading of a blob. */
const RELISTS_MAX = 8;

export class Repository {
  readonly context: RepositoryContext;
  /** The slot that opened this repository; undefined where it is not encrypted. */
  readonly openedWith: KeySlotId | undefined;
  readonly #masterKey: Uint8Array;
  /** Whose session the last one was: merging goes on in its name. */
  #writerId = NO_WRITER;
  /** The marker a writer must find. */
  #instance: Instance;
  #reader: BlobReader;
  #index: Promise<BlobIndex> | undefined;
  #scannedAtMs: number | undefined;
  /** The commit files and index runs there were before the last scan, and how often they were compared since. */
  #scannedFiles = '';
  #looks = 0;
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
    return this.#keep(this.#scan());
  }

  async #scan(): Promise<BlobIndex> {
    // Listed first: what changes while it is scanned shows at the next look.
    this.#scannedFiles = await this.#mergeableFiles();
    return openBlobIndex(this.context, { complete: false, scanPacks: true, spoiled: this.#spoiled });
  }

  /** Every merge changes these. */
  async #mergeableFiles(): Promise<string> {
    const { store } = this.context;
    const files = [...(await store.list(FOLDERS.commits)), ...(await store.list(FOLDERS.index))];
    return files.map(({ name }) => name).join('\n');
  }

  /** Forgets everything that was read: another session may have changed it, or the drive may have lost it. */
  refresh(): void {
    this.#forgetIndex();
    this.context.kept.commits.clear();
    this.context.kept.snapshots.clear();
  }

  #forgetIndex(): void {
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
    for (let relists = 0; ; relists++) {
      const used = this.index();
      try {
        return await this.#reader.read(await used, id, type);
      } catch (error) {
        if (!isCairnError(error, 'integrity/missing') || relists >= RELISTS_MAX) throw error;
        if ((await this.#betterIndex(used)) === undefined) throw error;
      }
    }
  }

  /** Bytes of a pack or commit file, not opened: see BlobReader. */
  readFile(location: Pick<BlobLocation, 'packId' | 'fileType'>, range: ByteRange): Promise<Uint8Array> {
    return this.#reader.readFile(location, range);
  }

  /** Where a blob lies, looked up as thoroughly as `readBlob` does; undefined where no file has it. */
  async locate(id: BlobId): Promise<BlobLocation | undefined> {
    const used = this.index();
    const place = await (await used).find(id);
    return place ?? (await this.#betterIndex(used))?.find(id);
  }

  /** An index that may know what the one just used did not, or undefined. It is the one that `index` gives from now on. */
  async #betterIndex(used: Promise<BlobIndex>): Promise<BlobIndex | undefined> {
    const mayScan = this.#isOther(used) || (await this.#mayScan());
    // Another reader may have scanned meanwhile.
    if (this.#isOther(used)) return this.#index;
    return mayScan ? this.scannedIndex() : undefined;
  }

  #isOther(used: Promise<BlobIndex>): boolean {
    return this.#index !== undefined && this.#index !== used;
  }

  /** Scanning costs a footer per uncovered pack: not for each of ten thousand missing blobs. */
  async #mayScan(): Promise<boolean> {
    const nowMs = this.context.ports.clock.monotonicMs();
    // A run that was found damaged since then covered packs which that scan left out.
    if (this.#spoiled.size > this.#spoiledAtScan) return true;
    if (this.#scannedAtMs === undefined || nowMs - this.#scannedAtMs >= SCAN_PAUSE_MS) {
      this.#scannedAtMs = nowMs;
      this.#looks = 0;
      return true;
    }
    if (++this.#looks > LOOKS_MAX) return false;
    return (await this.#mergeableFiles()) !== this.#scannedFiles;
  }

  /** Begins a session that may publish one snapshot; small damaged files are healed first. */
  async beginWrite(writerId: WriterId, codecJobs = 0): Promise<WriteSession> {
    refuseToWrite(this.config);
    this.#writerId = writerId;
    this.#instance = await healSmallFiles({ ...this.context, instance: this.#instance }, this.#masterKey);
    return WriteSession.open(this.#writing(), writerId, codecJobs);
  }

  /**
   * The store for whatever writes: it looks at the marker each time. Where there was none to read when this repository
   * was opened, and no writer has made one since, nobody can tell which copy it is.
   */
  get storeToWrite(): Store {
    const { store } = this.context;
    const instance = this.#instance;
    if (instance.instanceId === NO_INSTANCE) return store;
    return guardedStore(store, (place) => assertSameInstance(place, instance));
  }

  /** Sets that are saved here for a new computer; those that can't be read are left out. */
  storedSets(): Promise<readonly StoredSet[]> {
    return readStoredSets(this.context);
  }

  /** Saves a set where what is saved differs; whether it was written. */
  storeSet(set: StoredSet): Promise<boolean> {
    return writeStoredSet(this.#writing(), set);
  }

  /** A marker that was written again has another id than the one this repository was opened with. */
  #writing(): RepositoryContext {
    return { ...this.context, store: this.storeToWrite, instance: this.#instance };
  }

  /**
   * Merges small files where there are too many; part of every backup, after its snapshot is published. A session of its
   * own shows that what is merged is still needed.
   */
  async tidy(limits: TierLimits = this.context.limits): Promise<void> {
    const context = this.#writing();
    // What was published before is not in the index that was read.
    this.#index = undefined;
    if (!(await hasTooMany(context.store, limits))) return;
    try {
      const { generation } = await readCondemned(context);
      const session = await openSession({ ...context, writerId: this.#writerId, kind: 'writer', generation });
      try {
        await tidy(context, limits, () => session.confirm());
      } catch (error) {
        if (!isCairnError(error, 'integrity/missing')) throw error;
        // What is to be merged was there a moment ago: another session has merged it.
        context.ports.log('info', 'another session merges small files too', { reason: error.message });
      } finally {
        await session.end();
      }
    } finally {
      // A merge that failed half-way has changed the files too. What was read of those that still stand stays true.
      this.#forgetIndex();
    }
  }
}

/** Two listings, so that a small backup that has nothing to merge is not kept waiting. */
async function hasTooMany(store: Store, limits: TierLimits): Promise<boolean> {
  if ((await store.list(FOLDERS.commits)).length > limits.commitFiles) return true;
  return (await store.list(FOLDERS.index)).length > limits.indexRuns;
}

/** What a host gives to open a repository: asked for only where it is encrypted. */
export type SecretSource = () => Promise<SlotSecret>;

export function noSecret(): Promise<SlotSecret> {
  return Promise.reject(
    new CairnError('key/password-needed', 'This repository is encrypted and no password was given.'),
  );
}
