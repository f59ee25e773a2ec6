/** A live set of several sources, of which the test says what their watchers see. */
import { describe, expect, test } from 'vitest';
import { LiveSet } from '../../../src-main/engine/agent/live-set.ts';
import type { ChangedFolders } from '../../../src-main/engine/api.ts';
import { silentLog } from '../../../src-main/engine/kernel/index.ts';
import { FakeTime } from '../../support/fake-time.ts';
import { FakeWatch } from '../../support/fake-watch.ts';

const MINUTE_MS = 60_000;

function labOf(sources: number, backUpAll: () => Promise<string> = () => Promise.resolve('snapshot')) {
  const time = new FakeTime();
  const watches: FakeWatch[] = [];
  const looks: number[] = [];
  const changes: ChangedFolders[] = [];
  const live = new LiveSet({
    sources: Array.from({ length: sources }, (_, index) => Buffer.from(`/source ${index}`)),
    ports: { clock: time.clock, log: silentLog },
    watch: (_source, _index, follow) => {
      const watch = new FakeWatch(follow);
      watches.push(watch);
      return watch;
    },
    journals: Array.from({ length: sources }, () => ({
      note: () => undefined,
      mark: () => () => undefined,
      close: () => Promise.resolve(),
    })),
    backUpChanges: (changed) => {
      changes.push(changed);
      return Promise.resolve({ report: undefined, wasFull: false, wantsFull: false });
    },
    backUpAll: () => {
      looks.push(time.clock.nowMs());
      return backUpAll();
    },
    missed: () => Promise.resolve([]),
    newest: () => Promise.resolve(undefined),
    after: (delayMs, action) => time.after(delayMs, action),
    changed: () => undefined,
  });
  live.gate.open();
  return { time, live, watches, looks, changes };
}

describe('a set of several sources', () => {
  test('is looked at once at the start, however different its sources are in becoming watched', async () => {
    const { time, live, watches, looks } = labOf(3);
    const [small, large, asleep] = watches as [FakeWatch, FakeWatch, FakeWatch];
    small.begun();
    await time.pass(2000);
    const first = small.handOver();
    await time.pass(10_000);
    expect(looks).toEqual([]);
    asleep.become({ kind: 'gone', message: 'not there' });
    large.begun();
    await time.pass(2000);
    expect(looks).toEqual([]);
    const second = large.handOver();
    await time.pass(1000);
    await Promise.all([first, second]);
    expect(looks).toHaveLength(1);
    expect(live.status.state).toBe('source-gone');
    // One that comes later is looked at by itself.
    asleep.begun();
    const third = asleep.handOver();
    await time.pass(1000);
    await third;
    expect(looks).toHaveLength(2);
  });

  test('does not wait for ever for one that does not become watched', async () => {
    const { time, watches, looks } = labOf(2);
    const [ready] = watches as [FakeWatch, FakeWatch];
    ready.begun();
    const done = ready.handOver();
    await time.pass(2 * MINUTE_MS);
    await done;
    expect(looks).toHaveLength(1);
  });

  test('shares its first look with a full scan that was due while Cairn was closed', async () => {
    const { time, live, watches, looks } = labOf(2);
    live.scanAndProve();
    live.scanAndProve();
    for (const watch of watches) watch.begun();
    await time.pass(2000);
    const both = watches.map((watch) => watch.handOver());
    await time.pass(1000);
    await Promise.all(both);
    await time.pass(MINUTE_MS);
    expect(looks).toHaveLength(1);
  });

  test('looks again where a source asks after the look began', async () => {
    let end = (): void => undefined;
    const { time, watches, looks } = labOf(2, () => new Promise((resolve) => (end = () => resolve('snapshot'))));
    for (const watch of watches) watch.begun();
    const both = watches.map((watch) => watch.handOver());
    await time.pass(1000);
    expect(looks).toHaveLength(1);
    const again = watches[0]!.handOver({ kind: 'everything', reason: 'overflow', detail: '' });
    await time.pass(1000);
    end();
    await Promise.all(both);
    await time.pass(1000);
    expect(looks).toHaveLength(2);
    end();
    await again;
  });
});

describe('what was told of while everything was looked at', () => {
  const folder = Buffer.from('/source 0/folder');

  function begin(backUpAll?: () => Promise<string>) {
    const lab = labOf(1, backUpAll);
    const [watch] = lab.watches as [FakeWatch];
    watch.begun();
    const begun = watch.handOver();
    const told = async (): Promise<void> => {
      watch.follow.note({ kind: 'folder', folder });
      await watch.handOver({ kind: 'folders', folders: [folder] });
    };
    return { ...lab, watch, begun, told, doubts: () => lab.changes.map(({ areLinksInDoubt }) => areLinksInDoubt) };
  }

  // A look at everything read one name of a file, then it was changed through the other name, then that one was read: the
  // first name kept the old content, and no event tells of it. Found by reading, after a random sequence had failed once.
  test('is backed up in doubt about names of one file, once', async () => {
    let end = (): void => undefined;
    const { time, watch, begun, told, doubts } = begin(() => new Promise((resolve) => (end = () => resolve('all'))));
    await time.pass(1000);
    watch.follow.note({ kind: 'folder', folder });
    await time.pass(10_000);
    end();
    await begun;
    await watch.handOver({ kind: 'folders', folders: [folder] });
    expect(doubts()).toEqual([true]);
    await time.pass(10_000);
    await told();
    expect(doubts()).toEqual([true, false]);
  });

  test('may be told a little later', async () => {
    const { time, begun, told, doubts } = begin();
    await time.pass(500);
    await begun;
    await told();
    await time.pass(10_000);
    await told();
    expect(doubts()).toEqual([true, false]);
  });

  test('stays in doubt until nothing of it waits', async () => {
    const { time, watch, begun, told, doubts } = begin();
    await time.pass(500);
    await begun;
    watch.follow.note({ kind: 'folder', folder });
    const done = watch.handOver({ kind: 'folders', folders: [folder] });
    watch.pending = 1;
    await done;
    await time.pass(10_000);
    await told();
    await told();
    expect(doubts()).toEqual([true, true, false]);
  });
});

describe('a live set is good', () => {
  test('up to now while all is watched and nothing waits, else up to where it came', async () => {
    const { time, live, watches } = labOf(1);
    const [watch] = watches as [FakeWatch];
    const now = (): number => time.clock.nowMs();
    expect(live.goodUntilMs(now())).toBeUndefined();
    watch.begun();
    const done = watch.handOver();
    await time.pass(1000);
    await done;
    const startedMs = live.goodUntilMs(0) ?? 0;
    await time.pass(10 * MINUTE_MS);
    expect(live.goodUntilMs(now())).toBe(now());
    // A drive that is away, or a pause.
    live.gate.shut();
    const settledMs = Date.parse(live.status.protectedUntil!);
    expect(live.goodUntilMs(now())).toBe(settledMs);
    expect(startedMs).toBeLessThanOrEqual(settledMs);
    live.gate.open();
    watch.pending = 1;
    expect(live.goodUntilMs(now())).toBe(settledMs);
    const deliveredMs = now();
    await watch.handOver({ kind: 'folders', folders: [Buffer.from('/source 0')] });
    await time.pass(5 * MINUTE_MS);
    watch.become({ kind: 'scan-only', reason: 'watch-limit', message: 'no more' });
    expect(live.goodUntilMs(now())).toBe(deliveredMs);
  });
});
