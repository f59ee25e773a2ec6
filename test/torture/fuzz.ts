/**
 * `npm run torture fuzz [--inputs N] [--only NAME] [--weighted]`: a million inputs for each decoder. CAIRN_TEST_SEED
 * repeats a run.
 */
import { parseArgs } from 'node:util';
import { fuzz } from '../hostile/fuzz/run.ts';
import { FUZZ_TARGETS } from '../hostile/fuzz/targets.ts';
import { testSeed } from '../support/seed.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
    weighted: { type: 'boolean', default: false },
  },
});
const seed = testSeed('fuzz');
let failed = 0;
for (const target of FUZZ_TARGETS) {
  if (!target.name.includes(values.only)) continue;
  const inputs = Math.ceil(Number(values.inputs) * (values.weighted ? (target.weight ?? 1) : 1));
  const cpu = process.cpuUsage();
  const result = await fuzz(target, seed, inputs);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = ((user + system) / 1e6).toFixed(1);
  const { name, accepted, slowestMs, findings } = result;
  console.log(
    `${name}: ${inputs} inputs, ${accepted} accepted, ${seconds} s, slowest ${Math.round(slowestMs)} ms, ${findings.length} findings`,
  );
  for (const finding of findings) console.log(`  ${finding}`);
  failed += findings.length;
}
process.exitCode = failed === 0 ? 0 : 1;
