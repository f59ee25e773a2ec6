/**
 * A look at a file of a snapshot without restoring it. What kind it is comes from its bytes and never from its name:
 * a picture only where the first bytes are those of one, text only where every byte is text (SVG and HTML are text, and
 * are shown as such), else the first bytes. Never more than the bound is read.
 */
import { PREVIEW_IMAGE_BYTES_MAX, PREVIEW_TEXT_BYTES_MAX } from '../../../src-shared/api/index.ts';
import type { ImageMediaType, ListedEntry, Preview } from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../api.ts';
import { bytesOf, concatBytes } from '../kernel/index.ts';

const HEAD_BYTES = 512;

/** @throws CairnError path/not-found, integrity/… */
export async function previewOf(repository: OpenRepository, snapshotId: string, path: string): Promise<Preview> {
  const from = { snapshot: snapshotId, path: bytesOf(path) };
  const entry = await entryAt(repository, from, path);
  if (entry?.type !== 'file') return { kind: 'none' };
  const reader = new BoundedReader(repository.cat(from));
  try {
    const head = await reader.upTo(HEAD_BYTES);
    const mediaType = imageTypeOf(head);
    if (mediaType !== undefined) {
      if (entry.size > PREVIEW_IMAGE_BYTES_MAX) return { kind: 'too-large', limitBytes: PREVIEW_IMAGE_BYTES_MAX };
      return { kind: 'image', mediaType, bytes: await reader.upTo(PREVIEW_IMAGE_BYTES_MAX) };
    }
    const truncated = entry.size > PREVIEW_TEXT_BYTES_MAX;
    const text = textOf(await reader.upTo(PREVIEW_TEXT_BYTES_MAX), truncated);
    if (text !== undefined) return { kind: 'text', text, truncated };
    return { kind: 'binary', head: head.slice(0, HEAD_BYTES) };
  } finally {
    await reader.close();
  }
}

/** A listing of a file is the file; of a folder it is what lies in it, of which the first says enough. */
async function entryAt(
  repository: OpenRepository,
  from: { readonly snapshot: string; readonly path: Uint8Array },
  path: string,
): Promise<ListedEntry | undefined> {
  for await (const entry of repository.list(from, { recursive: false })) return entry.path === path ? entry : undefined;
  return undefined;
}

/** The beginning of a stream, as far as it is asked for. */
class BoundedReader {
  readonly #pieces: AsyncGenerator<Uint8Array>;
  #read: Uint8Array = new Uint8Array();
  #ended = false;

  constructor(pieces: AsyncGenerator<Uint8Array>) {
    this.#pieces = pieces;
  }

  /** The first bytes, at most so many: fewer where the stream ends before. */
  async upTo(bytesMax: number): Promise<Uint8Array> {
    const parts = [this.#read];
    let length = this.#read.length;
    while (length < bytesMax && !this.#ended) {
      const next = await this.#pieces.next();
      if (next.done === true) this.#ended = true;
      else {
        parts.push(next.value);
        length += next.value.length;
      }
    }
    this.#read = parts.length === 1 ? this.#read : concatBytes(parts);
    return this.#read.subarray(0, bytesMax);
  }

  async close(): Promise<void> {
    await this.#pieces.return(undefined);
  }
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
/** Sizes of the header that follows the first 14 bytes of a BMP. */
const BMP_HEADERS: ReadonlySet<number> = new Set([12, 40, 52, 56, 64, 108, 124]);
const BMP_HEAD_BYTES = 18;

/** By the first bytes; undefined for everything else. */
export function imageTypeOf(head: Uint8Array): ImageMediaType | undefined {
  const ascii = (from: number, to: number): string => Buffer.from(head.subarray(from, to)).toString('latin1');
  if (PNG.every((byte, at) => head[at] === byte)) return 'image/png';
  if (JPEG.every((byte, at) => head[at] === byte)) return 'image/jpeg';
  if (['GIF87a', 'GIF89a'].includes(ascii(0, 6))) return 'image/gif';
  if (ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'WEBP') return 'image/webp';
  if (ascii(4, 8) === 'ftyp' && ['avif', 'avis'].includes(ascii(8, 12))) return 'image/avif';
  if (ascii(0, 2) === 'BM' && head.length >= BMP_HEAD_BYTES) {
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    if (view.getUint32(6, true) === 0 && BMP_HEADERS.has(view.getUint32(14, true))) return 'image/bmp';
  }
  return undefined;
}

/** Everything below space that is no tab, line end or form feed; and DEL. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u001f\u007f]/;

/** The text, or undefined where it is none. A character that the bound cut in two is left out. */
export function textOf(bytes: Uint8Array, truncated: boolean): string | undefined {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const decoder = new TextDecoder(encoding, { fatal: true });
    const text = decoder.decode(bytes, { stream: truncated });
    return CONTROL.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
