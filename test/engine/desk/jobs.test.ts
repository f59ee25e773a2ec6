/** The queue of jobs under a clock that the test holds. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../../src-shared/api/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { Job, JobOutcome } from '../../../src-shared/model/index.ts';
import { type JobContext, type JobRequest, Jobs } from '../../../src-main/engine/desk/jobs.ts';
import { heldClock, seededRandom } from '../../support/engine-lab.ts';

const OUTCOME: JobOutcome = { kind: 'undo', report: { broughtBack: 1, removed: 0, problems: [] } };

let clock: ReturnType<typeof heldClock>;
let jobs: Jobs;
let events: EngineEvent[];
let order: string[];
let logged: string[];
let ticks: Set<() => void>;

beforeEach(() => {
  clock = heldClock();
  events = [];
  order = [];
  logged = [];
  ticks = new Set();
  jobs = new Jobs({
    ports: { clock, random: seededRandom(1), log: (level, message) => void logged.push(`${level} ${message}`) },
    every: (_ms, action) => {
      ticks.add(action);
      return () => ticks.delete(action);
    },
    tell: (event) => void events.push(structuredClone(event)),
    onBegun: async (job) => void order.push(`begun ${job.kind}`),
    onEnded: async ({ job }) => {
      order.push(`ended ${job.kind} ${job.state}`);
      return { undoable: false };
    },
    onTick: () => undefined,
  });
});

type Held = JobRequest & { readonly begun: Promise<JobContext>; finish(): void; fail(error: unknown): void };

/** A job that does what the test says, when it says so. */
function held(kind: Job['kind'], lane = 'one'): Held {
  let begin: (context: JobContext) => void;
  let finish: (outcome: JobOutcome) => void;
  let fail: (error: unknown) => void;
  const begun = new Promise<JobContext>((resolve) => {
    begin = resolve;
  });
  const done = new Promise<JobOutcome>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  done.catch(() => undefined);
  return {
    kind,
    lane,
    setId: null,
    destinationId: 'd',
    begun,
    finish: () => finish(OUTCOME),
    fail: (error) => fail(error),
    run: (context) => {
      begin(context);
      context.signal.addEventListener('abort', () => fail(new CairnError('engine/cancelled', 'Stopped.')));
      return done;
    },
  };
}

