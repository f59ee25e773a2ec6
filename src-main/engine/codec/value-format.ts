/**
 * Values as MessagePack or JSON, inside the bounds of any metadata object.
 *
 * A value is a tree of plain objects (text keys), arrays, texts, finite numbers, bigints of 64 bits, booleans, null
 * and Uint8Arrays. Bounds are checked on the *bytes*, in one pass without allocation, before a library sees them:
 * every container really holds the elements it claims, nesting has a limit, texts are UTF-8, keys rise (so each stands
 * once, and two readers can't see two values in one record), and nothing else occurs (no extension types, no keys but
 * text, no number that is none). Writers are held to the same bounds, so nothing is written that would be refused.
 */
import { isUtf8 } from 'node:buffer';

import { Decoder, Encoder } from '@msgpack/msgpack';

import { assert, AssertionError } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { ByteReader, compareBytes, equalBytes, utf8 } from '../kernel/index.ts';
import { withoutBuffer } from './hash.ts';

export const VALUE_DEPTH_MAX = 32;
/** Elements of all containers together: what bounds the memory of a decoded value. */
export const VALUE_ELEMENTS_MAX = 2 ** 20;
export const VALUE_TEXT_BYTES_MAX = 4 * 1024 * 1024;
export const VALUE_BINARY_BYTES_MAX = 16 * 1024 * 1024;

/** Assigning it would change an object instead of adding a field. */
const FORBIDDEN_KEY = '__proto__';
const FORBIDDEN_KEY_BYTES = utf8(FORBIDDEN_KEY);

const encoder = new Encoder({
  useBigInt64: true,
  sortKeys: true,
  ignoreUndefined: true,
  maxDepth: VALUE_DEPTH_MAX + 1,
});
const decoder = new Decoder({
  useBigInt64: true,
  maxStrLength: VALUE_TEXT_BYTES_MAX,
  maxBinLength: VALUE_BINARY_BYTES_MAX,
  maxArrayLength: VALUE_ELEMENTS_MAX,
  maxMapLength: VALUE_ELEMENTS_MAX,
  maxExtLength: 0,
});
// A byte order mark is part of the text, and no JSON begins with one.
const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Item = { readonly skip: number; readonly children: number; readonly isText: boolean };

const scalar = (skip: number): Item => ({ skip, children: 0, isText: false });

function textItem(reader: ByteReader, length: number): Item {
  if (length > VALUE_TEXT_BYTES_MAX) reader.fail(`a text of ${length} bytes`);
  return { skip: length, children: 0, isText: true };
}

function binaryItem(reader: ByteReader, length: number): Item {
  if (length > VALUE_BINARY_BYTES_MAX) reader.fail(`a field of ${length} bytes`);
  return scalar(length);
}

/** A float64 or float32: infinity and NaN have an exponent of ones, and −0 would not come back as itself. */
function floatItem(reader: ByteReader, size: 4 | 8): Item {
  const [first = 0, second = 0, ...rest] = reader.bytes(size);
  const ones = size === 8 ? 0xf0 : 0x80;
  if ((first & 0x7f) === 0x7f && (second & ones) === ones) reader.fail('a number is not finite');
  if (first === 0x80 && second === 0 && rest.every((byte) => byte === 0)) reader.fail('a number is −0');
  return scalar(0);
}

