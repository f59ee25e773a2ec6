/**
 * The zstd inside the running Node, called without node:zlib: one call per segment, on a thread of libuv's pool, into
 * memory that is used again and again.
 *
 * node:zlib makes a new context and new memory for every call and feeds it as a stream; that costs a fifth more CPU
 * and 90 MB more memory over a backup (measured on 658 MB). Node exports zstd's stable functions to addons, and the
 * “koffi” package (N-API, prebuilt) calls them. Where either is missing (Electron exports no zstd) the caller keeps
 * node:zlib; the format is the same.
 *
 * Contexts are zstd's own memory, a megabyte and more each, of which the collector knows nothing: whoever makes a lane
 * frees it, and those of a thread go with the thread.
 */
import { isMainThread } from 'node:worker_threads';
import { type ForeignFunction, loadKoffi } from '../kernel/index.ts';

/** A pair of zstd contexts; one call at a time. Lengths in bytes; undefined says that zstd refused. */
export type ZstdLane = {
  readonly compress: (level: number, plain: Uint8Array, into: Uint8Array) => Promise<number | undefined>;
  readonly decompress: (bytes: Uint8Array, into: Uint8Array) => Promise<number | undefined>;
  /** Once, while no call is under way; the lane is not used after it. */
  readonly free: () => void;
};

/** The same on this thread, for one call at a time. Undefined says that zstd refused, or that there is no room. */
export type ZstdHere = {
  readonly compress: (level: number, plain: Uint8Array, into: Uint8Array) => number | undefined;
  readonly decompress: (bytes: Uint8Array, into: Uint8Array) => number | undefined;
};

/** ZSTD_c_compressionLevel, of zstd.h. */
const PARAMETER_LEVEL = 100;
/** ZSTD_isError: results above this are error codes (ZSTD_error_maxCode is 120). */
const ERROR_FROM = 2n ** 64n - 256n;

/** Room that zstd needs to compress in one piece: ZSTD_COMPRESSBOUND of zstd.h. */
export function zstdBound(length: number): number {
  const small = 128 * 1024;
  return length + (length >>> 8) + (length < small ? (small - length) >>> 11 : 0) + 64;
}

let pairsOpen = 0;

/** How many pairs of contexts this thread has now. */
export function zstdPairsOpen(): number {
  return pairsOpen;
}

type Pair = {
  readonly compressor: unknown;
  readonly decompressor: unknown;
  readonly setLevel: (level: number) => void;
  readonly free: () => void;
};
type Binding = { readonly createLane: () => ZstdLane; readonly here: ZstdHere };

let binding: { readonly found: Binding | undefined } | undefined;

function bound(): Binding | undefined {
  binding ??= { found: bind() };
  return binding.found;
}

/** A maker of lanes, or undefined where this runtime gives no zstd to call. Tried out once. */
export function nativeZstd(): (() => ZstdLane) | undefined {
  return bound()?.createLane;
}

/** zstd for this thread, or undefined where this runtime gives none to call. */
export function nativeZstdHere(): ZstdHere | undefined {
  return bound()?.here;
}

function bind(): Binding | undefined {
  // 64-bit only: sizes are passed as 64-bit numbers. Windows builds of Node export no such functions.
  if (process.platform === 'win32' || (process.arch !== 'x64' && process.arch !== 'arm64')) return undefined;
  try {
    const library = loadKoffi().load(null);
    const createCompressor = library.func('void *ZSTD_createCCtx()');
    const createDecompressor = library.func('void *ZSTD_createDCtx()');
    const freeCompressor = library.func('size_t ZSTD_freeCCtx(void *context)');
    const freeDecompressor = library.func('size_t ZSTD_freeDCtx(void *context)');
    const setParameter = library.func('size_t ZSTD_CCtx_setParameter(void *context, int parameter, int value)');
    const compress = library.func('size_t ZSTD_compress2(void *context, void *to, size_t room, void *from, size_t n)');
    const decompress = library.func(
      'size_t ZSTD_decompressDCtx(void *context, void *to, size_t room, void *from, size_t n)',
    );
    const createPair = (): Pair => {
      const [compressor, decompressor] = [createCompressor(), createDecompressor()];
      pairsOpen++;
      let levelSet: number | undefined;
      const setLevel = (level: number): void => {
        if (level !== levelSet) setParameter(compressor, PARAMETER_LEVEL, level);
        levelSet = level;
      };
      const free = (): void => {
        pairsOpen--;
        freeCompressor(compressor);
        freeDecompressor(decompressor);
      };
      return { compressor, decompressor, setLevel, free };
    };
    const own = createPair();
    if (!isMainThread) process.once('exit', own.free);
    return {
      createLane: () => {
        const { compressor, decompressor, setLevel, free } = createPair();
        return {
          free,
          compress: (level, plain, into) => {
            setLevel(level);
            return call(compress, compressor, into, into.length, plain, plain.length);
          },
          decompress: (bytes, into) => call(decompress, decompressor, into, into.length, bytes, bytes.length),
        };
      },
      here: {
        compress: (level, plain, into) => {
          own.setLevel(level);
          return lengthOf(compress(own.compressor, into, into.length, plain, plain.length));
        },
        decompress: (bytes, into) => lengthOf(decompress(own.decompressor, into, into.length, bytes, bytes.length)),
      },
    };
  } catch {
    // No koffi, or a runtime that keeps its zstd to itself: node:zlib does the same.
    return undefined;
  }
}

function call(run: ForeignFunction, ...values: readonly unknown[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    run.async(...values, (error: Error | null, result: number | bigint) => {
      if (error !== null) reject(error);
      else resolve(lengthOf(result));
    });
  });
}

/** A size_t of zstd: a length, or one of its error codes. */
function lengthOf(result: unknown): number | undefined {
  const length = BigInt(result as number | bigint);
  return length >= ERROR_FROM ? undefined : Number(length);
}
