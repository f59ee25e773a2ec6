/**
 * A writer at work: takes blobs, stores the new ones, and publishes a snapshot.
 *
 * The order that must never be broken: packs → index run → snapshot. Everything a snapshot refers to is durable
 * before the snapshot gets its name, and the snapshot is the only commit point. A small backup takes the short way: up
 * to COMMIT_FILE_BYTES_MAX of new data go with the snapshot into one commit file, which is packs, index and commit
 * point at once.
 *
 * Segments are compressed beside this thread and wait unsealed, in the order they were begun, because only at the end
 * (or at the limit) it is known which way they go.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { BlobId, PackId, WriterId } from '../../../src-shared/ids.ts';
import {
  BLOB_TYPE,
  type BackgroundCodec,
  type BlobType,
  FILE_TYPE,
  createBackgroundCodec,
  forBulk,
} from '../codec/index.ts';
import { IdTable } from '../kernel/index.ts';
import {
  FRAME_OVERHEAD_BYTES,
  type PendingSegment,
  type PlainSegment,
  type SegmentBundler,
  compressSegment,
  createSegmentBundler,
  packBytesTarget,
} from '../pack/index.ts';
import { type BlobIndex, openBlobIndex } from './blob-index.ts';
import type { LoosePack } from './loose-pack.ts';
import { readCondemned } from './condemned.ts';
import type { RepositoryContext } from './context.ts';
import { nextGeneration, writeIndexRun } from './index-writer.ts';
import { type Session, openSession } from './leases.ts';
import { writeSnapshotFile } from './snapshot-file.ts';
import { assertStillWhole } from './still-whole.ts';
import { PackUpload, type UploadedPack, writeCommitFile } from './upload.ts';

/** What a snapshot says about the data it added; known only when everything else is stored. */
export type AddedFacts = {
  readonly packIds: readonly PackId[];
  readonly bytesAdded: number;
  readonly bytesStored: number;
};

export type Publication = {
  /** The file that now holds the snapshot: a commit file, or a snapshot file. */
  readonly file: string;
  readonly form: 'commit-file' | 'packs';
};

/** Segments being compressed besides those that the codec works on: the next ones should be there when it is done. */
const SEGMENTS_AHEAD = 4;
/** From this many new bytes on a backup is “bulk”: what takes long is compressing, and `auto` takes a faster level. */
const BULK_FROM_BYTES = 64 * 1024 * 1024;

/** A segment on its way; `segment` once it is compressed and verified. */
type Waiting = { readonly isTree: boolean; segment: PendingSegment | undefined };

export class WriteSession {
  readonly index: BlobIndex;
  readonly #context: RepositoryContext;
  readonly #session: Session;
  readonly #mine = new IdTable('ids');
  readonly #codec: BackgroundCodec;
  readonly #codecJobs: number;
  readonly #data: SegmentBundler = createSegmentBundler();
  readonly #tree: SegmentBundler = createSegmentBundler();
  readonly #dataUpload: PackUpload;
  readonly #treeUpload: PackUpload;
  readonly #waiting: Waiting[] = [];
  #compressing = 0;
  #failure: Error | undefined;
  #wakers: (() => void)[] = [];
  #waitingBytes = 0;
  #usesPacks = false;
  #draining: Promise<void> = Promise.resolve();
  #bytesAdded = 0;
  #bytesStored = 0;
  #state: 'open' | 'published' | 'aborted' = 'open';

