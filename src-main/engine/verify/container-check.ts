/**
 * One pack or commit file after the other, read from its first byte to its last in large pieces: the bytes are hashed for
 * the file's name as they pass, and whole frames go on to the lanes.
 *
 * Each segment is decoded once. A file of which not even the footer can be read is looked at as a whole instead, to say
 * as much as can be said (pack/check.ts).
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type { PackId } from '../../../src-shared/ids.ts';
import { FILE_TYPE, type FileType, createHasher } from '../codec/index.ts';
import { toHex } from '../kernel/index.ts';
import { PACK_BYTES_MAX, type PackReader, checkPack, openPack } from '../pack/index.ts';
import type { Repository } from '../repository/index.ts';
import type { CheckLanes } from './check-lanes.ts';
import type { PackToOpen, ReadRangeBytes, WorkResult } from './check-messages.ts';
import type { DamageList } from './damage-list.ts';
import { type EntrySum, mergeSum, newSum } from './entry-sum.ts';
import { HeldDeltas } from './held-deltas.ts';
import { isDamage } from './small-files.ts';

/** Read and handed on at once; a larger segment makes a larger piece. */
const PIECE_BYTES = 2 * 1024 * 1024;

export type Container = {
  readonly packId: PackId;
  readonly name: string;
  readonly sizeBytes: number;
  readonly place: 'pack' | 'commit';
};

/** What became of a container; complete once the lanes are drained. */
export type ContainerOutcome = {
  readonly container: Container;
  segments: number;
  blobs: number;
  /** False where not even the footer can be read. */
  isOpened: boolean;
  /** A commit file that was listed and is gone: another session has merged it meanwhile, or the trees will miss it. */
  isGone: boolean;
  /** In the order of the file: −1 is the name. */
  readonly faults: { readonly at: number; readonly message: string }[];
  /** What the footer lists, as far as its segments were handed to the lanes. */
  readonly sum: EntrySum;
};

type Piece = { readonly first: number; readonly count: number; readonly offset: number; readonly length: number };

export class ContainerCheck {
  readonly outcomes: ContainerOutcome[] = [];
  readonly #repository: Repository;
  readonly #lanes: CheckLanes;
  readonly #signal: AbortSignal | undefined;
  readonly #onBytes: (count: number) => void;
  readonly #held: HeldDeltas;

  constructor(options: {
    readonly repository: Repository;
    readonly lanes: CheckLanes;
    readonly signal: AbortSignal | undefined;
    readonly onBytes: (count: number) => void;
  }) {
    this.#repository = options.repository;
    this.#lanes = options.lanes;
    this.#signal = options.signal;
    this.#onBytes = options.onBytes;
    this.#held = new HeldDeltas(options.repository, options.lanes, (result) => this.#take(result));
  }

  /** Reads a container to its end. What the lanes find comes later: see `finish`. */
  async read(container: Container): Promise<void> {
    const outcome: ContainerOutcome = {
      container,
      segments: 0,
      blobs: 0,
      isOpened: false,
      isGone: false,
      faults: [],
      sum: newSum(),
    };
    const pack = this.outcomes.push(outcome) - 1;
    try {
      if (container.sizeBytes > PACK_BYTES_MAX)
        throw new CairnError(
          'limit/exceeded',
          `${container.name} has ${container.sizeBytes} bytes; no pack is that large.`,
        );
      const reader = await this.#open(outcome, pack);
      if (reader !== undefined) await this.#stream(outcome, pack, reader);
    } catch (error) {
      if (!isDamage(error)) throw error;
      if (container.place === 'commit' && isCairnError(error, 'integrity/missing')) outcome.isGone = true;
      else outcome.faults.push({ at: -1, message: error.message });
    }
    if (!this.#held.holds(pack)) this.#lanes.close(pack);
    if (this.#held.isFull) await this.#flushHeld();
  }

  /** Waits for the lanes; afterwards all outcomes are complete. */
  async finish(): Promise<void> {
    await this.#flushHeld();
    await this.#lanes.drain();
    for (const { faults } of this.outcomes) faults.sort((left, right) => left.at - right.at);
  }

  async #flushHeld(): Promise<void> {
    for (const pack of await this.#held.flush(this.#signal)) this.#lanes.close(pack);
    this.#stopIfCancelled();
  }

  #stopIfCancelled(): void {
    if (this.#signal?.aborted === true) throw new CairnError('engine/cancelled', 'The check was cancelled.');
  }

  #take(result: WorkResult): void {
    for (const { pack, blobs, sum } of result.packs) {
      const outcome = this.outcomes[pack];
      if (outcome === undefined) continue;
      outcome.blobs += blobs;
      mergeSum(outcome.sum, sum);
    }
    for (const { pack, segment, message } of result.faults) this.outcomes[pack]?.faults.push({ at: segment, message });
  }

  /** Opens the file and hands it to the lanes; undefined where it had to be looked at as a whole. */
  async #open(outcome: ContainerOutcome, pack: number): Promise<PackReader | undefined> {
    const { store, repositoryIdBytes, secrets } = this.#repository.context;
    const { name, sizeBytes, place } = outcome.container;
    const ranges: ReadRangeBytes[] = [];
    const fileTypes = fileTypesOf(place);
    try {
      const reader = await openPack({
        read: async (range) => {
          const bytes = await store.read(name, range);
          ranges.push({ offset: range.offset, bytes });
          return bytes;
        },
        sizeBytes,
        repositoryId: repositoryIdBytes,
        secrets,
        fileTypes,
      });
      const opened: PackToOpen = { pack, sizeBytes, fileTypes, ranges };
      this.#lanes.open(opened);
      outcome.isOpened = true;
      outcome.segments = reader.footer.frameCount;
      return reader;
    } catch (error) {
      // A newer format may be damage of the version field: looked at as a whole, the name decides.
      if (!isDamage(error) && !isCairnError(error, 'repository/newer-format')) throw error;
      if (isCairnError(error, 'integrity/missing')) throw error;
      await this.#lookAtWhole(outcome);
      return undefined;
    }
  }

