/**
 * Timing. A figure is the median of several runs after a warm-up; the median, because on a shared machine the mean
 * measures the neighbours. The lowest run is kept too: it says how much of a figure is noise.
 */
import { performance } from 'node:perf_hooks';

/** How much time a figure is worth. */
export type Effort = {
  readonly runs: number;
  /** A run repeats a short call until it lasts this long, so that the clock's own cost vanishes. */
  readonly runMsMin: number;
  readonly warmUpMs: number;
};

export const EFFORT = {
  full: { runs: 9, runMsMin: 30, warmUpMs: 200 },
  quick: { runs: 5, runMsMin: 8, warmUpMs: 50 },
} as const satisfies Record<string, Effort>;

/** Milliseconds of one call, or of one run of something long. */
export type Measured = { readonly medianMs: number; readonly lowestMs: number; readonly runs: number };

/** Results go here, so that no compiler can leave out the work that made them. */
export const kept: { result: unknown } = { result: undefined };

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle];
  const lower = sorted.length % 2 === 1 ? upper : sorted[middle - 1];
  if (upper === undefined || lower === undefined) throw new Error('a median needs at least one value');
  return (lower + upper) / 2;
}

export function summarise(timesMs: readonly number[]): Measured {
  return { medianMs: median(timesMs), lowestMs: Math.min(...timesMs), runs: timesMs.length };
}

/** A short synchronous call, repeated as often as it takes. Calls are numbered, so that they need not all do the same. */
export function measureCall(effort: Effort, call: (index: number) => unknown): Measured {
  let index = 0;
  const timeOf = (calls: number): number => {
    const startedAtMs = performance.now();
    for (const end = index + calls; index < end; index++) kept.result = call(index);
    return performance.now() - startedAtMs;
  };
  let calls = 1;
  let warmedMs = 0;
  for (;;) {
    const lastedMs = timeOf(calls);
    warmedMs += lastedMs;
    if (lastedMs < effort.runMsMin) calls = Math.ceil(Math.min(calls * 8, (calls * effort.runMsMin * 1.2) / lastedMs));
    else if (warmedMs >= effort.warmUpMs) break;
  }
  return summarise(Array.from({ length: effort.runs }, () => timeOf(calls) / calls));
}

/** A long piece of work, once a run. Only `run` is timed. */
export type LongWork<Prepared> = {
  readonly prepare: () => Promise<Prepared>;
  readonly run: (prepared: Prepared) => Promise<unknown>;
  readonly cleanUp: (prepared: Prepared) => Promise<void>;
};

export async function measureLong<Prepared>(
  counts: { readonly runs: number; readonly warmUpRuns: number },
  work: LongWork<Prepared>,
): Promise<Measured> {
  const timesMs: number[] = [];
  for (let index = -counts.warmUpRuns; index < counts.runs; index++) {
    const prepared = await work.prepare();
    const startedAtMs = performance.now();
    kept.result = await work.run(prepared);
    const lastedMs = performance.now() - startedAtMs;
    await work.cleanUp(prepared);
    if (index >= 0) timesMs.push(lastedMs);
  }
  return summarise(timesMs);
}

/** The same for work that needs nothing made for it. */
export function measureRuns(
  counts: { readonly runs: number; readonly warmUpRuns: number },
  run: () => unknown,
): Promise<Measured> {
  const nothing = async (): Promise<void> => undefined;
  return measureLong(counts, { prepare: nothing, run: async () => run(), cleanUp: nothing });
}
