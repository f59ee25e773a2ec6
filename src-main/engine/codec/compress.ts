/**
 * Compression of segments and metadata: zstd, lz4, gzip or none, always bounded by a length known beforehand.
 *
 * Invariants:
 * - What does not shrink is stored, so a payload is never longer than its plaintext.
 * - Decompression is given the exact plain length and never makes more than that: a bomb stops at the bound, and a
 *   result of another length is damage.
 * - The same input, settings and zstd version give the same bytes, but nothing relies on it: ids hash plaintext.
 */
import zlib from 'node:zlib';

import { compressSync as lz4Compress, uncompressSync as lz4Decompress } from 'lz4';

import { assert, assertNever } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { asBuffer, withoutBuffer } from './hash.ts';
import { COMPRESSION, type Compression, FRAME_PLAIN_BYTES_MAX } from './seal-layout.ts';
import { nativeZstdHere, zstdBound, type ZstdHere } from './zstd-native.ts';

export type CompressionSpec =
  /** zstd at the normal level, and at a faster one once a backup has much to store (`forBulk`). */
  | { readonly kind: 'auto' }
  | { readonly kind: 'zstd'; readonly level: number }
  | { readonly kind: 'lz4' }
  | { readonly kind: 'gzip'; readonly level: number }
  | { readonly kind: 'none' };

export type Compressed = { readonly compression: Compression; readonly bytes: Uint8Array };

/** What can stand in for node:zlib's zstd, for a runtime built without it. */
export type ZstdProvider = {
  /** For the self-test’s report, e.g. “node:zlib”. */
  readonly name: string;
  compress(plain: Uint8Array, level: number, dictionary?: Uint8Array): Uint8Array;
  /** Must stop (by throwing) before it makes more than `plainLength` bytes. */
  decompress(bytes: Uint8Array, plainLength: number, dictionary?: Uint8Array): Uint8Array;
};

/** Largest plaintext that is compressed or decompressed in one piece. */
export const PLAIN_BYTES_MAX = FRAME_PLAIN_BYTES_MAX;
export const DICTIONARY_BYTES_MAX = 8 * 1024 * 1024;

/** `bulk` takes three quarters of the time of `normal` and leaves a tenth more (658 MB of source: 2.2 s, 232 MB against
 * 2.9 s, 210 MB of one core). */
const ZSTD_LEVEL = { min: 1, max: 19, normal: 3, bulk: 1 } as const;
const GZIP_LEVEL = { min: 1, max: 9, normal: 6 } as const;

/** Below this size a probe costs as much as the compression it could save. */
const PROBE_FROM_BYTES = 64 * 1024;
/**
 * Four samples of 4 KiB spread over the input: 30 µs, against 0.7 ms (zstd) or 22 ms (gzip) spent on 1 MiB of
 * random bytes. Spread, because a segment bundles files of different kinds.
 */
const PROBE_SAMPLES = 4;
const PROBE_SAMPLE_BYTES = 4 * 1024;
/** Base64 text, the least compressible thing worth compressing, samples at 0.75; encrypted bytes at 1.0. */
const PROBE_INCOMPRESSIBLE_FROM = 0.98;

/** Largest window a frame of ours needs: a dictionary of 8 MiB before a plaintext of 16 MiB. */
const ZSTD_WINDOW_LOG_MAX = 25;
const ZSTD_WINDOW_LOG_MIN = 10;
/** zstd's own limits for a hash table (ZSTD_HASHLOG_MIN), and its default at the level we use most. */
const ZSTD_HASH_LOG_MIN = 6;
/** Memory kept for compressing on this thread: enough for metadata; a segment's is given back. */
const SCRATCH_BYTES_MIN = 64 * 1024;
const SCRATCH_BYTES_MAX = 2 * 1024 * 1024;
/** First four bytes of a trained zstd dictionary. */
const ZSTD_DICTIONARY_MAGIC = 0xec30a437;
/** zlib refuses output chunks below 64 bytes. */
const ZLIB_CHUNK_BYTES_MIN = 64;
/** The lz4 binding puts the plain length, u32 little-endian, before the block; that is kept on disk. */
const LZ4_PREFIX_BYTES = 4;

