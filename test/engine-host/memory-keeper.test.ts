/** What waits for years is kept small: memory goes back when work has ended. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { MemoryKeeper } from '../../src-main/engine-host/memory-keeper.ts';
import type { Job } from '../../src-shared/model/index.ts';
import { FakeTime } from '../support/fake-time.ts';

const MINUTE_MS = 60_000;

function lab() {
  const time = new FakeTime();
  const given: number[] = [];
  let isAtWork = false;
  const every = (periodMs: number, action: () => void): (() => void) => {
    let cancel = (): void => undefined;
    const arm = (): void => {
      cancel = time.after(periodMs, () => {
        action();
        arm();
      });
    };
    arm();
    return () => cancel();
  };
  const keeper = new MemoryKeeper({
    after: time.after,
    every,
    isAtWork: () => isAtWork,
    giveBack: () => {
      given.push(time.clock.nowMs());
      return Promise.resolve();
    },
  });
  const job = (endedAt: string | null): void => keeper.heard({ kind: 'job', job: { endedAt } as Job });
  return { time, given, keeper, job, work: (is: boolean) => (isAtWork = is) };
}

test('memory goes back after the last of several jobs and once more a minute later, and not while one runs', async () => {
  const { time, given, job, work } = lab();
  job(null);
  await time.pass(MINUTE_MS);
  expect(given).toEqual([]);
  job('2026-01-01T00:00:00Z');
  await time.pass(1000);
  job('2026-01-01T00:00:01Z');
  await time.pass(10_000);
  expect(given).toHaveLength(1);
  await time.pass(2 * MINUTE_MS);
  expect(given).toHaveLength(2);
  job('2026-01-01T00:03:00Z');
  work(true);
  await time.pass(3 * MINUTE_MS);
  expect(given).toHaveLength(2);
});

test('now and then it goes back after live backups too, which are no jobs, until the keeper is closed', async () => {
  const { time, given, keeper, job } = lab();
  await time.pass(30 * MINUTE_MS + 1);
  expect(given).toHaveLength(3);
  job('2026-01-01T00:00:00Z');
  keeper.close();
  await time.pass(60 * MINUTE_MS);
  expect(given).toHaveLength(3);
  expect(time.waiting).toBe(0);
});

const CHILD = `
  import { giveBackFreed } from './src-main/engine/kernel/index.ts';
  // A hole between every two pieces that stay: nothing of it is at the end of an arena.
  const pieces = Array.from({ length: 40_000 }, () => new Uint8Array(8000).fill(1));
  const stay = pieces.filter((_, index) => index % 10 === 0);
  pieces.length = 0;
  globalThis.gc();
  const before = process.memoryUsage.rss();
  await giveBackFreed();
  console.log(JSON.stringify({ freed: before - process.memoryUsage.rss(), stay: stay.length }));
`;

// Other C libraries give back by themselves, and have no such call.
const isGlibc =
  process.platform === 'linux' && 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

test.runIf(isGlibc)('what a process has freed in between what it keeps goes back to the system', () => {
  const args = ['--expose-gc', '--input-type=module-typescript', '--eval', CHILD];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).not.toContain('Error');
  const { freed, stay } = JSON.parse(stdout) as { freed: number; stay: number };
  expect(stay).toBe(4000);
  // Of the 288 MB between them.
  expect(freed).toBeGreaterThan(50e6);
});
