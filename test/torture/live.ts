/**
 * `npm run torture live [SEQUENCES]`: 10,000 random sequences of changes under the live path, whose root must be that of a
 * scan. CAIRN_TEST_SEED or --seed repeats a run; --kind NAME chooses the watcher.
 */
import { parseArgs } from 'node:util';
import type { WatcherKind } from '../../src-main/engine/source/index.ts';
import { SEQUENCES, runLiveModel } from '../support/live-model.ts';
import { testSeed } from '../support/seed.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kind: { type: 'string', default: 'inotify' }, seed: { type: 'string' } },
});
const trees = Math.ceil(Number(positionals[0] ?? 10_000) / SEQUENCES);
const seed = values.seed === undefined ? testSeed('live model') : Number(values.seed);
const startedMs = performance.now();
const { findings, ...figures } = await runLiveModel(values.kind as WatcherKind, seed, trees);
for (const finding of findings) console.error(finding);
console.log(`${JSON.stringify(figures)}, ${Math.round((performance.now() - startedMs) / 1000)} s`);
process.exitCode = findings.length === 0 ? 0 : 1;
