/**
 * Paths are bytes; JSON and terminals want text. An escaped path is UTF-8 text in which each byte that is not part of
 * valid UTF-8 stands as \xNN and a literal backslash as \\. Nothing is lost: unescapePath(escapePath(b)) is b.
 *
 * displayPath additionally escapes what could fool a person or drive a terminal (control and bidirectional
 * characters). Its result reads back with unescapePath as well, so a printed path can always be pasted as an argument.
 */
import { CairnError } from '../errors.ts';

const encoder = new TextEncoder();
// ignoreBOM keeps a leading U+FEFF: it is part of a name like any other character.
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes of a path or name as escaped text. Control characters stay as they are: JSON quotes them itself. */
export function escapePath(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes).replaceAll('\\', '\\\\');
  } catch {
    return escapeMixed(bytes);
  }
}

/** The bytes of escaped text. Throws usage/invalid where a backslash begins neither \\ nor \xNN. */
export function unescapePath(text: string): Uint8Array {
  if (!text.includes('\\')) return encoder.encode(text);
  const parts = text.split('\\');
  const pieces: Uint8Array[] = [encoder.encode(parts[0] ?? '')];
  for (let index = 1; index < parts.length; index++) {
    const part = parts[index] ?? '';
    const hex = /^x([0-9a-fA-F]{2})/.exec(part)?.[1];
    if (hex !== undefined) {
      pieces.push(Uint8Array.of(Number.parseInt(hex, 16)), encoder.encode(part.slice(3)));
    } else if (part === '' && index + 1 < parts.length) {
      index++;
      pieces.push(encoder.encode(`\\${parts[index] ?? ''}`));
    } else {
      throw new CairnError(
        'usage/invalid',
        `“${displayText(text.slice(0, 200))}” has a backslash that is neither \\\\ nor \\xNN`,
      );
    }
  }
  return joinBytes(pieces);
}

/** For a terminal, a log or a notification: bytes of a path, or text that escapePath made. */
export function displayPath(path: Uint8Array | string): string {
  return displayText(typeof path === 'string' ? path : escapePath(path));
}

/**
 * C0 and C1 controls, DEL, line and paragraph separators, zero-width and invisible characters, everything that turns
 * the direction of writing, tags. U+200C and U+200D stay: Persian, Indic scripts and emoji are spelt with them.
 */
const MISLEADING =
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

function displayText(escaped: string): string {
  return escaped.replace(MISLEADING, (character) => {
    let hex = '';
    for (const byte of encoder.encode(character)) hex += hexEscape(byte);
    return hex;
  });
}

function escapeMixed(bytes: Uint8Array): string {
  let text = '';
  let validFrom = 0;
  let at = 0;
  const flush = (end: number): void => {
    if (end > validFrom) text += strictDecoder.decode(bytes.subarray(validFrom, end)).replaceAll('\\', '\\\\');
  };
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    flush(at);
    text += hexEscape(bytes[at] ?? 0);
    at++;
    validFrom = at;
  }
  flush(at);
  return text;
}

/** Bytes of the UTF-8 sequence that begins here, or 0 when none does (the Unicode standard's table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] ?? 0;
  const secondMin = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const secondMax = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < secondMin || second > secondMax) return 0;
  for (let index = 2; index < length; index++) {
    if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function hexEscape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
