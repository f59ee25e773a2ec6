/**
 * A byte cursor for reading and one for writing. Integers are little-endian; varints are LEB128 of at most ten bytes.
 *
 * Invariant: a reader never reads outside its bytes and never allocates by a length it has not checked against what
 * is left, so any input decodes to a value or to a CairnError of kind integrity/malformed.
 */
import { CairnError } from '../../../src-shared/errors.ts';

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #offset = 0;

  /** `what` names the structure in errors: “folder page”. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  fail(reason: string): never {
    throw new CairnError('integrity/malformed', `a ${this.#what} can’t be read: ${reason} at byte ${this.#offset}`);
  }

  #take(count: number): number {
    if (count > this.left) this.fail(`${count} bytes expected, ${this.left} left`);
    const at = this.#offset;
    this.#offset += count;
    return at;
  }

  u8(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) return this.fail('1 bytes expected, 0 left');
    this.#offset++;
    return byte;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** An unsigned 64-bit integer that has to be a safe JavaScript number. */
  u64Number(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`${value} is larger than any size`);
    return Number(value);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** A varint up to 2^53 − 1, in its shortest form only: one value has one encoding. */
  varint(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let scale = 128;
    for (let index = 1; index < 8; index++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0) this.fail('a number is not in its shortest form');
        if (value > Number.MAX_SAFE_INTEGER) this.fail('a number is too large');
        return value;
      }
      scale *= 128;
    }
    return this.fail('a number is too long');
  }

  /** A count of things that each take at least `bytesEach` of what is left: bounds every allocation. */
  count(bytesEach: number): number {
    const value = this.varint();
    if (value * Math.max(bytesEach, 1) > this.left) this.fail(`a count of ${value} does not fit into what is left`);
    return value;
  }

  /** A view (not a copy) of the next bytes. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** Varint length, then that many bytes, as a view. */
  sizedBytes(lengthMax: number): Uint8Array {
    const length = this.varint();
    if (length > lengthMax) this.fail(`a field of ${length} bytes, at most ${lengthMax} are allowed`);
    return this.bytes(length);
  }

  text(lengthMax: number): string {
    const bytes = this.sizedBytes(lengthMax);
    try {
      return textDecoder.decode(bytes);
    } catch {
      return this.fail('a text is not UTF-8');
    }
  }

  /** Call after the last field: trailing bytes are damage, never ignored. */
  end(): void {
    if (this.left !== 0) this.fail(`${this.left} bytes too many`);
  }
}

/** What is larger grows by a quarter: half of it could stay empty. */
const DOUBLED_BYTES_MAX = 16 * 1024 * 1024;

/** Grows as needed; `finish` hands out a view of exactly what was written. */
export class ByteWriter {
  /** A plain array and a Buffer over the same memory: only a Buffer encodes a text in place. */
  #bytes: Uint8Array<ArrayBuffer>;
  #buffer: Buffer;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#buffer = Buffer.from(this.#bytes.buffer);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the memory; views handed out before become invalid. */
  reset(): void {
    this.#length = 0;
  }

  #reserve(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      // Moved, not copied: of what grows to many megabytes nothing is left behind for the collector of garbage.
      const grown = new Uint8Array(this.#bytes.buffer.transfer(Math.max(needed, this.#larger())));
      this.#bytes = grown;
      this.#buffer = Buffer.from(grown.buffer);
      this.#view = new DataView(grown.buffer);
    }
    this.#length = needed;
    return at;
  }

  #larger(): number {
    const { length } = this.#bytes;
    return length < DOUBLED_BYTES_MAX ? length * 2 : Math.ceil(length * 1.25);
  }

  u8(value: number): this {
    // Reserving may replace the view, so it comes first.
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: bigint | number): this {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  i64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value, true);
    return this;
  }

  varint(value: number): this {
    let rest = value;
    while (rest >= 128) {
      this.u8((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    return this.u8(rest);
  }

  bytes(value: Uint8Array): this {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  sizedBytes(value: Uint8Array): this {
    return this.varint(value.length).bytes(value);
  }

  text(value: string): this {
    return this.varint(Buffer.byteLength(value)).#utf8(value);
  }

  /** u32 length, then the text: the form that is hashed. Encoded in place, which is ten times as fast as utf8(). */
  text32(value: string): this {
    const at = this.#length;
    this.u32(0).#utf8(value);
    this.#view.setUint32(at, this.#length - at - 4, true);
    return this;
  }

  /** A half of a surrogate pair becomes U+FFFD, as in utf8(). */
  #utf8(value: string): this {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    const at = this.#reserve(value.length * 3);
    this.#length = at + this.#buffer.write(value, at, 'utf8');
    return this;
  }

  /** A view of what was written, valid until the next write or reset. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

export function utf8(text: string): Uint8Array {
  return textEncoder.encode(text);
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Order of raw bytes, shorter first on a tie: the order of names in pages and of ids in index runs. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  if (length > NATIVE_COMPARE_BYTES_MIN) return Buffer.compare(left, right);
  for (let index = 0; index < length; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  const length = left.length;
  if (length !== right.length) return false;
  if (length > NATIVE_COMPARE_BYTES_MIN) return Buffer.compare(left, right) === 0;
  for (let index = 0; index < length; index++) if (left[index] !== right[index]) return false;
  return true;
}

/** The native comparison costs 0.2 µs however short its input is; a loop over a name or an id a quarter of that. */
const NATIVE_COMPARE_BYTES_MIN = 128;
