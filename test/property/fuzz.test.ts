/**
 * Every decoder on ten thousand mutated inputs, where what encloses them is right, so that the inner decoder is reached;
 * a million each are `npm run torture fuzz`. CAIRN_TEST_SEED repeats a run.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fuzz } from '../hostile/fuzz/run.ts';
import { EXCEPTIONS, FUZZ_TARGETS } from '../hostile/fuzz/targets.ts';
import { testSeed } from '../support/seed.ts';

const INPUTS = 10_000;
/** For a machine that does other things too; what is measured is the processor time of each input. */
const TIMEOUT_MS = 300_000;
const root = path.resolve(import.meta.dirname, '../..');
const ROOMS = ['codec', 'merkle', 'pack', 'snapshot', 'repository'].map((room) => `src-main/engine/${room}`);

/** Names of exported functions and constants that decode, parse or open something. */
function decodersIn(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = readFileSync(path.join(root, folder, file), 'utf8');
      const exported = /^export (?:async )?(?:function\*?|const) ((?:decode|parse|open)[A-Z]\w*)/gm;
      return [...text.matchAll(exported)].map(([, name]) => name ?? '');
    });
}

describe('the table of decoders', () => {
  const covered = new Set(FUZZ_TARGETS.flatMap(({ covers }) => covers));
  const exported = new Set([...ROOMS, 'src-shared'].flatMap(decodersIn));

  it('has every decoder the rooms export, or a reason why not', () => {
    expect(exported.size).toBeGreaterThan(50);
    expect([...exported].filter((name) => !covered.has(name) && EXCEPTIONS[name] === undefined)).toEqual([]);
  });

  it('excuses nobody who is gone, or has a row after all', () => {
    expect(Object.keys(EXCEPTIONS).filter((name) => !exported.has(name) || covered.has(name))).toEqual([]);
  });

  it('names each row once', () => {
    expect(new Set(FUZZ_TARGETS.map(({ name }) => name)).size).toBe(FUZZ_TARGETS.length);
  });
});

describe('any bytes decode to a value that encodes again, or to a typed error', () => {
  const seed = testSeed('fuzz');
  it.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))(
    '%s',
    async (_name, target) => {
      const { findings } = await fuzz(target, seed, INPUTS);
      expect(findings).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
