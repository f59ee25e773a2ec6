/**
 * The pages of trees as a walk over whole trees wants them: in few decoded segments, since they lie in the order in which
 * they are walked, and each page hashed again. What can't be had from the place an index names is left to the repository,
 * which tries every copy and says what is wrong.
 *
 * Bound: SEGMENTS_BYTES of decoded segments.
 */
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import type { BlobId } from '../../../src-shared/ids.ts';
import {
  type BlobHasher,
  type BlobType,
  FILE_HEADER_BYTES,
  FILE_TYPE,
  type FileOpener,
  openFileHeader,
} from '../codec/index.ts';
import { equalBytes } from '../kernel/index.ts';
import { type BlobLocation, openSegment } from '../pack/index.ts';
import { type Repository, commitName, packName } from '../repository/index.ts';

const SEGMENTS_BYTES = 16 * 1024 * 1024;
const OPENERS_MAX = 256;

const noBase = (): Promise<Uint8Array> =>
  Promise.reject(new CairnError('integrity/damaged', 'A page of a tree stands in a delta.'));

export class PageSource {
  readonly #repository: Repository;
  readonly #hasher: BlobHasher;
  /** Least recently used first. */
  readonly #segments = new Map<string, Uint8Array>();
  readonly #openers = new Map<string, FileOpener>();
  #segmentBytes = 0;

  constructor(repository: Repository, hasher: BlobHasher) {
    this.#repository = repository;
    this.#hasher = hasher;
  }

  /** The page at the place an index names. @throws CairnError integrity/… where no copy of it can be read */
  async read(id: BlobId, type: BlobType, place: BlobLocation | undefined): Promise<Uint8Array> {
    if (place?.type === type && !place.delta) {
      const segment = await this.#segment(place);
      const plain = segment?.subarray(place.offset, place.offset + place.length);
      if (plain?.length === place.length && equalBytes(this.#hasher.idOf(type, plain), id)) return plain;
    }
    return this.#repository.readBlob(id, type);
  }

  /** A decoded segment, or undefined where it can't be read. */
  async #segment(place: BlobLocation): Promise<Uint8Array | undefined> {
    const key = `${place.packId}:${place.frameOffset}`;
    let segment = this.#segments.get(key);
    if (segment !== undefined) {
      this.#segments.delete(key);
      this.#segments.set(key, segment);
      return segment;
    }
    try {
      const name = place.fileType === FILE_TYPE.commitFile ? commitName(place.packId) : packName(place.packId);
      const opener = await this.#opener(name, place);
      const range = { offset: place.frameOffset, length: place.frameLength };
      segment = await openSegment(opener, await this.#repository.context.store.read(name, range), noBase, {
        delta: false,
      });
    } catch (error) {
      // A flipped bit may look like a newer version: the repository's own reader finds out which it is.
      if (!isIntegrityError(error) && !isCairnError(error, 'repository/newer-format')) throw error;
      return undefined;
    }
    this.#segments.set(key, segment);
    this.#segmentBytes += segment.length;
    for (const [oldest, { length }] of this.#segments) {
      if (this.#segmentBytes <= SEGMENTS_BYTES) break;
      this.#segments.delete(oldest);
      this.#segmentBytes -= length;
    }
    return segment;
  }

  async #opener(name: string, { fileType }: BlobLocation): Promise<FileOpener> {
    const known = this.#openers.get(name);
    if (known !== undefined) return known;
    const { store, repositoryIdBytes: repositoryId, secrets } = this.#repository.context;
    const header = await store.read(name, { offset: 0, length: FILE_HEADER_BYTES });
    const opener = openFileHeader(header, { fileTypes: [fileType], repositoryId, secrets });
    if (this.#openers.size >= OPENERS_MAX) this.#openers.clear();
    this.#openers.set(name, opener);
    return opener;
  }
}
