/**
 * Sealed files: a clear FileHeader and a row of frames, each encrypted (or, without encryption, tagged with BLAKE3)
 * on its own. Layout: seal-layout.ts.
 *
 * Invariants:
 * - A file has its own key, derived from a fresh random salt; a nonce is the frame's counter. The counter lives in
 *   the sealer, rises with every frame and can't be set, so no key ever sees one nonce twice. A file is sealed once:
 *   there is no way to open a sealer on a file that exists.
 * - The tag of a frame covers both headers: its file, type, place, sizes and compression. Nothing of a frame is
 *   handed out before its tag has been checked.
 * - AES-GCM does not commit to its key, so the header holds a commitment, compared in constant time before a frame
 *   is opened. A reader says which cipher it expects: a file can't talk it into “none”.
 */
import { createCipheriv, createDecipheriv, hkdfSync, timingSafeEqual } from 'node:crypto';

import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { concatBytes, equalBytes, giveBack, toHex, utf8 } from '../kernel/index.ts';
import { createHasher, type Hasher, withoutBuffer } from './hash.ts';
import {
  CIPHER,
  COMMITMENT_BYTES,
  COMPRESSION,
  type Cipher,
  type Compression,
  FILE_HEADER_BYTES,
  FILE_MAGIC,
  FILE_TYPE,
  FILE_VERSION,
  type FileType,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_MAGIC,
  FRAME_PLAIN_BYTES_MAX,
  FRAME_SEALED_BYTES_MAX,
  type FrameKind,
  FRAMES_MAX,
  NONCE_BYTES,
  REPOSITORY_ID_BYTES,
  SALT_BYTES,
  TAG_BYTES,
  TRAILER_BYTES,
  TRAILER_MAGIC,
} from './seal-layout.ts';

/** What opens the files of a repository. The keys are K_data and K_meta, 32 bytes each; unused with cipher none. */
export type FileSecrets = { readonly cipher: Cipher; readonly dataKey: Uint8Array; readonly metaKey: Uint8Array };

export type FrameToSeal = {
  readonly kind: FrameKind;
  readonly compression: Compression;
  /** Length after decompression, in bytes. */
  readonly plainLength: number;
  /** Compressed bytes, as compress() gave them. */
  readonly payload: Uint8Array;
};

export type FrameHeader = {
  readonly kind: FrameKind;
  readonly compression: Compression;
  readonly counter: number;
  readonly plainLength: number;
  /** Bytes after the frame header: ciphertext and tag. */
  readonly sealedLength: number;
};

export type OpenedFrame = {
  readonly kind: FrameKind;
  readonly compression: Compression;
  readonly plainLength: number;
  readonly counter: number;
  /** Still compressed; fresh memory when the file is encrypted, otherwise a view of the frame. */
  readonly payload: Uint8Array;
};

export type FileSealer = {
  /** The first 104 bytes of the file. */
  readonly header: Uint8Array;
  /** How many frames were sealed so far. */
  readonly frameCount: number;
  /** Seals the next frame and returns all its bytes, header and tag included. */
  sealFrame(frame: FrameToSeal): Uint8Array;
};

export type FileOpener = {
  readonly fileType: FileType;
  /**
   * Checks and opens one frame (all its bytes, header included). Give `expectedCounter` wherever the frame's place
   * in the file is known, so that frames of one file can't change places.
   */
  openFrame(frame: Uint8Array, expectedCounter?: number): OpenedFrame;
};

type FileKey = { readonly key: Uint8Array; readonly commitment: Uint8Array };

const FILE_MAGIC_BYTES = utf8(FILE_MAGIC);
const FRAME_MAGIC_BYTES = utf8(FRAME_MAGIC);
const TRAILER_MAGIC_BYTES = utf8(TRAILER_MAGIC);
const FILE_KEY_INFO = 'cairn/v1/file';
const KEY_BYTES = 32;

const FILE_TYPES: ReadonlySet<number> = new Set(Object.values(FILE_TYPE));
const FRAME_KINDS: ReadonlySet<number> = new Set(Object.values(FRAME_KIND));
const COMPRESSIONS: ReadonlySet<number> = new Set(Object.values(COMPRESSION));
/** These hold the user's data; all other files hold metadata. */
const DATA_FILE_TYPES: ReadonlySet<number> = new Set([FILE_TYPE.dataPack, FILE_TYPE.treePack, FILE_TYPE.commitFile]);

