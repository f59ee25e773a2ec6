/**
 * Timing. A figure is the median of several runs after a warm-up; the median, because on a shared machine the mean
 * measures the neighbours. CPU time and the lowest run are kept too: they say how much of a figure is noise.
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
export type Measured = {
  readonly medianMs: number;
  readonly lowestMs: number;
  /** Median of the CPU time of this process, all its threads (the garbage collector's too). */
  readonly cpuMs: number;
  readonly runs: number;
};

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

export type Lap = { readonly wallMs: number; readonly cpuMs: number };

/** Starts both clocks; the result stops them. */
export function startLap(): () => Lap {
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  return () => {
    const wallMs = performance.now() - startedAtMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { wallMs, cpuMs: (user + system) / 1000 };
  };
}

/** `calls` is how often each lap did what is measured. */
export function summarise(laps: readonly Lap[], calls = 1): Measured {
  const wallMs = laps.map((lap) => lap.wallMs / calls);
  const cpuMs = laps.map((lap) => lap.cpuMs / calls);
  return { medianMs: median(wallMs), lowestMs: Math.min(...wallMs), cpuMs: median(cpuMs), runs: laps.length };
}

/** A short synchronous call, repeated as often as it takes. Calls are numbered, so that they need not all do the same. */
export function measureCall(effort: Effort, call: (index: number) => unknown): Measured {
  let index = 0;
  const lapOf = (calls: number): Lap => {
    const stop = startLap();
    for (const end = index + calls; index < end; index++) kept.result = call(index);
    return stop();
  };
  let calls = 1;
  let lastMs = 0;
  let warmedMs = 0;
  while (lastMs < effort.runMsMin || warmedMs < effort.warmUpMs) {
    lastMs = lapOf(calls).wallMs;
    warmedMs += lastMs;
    if (lastMs < effort.runMsMin) calls = Math.ceil(Math.min(calls * 8, (calls * effort.runMsMin * 1.2) / lastMs));
  }
  const laps = Array.from({ length: effort.runs }, () => lapOf(calls));
  return summarise(laps, calls);
}

export type RunCounts = { readonly runs: number; readonly warmUpRuns: number };

/** A long piece of work, once a run. Only `run` is timed. */
export type LongWork<Prepared> = {
  readonly prepare: () => Promise<Prepared>;
  readonly run: (prepared: Prepared) => Promise<unknown>;
  readonly cleanUp: (prepared: Prepared) => Promise<void>;
};

export async function measureLong<Prepared>(counts: RunCounts, work: LongWork<Prepared>): Promise<Measured> {
  const laps: Lap[] = [];
  for (let index = -counts.warmUpRuns; index < counts.runs; index++) {
    const prepared = await work.prepare();
    const stop = startLap();
    kept.result = await work.run(prepared);
    const lap = stop();
    await work.cleanUp(prepared);
    if (index >= 0) laps.push(lap);
  }
  return summarise(laps);
}

/** The same for work that needs nothing made for it. */
export function measureRuns(counts: RunCounts, run: () => unknown): Promise<Measured> {
  const nothing = async (): Promise<void> => undefined;
  return measureLong(counts, { prepare: nothing, run: async () => run(), cleanUp: nothing });
}