export const DEFAULT_COMPRESSION: CompressionSpec = { kind: 'auto' };

/** The zstd level of a spec, or undefined where it is another compression. */
export function zstdLevelOf(spec: CompressionSpec): number | undefined {
  if (spec.kind === 'auto') return ZSTD_LEVEL.normal;
  return spec.kind === 'zstd' ? spec.level : undefined;
}

/** What a spec means for a backup that has much to store: whoever did not choose a level gets the faster one. */
export function forBulk(spec: CompressionSpec): CompressionSpec {
  return spec.kind === 'auto' ? { kind: 'zstd', level: ZSTD_LEVEL.bulk } : spec;
}

/** Reads “auto”, “zstd”, “zstd:3”, “lz4”, “gzip:6” or “none”. Throws usage/invalid. */
export function parseCompression(text: string): CompressionSpec {
  if (text === 'auto') return { kind: 'auto' };
  const match = /^(zstd|lz4|gzip|none)(?::(\d{1,2}))?$/.exec(text);
  const [, kind, levelText] = match ?? [];
  const level = levelText === undefined ? undefined : Number(levelText);
  if (kind === 'zstd') return { kind, level: levelWithin(text, level, ZSTD_LEVEL) };
  if (kind === 'gzip') return { kind, level: levelWithin(text, level, GZIP_LEVEL) };
  if ((kind === 'lz4' || kind === 'none') && level === undefined) return { kind };
  throw new CairnError('usage/invalid', `“${text.slice(0, 40)}” is not a compression`, {
    hint: 'Use auto, none, lz4, zstd, zstd:1 to zstd:19, or gzip:1 to gzip:9.',
  });
}

function levelWithin(
  text: string,
  level: number | undefined,
  range: { min: number; max: number; normal: number },
): number {
  if (level === undefined) return range.normal;
  if (level >= range.min && level <= range.max) return level;
  throw new CairnError('usage/invalid', `“${text}”: the level goes from ${range.min} to ${range.max}`);
}

/** The text that parseCompression reads back. */
export function formatCompression(spec: CompressionSpec): string {
  return 'level' in spec ? `${spec.kind}:${spec.level}` : spec.kind;
}

/** ceil(log2(value)). */
function bitsFor(value: number): number {
  return Math.max(0, Math.ceil(Math.log2(value)));
}

function outputChunkBytes(length: number): number {
  return Math.max(ZLIB_CHUNK_BYTES_MIN, length);
}

/**
 * Settings that let a dictionary be used to its first byte. By itself zstd indexes only the last 8 × 2^hashLog bytes
 * of a dictionary (128 KiB at level 1, 1 MiB at level 3) and sees only one window of it. Measured on random data with
 * four 4 KiB edits: 2 MiB became 1,057 KB without these settings, 17 KB with them.
 */
function zstdDictionaryParameters(plainLength: number, dictionaryLength: number): Record<number, number> {
  const window = Math.min(ZSTD_WINDOW_LOG_MAX, Math.max(ZSTD_WINDOW_LOG_MIN, bitsFor(plainLength + dictionaryLength)));
  return {
    [zlib.constants.ZSTD_c_windowLog]: window,
    [zlib.constants.ZSTD_c_hashLog]: Math.max(ZSTD_HASH_LOG_MIN, bitsFor(dictionaryLength) - 3, Math.min(17, window)),
  };
}

/** Memory of this thread for what zstd makes, because only then is it known how much that is. */
let scratch: Uint8Array | undefined;

function compressNatively(zstd: ZstdHere, plain: Uint8Array, level: number): Uint8Array {
  const room = zstdBound(plain.length);
  if (scratch === undefined || scratch.length < room) scratch = new Uint8Array(Math.max(room, SCRATCH_BYTES_MIN));
  const length = zstd.compress(level, plain, scratch);
  if (length === undefined) throw new RangeError('zstd refuses to compress');
  const bytes = scratch.slice(0, length);
  if (scratch.length > SCRATCH_BYTES_MAX) scratch = undefined;
  return bytes;
}

