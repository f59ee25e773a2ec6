/**
 * Random changes under each kind of watcher, --trees (default 300) of 10 sequences each. Arguments: --trees N, --kind NAME,
 * --seed N (or CAIRN_TEST_SEED).
 */
import { parseArgs } from 'node:util';
import { testSeed } from '../support/seed.ts';
import { WATCHER_KINDS } from '../support/watch-lab.ts';
import { LOST_SHARE_MAX, SEQUENCES, runTrees } from '../support/watch-model.ts';

const { values } = parseArgs({
  options: { trees: { type: 'string', default: '300' }, kind: { type: 'string' }, seed: { type: 'string' } },
});
const trees = Number(values.trees);
const seed = values.seed === undefined ? testSeed('watch') : Number(values.seed);
let failures = 0;
for (const kind of WATCHER_KINDS.filter((one) => values.kind === undefined || one === values.kind)) {
  const startedMs = performance.now();
  const { findings, lost } = await runTrees(kind, seed, trees);
  for (const finding of findings) console.error(JSON.stringify(finding));
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(
    `${kind}: ${trees * SEQUENCES} sequences, ${findings.length} with a missed folder, “everything” ${lost.length} times (${seconds} s)`,
  );
  if (findings.length > 0 || lost.length > trees * SEQUENCES * LOST_SHARE_MAX[kind]) failures++;
}
process.exitCode = failures === 0 ? 0 : 1;