/** Reads the head of one MessagePack item: what to skip after it, and how many items it contains. Maps count twice. */
function readHead(reader: ByteReader): Item & { readonly isMap: boolean } {
  const head = reader.u8();
  const plain = (item: Item) => ({ ...item, isMap: false });
  const array = (count: number) => ({ skip: 0, children: count, isText: false, isMap: false });
  const map = (count: number) => ({ skip: 0, children: count * 2, isText: false, isMap: true });
  if (head <= 0x7f || head >= 0xe0) return plain(scalar(0));
  if (head <= 0x8f) return map(head & 0x0f);
  if (head <= 0x9f) return array(head & 0x0f);
  if (head <= 0xbf) return plain(textItem(reader, head & 0x1f));
  switch (head) {
    case 0xc0: // null
    case 0xc2: // false
    case 0xc3: // true
      return plain(scalar(0));
    case 0xc4:
      return plain(binaryItem(reader, reader.u8()));
    case 0xc5:
      return plain(binaryItem(reader, bigEndian(reader, 2)));
    case 0xc6:
      return plain(binaryItem(reader, bigEndian(reader, 4)));
    case 0xca:
      return plain(floatItem(reader, 4));
    case 0xcb:
      return plain(floatItem(reader, 8));
    case 0xce: // uint32
    case 0xd2: // int32
      return plain(scalar(4));
    case 0xcf: // uint64
    case 0xd3: // int64
      return plain(scalar(8));
    case 0xcc: // uint8
    case 0xd0: // int8
      return plain(scalar(1));
    case 0xcd: // uint16
    case 0xd1: // int16
      return plain(scalar(2));
    case 0xd9:
      return plain(textItem(reader, reader.u8()));
    case 0xda:
      return plain(textItem(reader, bigEndian(reader, 2)));
    case 0xdb:
      return plain(textItem(reader, bigEndian(reader, 4)));
    case 0xdc:
      return array(bigEndian(reader, 2));
    case 0xdd:
      return array(bigEndian(reader, 4));
    case 0xde:
      return map(bigEndian(reader, 2));
    case 0xdf:
      return map(bigEndian(reader, 4));
    default: // 0xc1 is never used; extension types are not part of a value.
      return reader.fail(`a value has the unknown type 0x${head.toString(16)}`);
  }
}

/** MessagePack's own integers are big-endian. */
function bigEndian(reader: ByteReader, count: number): number {
  let value = 0;
  for (const byte of reader.bytes(count)) value = value * 256 + byte;
  return value;
}

/** Walks the whole structure without building anything. Throws integrity/malformed. */
function scanMessagePack(bytes: Uint8Array): void {
  const reader = new ByteReader(bytes, 'metadata value');
  // Per open container: items left, and whether keys (every even item left) have to be texts.
  const left = new Float64Array(VALUE_DEPTH_MAX + 1);
  const isMap = new Uint8Array(VALUE_DEPTH_MAX + 1);
  /** Per open map: the key before, as bytes. */
  const keys: (Uint8Array | undefined)[] = [];
  let depth = 0;
  let elements = 0;
  left[0] = 1;
  for (;;) {
    while (left[depth] === 0) {
      if (depth === 0) {
        reader.end();
        return;
      }
      depth--;
    }
    const remaining = left[depth] ?? 0;
    const isKey = isMap[depth] === 1 && remaining % 2 === 0;
    left[depth] = remaining - 1;
    const item = readHead(reader);
    if (isKey && !item.isText) reader.fail('a key is not a text');
    const skipped = reader.bytes(item.skip);
    if (item.isText && !isUtf8(skipped)) reader.fail('a text is not UTF-8');
    if (isKey) {
      checkKey(reader, keys[depth], skipped);
      keys[depth] = skipped;
    }
    if (item.children === 0) continue;
    elements += item.children;
    if (item.children > reader.left || elements > VALUE_ELEMENTS_MAX)
      reader.fail(`a container of ${item.children} items`);
    if (depth === VALUE_DEPTH_MAX) reader.fail(`values are nested deeper than ${VALUE_DEPTH_MAX}`);
    depth++;
    left[depth] = item.children;
    isMap[depth] = item.isMap ? 1 : 0;
    keys[depth] = undefined;
  }
}

/** Keys rise by UTF-16 units, as the encoder sorts them: the order of their bytes, but for characters of four bytes. */
function checkKey(reader: ByteReader, before: Uint8Array | undefined, key: Uint8Array): void {
  if (equalBytes(key, FORBIDDEN_KEY_BYTES)) reader.fail('a key is forbidden');
  if (before === undefined) return;
  const isPlain = !before.some(beginsFour) && !key.some(beginsFour);
  const rises = isPlain ? compareBytes(before, key) < 0 : textOf(before) < textOf(key);
  if (!rises) reader.fail('the keys of a map do not rise');
}

/** The first byte of a character of four: in UTF-16 it stands before U+E000, in bytes after U+FFFF. */
const beginsFour = (byte: number): boolean => byte >= 0xf0;
const textOf = (bytes: Uint8Array): string => strictText.decode(bytes);

