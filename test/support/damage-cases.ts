/** Damage to the files of a repository: what drives, cables, copies and people do to them. */
import type { Files } from './damage-repository.ts';
import type { Seeded } from './seed.ts';

export type DamageCase = {
  readonly what: string;
  /** Files that do not hold any more what they held. */
  readonly touched: readonly string[];
  /** Whether the one touched file is gone. */
  readonly gone: boolean;
  readonly files: Files;
};

function withBytes(files: Files, name: string, bytes: Uint8Array, what: string): DamageCase {
  return { what: `${name} ${what}`, touched: [name], gone: false, files: new Map(files).set(name, bytes) };
}

/** One bit of one byte flipped; which bit is drawn. */
export function flipped(files: Files, name: string, offset: number, random: Seeded): DamageCase {
  const bytes = new Uint8Array(files.get(name)!);
  const bit = random.between(0, 7);
  bytes[offset]! ^= 1 << bit;
  return withBytes(files, name, bytes, `with bit ${bit} of byte ${offset} flipped`);
}

/** Every `step`-th byte of every file, from a drawn one on, so that many runs meet every byte. */
export function* everyFlip(files: Files, step: number, random: Seeded, among = /./): Generator<DamageCase> {
  for (const [name, bytes] of files) {
    if (!among.test(name)) continue;
    for (let offset = random.between(0, step - 1); offset < bytes.length; offset += step) {
      yield flipped(files, name, offset, random);
    }
  }
}

/** Files whose absence can't be told from a state in which they never were: their end is no damage. */
const MAY_BE_ABSENT = /^(events|condemned|sessions|sets)\//;

/** Every file deleted that a repository can't do without. */
export function* everyDeletion(files: Files): Generator<DamageCase> {
  for (const name of files.keys()) if (!MAY_BE_ABSENT.test(name)) yield deleted(files, name);
}

export function deleted(files: Files, name: string): DamageCase {
  const left = new Map(files);
  left.delete(name);
  return { what: `${name} deleted`, touched: [name], gone: true, files: left };
}

/** Around the ends of headers: nothing, a byte, an envelope's fixed part, a file header, a frame header. */
const TRUNCATIONS = [0, 1, 79, 80, 104, 128];
const BLOCK_BYTES = 512;

/** Every file truncated, extended, zeroed as a whole and in a block, filled with noise. */
export function* everyDistortion(files: Files, random: Seeded): Generator<DamageCase> {
  for (const [name, bytes] of files) {
    const { length } = bytes;
    const drawn = Array.from({ length: 3 }, () => random.between(0, length - 1));
    const cuts = new Set([...TRUNCATIONS, length - 1, length - 24, ...drawn]);
    for (const cut of cuts) {
      if (cut < 0 || cut >= length) continue;
      yield withBytes(files, name, bytes.slice(0, cut), `truncated to ${cut} of ${length} bytes`);
    }
    yield withBytes(files, name, Buffer.concat([bytes, Buffer.alloc(1)]), 'with a byte appended');
    yield withBytes(files, name, Buffer.concat([bytes, random.bytes(100)]), 'with noise appended');
    yield withBytes(files, name, Buffer.concat([bytes, bytes]), 'written twice into itself');
    yield withBytes(files, name, new Uint8Array(length), 'zeroed');
    yield withBytes(files, name, Buffer.alloc(length, 0xff), 'filled with ones');
    yield withBytes(files, name, random.bytes(length), 'replaced by noise');
    const block = new Uint8Array(bytes);
    const at = random.between(0, Math.max(0, length - BLOCK_BYTES));
    block.fill(0, at, at + BLOCK_BYTES);
    yield withBytes(files, name, block, `with a block zeroed from byte ${at}`);
    const shifted = Buffer.concat([bytes.slice(0, at), bytes.slice(at + 1)]);
    yield withBytes(files, name, shifted, `without byte ${at}`);
  }
}

const folderOf = (name: string): string => name.split('/')[0] ?? '';
const isSame = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0;

/** Every two files of one folder swapped, every file put in the place of each such peer, and some of other folders. */
export function* everySwap(files: Files, random: Seeded): Generator<DamageCase> {
  const names = [...files.keys()];
  for (const [index, first] of names.entries()) {
    for (const second of names.slice(index + 1)) {
      const isPeer = folderOf(first) === folderOf(second) || !(first + second).includes('/');
      if (!isPeer && !random.chance(0.1)) continue;
      const [a, b] = [files.get(first)!, files.get(second)!];
      if (isSame(a, b)) continue;
      const swapped = new Map(files).set(first, b).set(second, a);
      yield { what: `${first} and ${second} swapped`, touched: [first, second], gone: false, files: swapped };
      yield withBytes(files, first, b, `replaced by ${second}`);
      yield withBytes(files, second, a, `replaced by ${first}`);
    }
  }
}

/** Not damaged by being another's: a reserve only takes up space, a session names no repository. */
const IS_ANYONES = /^(reserve$|sessions\/)/;

/** Every file replaced by one of the same folder of another repository, under this one's name. */
export function* everyForeign(files: Files, others: Files): Generator<DamageCase> {
  for (const [name, bytes] of files) {
    if (IS_ANYONES.test(name)) continue;
    for (const [other, foreign] of others) {
      const isPeer = name.includes('/') ? folderOf(name) === folderOf(other) : name === other;
      if (!isPeer || isSame(bytes, foreign)) continue;
      yield withBytes(files, name, foreign, `replaced by ${other} of another repository`);
    }
  }
}
