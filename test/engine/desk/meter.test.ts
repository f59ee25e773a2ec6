/** Rates and remaining time, over runs that a clock in the test plays through. */
import { describe, expect, it } from 'vitest';
import type { JobProgress, Progress } from '../../../src-shared/model/index.ts';
import { Meter } from '../../../src-main/engine/desk/meter.ts';

type Step = { readonly files: number; readonly bytes: number; readonly copied: number };

const progress = ({ files, bytes, copied }: Step): Progress => ({
  phase: 'backup',
  files,
  bytes,
  filesTotal: 0,
  bytesTotal: 0,
  current: 'a',
  bytesRead: copied,
});

/** Plays a run in tenths of seconds; gives what was shown after each whole second, and how long it took in all. */
function play(
  total: { readonly files: number; readonly bytes: number },
  at: (second: number) => Step,
): { readonly shown: readonly JobProgress[]; readonly tookMs: number } {
  const meter = new Meter();
  meter.expect(total);
  const shown: JobProgress[] = [];
  let tookMs = 0;
  for (let tenth = 0; tenth < 100_000; tenth++) {
    const step = at(tenth / 10);
    meter.add(progress(step), tenth * 100);
    if (tenth % 10 === 0) shown.push(meter.view(tenth * 100)!);
    tookMs = tenth * 100;
    if (step.files >= total.files) break;
  }
  return { shown, tookMs };
}

/** The largest error of what was shown after a fifth of the run, as a share of the whole time. */
function worstError({ shown, tookMs }: ReturnType<typeof play>): number {
  let worst = 0;
  for (const [second, { remainingMs }] of shown.entries()) {
    if (second * 1000 < tookMs / 5 || remainingMs === null) continue;
    worst = Math.max(worst, Math.abs(second * 1000 + remainingMs - tookMs) / tookMs);
  }
  return worst;
}

describe('the remaining time', () => {
  it('of a steady first backup is right within a tenth after a fifth of it', () => {
    const total = { files: 10_000, bytes: 1e9 };
    const run = play(total, (second) => {
      const share = Math.min(1, second / 60);
      return { files: Math.floor(share * total.files), bytes: share * total.bytes, copied: share * total.bytes };
    });
    expect(run.shown[30]!.remainingMs).not.toBeNull();
    expect(worstError(run)).toBeLessThan(0.1);
  });

  it('of large files after small ones is right within a quarter', () => {
    // 30 s of small files (a byte costs little, a file costs), then 30 s of large ones.
    const total = { files: 9030, bytes: 90e6 + 30 * 100e6 };
    const run = play(total, (second) => {
      const small = Math.min(30, second);
      const large = Math.min(30, Math.max(0, second - 30));
      const bytes = small * 3e6 + large * 100e6;
      return { files: Math.floor(small * 300 + large), bytes, copied: bytes };
    });
    // In the first half nobody can know what a large file will cost.
    const second = run.shown.slice(38);
    for (const [index, { remainingMs }] of second.entries()) {
      if (remainingMs === null) continue;
      const elapsedMs = (38 + index) * 1000;
      expect(Math.abs(elapsedMs + remainingMs - run.tookMs) / run.tookMs).toBeLessThan(0.25);
    }
    expect(second.some(({ remainingMs }) => remainingMs !== null)).toBe(true);
  });

  it('of a backup in which almost nothing changed is right within a quarter', () => {
    const total = { files: 1_000_000, bytes: 100e9 };
    const run = play(total, (second) => {
      const share = Math.min(1, second / 40);
      const bytes = share * total.bytes;
      return { files: Math.floor(share * total.files), bytes, copied: bytes * 0.01 };
    });
    expect(worstError(run)).toBeLessThan(0.25);
  });

  it('is withheld in the first seconds, and while nothing is known of the whole', () => {
    const total = { files: 1000, bytes: 1e9 };
    const steady = (second: number): Step => ({
      files: Math.floor(second * 10),
      bytes: second * 1e7,
      copied: second * 1e7,
    });
    expect(
      play(total, steady)
        .shown.slice(0, 5)
        .map(({ remainingMs }) => remainingMs),
    ).toEqual(Array(5).fill(null));
    const meter = new Meter();
    for (let second = 0; second < 60; second++) meter.add(progress(steady(second)), second * 1000);
    expect(meter.view(60_000)!.remainingMs).toBeNull();
  });

  it('is withheld while the guesses jump', () => {
    const total = { files: 10_000, bytes: 1e9 };
    let bytes = 0;
    const run = play(total, (second) => {
      // Bursts: a second of much, four of next to nothing, each longer than the one before.
      if (second % 7 < 1) bytes += 1e5 * second;
      return { files: Math.min(9999, Math.floor(second)), bytes, copied: bytes };
    });
    const known = run.shown.slice(0, 15).filter(({ remainingMs }) => remainingMs !== null);
    expect(known).toEqual([]);
  });
});

describe('the whole', () => {
  it('is what was expected, also where it has grown a little, and unknown once there is clearly more', () => {
    const meter = new Meter();
    meter.expect({ files: 1000, bytes: 1e6 });
    const totals = (files: number, bytes: number): readonly number[] => {
      meter.add(progress({ files, bytes, copied: bytes }), 0);
      const { filesTotal, bytesTotal } = meter.view(0)!;
      return [filesTotal, bytesTotal];
    };
    expect(totals(10, 1e4)).toEqual([1000, 1e6]);
    expect(totals(1010, 1.01e6)).toEqual([1010, 1.01e6]);
    expect(totals(1030, 1.01e6)).toEqual([0, 0]);
    expect(totals(1000, 3e6)).toEqual([0, 0]);
  });

  it('of a restore is what the engine says', () => {
    const meter = new Meter();
    meter.add({ ...progress({ files: 5, bytes: 50, copied: 50 }), filesTotal: 10, bytesTotal: 100 }, 0);
    expect(meter.view(0)).toMatchObject({ filesTotal: 10, bytesTotal: 100 });
  });
});

describe('the rates', () => {
  it('have one sample a second and sixty at most, and stand still when nothing comes', () => {
    const meter = new Meter();
    meter.add(progress({ files: 0, bytes: 0, copied: 0 }), 0);
    for (let second = 1; second <= 100; second++) {
      meter.add(progress({ files: second, bytes: second * 1e6, copied: second * 1e6 }), second * 1000);
    }
    expect(meter.view(100_000)).toMatchObject({ bytesPerSecond: 1e6, filesPerSecond: 1 });
    expect(meter.view(100_000)!.rates).toEqual(Array(60).fill(1e6));
    for (let second = 101; second <= 110; second++) meter.tick(second * 1000);
    expect(meter.view(110_000)!.bytesPerSecond).toBe(0);
  });

  it('begin anew in the next phase', () => {
    const meter = new Meter();
    meter.add({ ...progress({ files: 0, bytes: 0, copied: 0 }), phase: 'scan' }, 0);
    meter.add({ ...progress({ files: 9999, bytes: 1e9, copied: 1e9 }), phase: 'scan' }, 900);
    meter.add(progress({ files: 0, bytes: 0, copied: 0 }), 1000);
    meter.add(progress({ files: 1, bytes: 10, copied: 10 }), 2000);
    expect(meter.view(2000)!.rates.at(-1)).toBe(10);
  });
});
