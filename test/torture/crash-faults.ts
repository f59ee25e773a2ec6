/**
 * Every failure of both lives: each operation of each step, with every kind of failure, once and for ever. Argument:
 * --share N/M runs one part in M, so that several machines can share the work; --lanes N gives every backup threads, and
 * the k-th operation is then that of each run.
 */
import { parseArgs } from 'node:util';
import { live } from '../support/scenario.ts';
import { faultRuns, operationsOf, sweepFaults } from '../support/scenario-faults.ts';
import { ScenarioSource } from '../support/scenario-source.ts';

const FINDINGS_MAX = 20;
const SAME_PROCESS_EVERY = 10;
const { values } = parseArgs({
  options: { share: { type: 'string', default: '1/1' }, lanes: { type: 'string', default: '0' } },
});
const lanes = Number(values.lanes);
const [part = 1, parts = 1] = values.share.split('/').map(Number);
let failures = 0;
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
const source = new ScenarioSource({ large: lanes > 0 });
try {
  for (const encrypted of [true, false]) {
    const life = await live(source, { encrypted, lanes });
    const runs = faultRuns(await operationsOf(life, source)).filter((_run, index) => index % parts === part - 1);
    const result = await sweepFaults(life, source, runs, {
      findingsMax: FINDINGS_MAX,
      sameProcess: (run) => run % SAME_PROCESS_EVERY === 0,
    });
    const codes = [...result.codes].map(([code, count]) => `${code} ${count}`).join(', ');
    console.log(
      `${encrypted ? 'encrypted' : 'unencrypted'}: ${result.runs} runs, ${result.succeeded} succeeded all the same, ${result.distinct} different drives left; ${codes}`,
    );
    for (const { where, violation } of result.findings) console.error(`${where}\n  ${violation.message}`);
    failures += result.findings.length;
  }
} finally {
  source.remove();
}
for (const reason of unhandled) console.error('unhandled rejection:', reason);
process.exitCode = failures + unhandled.length === 0 ? 0 : 1;