function malformed(reason: string): never {
  throw new CairnError('integrity/malformed', reason);
}

function damaged(reason: string, cause?: unknown): never {
  throw new CairnError('integrity/damaged', reason, cause === undefined ? {} : { cause });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Key and commitment of one file. Without encryption both are zeros: the tag then proves the absence of accidents only. */
function deriveFileKey(secrets: FileSecrets, fileType: FileType, salt: Uint8Array): FileKey {
  if (secrets.cipher === CIPHER.none) {
    return { key: new Uint8Array(KEY_BYTES), commitment: new Uint8Array(COMMITMENT_BYTES) };
  }
  const parent = DATA_FILE_TYPES.has(fileType) ? secrets.dataKey : secrets.metaKey;
  assert(parent.length === KEY_BYTES, 'a file key is derived from 32 bytes');
  const info = concatBytes([utf8(FILE_KEY_INFO), Uint8Array.of(fileType)]);
  const derived = new Uint8Array(hkdfSync('sha256', parent, salt, info, KEY_BYTES + COMMITMENT_BYTES));
  return { key: derived.subarray(0, KEY_BYTES), commitment: derived.subarray(KEY_BYTES) };
}

/** Nonce of a frame: its counter as u32, then eight zero bytes. */
export function frameNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  viewOf(nonce).setUint32(0, counter, true);
  return nonce;
}

/** Hands out 0, 1, 2 … and refuses at `limit`: the only source of frame counters. */
export function createFrameCounter(limit: number): { readonly used: number; next(): number } {
  let used = 0;
  return {
    get used() {
      return used;
    },
    next() {
      assert(used < limit, `a file has at most ${limit} frames`);
      return used++;
    },
  };
}

function plainTag(hasher: Hasher, fileHeader: Uint8Array, frameHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  hasher.update(fileHeader);
  hasher.update(frameHeader);
  hasher.update(payload);
  return hasher.digest().subarray(0, TAG_BYTES);
}

function encodeFileHeader(
  fileType: FileType,
  cipher: Cipher,
  repositoryId: Uint8Array,
  salt: Uint8Array,
  commitment: Uint8Array,
): Uint8Array {
  const header = new Uint8Array(FILE_HEADER_BYTES);
  const view = viewOf(header);
  header.set(FILE_MAGIC_BYTES, 0);
  view.setUint16(8, FILE_VERSION, true);
  view.setUint8(10, fileType);
  view.setUint8(11, cipher);
  header.set(repositoryId, 16);
  header.set(salt, 32);
  header.set(commitment, 64);
  return header;
}

function writeFrameHeader(target: Uint8Array, frame: FrameToSeal, counter: number): void {
  const view = viewOf(target);
  target.set(FRAME_MAGIC_BYTES, 0);
  view.setUint8(4, frame.kind);
  view.setUint8(5, frame.compression);
  view.setUint32(8, counter, true);
  view.setUint32(12, frame.plainLength, true);
  view.setUint32(16, frame.payload.length + TAG_BYTES, true);
}

/**
 * Begins a new sealed file. `salt` is 32 fresh random bytes that were never used before: uniqueness of every nonce
 * rests on it.
 */
export function createFileSealer(options: {
  readonly fileType: FileType;
  readonly repositoryId: Uint8Array;
  readonly secrets: FileSecrets;
  readonly salt: Uint8Array;
}): FileSealer {
  const { fileType, repositoryId, secrets } = options;
  assert(repositoryId.length === REPOSITORY_ID_BYTES, 'a repository id has 16 bytes');
  assert(options.salt.length === SALT_BYTES, 'a salt has 32 bytes');
  const { key, commitment } = deriveFileKey(secrets, fileType, options.salt);
  const header = encodeFileHeader(fileType, secrets.cipher, repositoryId, options.salt, commitment);
  const counters = createFrameCounter(FRAMES_MAX);
  const hasher = createHasher();
  return {
    header,
    get frameCount() {
      return counters.used;
    },
    sealFrame(frame) {
      const { payload } = frame;
      assert(frame.plainLength <= FRAME_PLAIN_BYTES_MAX, 'a frame holds at most 16 MiB');
      assert(payload.length <= FRAME_PLAIN_BYTES_MAX, 'a payload that grew has to be stored instead');
      const counter = counters.next();
      const sealed = new Uint8Array(FRAME_HEADER_BYTES + payload.length + TAG_BYTES);
      writeFrameHeader(sealed, frame, counter);
      const frameHeader = sealed.subarray(0, FRAME_HEADER_BYTES);
      if (secrets.cipher === CIPHER.none) {
        sealed.set(payload, FRAME_HEADER_BYTES);
        sealed.set(plainTag(hasher, header, frameHeader, payload), FRAME_HEADER_BYTES + payload.length);
        return sealed;
      }
      const cipher = createCipheriv('aes-256-gcm', key, frameNonce(counter));
      cipher.setAAD(concatBytes([header, frameHeader]));
      const body = cipher.update(payload);
      sealed.set(body, FRAME_HEADER_BYTES);
      giveBack(body);
      cipher.final();
      sealed.set(cipher.getAuthTag(), FRAME_HEADER_BYTES + payload.length);
      return sealed;
    },
  };
}

