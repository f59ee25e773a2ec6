/** When the silence of a continuous set is told, over days of a clock that the test turns. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LiveSet } from '../../../src-main/engine/agent/live-set.ts';
import { SetRunner } from '../../../src-main/engine/agent/set-runner.ts';
import type { Desk } from '../../../src-main/engine/desk/index.ts';
import { silentLog } from '../../../src-main/engine/kernel/index.ts';
import { SET_DEFAULTS, ScheduleBook, type SetRecord } from '../../../src-main/engine/sets/index.ts';
import type { DestinationState, StaleAlarm } from '../../../src-shared/model/index.ts';
import { seededRandom } from '../../support/engine-lab.ts';
import { FakeTime } from '../../support/fake-time.ts';
import { FakeWatch } from '../../support/fake-watch.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** The schedule looks at everything once a month only: nothing but the live tree says that all is well. */
const SCHEDULE = { ...SET_DEFAULTS.schedule, timing: { kind: 'continuous', fullScanEveryHours: 720 } } as const;

let home: string;
let time: FakeTime;
let book: ScheduleBook;
let alarms: StaleAlarm[];
let destination: DestinationState;
let watch: FakeWatch;
let isOpen: boolean;
let runner: SetRunner;
let record: SetRecord;

beforeEach(async () => {
  home = fs.mkdtempSync(path.join(tmpdir(), 'cairn-runner-'));
  time = new FakeTime();
  const ports = { clock: time.clock, log: silentLog };
  book = await ScheduleBook.open(home, { ...ports, random: seededRandom(1) });
  alarms = [];
  destination = 'ready';
  isOpen = false;
  record = {
    ...SET_DEFAULTS,
    setId: '1'.repeat(32),
    name: 'Laptop',
    sources: ['/home/a'],
    destinationId: '2'.repeat(32),
    createdAt: new Date(time.clock.nowMs()).toISOString(),
    schedule: { ...SCHEDULE, staleAfterDays: 7 },
  };
  const desk = { book, destinations: { status: () => ({ state: destination, awaySince: null }) } };
  runner = new SetRunner(record, {
    desk: desk as unknown as Desk,
    ports,
    after: time.after,
    timeZone: () => 'UTC',
    probes: {
      onMainsPower: () => Promise.resolve(null),
      isMetered: () => Promise.resolve(null),
      idleSeconds: () => Promise.resolve(null),
    },
    openLive: () => Promise.resolve(liveSet()),
    changed: () => undefined,
    alarm: (_record, alarm) => void alarms.push(alarm),
  });
  runner.look();
  await vi.waitUntil(() => isOpen && time.waiting > 0, { timeout: 60_000 });
});
afterEach(async () => {
  await runner.close();
  fs.rmSync(home, { recursive: true, force: true });
});

function liveSet(): LiveSet {
  isOpen = true;
  return new LiveSet({
    sources: [Buffer.from('/home/a')],
    ports: { clock: time.clock, log: silentLog },
    watch: (_source, _index, follow) => (watch = new FakeWatch(follow)),
    journals: [{ note: () => undefined, mark: () => () => undefined, close: () => Promise.resolve() }],
    backUpChanges: () => Promise.resolve({ report: undefined, wasFull: false, wantsFull: false }),
    backUpAll: () => Promise.resolve('snapshot'),
    missed: () => Promise.resolve([]),
    newest: () => Promise.resolve(undefined),
    after: (delayMs, action) => time.after(delayMs, action),
    changed: () => undefined,
  });
}

/** Six hours at a time; each look writes to a real file. */
async function days(count: number): Promise<void> {
  for (let quarter = 0; quarter < count * 4; quarter++) {
    time.jump(6 * HOUR_MS);
    await time.pass(60_000);
    runner.look();
    await new Promise((resolve) => setTimeout(resolve, 3));
    await vi.waitUntil(() => time.waiting > 0, { timeout: 60_000 });
  }
}

async function protect(): Promise<void> {
  watch.begun();
  const done = watch.handOver();
  await time.pass(1000);
  await done;
}

const goodDaysAgo = (): number => Math.round((time.clock.nowMs() - (book.entry(record).lastGoodMs ?? 0)) / DAY_MS);

describe('a continuous set', { timeout: 120_000 }, () => {
  test('is not called silent while it is watched, however long nothing changes', async () => {
    await protect();
    await days(20);
    expect(alarms).toEqual([]);
    expect(goodDaysAgo()).toBe(0);
    // It is known after a restart.
    const again = await ScheduleBook.open(home, { clock: time.clock, log: silentLog, random: seededRandom(2) });
    expect(again.entry(record).lastGoodMs).toBe(book.entry(record).lastGoodMs);
  });

  test('is called silent where its drive is away for as long as that, and no more when it is back', async () => {
    await protect();
    await days(3);
    destination = 'away';
    await days(6);
    expect(alarms).toEqual([]);
    await days(2);
    expect(alarms[0]).toMatchObject({ kind: 'no-good-backup', days: 7 });
    destination = 'ready';
    await days(1);
    const told = alarms.length;
    expect(book.entry(record).toldMs).toBeNull();
    await days(8);
    expect(alarms).toHaveLength(told);
  });

  test('is called silent where a person has paused it for as long as that', async () => {
    await protect();
    await days(1);
    record = { ...record, pausedUntil: 'forever' };
    await runner.update(record);
    await days(6);
    expect(alarms).toEqual([]);
    await days(3);
    expect(alarms[0]).toMatchObject({ kind: 'no-good-backup' });
    expect(book.entry(record).pausedSinceMs).not.toBeNull();
    record = { ...record, pausedUntil: null };
    await runner.update(record);
    await days(1);
    expect(book.entry(record).pausedSinceMs).toBeNull();
    expect(goodDaysAgo()).toBe(0);
  });

  test('is called silent where its changes find no way into a backup', async () => {
    await protect();
    watch.pending = 3;
    await days(8);
    expect(alarms[0]).toMatchObject({ kind: 'no-good-backup', days: 7 });
  });
});