function decompressNatively(zstd: ZstdHere, bytes: Uint8Array, plainLength: number): Uint8Array {
  // Never more than this: zstd stops at the end of the room it is given.
  const into = Buffer.allocUnsafeSlow(plainLength);
  const length = zstd.decompress(bytes, into);
  if (length === undefined) throw new RangeError('zstd can’t read this');
  return into.subarray(0, length);
}

const nodeZstd: ZstdProvider = {
  name: 'node:zlib',
  compress: (plain, level, dictionary) => {
    const native = dictionary === undefined ? nativeZstdHere() : undefined;
    if (native !== undefined) return compressNatively(native, plain, level);
    return zlib.zstdCompressSync(plain, {
      // Room for the worst case lets zstd work in one piece, a tenth faster than as a stream. With a dictionary it then
      // takes other settings, which find less of it.
      chunkSize: outputChunkBytes(dictionary === undefined ? zstdBound(plain.length) : plain.length),
      params: {
        [zlib.constants.ZSTD_c_compressionLevel]: level,
        ...(dictionary && zstdDictionaryParameters(plain.length, dictionary.length)),
      },
      ...(dictionary && { dictionary }),
    });
  },
  decompress: (bytes, plainLength, dictionary) => {
    const native = dictionary === undefined ? nativeZstdHere() : undefined;
    if (native !== undefined) return decompressNatively(native, bytes, plainLength);
    return zlib.zstdDecompressSync(bytes, {
      // One chunk for the whole output: 2.0 GB/s against 1.4 with the default of 16 KiB.
      chunkSize: outputChunkBytes(plainLength),
      maxOutputLength: Math.max(1, plainLength),
      params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
      ...(dictionary && { dictionary }),
    });
  },
};

// Typed as always there, but a runtime may have been built without it.
const runtimeHasZstd = typeof zlib.zstdCompressSync === 'function' && typeof zlib.zstdDecompressSync === 'function';
let zstdProvider: ZstdProvider | undefined = runtimeHasZstd ? nodeZstd : undefined;

/** Puts another zstd in the place of node:zlib's; undefined goes back to the runtime's own, if it has one. */
export function setZstdProvider(provider: ZstdProvider | undefined): void {
  zstdProvider = provider ?? (runtimeHasZstd ? nodeZstd : undefined);
}

/** The zstd in use. Throws engine/self-test where there is none. */
export function currentZstdProvider(): ZstdProvider {
  if (zstdProvider === undefined) {
    throw new CairnError('engine/self-test', 'this runtime has no zstd', {
      hint: 'Run Cairn with Node 22.22 or newer.',
    });
  }
  return zstdProvider;
}

/**
 * A dictionary is raw content: the previous version of a chunk, whatever its bytes. Content that happens to begin
 * with zstd's dictionary magic would be taken for a trained dictionary and refused, so it is used from its second
 * byte on, on both sides.
 */
function rawDictionary(dictionary: Uint8Array | undefined): Uint8Array | undefined {
  if (dictionary === undefined || dictionary.length < 8) return undefined;
  assert(dictionary.length <= DICTIONARY_BYTES_MAX, 'a dictionary has at most 8 MiB');
  const magic = new DataView(dictionary.buffer, dictionary.byteOffset, 4).getUint32(0, true);
  return magic === ZSTD_DICTIONARY_MAGIC ? dictionary.subarray(1) : dictionary;
}

function isIncompressible(spec: CompressionSpec, plain: Uint8Array): boolean {
  const samples = new Uint8Array(PROBE_SAMPLES * PROBE_SAMPLE_BYTES);
  const step = Math.floor((plain.length - PROBE_SAMPLE_BYTES) / (PROBE_SAMPLES - 1));
  for (let index = 0; index < PROBE_SAMPLES; index++) {
    samples.set(plain.subarray(index * step, index * step + PROBE_SAMPLE_BYTES), index * PROBE_SAMPLE_BYTES);
  }
  const length =
    spec.kind === 'lz4' ? lz4Compress(asBuffer(samples)).length : currentZstdProvider().compress(samples, 1).length;
  return length >= samples.length * PROBE_INCOMPRESSIBLE_FROM;
}