async function ended(jobId: string): Promise<Job> {
  for (;;) {
    const { job } = (events.findLast((event) => event.kind === 'job' && event.job.jobId === jobId) ?? {}) as {
      job?: Job;
    };
    if (job !== undefined && ['done', 'failed', 'cancelled'].includes(job.state)) return job;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const told = (jobId: string): string[] =>
  events.flatMap((event) => (event.kind === 'job' && event.job.jobId === jobId ? [event.job.state] : []));

describe('jobs', () => {
  it('of one lane follow each other, of another run beside them', async () => {
    const [first, second, beside] = [held('backup'), held('verify'), held('restore', 'two')];
    const one = jobs.start(first);
    const two = jobs.start(second);
    jobs.start(beside);
    await first.begun;
    await beside.begun;
    expect(jobs.job(two.jobId).state).toBe('queued');
    first.finish();
    await second.begun;
    expect((await ended(one.jobId)).outcome).toEqual(OUTCOME);
    second.finish();
    beside.finish();
    await ended(two.jobId);
    expect(told(one.jobId)).toEqual(['queued', 'running', 'done']);
  });

  it('are on record before anyone is told that they ended', async () => {
    const work = held('backup');
    const { jobId } = jobs.start(work);
    await work.begun;
    work.finish();
    await ended(jobId);
    expect(order).toEqual(['begun backup', 'ended backup done']);
  });

  it('are told ten times a second at most, and the last state always', async () => {
    const work = held('backup');
    const { jobId } = jobs.start(work);
    const { onProgress } = await work.begun;
    const before = events.length;
    for (let step = 0; step < 10_000; step++) {
      clock.advance(1);
      onProgress({ phase: 'backup', files: step, bytes: step, filesTotal: 0, bytesTotal: 0, current: '' });
    }
    expect(events.length - before).toBeLessThanOrEqual(100);
    expect(events.length - before).toBeGreaterThan(90);
    work.finish();
    expect((await ended(jobId)).progress?.files).toBe(9999);
  });

  it('that stand still are told as such by the clock', async () => {
    const work = held('backup');
    const { jobId } = jobs.start(work);
    const { onProgress } = await work.begun;
    onProgress({ phase: 'backup', files: 1, bytes: 1e6, filesTotal: 0, bytesTotal: 0, current: '' });
    for (let second = 0; second < 20; second++) {
      clock.advance(1000);
      for (const tick of ticks) tick();
    }
    expect(jobs.job(jobId).progress?.bytesPerSecond).toBe(0);
    work.finish();
    await ended(jobId);
    expect(ticks.size).toBe(0);
  });

  it('that wait are cancelled at once, those that run come to their end first, and neither has failed', async () => {
    const [first, second] = [held('backup'), held('verify')];
    const one = jobs.start(first);
    const two = jobs.start(second);
    await first.begun;
    expect(jobs.cancel(two.jobId).state).toBe('cancelled');
    expect(jobs.cancel(one.jobId).state).toBe('cancelling');
    expect((await ended(one.jobId)).state).toBe('cancelled');
    expect(jobs.job(one.jobId).error).toBeNull();
    expect(jobs.cancel(one.jobId).state).toBe('cancelled');
  });

  it('that are cancelled before they begin never begin', async () => {
    const work = held('backup');
    const { jobId } = jobs.start(work);
    jobs.cancel(jobId);
    expect((await ended(jobId)).state).toBe('cancelled');
    expect(order).toEqual(['ended backup cancelled']);
  });

  it('fail with our words, and a defect fails with none of its own', async () => {
    const [full, broken] = [held('backup'), held('verify')];
    const one = jobs.start(full);
    const two = jobs.start(broken);
    await full.begun;
    full.fail(new CairnError('destination/full', 'The drive is full.'));
    expect((await ended(one.jobId)).error).toMatchObject({ code: 'destination/full', message: 'The drive is full.' });
    await broken.begun;
    broken.fail(new TypeError('undefined is not a function at /secret/place.js'));
    expect((await ended(two.jobId)).error).toMatchObject({ code: 'engine/internal' });
    expect(JSON.stringify(events)).not.toContain('/secret/place.js');
    expect(logged).toEqual(['error a defect']);
  });

  it('that have ended stay on the list, thirty at most, until someone takes them off', async () => {
    for (let count = 0; count < 40; count++) {
      const work = held('backup');
      const { jobId } = jobs.start(work);
      await work.begun;
      work.finish();
      await ended(jobId);
    }
    expect(jobs.list().length).toBeLessThanOrEqual(31);
    const [oldest] = jobs.list();
    jobs.dismiss(oldest!.jobId);
    expect(() => jobs.job(oldest!.jobId)).toThrow('no such job');
    expect(events.at(-1)).toEqual({ kind: 'job-dismissed', jobId: oldest!.jobId });
  });

  it('that have not ended can’t be taken off, and no more than a hundred wait', async () => {
    const works = Array.from({ length: 100 }, () => held('backup'));
    const started = works.map((work) => jobs.start(work));
    expect(() => jobs.start(held('backup'))).toThrow('waiting already');
    expect(() => jobs.dismiss(started[5]!.jobId)).toThrow('not ended');
    await jobs.close();
    expect(jobs.list().every(({ state }) => state === 'cancelled')).toBe(true);
    expect(() => jobs.start(held('backup'))).toThrow('closing');
  });

  it('knows a lane where quiet work has its turn, from one where a job has', async () => {
    const job = held('backup');
    jobs.start(job);
    await job.begun;
    let endQuiet = (): void => undefined;
    const quiet = jobs.quietly('one', () => new Promise<void>((end) => (endQuiet = end)));
    expect(jobs.isQuietlyAtWork('one')).toBe(false);
    job.finish();
    await expect.poll(() => jobs.isQuietlyAtWork('one')).toBe(true);
    expect(jobs.isQuietlyAtWork('another')).toBe(false);
    endQuiet();
    await quiet;
    await expect.poll(() => jobs.isQuietlyAtWork('one')).toBe(false);
  });
});
