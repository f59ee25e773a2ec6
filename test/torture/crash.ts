/**
 * Every crash of both lives, each followed by another backup and a deep verification, and many crashes during that
 * next backup. Arguments: --pairs N (default 20000), --seed N, --lanes N (threads of every backup, default none).
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { live } from '../support/scenario.ts';
import { ScenarioSource } from '../support/scenario-source.ts';
import { type Finding, sweep, sweepPairs } from '../support/scenario-sweep.ts';

const FINDINGS_MAX = 20;
const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '20000' },
    lanes: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
  },
});
const seed = Number(values.seed);
const findings: Finding[] = [];
const lanes = Number(values.lanes);
const source = new ScenarioSource({ large: lanes > 0 });
try {
  for (const encrypted of [true, false]) {
    const life = await live(source, { encrypted, lanes });
    const swept = await sweep(life, source, { recovers: () => true, findingsMax: FINDINGS_MAX });
    console.log(
      `${encrypted ? 'encrypted' : 'unencrypted'}: ${life.drive.operationCount} operations, ${swept.states} states, ${swept.distinct} distinct, ${swept.findings.length} findings`,
    );
    const paired = await sweepPairs(life, source, {
      seed,
      pairs: Math.ceil(Number(values.pairs) / 2),
      secondsPerFirst: 10,
      findingsMax: FINDINGS_MAX,
    });
    console.log(`${paired.pairs} pairs of crashes (--seed ${seed}), ${paired.findings.length} findings`);
    findings.push(...swept.findings, ...paired.findings);
  }
} finally {
  source.remove();
}
for (const { where, violation } of findings) console.error(`${where}\n  ${violation.message}`);
process.exitCode = findings.length === 0 ? 0 : 1;