/** Reads a frame header. What it says is to be believed only once the frame has been opened. */
export function readFrameHeader(bytes: Uint8Array): FrameHeader {
  if (bytes.length < FRAME_HEADER_BYTES) malformed(`a frame ends after ${bytes.length} bytes of its header`);
  if (!equalBytes(bytes.subarray(0, 4), FRAME_MAGIC_BYTES)) malformed('a frame does not begin with its magic');
  const view = viewOf(bytes);
  const kind = view.getUint8(4);
  const compression = view.getUint8(5);
  if (!FRAME_KINDS.has(kind)) malformed(`a frame has the unknown kind ${kind}`);
  if (!COMPRESSIONS.has(compression)) malformed(`a frame has the unknown compression ${compression}`);
  if (view.getUint16(6, true) !== 0 || view.getUint32(20, true) !== 0) malformed('a frame has unknown flags');
  const counter = view.getUint32(8, true);
  const plainLength = view.getUint32(12, true);
  const sealedLength = view.getUint32(16, true);
  if (counter >= FRAMES_MAX) malformed(`a frame has the counter ${counter}`);
  if (plainLength > FRAME_PLAIN_BYTES_MAX || sealedLength > FRAME_SEALED_BYTES_MAX) {
    throw new CairnError('limit/exceeded', `a frame claims ${plainLength} bytes in ${sealedLength}`);
  }
  if (sealedLength < TAG_BYTES) malformed('a frame is shorter than its tag');
  return { kind: kind as FrameKind, compression: compression as Compression, counter, plainLength, sealedLength };
}

function checkFileHeader(
  header: Uint8Array,
  fileTypes: readonly FileType[],
  cipher: Cipher,
  repositoryId: Uint8Array,
): FileType {
  if (header.length !== FILE_HEADER_BYTES)
    malformed(`a file header has ${FILE_HEADER_BYTES} bytes, here are ${header.length}`);
  if (!equalBytes(header.subarray(0, 8), FILE_MAGIC_BYTES)) malformed('a file does not begin with its magic');
  const view = viewOf(header);
  const version = view.getUint16(8, true);
  if (version > FILE_VERSION) {
    throw new CairnError(
      'repository/newer-format',
      `a file has version ${version}, this Cairn reads up to ${FILE_VERSION}`,
    );
  }
  if (version < 1) malformed('a file has version 0');
  const fileType = view.getUint8(10);
  if (!FILE_TYPES.has(fileType)) malformed(`a file has the unknown type ${fileType}`);
  if (!(fileTypes as readonly number[]).includes(fileType)) {
    malformed(`a file of type ${fileType} stands where type ${fileTypes.join(' or ')} is expected`);
  }
  if (view.getUint8(11) !== cipher) damaged(`a file has cipher ${view.getUint8(11)}, this repository uses ${cipher}`);
  if (view.getUint32(12, true) !== 0 || view.getBigUint64(96, true) !== 0n) malformed('a file has unknown flags');
  const fileRepositoryId = header.subarray(16, 16 + REPOSITORY_ID_BYTES);
  if (!equalBytes(fileRepositoryId, repositoryId)) damaged(`a file belongs to repository ${toHex(fileRepositoryId)}`);
  return fileType as FileType;
}

/**
 * Checks a file header against what the reader expects (types, repository, cipher, key) and returns the opener of
 * its frames. Throws integrity/…, or repository/newer-format.
 */
