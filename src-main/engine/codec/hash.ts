/**
 * The one place that names the hash: BLAKE3-256, plain and keyed.
 *
 * Native code for all that is long or comes in pieces; what is short and at hand as a whole is hashed by hash-small.ts,
 * eight times as fast. A native hasher object is kept and reset between uses: 1.8 µs for a small input, against 9.5 µs
 * for making a keyed one each time (Node 24, 2026). All results are fresh memory and may be kept.
 */
import { Blake3Hasher, blake3 } from 'blake3';

import { assert } from '../../../src-shared/assert.ts';
import { asBlobId, type BlobId } from '../../../src-shared/ids.ts';
import { CAN_HASH_SMALL, hashSmall, keyWords, SMALL_HASH_BYTES_MAX } from './hash-small.ts';

export const HASH_BYTES = 32;

/** The native binding takes Buffers only; this makes a view, never a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A Uint8Array view of what a Node API gave as a Buffer. Results of the codec are never Buffers where they hold
 * content or ids: Buffer.slice shares memory where Uint8Array.slice copies. Costs 0.3 µs.
 */
export function withoutBuffer(bytes: Uint8Array): Uint8Array {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
}

/** Plain BLAKE3-256. */
export function hash(bytes: Uint8Array): Uint8Array {
  if (CAN_HASH_SMALL && bytes.length <= SMALL_HASH_BYTES_MAX) return hashSmall(bytes);
  return withoutBuffer(blake3(asBuffer(bytes)));
}

export type Hasher = {
  update(bytes: Uint8Array): void;
  /** The digest so far; afterwards the hasher is reset and ready for the next input. */
  digest(): Uint8Array;
  reset(): void;
};

function wrap(inner: Blake3Hasher): Hasher {
  return {
    update: (bytes) => void inner.update(asBuffer(bytes)),
    digest: () => {
      const digest = inner.digestBuffer();
      inner.reset();
      return withoutBuffer(digest);
    },
    reset: () => inner.reset(),
  };
}

export function createHasher(): Hasher {
  return wrap(new Blake3Hasher());
}

/** `key` has 32 bytes. */
export function createKeyedHasher(key: Uint8Array): Hasher {
  return wrap(Blake3Hasher.newKeyed(asBuffer(key)));
}

/** The keyed hash of something short. */
function keyedHash(key: Uint8Array): (bytes: Uint8Array) => Uint8Array {
  if (CAN_HASH_SMALL) {
    const words = keyWords(key);
    return (bytes) => hashSmall(bytes, words);
  }
  const hasher = createKeyedHasher(key);
  return (bytes) => {
    hasher.update(bytes);
    return hasher.digest();
  };
}

/** What a blob is, bound into its id: equal bytes in different roles are different blobs. Codes are for ever. */
export const BLOB_TYPE = {
  fileChunk: 1,
  folderPage: 2,
  chunkListPage: 3,
  sealPage: 4,
  problemList: 5,
  dictionary: 6,
  /** Extended attributes too large for a page. */
  attributes: 7,
} as const;
export type BlobType = (typeof BLOB_TYPE)[keyof typeof BLOB_TYPE];

/** The hash behind an id, so that another one can stand in some day. */
const ID_ALGORITHM_BLAKE3 = 1;
const BLOB_PREFIX_BYTES = 2;

export type BlobHasher = {
  /** The address of a blob: keyed hash over type, algorithm and the plain hash of its bytes. */
  idOf(type: BlobType, plain: Uint8Array): BlobId;
  /** The same from the plain BLAKE3 of the bytes, where that is known already (a file of a single chunk). */
  idOfHash(type: BlobType, plainHash: Uint8Array): BlobId;
};

/** `idKey` is K_id, 32 bytes. Not for two threads: the hasher and its input buffer are reused. */
export function createBlobHasher(idKey: Uint8Array): BlobHasher {
  assert(idKey.length === HASH_BYTES, 'an id key has 32 bytes');
  const keyed = keyedHash(idKey);
  const input = new Uint8Array(BLOB_PREFIX_BYTES + HASH_BYTES);
  input[1] = ID_ALGORITHM_BLAKE3;
  const idOfHash = (type: BlobType, plainHash: Uint8Array): BlobId => {
    assert(plainHash.length === HASH_BYTES, 'a plain hash has 32 bytes');
    input[0] = type;
    input.set(plainHash, BLOB_PREFIX_BYTES);
    return asBlobId(keyed(input));
  };
  return { idOf: (type, plain) => idOfHash(type, hash(plain)), idOfHash };
}
