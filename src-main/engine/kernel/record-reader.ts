/**
 * Reads the fields of a decoded MessagePack or JSON map and refuses everything that is not of the expected shape.
 *
 * Fields that nobody asked for are returned by `rest()`: a record written by a later Cairn keeps them when it is
 * written again.
 */
import { CairnError } from '../../../src-shared/errors.ts';

const TEXT_LENGTH_MAX = 65_536;
const LIST_LENGTH_MAX = 1_000_000;

export class RecordReader {
  readonly #map: Readonly<Record<string, unknown>>;
  readonly #what: string;
  readonly #asked = new Set<string>();

  /** `what` names the record in errors: “snapshot”. */
  constructor(value: unknown, what: string) {
    this.#what = what;
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      throw new CairnError('integrity/malformed', `a ${what} can’t be read: it is not a record`);
    }
    this.#map = value as Readonly<Record<string, unknown>>;
  }

  fail(field: string): never {
    throw new CairnError(
      'integrity/malformed',
      `a ${this.#what} can’t be read: its field “${field}” is not what it should be`,
    );
  }

  has(field: string): boolean {
    return this.#map[field] !== undefined && this.#map[field] !== null;
  }

  #get(field: string): unknown {
    this.#asked.add(field);
    return this.#map[field];
  }

  bytes(field: string, length?: number): Uint8Array {
    const value = this.#get(field);
    if (!(value instanceof Uint8Array)) return this.fail(field);
    if (length !== undefined && value.length !== length) return this.fail(field);
    return value;
  }

  optionalBytes(field: string, length?: number): Uint8Array | undefined {
    this.#asked.add(field);
    return this.has(field) ? this.bytes(field, length) : undefined;
  }

  /** A whole number from 0 up to 2^53 − 1. */
  count(field: string): number {
    const value = this.#get(field);
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) return this.fail(field);
    return number;
  }

  flag(field: string): boolean {
    const value = this.#get(field);
    return typeof value === 'boolean' ? value : this.fail(field);
  }

  text(field: string, lengthMax = TEXT_LENGTH_MAX): string {
    const value = this.#get(field);
    return typeof value === 'string' && value.length <= lengthMax ? value : this.fail(field);
  }

  texts(field: string): readonly string[] {
    return this.list(field, (item) => (typeof item === 'string' ? item : this.fail(field)));
  }

  list<T>(field: string, parse: (item: unknown) => T): readonly T[] {
    const value = this.#get(field);
    if (!Array.isArray(value) || value.length > LIST_LENGTH_MAX) return this.fail(field);
    return value.map(parse);
  }

  record(field: string): RecordReader {
    return new RecordReader(this.#get(field), `${this.#what}.${field}`);
  }

  /** The fields that were not read: of a later schema, kept as they came. */
  rest(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(Object.entries(this.#map).filter(([field]) => !this.#asked.has(field)));
  }
}