export function openFileHeader(
  headerBytes: Uint8Array,
  options: {
    readonly fileTypes: readonly FileType[];
    readonly repositoryId: Uint8Array;
    readonly secrets: FileSecrets;
  },
): FileOpener {
  const { secrets } = options;
  const fileType = checkFileHeader(headerBytes, options.fileTypes, secrets.cipher, options.repositoryId);
  // A copy: the caller may reuse its memory, and the header is part of every tag.
  const header = new Uint8Array(headerBytes);
  const { key, commitment } = deriveFileKey(secrets, fileType, header.subarray(32, 64));
  if (!timingSafeEqual(commitment, header.subarray(64, 96)))
    damaged('a file was not sealed with the key of this repository');
  const hasher = createHasher();
  return {
    fileType,
    openFrame(frame, expectedCounter) {
      const { sealedLength, ...described } = readFrameHeader(frame);
      if (frame.length !== FRAME_HEADER_BYTES + sealedLength) {
        malformed(`a frame of ${FRAME_HEADER_BYTES + sealedLength} bytes was given ${frame.length}`);
      }
      const { counter } = described;
      if (expectedCounter !== undefined && counter !== expectedCounter) {
        damaged(`frame ${counter} stands where frame ${expectedCounter} belongs`);
      }
      const frameHeader = frame.subarray(0, FRAME_HEADER_BYTES);
      const sealed = frame.subarray(FRAME_HEADER_BYTES, frame.length - TAG_BYTES);
      const tag = frame.subarray(frame.length - TAG_BYTES);
      if (secrets.cipher === CIPHER.none) {
        if (!equalBytes(plainTag(hasher, header, frameHeader, sealed), tag))
          damaged(`frame ${counter} fails its checksum`);
        return { ...described, payload: withoutBuffer(sealed) };
      }
      const decipher = createDecipheriv('aes-256-gcm', key, frameNonce(counter), { authTagLength: TAG_BYTES });
      decipher.setAAD(concatBytes([header, frameHeader]));
      decipher.setAuthTag(tag);
      const payload = decipher.update(sealed);
      try {
        decipher.final();
      } catch (error) {
        damaged(`frame ${counter} fails its authentication`, error);
      }
      return { ...described, payload: withoutBuffer(payload) };
    },
  };
}

/** Where the footer of a pack stands; the last 24 bytes of every file that has one. */
export type Trailer = {
  readonly footerOffset: number;
  /** Whole footer frame, its header included. */
  readonly footerLength: number;
  readonly frameCount: number;
};

export function encodeTrailer(trailer: Trailer): Uint8Array {
  assert(trailer.frameCount <= FRAMES_MAX, 'a trailer counts at most 2^20 frames');
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = viewOf(bytes);
  view.setBigUint64(0, BigInt(trailer.footerOffset), true);
  view.setUint32(8, trailer.footerLength, true);
  view.setUint32(12, trailer.frameCount, true);
  bytes.set(TRAILER_MAGIC_BYTES, 16);
  return bytes;
}

/**
 * Reads the last 24 bytes of a file of `fileLength` bytes. The footer must end where the trailer begins, so a
 * trailer of another file or of a cut one is refused before anything is read by it.
 */
export function decodeTrailer(bytes: Uint8Array, fileLength: number): Trailer {
  if (bytes.length !== TRAILER_BYTES) malformed(`a trailer has ${TRAILER_BYTES} bytes, here are ${bytes.length}`);
  if (!equalBytes(bytes.subarray(16), TRAILER_MAGIC_BYTES))
    malformed('a file does not end with its trailer; it may be cut off');
  const view = viewOf(bytes);
  const footerOffset = view.getBigUint64(0, true);
  const footerLength = view.getUint32(8, true);
  const frameCount = view.getUint32(12, true);
  const fits =
    footerOffset >= BigInt(FILE_HEADER_BYTES) &&
    footerLength >= FRAME_HEADER_BYTES + TAG_BYTES &&
    footerLength <= FRAME_HEADER_BYTES + FRAME_SEALED_BYTES_MAX &&
    frameCount >= 1 &&
    frameCount <= FRAMES_MAX &&
    footerOffset + BigInt(footerLength + TRAILER_BYTES) === BigInt(fileLength);
  if (!fits) malformed('a trailer does not fit its file');
  return { footerOffset: Number(footerOffset), footerLength, frameCount };
}