  private constructor(
    context: RepositoryContext,
    index: BlobIndex,
    session: Session,
    { codecJobs, repositoryBytes }: { readonly codecJobs: number; readonly repositoryBytes: number },
  ) {
    this.#context = context;
    this.index = index;
    this.#session = session;
    this.#codecJobs = codecJobs;
    this.#codec = createBackgroundCodec(codecJobs);
    const target = packBytesTarget(repositoryBytes);
    this.#dataUpload = new PackUpload(context, FILE_TYPE.dataPack, target);
    this.#treeUpload = new PackUpload(context, FILE_TYPE.treePack, target);
    session.relyOn(() =>
      assertStillWhole(context, { generation: session.lease.generation, index, own: this.#ownPacks() }),
    );
  }

  /** Begins a session: lease, then index. Needs a writable store. `codecJobs` segments are compressed at a time. */
  static async open(context: RepositoryContext, writerId: WriterId, codecJobs: number): Promise<WriteSession> {
    const { generation } = await readCondemned(context);
    const { store, ports, self } = context;
    const session = await openSession({ store, ports, self, writerId, kind: 'writer', generation });
    try {
      const index = await openBlobIndex(context, { complete: true });
      const repositoryBytes = index.runs.reduce(
        (sum, { run }) => sum + run.packs.reduce((bytes, pack) => bytes + pack.sizeBytes, 0),
        0,
      );
      return new WriteSession(context, index, session, { codecJobs, repositoryBytes });
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** Whether a blob is in the repository or was added in this session. */
  has(id: BlobId): boolean {
    return this.index.has(id) || this.#mine.has(id);
  }

  /** Plaintext of new unique blobs so far, in bytes. */
  get bytesAdded(): number {
    return this.#bytesAdded;
  }

  /** Takes a copy of a blob unless it is known. `plainHash` is its BLAKE3 where the caller has it already. */
  add(type: BlobType, plain: Uint8Array, plainHash?: Uint8Array): BlobId {
    const id =
      plainHash === undefined
        ? this.#context.blobHasher.idOf(type, plain)
        : this.#context.blobHasher.idOfHash(type, plainHash);
    this.addKnown(id, type, plain);
    return id;
  }

  /** The same where the caller has computed the blob's id. Gives whether the blob is new. */
  addKnown(id: BlobId, type: BlobType, plain: Uint8Array): boolean {
    assert(this.#state === 'open', 'a session that has ended takes no more blobs');
    if (this.has(id)) return false;
    this.#mine.set(id, plain.length);
    this.#bytesAdded += plain.length;
    const isTree = type !== BLOB_TYPE.fileChunk;
    const segment = (isTree ? this.#tree : this.#data).add(id, type, plain);
    if (segment !== undefined) this.#compress(segment, isTree);
    return true;
  }

  /** True when `drain` should be called before more is added: bounds what waits in memory. */
  get isFull(): boolean {
    return (
      this.#compressing >= this.#codecJobs + SEGMENTS_AHEAD ||
      this.#waitingBytes > this.#context.limits.commitFileBytesMax
    );
  }

  /** Shows that this session lives; cheap, and to be called all the while, also where nothing new is found. */
  beat(): Promise<void> {
    return this.#session.beat();
  }

  /**
   * Hands finished segments on to packs once they are too many for a commit file, and waits until there is room for
   * more. May be called while it runs.
   */
  async drain(): Promise<void> {
    for (;;) {
      // One at a time: segments of a pack are appended in the order of their counters.
      const mine = this.#draining.then(() => this.#drainNow());
      // What failed is left half done: who comes after gets the reason, and does not go on with it.
      this.#draining = mine.catch((error: unknown) => this.#noteFailure(error));
      await mine;
      if (!this.isFull || this.#compressing === 0) return;
      await new Promise<void>((wake) => this.#wakers.push(wake));
    }
  }

  async #drainNow(): Promise<void> {
    this.#throwFailure();
    await this.#session.beat();
    if (this.#waitingBytes > this.#context.limits.commitFileBytesMax) this.#usesPacks = true;
    if (!this.#usesPacks) return;
    for (let next = this.#takeFinished(); next !== undefined; next = this.#takeFinished()) {
      await (next.isTree ? this.#treeUpload : this.#dataUpload).add(next.segment);
    }
  }

  /** The oldest segment, if it is compressed. */
  #takeFinished(): { readonly segment: PendingSegment; readonly isTree: boolean } | undefined {
    const first = this.#waiting[0];
    if (first?.segment === undefined) return undefined;
    this.#waiting.shift();
    this.#waitingBytes -= first.segment.payload.length;
    return { segment: first.segment, isTree: first.isTree };
  }

  #compress(plain: PlainSegment, isTree: boolean): void {
    const { compression, blobHasher } = this.#context;
    const waiting: Waiting = { isTree, segment: undefined };
    this.#waiting.push(waiting);
    this.#compressing++;
    const spec = this.#bytesAdded > BULK_FROM_BYTES ? forBulk(compression) : compression;
    void compressSegment(plain, { spec, codec: this.#codec, blobHasher })
      .then((segment) => {
        waiting.segment = segment;
        this.#waitingBytes += segment.payload.length;
        this.#bytesStored += segment.payload.length + FRAME_OVERHEAD_BYTES;
      })
      .catch((error: unknown) => this.#noteFailure(error))
      .finally(() => {
        this.#compressing--;
        const wakers = this.#wakers;
        this.#wakers = [];
        for (const wake of wakers) wake();
      });
  }

  #noteFailure(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new CairnError('engine/internal', String(error));
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Completes the last segments and waits until all are compressed. */
  async #flush(): Promise<void> {
    const data = this.#data.flush();
    if (data !== undefined) this.#compress(data, false);
    const tree = this.#tree.flush();
    if (tree !== undefined) this.#compress(tree, true);
    while (this.#compressing > 0) await new Promise<void>((wake) => this.#wakers.push(wake));
    this.#throwFailure();
  }

  /**
   * Makes everything durable and publishes the snapshot that `seal` gives. When this returns, the snapshot is
   * acknowledged; when it throws, the repository is as it was, or has the snapshot whole.
   */
  async publish(seal: (facts: AddedFacts) => Uint8Array): Promise<Publication> {
    assert(this.#state === 'open', 'a session publishes once');
    await this.#flush();
    await this.drain();
    await this.#stopIfCondemned();
    const publication = this.#usesPacks ? await this.#publishPacks(seal) : await this.#publishCommitFile(seal);
    this.#state = 'published';
    this.#codec.close();
    await this.#session.end();
    return publication;
  }

  /** Throws everything unpublished away, as far as the destination lets us. Never throws a destination's error. */
  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'aborted';
    this.#codec.close();
    await this.#dataUpload.abort();
    await this.#treeUpload.abort();
    await this.#session.end();
  }

  #facts(packs: readonly UploadedPack[]): AddedFacts {
    return { packIds: packs.map(({ packId }) => packId), bytesAdded: this.#bytesAdded, bytesStored: this.#bytesStored };
  }

  async #publishCommitFile(seal: (facts: AddedFacts) => Uint8Array): Promise<Publication> {
    // Packs that an interrupted backup left are used by this one, so an index run must name them first.
    await this.#indexPacks([]);
    await this.#session.confirm();
    const segments = this.#waiting.flatMap(({ segment }) => (segment === undefined ? [] : [segment]));
    const { packId } = await writeCommitFile(this.#context, segments, seal(this.#facts([])));
    return { file: `commits/${packId}`, form: 'commit-file' };
  }

  async #publishPacks(seal: (facts: AddedFacts) => Uint8Array): Promise<Publication> {
    await this.#dataUpload.finish();
    await this.#treeUpload.finish();
    const packs = [...this.#dataUpload.finished, ...this.#treeUpload.finished];
    await this.#indexPacks(packs);
    await this.#session.confirm();
    const file = await writeSnapshotFile(this.#context, seal(this.#facts(packs)));
    return { file, form: 'packs' };
  }

  /** Packs that stand under their names already: nobody refers to them yet, so a clean-up may have taken them. */
  #ownPacks(): ReadonlyMap<PackId, number> {
    const finished = [...this.#dataUpload.finished, ...this.#treeUpload.finished];
    return new Map(finished.map(({ packId, sizeBytes }) => [packId, sizeBytes]));
  }

  async #indexPacks(packs: readonly LoosePack[]): Promise<void> {
    const all = [...packs, ...this.index.uncovered];
    if (all.length > 0) await writeIndexRun(this.#context, all, nextGeneration(this.index.runs));
  }

  /** A pack condemned since this session began may be deleted once the session ends: what used it must be redone. */
  async #stopIfCondemned(): Promise<void> {
    const { generation } = await readCondemned(this.#context);
    if (generation > this.#session.lease.generation) {
      throw new CairnError(
        'repository/busy',
        'A clean-up of this repository marked data for deletion while this backup ran.',
      );
    }
  }
}
