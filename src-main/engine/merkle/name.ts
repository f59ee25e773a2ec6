/**
 * The canonical form of a raw name: the text that is hashed, shown and sorted by. A name that is UTF-8 becomes its
 * NFC form. Any other name keeps its valid parts, each bad byte becomes \xNN and each backslash \\, so that two
 * different names of this kind never get the same text by escaping.
 *
 * Where the text is not simply the raw bytes, the raw bytes are hashed too (node.ts), so NFC and NFD twins differ.
 */
import { utf8 } from '../kernel/index.ts';

/** Longest canonical name in bytes of UTF-8: escaping makes four bytes of one, NFC at most three. */
export const CANONICAL_NAME_BYTES_MAX = 4 * 4096;

const SLASH = Buffer.from('/');

export type CanonicalName = {
  readonly text: string;
  /** The raw bytes, where they are not the UTF-8 of `text`. */
  readonly raw: Uint8Array | undefined;
};

// A byte order mark at the start of a name is part of the name.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function isAscii(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) if ((bytes[index] ?? 0) >= 0x80) return false;
  return true;
}

/** The canonical form of a raw name (see the head of this file). */
export function canonicalName(raw: Uint8Array): CanonicalName {
  if (isAscii(raw)) return { text: asciiText(raw), raw: undefined };
  let decoded: string;
  try {
    decoded = decoder.decode(raw);
  } catch {
    return { text: escapeName(raw).normalize('NFC'), raw };
  }
  const text = decoded.normalize('NFC');
  // Decoding is strict, so an unchanged text has the raw bytes as its UTF-8.
  return { text, raw: text === decoded ? undefined : raw };
}

/** The raw name where it is not the UTF-8 of its canonical form, else no bytes. Makes no text of a plain name. */
export function rawWhereOdd(raw: Uint8Array): Uint8Array {
  return isAscii(raw) ? EMPTY : (canonicalName(raw).raw ?? EMPTY);
}

const EMPTY = new Uint8Array(0);

/** The UTF-8 bytes of a canonical name, given its raw form too: mostly no work at all. */
export function canonicalBytes(text: string, raw: Uint8Array): Uint8Array {
  return isAscii(raw) ? raw : utf8(text);
}

/** Path of a child: '/'-joined canonical names, relative to the source root, whose own path is ''. */
export function nodePath(parentPath: string, name: string): string {
  return parentPath === '' ? name : `${parentPath}/${name}`;
}

function asciiText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function escapeName(raw: Uint8Array): string {
  let text = '';
  for (let index = 0; index < raw.length;) {
    const length = sequenceLength(raw, index);
    if (length === 0) {
      text += `\\x${(raw[index] ?? 0).toString(16).padStart(2, '0')}`;
      index++;
    } else {
      const part = decoder.decode(raw.subarray(index, index + length));
      text += part === '\\' ? '\\\\' : part;
      index += length;
    }
  }
  return text;
}

/** Length of the well-formed UTF-8 sequence at `at`, 0 where there is none (Unicode, table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (let index = 1; index < length; index++) {
    const byte = bytes[at + index] ?? 0;
    let least = 0x80;
    let most = 0xbf;
    if (index === 1) {
      // No overlong forms, no surrogates, nothing above U+10FFFF.
      if (lead === 0xe0) least = 0xa0;
      if (lead === 0xed) most = 0x9f;
      if (lead === 0xf0) least = 0x90;
      if (lead === 0xf4) most = 0x8f;
    }
    if (byte < least || byte > most) return 0;
  }
  return length;
}

/** A path in a snapshot from its raw names. */
export function joinNames(names: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(names.flatMap((name, index) => (index === 0 ? [name] : [SLASH, name])));
}