/** False where a look at a few samples says that compressing would save nothing, or nothing is to be compressed. */
export function isWorthCompressing(spec: CompressionSpec, plain: Uint8Array): boolean {
  if (spec.kind === 'none' || plain.length === 0) return false;
  return plain.length <= PROBE_FROM_BYTES || !isIncompressible(spec, plain);
}

function compressWhole(spec: CompressionSpec, plain: Uint8Array, dictionary: Uint8Array | undefined): Compressed {
  switch (spec.kind) {
    case 'auto':
    case 'zstd': {
      const level = zstdLevelOf(spec) ?? ZSTD_LEVEL.normal;
      return { compression: COMPRESSION.zstd, bytes: currentZstdProvider().compress(plain, level, dictionary) };
    }
    case 'lz4':
      return { compression: COMPRESSION.lz4, bytes: lz4Compress(asBuffer(plain)) };
    case 'gzip':
      return {
        compression: COMPRESSION.gzip,
        bytes: zlib.gzipSync(plain, { level: spec.level, chunkSize: outputChunkBytes(plain.length) }),
      };
    case 'none':
      return { compression: COMPRESSION.none, bytes: plain };
    default:
      return assertNever(spec);
  }
}

/**
 * Compresses at most 16 MiB, or stores what would not shrink (then `bytes` is `plain` itself). A dictionary (zstd
 * only, at most 8 MiB) is the previous content; the same one must be given to decompress when the result says zstd.
 */
export function compress(spec: CompressionSpec, plain: Uint8Array, dictionary?: Uint8Array): Compressed {
  assert(plain.length <= PLAIN_BYTES_MAX, 'at most 16 MiB are compressed in one piece');
  assert(dictionary === undefined || zstdLevelOf(spec) !== undefined, 'only zstd takes a dictionary');
  const stored: Compressed = { compression: COMPRESSION.none, bytes: plain };
  const raw = rawDictionary(dictionary);
  if (plain.length === 0 || (raw === undefined && !isWorthCompressing(spec, plain))) return stored;
  const compressed = compressWhole(spec, plain, raw);
  if (compressed.bytes.length >= plain.length) return stored;
  return { compression: compressed.compression, bytes: withoutBuffer(compressed.bytes) };
}

function decompressWhole(
  compression: Compression,
  bytes: Uint8Array,
  plainLength: number,
  dictionary: Uint8Array | undefined,
): Uint8Array {
  switch (compression) {
    case COMPRESSION.none:
      return bytes;
    case COMPRESSION.zstd:
      return currentZstdProvider().decompress(bytes, plainLength, dictionary);
    case COMPRESSION.lz4: {
      // The binding allocates what the prefix claims, so the claim is checked first.
      const claimed = bytes.length < LZ4_PREFIX_BYTES ? -1 : asBuffer(bytes).readUInt32LE(0);
      if (claimed !== plainLength) throw new RangeError(`an lz4 block claims ${claimed} bytes`);
      return lz4Decompress(asBuffer(bytes));
    }
    case COMPRESSION.gzip:
      return zlib.gunzipSync(bytes, {
        chunkSize: outputChunkBytes(plainLength),
        maxOutputLength: Math.max(1, plainLength),
      });
    default:
      return assertNever(compression);
  }
}

/**
 * Gives back exactly `plainLength` bytes (at most 16 MiB) or throws integrity/damaged or limit/exceeded. With
 * compression none the result is `bytes` itself.
 */
export function decompress(
  compression: Compression,
  bytes: Uint8Array,
  plainLength: number,
  dictionary?: Uint8Array,
): Uint8Array {
  if (plainLength > PLAIN_BYTES_MAX)
    throw new CairnError('limit/exceeded', `compressed data claims ${plainLength} bytes`);
  let plain: Uint8Array;
  try {
    plain = decompressWhole(compression, bytes, plainLength, rawDictionary(dictionary));
  } catch (error) {
    if (error instanceof CairnError) throw error;
    throw new CairnError('integrity/damaged', 'compressed data can’t be read', { cause: error });
  }
  if (plain.length !== plainLength) {
    throw new CairnError(
      'integrity/damaged',
      `compressed data holds ${plain.length} bytes, ${plainLength} were expected`,
    );
  }
  return withoutBuffer(plain);
}
