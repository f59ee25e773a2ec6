/**
 * `npm run torture corruption [STEP]`: every byte of a small repository flipped, encrypted and plain, and every file
 * deleted, cut off, extended, zeroed, swapped and replaced. CAIRN_TEST_SEED repeats a run.
 */
import {
  type DamageCase,
  everyDeletion,
  everyDistortion,
  everyFlip,
  everyForeign,
  everySwap,
} from '../support/damage-cases.ts';
import { checkCases } from '../support/damage-check.ts';
import { buildSmallRepository } from '../support/damage-repository.ts';
import { seeded, testSeed } from '../support/seed.ts';

const step = Number(process.argv[2] ?? 1);
const seed = testSeed('corruption');
let failed = 0;

for (const encrypted of [true, false]) {
  const small = await buildSmallRepository({ seed, encrypted });
  const other = await buildSmallRepository({ seed: seed + 1, encrypted });
  const random = seeded(seed);
  const groups: readonly (readonly [string, Iterable<DamageCase>])[] = [
    ['deleted', everyDeletion(small.files)],
    ['distorted', everyDistortion(small.files, random)],
    ['swapped', everySwap(small.files, random)],
    ['foreign', everyForeign(small.files, other.files)],
    ['flipped', everyFlip(small.files, step, random)],
  ];
  for (const [group, cases] of groups) {
    const startedMs = performance.now();
    const { count, failures, slowestMs } = await checkCases(small, cases, random, { failuresMax: 20 });
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    console.log(
      `${encrypted ? 'encrypted' : 'plain'}, ${group}: ${count} cases in ${seconds} s, slowest ${Math.round(slowestMs)} ms, ${failures.length} failed`,
    );
    for (const { what, reason } of failures) console.log(`  ${what}\n    ${reason}`);
    failed += failures.length;
  }
}
process.exitCode = failed === 0 ? 0 : 1;