/** Holds a writer to what a reader accepts: breaking it is our bug, not damage. */
function assertReadable(bytes: Uint8Array, scan: (bytes: Uint8Array) => unknown): Uint8Array {
  try {
    scan(bytes);
  } catch (error) {
    throw new AssertionError(`a value can’t be written: ${error instanceof Error ? error.message : 'unknown'}`);
  }
  return bytes;
}

/** Keys are sorted, so equal values have equal bytes; keys whose value is undefined are left out. */
export function encodeMessagePack(value: unknown): Uint8Array {
  return assertReadable(encoder.encode(value), scanMessagePack);
}

/** Byte fields of the result are views of `bytes`. */
export function decodeMessagePack(bytes: Uint8Array): unknown {
  scanMessagePack(bytes);
  try {
    return decoder.decode(withoutBuffer(bytes));
  } catch (error) {
    throw new CairnError('integrity/malformed', 'a metadata value can’t be read', { cause: error });
  }
}

/** JSON has neither bigints nor bytes: they become {"$int": "…"} and {"$bytes": hex}; a key that begins with $ gets a second one. */
function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return { $int: value.toString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('hex') };
  if (typeof value === 'number') assert(Number.isFinite(value), 'JSON has finite numbers only');
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  assert(!Object.hasOwn(value, FORBIDDEN_KEY), 'a value has a forbidden key');
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, field]) => [key.startsWith('$') ? `$${key}` : key, toJson(field)]));
}

function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    malformed('a value has a number beyond all bounds, or −0');
  if (typeof value === 'string' && !value.isWellFormed()) malformed('a value has a text that is not Unicode');
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [key, field] = entries[0] ?? [];
  if (entries.length === 1 && typeof field === 'string') {
    if (key === '$int' && /^-?\d{1,20}$/.test(field)) return BigInt(field);
    if (key === '$bytes' && /^(?:[0-9a-f]{2})*$/.test(field)) return new Uint8Array(Buffer.from(field, 'hex'));
  }
  return Object.fromEntries(entries.map(([name, inner]) => [unescapeKey(name), fromJson(inner)]));
}

function unescapeKey(key: string): string {
  if (key === FORBIDDEN_KEY) malformed('a value has a forbidden key');
  if (!key.isWellFormed()) malformed('a value has a key that is not Unicode');
  if (!key.startsWith('$')) return key;
  if (!key.startsWith('$$')) malformed(`a value has the unknown tag ${key.slice(0, 20)}`);
  return key.slice(1);
}

function malformed(reason: string): never {
  throw new CairnError('integrity/malformed', reason);
}

/** Fields of all maps together. */
function countFields(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const inner of Object.values(value) as readonly unknown[]) count += countFields(inner);
  return count;
}

/** Bounds nesting and the number of elements by counting brackets, commas and colons outside texts; gives the colons. */
function scanJson(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes, 'metadata value');
  let depth = 0;
  let elements = 0;
  let colons = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inText) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inText = false;
      continue;
    }
    if (byte === 0x22) inText = true;
    else if (byte === 0x5b || byte === 0x7b) depth++;
    else if (byte === 0x5d || byte === 0x7d) depth--;
    else if (byte === 0x2c) elements++;
    else if (byte === 0x3a) {
      elements++;
      colons++;
    }
    // One level more than MessagePack: a tagged bigint or byte field is an object of its own here.
    if (depth > VALUE_DEPTH_MAX + 1) reader.fail(`values are nested deeper than ${VALUE_DEPTH_MAX}`);
    if (elements > VALUE_ELEMENTS_MAX) reader.fail(`more than ${VALUE_ELEMENTS_MAX} elements`);
  }
  return colons;
}

export function encodeJson(value: unknown): Uint8Array {
  return assertReadable(utf8(JSON.stringify(toJson(value), undefined, 2)), scanJson);
}

export function decodeJson(bytes: Uint8Array): unknown {
  const fields = scanJson(bytes);
  let parsed: unknown;
  try {
    parsed = JSON.parse(strictText.decode(bytes));
  } catch (error) {
    throw new CairnError('integrity/malformed', 'a metadata value is not JSON', { cause: error });
  }
  // Of two fields with one key the parser keeps the last, and says nothing.
  if (countFields(parsed) !== fields) malformed('a value has one key twice');
  return fromJson(parsed);
}
