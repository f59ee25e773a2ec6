/**
 * A writer at work: takes blobs, stores the new ones, and publishes a snapshot.
 *
 * The order that must never be broken: packs → index run → snapshot. Everything a snapshot refers to is durable
 * before the snapshot gets its name, and the snapshot is the only commit point. A small backup takes the short way: up
 * to COMMIT_FILE_BYTES_MAX of new data go with the snapshot into one commit file, which is packs, index and commit
 * point at once.
 *
 * Segments wait compressed but unsealed, because only at the end (or at the limit) it is known which way they go.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { BlobId, PackId, WriterId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, type BlobType, FILE_TYPE } from '../codec/index.ts';
import { IdTable } from '../kernel/index.ts';
import {
  FRAME_OVERHEAD_BYTES,
  type PendingSegment,
  type SegmentBuilder,
  createSegmentBuilder,
  packBytesTarget,
} from '../pack/index.ts';
import { type BlobIndex, type LoosePack, openBlobIndex } from './blob-index.ts';
import { readCondemned } from './condemned.ts';
import type { RepositoryContext } from './context.ts';
import { assertSameInstance } from './identity.ts';
import { nextGeneration, writeIndexRun } from './index-writer.ts';
import { type Session, openSession } from './leases.ts';
import { writeSnapshotFile } from './snapshot-file.ts';
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

export class WriteSession {
  readonly index: BlobIndex;
  readonly #context: RepositoryContext;
  readonly #session: Session;
  readonly #mine = new IdTable();
  readonly #data: SegmentBuilder;
  readonly #tree: SegmentBuilder;
  readonly #dataUpload: PackUpload;
  readonly #treeUpload: PackUpload;
  #waiting: { readonly segment: PendingSegment; readonly isTree: boolean }[] = [];
  #waitingBytes = 0;
  #usesPacks = false;
  #draining: Promise<void> = Promise.resolve();
  #bytesAdded = 0;
  #bytesStored = 0;
  #state: 'open' | 'published' | 'aborted' = 'open';

  private constructor(context: RepositoryContext, index: BlobIndex, session: Session, repositoryBytes: number) {
    this.#context = context;
    this.index = index;
    this.#session = session;
    this.#data = createSegmentBuilder({ compression: context.compression });
    this.#tree = createSegmentBuilder({ compression: context.compression });
    const target = packBytesTarget(repositoryBytes);
    this.#dataUpload = new PackUpload(context, FILE_TYPE.dataPack, target);
    this.#treeUpload = new PackUpload(context, FILE_TYPE.treePack, target);
  }

  /** Begins a session: lease, then index. Needs a writable store. */
  static async open(context: RepositoryContext, writerId: WriterId): Promise<WriteSession> {
    await assertSameInstance(context.store, context.instance);
    const { generation } = await readCondemned(context);
    const { store, ports, self } = context;
    const session = await openSession({ store, ports, self, writerId, kind: 'writer', generation });
    try {
      const index = await openBlobIndex(context, { complete: true });
      const repositoryBytes = index.runs.reduce(
        (sum, { run }) => sum + run.packs.reduce((bytes, pack) => bytes + pack.sizeBytes, 0),
        0,
      );
      return new WriteSession(context, index, session, repositoryBytes);
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** Whether a blob is in the repository or was added in this session. */
  has(id: BlobId): boolean {
    return this.#mine.has(id) || this.index.has(id);
  }

  /** Plaintext of new unique blobs so far, in bytes. */
  get bytesAdded(): number {
    return this.#bytesAdded;
  }

  /** Takes a copy of a blob unless it is known. `plainHash` is its BLAKE3 where the caller has it already. */
  add(type: BlobType, plain: Uint8Array, plainHash?: Uint8Array): BlobId {
    assert(this.#state === 'open', 'a session that has ended takes no more blobs');
    const id =
      plainHash === undefined
        ? this.#context.blobHasher.idOf(type, plain)
        : this.#context.blobHasher.idOfHash(type, plainHash);
    if (this.has(id)) return id;
    this.#mine.set(id, plain.length);
    this.#bytesAdded += plain.length;
    const isTree = type !== BLOB_TYPE.fileChunk;
    const segment = (isTree ? this.#tree : this.#data).add(id, type, plain);
    if (segment !== undefined) this.#queue(segment, isTree);
    return id;
  }

  /**
   * Says whether a blob is new, and takes it as this session's: the caller then owes it in a segment. For workers,
   * which compress what the session only counts.
   */
  claim(id: BlobId, length: number): boolean {
    assert(this.#state === 'open', 'a session that has ended takes no more blobs');
    if (this.has(id)) return false;
    this.#mine.set(id, length);
    this.#bytesAdded += length;
    return true;
  }

  /** Takes a segment of file chunks that were all claimed before. */
  addSegment(segment: PendingSegment): void {
    assert(this.#state === 'open', 'a session that has ended takes no more segments');
    this.#queue(segment, false);
  }

  /** True when `drain` should be called before more is added: bounds what waits in memory. */
  get isFull(): boolean {
    return this.#waitingBytes > this.#context.limits.commitFileBytesMax;
  }

  /** Shows that this session lives; cheap, and to be called all the while, also where nothing new is found. */
  beat(): Promise<void> {
    return this.#session.beat();
  }

  /** Hands waiting segments on to packs once they are too many for a commit file. May be called while it runs. */
  async drain(): Promise<void> {
    // One at a time: segments of a pack are appended in the order of their counters.
    const before = this.#draining;
    const mine = before.then(() => this.#drainNow());
    this.#draining = mine.catch(() => undefined);
    return mine;
  }

  async #drainNow(): Promise<void> {
    await this.#session.beat();
    if (!this.isFull && !this.#usesPacks) return;
    this.#usesPacks = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { segment, isTree } of waiting) await (isTree ? this.#treeUpload : this.#dataUpload).add(segment);
  }

  /**
   * Makes everything durable and publishes the snapshot that `seal` gives. When this returns, the snapshot is
   * acknowledged; when it throws, the repository is as it was, or has the snapshot whole.
   */
  async publish(seal: (facts: AddedFacts) => Uint8Array): Promise<Publication> {
    assert(this.#state === 'open', 'a session publishes once');
    this.#flush(this.#data, false);
    this.#flush(this.#tree, true);
    await this.drain();
    await this.#stopIfCondemned();
    const publication = this.#usesPacks ? await this.#publishPacks(seal) : await this.#publishCommitFile(seal);
    this.#state = 'published';
    await this.#session.end();
    return publication;
  }

  /** Throws everything unpublished away, as far as the destination lets us. Never throws a destination's error. */
  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'aborted';
    await this.#dataUpload.abort();
    await this.#treeUpload.abort();
    await this.#session.end();
  }

  #queue(segment: PendingSegment, isTree: boolean): void {
    this.#waiting.push({ segment, isTree });
    this.#waitingBytes += segment.payload.length;
    this.#bytesStored += segment.payload.length + FRAME_OVERHEAD_BYTES;
  }

  #flush(builder: SegmentBuilder, isTree: boolean): void {
    const segment = builder.flush();
    if (segment !== undefined) this.#queue(segment, isTree);
  }

  #facts(packs: readonly UploadedPack[]): AddedFacts {
    return { packIds: packs.map(({ packId }) => packId), bytesAdded: this.#bytesAdded, bytesStored: this.#bytesStored };
  }

  async #publishCommitFile(seal: (facts: AddedFacts) => Uint8Array): Promise<Publication> {
    // Packs that an interrupted backup left are used by this one, so an index run must name them first.
    await this.#indexPacks([]);
    await assertSameInstance(this.#context.store, this.#context.instance);
    const segments = this.#waiting.map(({ segment }) => segment);
    const { packId } = await writeCommitFile(this.#context, segments, seal(this.#facts([])));
    return { file: `commits/${packId}`, form: 'commit-file' };
  }

  async #publishPacks(seal: (facts: AddedFacts) => Uint8Array): Promise<Publication> {
    await this.#dataUpload.finish();
    await this.#treeUpload.finish();
    const packs = [...this.#dataUpload.finished, ...this.#treeUpload.finished];
    await this.#indexPacks(packs);
    await assertSameInstance(this.#context.store, this.#context.instance);
    const file = await writeSnapshotFile(this.#context, seal(this.#facts(packs)));
    return { file, form: 'packs' };
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
