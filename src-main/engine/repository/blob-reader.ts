/**
 * Blobs by id. Every blob is hashed again after it was decrypted and decompressed, on every read: a wrong byte never
 * leaves this file.
 *
 * Invariants: decoded segments are kept up to SEGMENT_CACHE_BYTES, so neighbours cost one decode; readers of the same
 * segment share one read; a delta's base is never a delta itself, so reading has depth one. Where a blob lies in
 * several places, damage in one leads to the next.
 */
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import type { BlobId } from '../../../src-shared/ids.ts';
import { type BlobType, FILE_HEADER_BYTES, FILE_TYPE, type FileOpener, openFileHeader } from '../codec/index.ts';
import { equalBytes, toHex } from '../kernel/index.ts';
import { type BlobLocation, openSegment } from '../pack/index.ts';
import type { ByteRange } from '../store/index.ts';
import type { BlobIndex } from './blob-index.ts';
import type { RepositoryContext } from './context.ts';
import { damageOf } from './damage.ts';
import { commitName, packName, trashName } from './names.ts';

/** 32 segments of the usual size: enough for the folders and files around one place. */
const SEGMENT_CACHE_BYTES = 32 * 1024 * 1024;
const OPENERS_MAX = 1024;

export class BlobReader {
  readonly #context: RepositoryContext;
  readonly #segments = new Map<string, Uint8Array>();
  readonly #reading = new Map<string, Promise<Uint8Array>>();
  readonly #openers = new Map<string, Promise<FileOpener>>();
  #cachedBytes = 0;

  constructor(context: RepositoryContext) {
    this.#context = context;
  }

  /**
   * The plaintext of a blob: a view that stays valid, not to be written to.
   * @throws CairnError integrity/missing where no file has it, integrity/damaged where every copy is bad.
   */
  async read(index: BlobIndex, id: BlobId, type: BlobType): Promise<Uint8Array> {
    const location = await index.find(id);
    if (location === undefined) throw missing(id);
    try {
      return await this.#readAt(index, location, id, type);
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      for (const other of await index.findAll(id)) {
        if (other.packId === location.packId && other.frameOffset === location.frameOffset) continue;
        try {
          return await this.#readAt(index, other, id, type);
        } catch (second) {
          if (!isIntegrityError(second)) throw second;
        }
      }
      throw error;
    }
  }

  /** Whether a blob really is, whole, where an index says. */
  async holds(index: BlobIndex, location: BlobLocation, id: BlobId, type: BlobType): Promise<boolean> {
    try {
      await this.#readAt(index, location, id, type);
      return true;
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      return false;
    }
  }

  async #readAt(index: BlobIndex, location: BlobLocation, id: BlobId, type: BlobType): Promise<Uint8Array> {
    const segment = await this.#segment(index, location);
    const end = location.offset + location.length;
    const plain = segment.subarray(location.offset, end);
    const isRight =
      location.type === type && end <= segment.length && equalBytes(this.#context.blobHasher.idOf(type, plain), id);
    if (!isRight) {
      throw new CairnError('integrity/damaged', `A piece of data in ${fileOf(location)} is not what its id says.`, {
        context: { blob: toHex(id), file: fileOf(location) },
      });
    }
    return plain;
  }

  async #segment(index: BlobIndex, location: BlobLocation): Promise<Uint8Array> {
    const key = `${location.packId}:${location.frameOffset}`;
    const cached = this.#segments.get(key);
    if (cached !== undefined) {
      this.#segments.delete(key);
      this.#segments.set(key, cached);
      return cached;
    }
    const running = this.#reading.get(key);
    if (running !== undefined) return running;
    const reading = this.#decode(index, location)
      .then((plain) => {
        this.#keep(key, plain);
        return plain;
      })
      .finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }

  #keep(key: string, plain: Uint8Array): void {
    this.#segments.set(key, plain);
    this.#cachedBytes += plain.length;
    for (const [oldest, bytes] of this.#segments) {
      if (this.#cachedBytes <= SEGMENT_CACHE_BYTES) break;
      this.#segments.delete(oldest);
      this.#cachedBytes -= bytes.length;
    }
  }

  async #decode(index: BlobIndex, location: BlobLocation): Promise<Uint8Array> {
    const { store } = this.#context;
    const name = fileOf(location);
    const baseOf = (baseId: BlobId): Promise<Uint8Array> => this.#readBase(index, baseId, location.type);
    try {
      const opener = await this.#opener(location);
      const frame = await this.readFile(location, { offset: location.frameOffset, length: location.frameLength });
      return await openSegment(opener, frame, baseOf, { delta: location.delta });
    } catch (error) {
      const found = await damageOf(store, name, error);
      if (found === undefined) throw error;
      const message = found.code === 'integrity/missing' ? found.message : `${name} is damaged: ${found.message}.`;
      throw new CairnError(found.code, message, { context: { file: name }, cause: error });
    }
  }

  /**
   * Bytes of a pack or commit file as they are, for who reads many segments at once and opens them elsewhere. The memory
   * is the caller's. A pack that a reclaim has moved to the trash meanwhile is still read there.
   * @throws CairnError integrity/missing, integrity/damaged where the file is shorter
   */
  async readFile(location: Pick<BlobLocation, 'packId' | 'fileType'>, range: ByteRange): Promise<Uint8Array> {
    const { store } = this.#context;
    try {
      return await store.read(fileOf(location), range);
    } catch (error) {
      if (!isCairnError(error, 'integrity/missing') || location.fileType === FILE_TYPE.commitFile) throw error;
      const inTrash = await store.stat(trashName(location.packId));
      if (inTrash === undefined) throw error;
      return store.read(trashName(location.packId), range);
    }
  }

  async #readBase(index: BlobIndex, baseId: BlobId, type: BlobType): Promise<Uint8Array> {
    const places = await index.findAll(baseId);
    const whole = places.find((place) => !place.delta);
    if (whole === undefined) throw missing(baseId);
    return this.#readAt(index, whole, baseId, type);
  }

  #opener(location: BlobLocation): Promise<FileOpener> {
    const name = fileOf(location);
    const known = this.#openers.get(name);
    if (known !== undefined) return known;
    const { repositoryIdBytes, secrets } = this.#context;
    const opening = this.readFile(location, { offset: 0, length: FILE_HEADER_BYTES }).then((header) =>
      openFileHeader(header, { fileTypes: [location.fileType], repositoryId: repositoryIdBytes, secrets }),
    );
    // A failed opening is not kept: the drive may come back.
    opening.catch(() => this.#openers.delete(name));
    if (this.#openers.size >= OPENERS_MAX) {
      const [oldest] = this.#openers.keys();
      if (oldest !== undefined) this.#openers.delete(oldest);
    }
    this.#openers.set(name, opening);
    return opening;
  }
}

/** The file a blob lies in. */
export function fileOf(location: Pick<BlobLocation, 'packId' | 'fileType'>): string {
  return location.fileType === FILE_TYPE.commitFile ? commitName(location.packId) : packName(location.packId);
}

function missing(id: BlobId): CairnError {
  return new CairnError(
    'integrity/missing',
    `A piece of data (blob ${toHex(id).slice(0, 16)}…) is in no file of this repository.`,
    {
      context: { blob: toHex(id) },
    },
  );
}