  async #lookAtWhole(outcome: ContainerOutcome): Promise<void> {
    const { context } = this.#repository;
    const { packId, name, place } = outcome.container;
    const found = await checkPack({
      bytes: await context.store.read(name),
      expectedPackId: packId,
      repositoryId: context.repositoryIdBytes,
      secrets: context.secrets,
      blobHasher: context.blobHasher,
      fileTypes: fileTypesOf(place),
      baseOf: (id) => this.#repository.readBlob(id, 1),
    });
    outcome.segments = Math.max(0, found.frameCount - 1);
    outcome.blobs = found.blobsVerified;
    for (const [at, { message }] of found.damage.entries()) outcome.faults.push({ at, message });
  }

  async #stream(outcome: ContainerOutcome, pack: number, reader: PackReader): Promise<void> {
    const { store } = this.#repository.context;
    const { name, packId, sizeBytes } = outcome.container;
    const hasher = createHasher();
    for (const { first, count, offset, length } of piecesOf(reader, sizeBytes)) {
      this.#stopIfCancelled();
      await this.#lanes.room();
      const bytes = await store.read(name, { offset, length });
      hasher.update(bytes);
      this.#onBytes(bytes.length);
      this.#holdDeltas(pack, reader, { first, count, offset, length }, bytes);
      if (count === 0) continue;
      this.#lanes.submit({ kind: 'piece', pack, first, count, offset, bytes }, (result) => this.#take(result));
    }
    const found = toHex(hasher.digest());
    if (found !== packId) outcome.faults.push({ at: -1, message: `its bytes hash to ${found}, not to its name` });
    await this.#checkObjects(outcome, reader);
  }

  #holdDeltas(pack: number, reader: PackReader, piece: Piece, bytes: Uint8Array): void {
    for (let index = piece.first; index < piece.first + piece.count; index++) {
      const segment = reader.footer.segments[index];
      if (segment?.baseId === undefined) continue;
      const from = segment.offset - piece.offset;
      const [blob] = reader.footer.blobsOf(segment);
      if (blob === undefined) continue;
      const frame = bytes.slice(from, from + segment.length);
      this.#held.add({ pack, segment: index, baseId: segment.baseId, type: blob.type, frame });
    }
  }

  async #checkObjects(outcome: ContainerOutcome, reader: PackReader): Promise<void> {
    for (const object of reader.footer.objects) {
      try {
        await reader.readObject(object);
      } catch (error) {
        // The file itself is gone: the caller knows what that means.
        if (!isDamage(error) || error.code === 'integrity/missing') throw error;
        outcome.faults.push({ at: Number.MAX_SAFE_INTEGER, message: error.message });
      }
    }
  }
}

function fileTypesOf(place: Container['place']): readonly FileType[] {
  return place === 'pack' ? [FILE_TYPE.dataPack, FILE_TYPE.treePack] : [FILE_TYPE.commitFile];
}

/** The whole file in pieces: whole frames, the header before the first and the footer after the last. */
function* piecesOf({ footer }: PackReader, sizeBytes: number): Generator<Piece> {
  const { segments } = footer;
  let first = 0;
  let offset = 0;
  for (const [index, segment] of segments.entries()) {
    const end = segment.offset + segment.length;
    if (end - offset < PIECE_BYTES) continue;
    yield { first, count: index + 1 - first, offset, length: end - offset };
    first = index + 1;
    offset = end;
  }
  yield { first, count: segments.length - first, offset, length: sizeBytes - offset };
}

/** Puts an outcome into the report. True where the container can be relied on. */
export function reportOutcome({ container, faults }: ContainerOutcome, damage: DamageList): boolean {
  const [first] = faults;
  if (first === undefined) return true;
  const message = faults.length === 1 ? first.message : `${first.message}; ${faults.length} places in all`;
  damage.add(container.name, container.place, message);
  return false;
}
