/**
 * The same life with threads: folders are listed, files read and a large one cut by lanes, and segments are compressed
 * beside this thread. Their answers come in an order of their own, so no two runs make the same row of operations; that
 * harms nothing, because each crash is taken from the log of the very life it ends, and each failure strikes the k-th
 * operation of the run it is in, whatever that is. What a promise is does not depend on any order.
 *
 * The sweeps beside this one go through every operation on one thread; here are samples. A thread takes a quarter of a
 * second to start, which is what the number of backups is about.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CRASH_CASES } from '../support/crash-filesystem.ts';
import { type Life, live } from '../support/scenario.ts';
import { dailyRuns, operationsOf, sweepFaults } from '../support/scenario-faults.ts';
import { ScenarioSource } from '../support/scenario-source.ts';
import { type Finding, sweep, sweepPairs } from '../support/scenario-sweep.ts';
import { testSeed } from '../support/seed.ts';
import { type ThreadCount, countThreads } from '../support/threads.ts';

const TIMEOUT_MS = 600_000;
const LANES = 2;
const BACKUPS = 5;
/** Prime to the nine variants of a crash: every operation is met, each variant in turn. */
const CRASHES_EVERY = 13;
const RECOVERS_EVERY = 60;
const PAIRS = 6;
/** Prime to the ways in which an operation fails, by the same reason. */
const FAULTS_EVERY = 397;

const wordsOf = (findings: readonly Finding[]): string[] =>
  findings.map(({ where, violation }) => `${where}\n${violation.message}`);

describe('a life with threads', () => {
  let source: ScenarioSource;
  let life: Life;
  let threads: ThreadCount;
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);

  beforeAll(async () => {
    process.on('unhandledRejection', note);
    threads = countThreads();
    source = new ScenarioSource({ large: true });
    life = await live(source, { encrypted: true, lanes: LANES });
  });

  afterAll(() => {
    process.off('unhandledRejection', note);
    threads.stop();
    source.remove();
  });

  it('starts them for each backup, and leaves none running', () => {
    expect(threads.started).toBe(BACKUPS * LANES);
    expect(threads.running).toBe(0);
    expect(life.milestones.at(-1)?.acknowledged.snapshots.size).toBe(BACKUPS);
    expect(CRASH_CASES.length % CRASHES_EVERY).not.toBe(0);
  });

  it(
    'leaves the old state or the new one at every operation at which it ends, and needs no repair',
    async () => {
      const before = threads.started;
      const swept = await sweep(life, source, {
        every: CRASHES_EVERY,
        recovers: (index) => index % RECOVERS_EVERY === 0,
        findingsMax: 5,
      });
      expect(wordsOf(swept.findings)).toEqual([]);
      expect(swept.distinct).toBeGreaterThan(100);
      expect(threads.started - before).toBe(LANES * swept.recovered);
      expect(threads.running).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    'may end again during the next backup',
    async () => {
      const seed = testSeed('crash pairs with threads');
      const { pairs, findings } = await sweepPairs(life, source, {
        seed,
        pairs: PAIRS,
        secondsPerFirst: 3,
        findingsMax: 5,
      });
      expect(wordsOf(findings), `CAIRN_TEST_SEED=${seed}`).toEqual([]);
      expect(pairs).toBe(PAIRS);
    },
    TIMEOUT_MS,
  );

  it(
    'on a failing drive costs nothing that was acknowledged, hinders no later backup, and leaves no thread behind',
    async () => {
      const operations = await operationsOf(life, source);
      const runs = dailyRuns(operations)
        .filter(({ step }) => life.steps[step]?.state !== undefined)
        .filter((_run, index) => index % FAULTS_EVERY === 0);
      const before = threads.started;
      const result = await sweepFaults(life, source, runs, { findingsMax: 5, sameProcess: (run) => run % 7 === 0 });
      expect(wordsOf(result.findings)).toEqual([]);
      expect(unhandled).toEqual([]);
      expect(result.runs).toBe(runs.length);
      expect(result.runs).toBeGreaterThan(7);
      expect(result.struck).toBeGreaterThan(result.runs * 0.8);
      expect(result.succeeded).toBeLessThan(result.runs);
      expect(threads.started).toBeGreaterThan(before);
      expect(threads.running).toBe(0);
    },
    TIMEOUT_MS,
  );
});
