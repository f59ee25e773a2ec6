/**
 * A drive that fails: in every step of a repository's life every operation fails, once or from then on. The step throws
 * a CairnError or succeeds; what was acknowledged restores; and when the drive is well again the next backup succeeds,
 * in the process that saw the failure and in a new one.
 *
 * Operations that only look fail here in one of their six ways each, by turns, and of the looks into empty pack folders one in 64 is
 * taken. Of all these runs one in EVERY is drawn, others each time. `npm run torture crash-faults` leaves nothing out.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { live } from '../support/scenario.ts';
import { dailyRuns, operationsOf, sweepFaults } from '../support/scenario-faults.ts';
import { seeded, testSeed } from '../support/seed.ts';
import { ScenarioSource } from '../support/scenario-source.ts';

const TIMEOUT_MS = 600_000;
/** The process that saw the failure makes the next backup after one run in so many. */
const SAME_PROCESS_EVERY = 25;
const EVERY = 4;

describe('a failing drive', () => {
  let source: ScenarioSource;
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);

  beforeAll(() => {
    source = new ScenarioSource();
    process.on('unhandledRejection', note);
  });

  afterAll(() => {
    process.off('unhandledRejection', note);
    source.remove();
  });

  it.each([
    {
      what: 'in an unencrypted repository, at every operation of its life',
      encrypted: false,
      steps: undefined,
      runsMin: 900,
    },
    {
      what: 'in an encrypted one, while it is made and while its password changes',
      encrypted: true,
      steps: ['init', 'key change'],
      runsMin: 150,
    },
  ])(
    'costs nothing that was acknowledged and hinders no later backup: $what',
    async ({ encrypted, steps, runsMin }) => {
      const life = await live(source, { encrypted });
      const operations = await operationsOf(life, source);
      const random = seeded(testSeed('fault sweep'));
      const runs = dailyRuns(operations)
        .filter(({ step }) => steps === undefined || steps.includes(life.steps[step]?.title ?? ''))
        .filter(() => random.chance(1 / EVERY));
      const result = await sweepFaults(life, source, runs, {
        findingsMax: 5,
        sameProcess: (run) => run % SAME_PROCESS_EVERY === 0,
      });
      expect(result.findings.map(({ where, violation }) => `${where}\n${violation.message}`)).toEqual([]);
      expect(unhandled).toEqual([]);
      expect(result.runs).toBe(runs.length);
      expect(result.runs).toBeGreaterThanOrEqual(runsMin);
      // Looks that run side by side may come in another order than when they were counted: a few faults find nothing.
      expect(result.struck).toBeGreaterThan(result.runs * 0.99);
      // Both happen often: a step that never fails was never hit, one that never succeeds heals nothing.
      expect(result.succeeded).toBeGreaterThan(result.runs / 20);
      expect(result.succeeded).toBeLessThan(result.runs / 2);
      expect([...result.codes.keys()].sort()).toEqual(
        expect.arrayContaining([
          'destination/denied',
          'destination/full',
          'destination/gone',
          'destination/io',
          'destination/read-only',
        ]),
      );
      process.stderr.write(
        `fault sweep: ${result.runs} runs, ${result.succeeded} succeeded all the same, ${result.distinct} different drives left, ${result.sameProcess} went on in the same process\n`,
      );
    },
    TIMEOUT_MS,
  );
});
