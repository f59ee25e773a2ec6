/**
 * A power cut (or a kill) at every operation of a repository's life, with every variant of what the drive had kept: the
 * old state or the new one, everything acknowledged restores, and the next backup needs nobody's help.
 *
 * Here the next backup and its deep verification follow every fourth of the distinct states of the encrypted life and
 * every eighth of the other's, and crashes during that next backup are a sample. `npm run torture crash` leaves nothing out.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CRASH_CASES } from '../support/crash-filesystem.ts';
import { type Life, live, ROOT } from '../support/scenario.ts';
import { ScenarioSource } from '../support/scenario-source.ts';
import { type Finding, sweep, sweepPairs } from '../support/scenario-sweep.ts';
import { testSeed } from '../support/seed.ts';

const TIMEOUT_MS = 600_000;
const PAIRS = 150;

const wordsOf = (findings: readonly Finding[]): string[] =>
  findings.map(({ where, violation }) => `${where}\n${violation.message}`);

describe.each([
  { kind: 'encrypted', encrypted: true, operationsMin: 250, distinctMin: 900, recoversEvery: 16 },
  { kind: 'unencrypted', encrypted: false, operationsMin: 220, distinctMin: 850, recoversEvery: 32 },
])('a crash in the life of an $kind repository', ({ encrypted, operationsMin, distinctMin, recoversEvery }) => {
  let source: ScenarioSource;
  let life: Life;

  beforeAll(async () => {
    source = new ScenarioSource();
    life = await live(source, { encrypted });
  });

  afterAll(() => source.remove());

  it('is one life: packs, commit files and both kinds of merge, the same in every run', async () => {
    const titles = life.steps.map(({ title }) => title);
    expect(titles.filter((title) => title.includes('key change'))).toHaveLength(encrypted ? 1 : 0);
    const last = life.milestones.at(-1)?.acknowledged;
    expect(last?.snapshots.size).toBe(5);
    const gone = [...(last?.gone ?? [])].map((name) => name.replace(/\/.*/, ''));
    expect(new Set(gone)).toEqual(new Set(['commits', 'index', ...(encrypted ? ['keys'] : [])]));
    const made = (folder: string): number =>
      life.drive.operations.filter(({ kind, path }) => kind === 'create' && path.startsWith(`${ROOT}/${folder}/`))
        .length;
    expect(made('commits')).toBe(3);
    expect(made('packs')).toBeGreaterThanOrEqual(8);
    expect(made('index')).toBeGreaterThanOrEqual(5);
    expect(made('snapshots')).toBe(5);
    // One for each backup, and a heartbeat.
    expect(made('sessions')).toBeGreaterThan(5);
    expect(life.drive.operationCount).toBeGreaterThanOrEqual(operationsMin);
    const again = await live(source, { encrypted });
    expect(again.drive.operations).toEqual(life.drive.operations);
  });

  it(
    'leaves the old state or the new one at every operation, and needs no repair',
    async () => {
      const { states, distinct, recovered, findings } = await sweep(life, source, {
        recovers: (index) => index % recoversEvery === 0,
        findingsMax: 5,
      });
      expect(wordsOf(findings)).toEqual([]);
      expect(states).toBe((life.drive.operationCount + 1) * CRASH_CASES.length);
      expect(distinct).toBeGreaterThanOrEqual(distinctMin);
      expect(recovered).toBe(Math.ceil(distinct / recoversEvery));
      process.stderr.write(
        `crash sweep: ${states} states, ${distinct} distinct, ${recovered} followed by a backup and a deep verification\n`,
      );
    },
    TIMEOUT_MS,
  );

  it(
    'may be followed by another during the next backup',
    async () => {
      const seed = testSeed('crash pairs');
      const { pairs, findings } = await sweepPairs(life, source, {
        seed,
        pairs: PAIRS / 2,
        secondsPerFirst: 5,
        findingsMax: 5,
      });
      expect(wordsOf(findings), `CAIRN_TEST_SEED=${seed}`).toEqual([]);
      expect(pairs).toBe(PAIRS / 2);
    },
    TIMEOUT_MS,
  );
});
