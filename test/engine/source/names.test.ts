/** Two ways to list a folder, one for the very large: they have to say the same. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { folderNames } from '../../../src-main/engine/source/names.ts';
import { seeded, testSeed } from '../../support/seed.ts';

const SMALL = 0;
const LARGE = 2 ** 30;

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-names-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

function read(folderBytes: number, countMax = 1e6): { names: string[]; count: number; bytes: number } | 'too many' {
  const found = folderNames(Buffer.from(folder), folderBytes, countMax);
  return found === 'too many' ? found : { names: [...found.inOrder], count: found.count, bytes: found.bytes };
}

test('a large folder has the names of a small one, in the order of their bytes', () => {
  const random = seeded(testSeed('names'));
  for (let index = 0; index < 3000; index++) {
    const length = random.between(1, index % 50 === 0 ? 250 : 12);
    // Any bytes but NUL and slash; macOS takes only UTF-8.
    const bytes = Buffer.from(
      Array.from({ length }, () => (process.platform === 'linux' ? random.between(1, 255) : random.between(97, 122))),
    ).map((byte) => (byte === 0x2f ? 0x30 : byte));
    if (bytes.every((byte) => byte === 0x2e)) continue;
    fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), bytes]), '');
  }
  const large = read(LARGE);
  expect(large).toEqual(read(SMALL));
  expect(large).not.toBe('too many');
  if (large === 'too many') return;
  expect(large.count).toBeGreaterThan(2000);
  expect(large.bytes).toBe(large.names.join('').length);
  expect(large.names).toEqual([...large.names].sort());
});

test('an empty folder has no names, and more than are allowed are too many', () => {
  expect(read(LARGE)).toEqual({ names: [], count: 0, bytes: 0 });
  for (const name of ['a', 'b', 'c']) fs.writeFileSync(path.join(folder, name), '');
  for (const size of [SMALL, LARGE]) {
    expect(read(size, 2)).toBe('too many');
    expect(read(size, 3)).toMatchObject({ names: ['a', 'b', 'c'] });
  }
});
