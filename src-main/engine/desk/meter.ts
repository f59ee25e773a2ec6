/**
 * Rates and the time that remains, from what a job tells about itself. Pure but for the clock that is handed in.
 *
 * Two rates, because two kinds of work take two kinds of time: every file costs a moment (it is looked at), and every
 * byte that is copied costs another. Both are learnt from the run itself, by least squares over its seconds; what
 * remains is then what is left of each. A run that copies first and skips later is not misjudged as one rate would.
 *
 * An estimate is withheld until enough was seen and the last few agree: a number that jumps is worse than none.
 */
import type { JobProgress, Progress } from '../../../src-shared/model/index.ts';

/** One sample a second of the last minute is shown. */
const RATES_SHOWN_MAX = 60;
export const SAMPLE_EVERY_MS = 1000;
/** Rates for people look back this far. */
const RATE_WINDOW_SAMPLES = 8;
const ESTIMATE_AFTER_MS = 5000;
const ESTIMATE_AFTER_SHARE = 0.05;
/** The last few guesses of the whole duration may differ by so much. */
const AGREEING_MAX = 5;
const AGREEMENT = 0.25;
/** Old seconds count less and less: half after about half a minute. */
const FORGETTING = 0.977;

/** A tree may have grown by so much since it was counted, and the whole is still known well enough. */
const GROWTH_BELIEVED = 1.02;

/** What the whole is, where it is known before: from a dry run, a measurement, or the run before. */
export type Expected = { readonly files: number; readonly bytes: number };

type Counts = { readonly files: number; readonly copied: number };

export class Meter {
  #expected: Expected | undefined;
  #latest: Progress | undefined;
  #phaseStartMs = 0;
  #sampledMs = 0;
  #sampled: Counts = { files: 0, copied: 0 };
  #phase: Progress['phase'] | undefined;
  #rates: number[] = [];
  #fileRates: number[] = [];
  readonly #costs = new Costs();
  #guesses: number[] = [];

  /** From now on the whole is known. */
  expect(expected: Expected): void {
    this.#expected = expected;
  }

  add(progress: Progress, nowMs: number): void {
    if (progress.phase !== this.#phase) this.#begin(progress, nowMs);
    this.#latest = progress;
    if (nowMs - this.#sampledMs >= SAMPLE_EVERY_MS) this.#sample(nowMs);
  }

  /** To be called about once a second, so that standing still shows as such. */
  tick(nowMs: number): void {
    if (this.#latest !== undefined && nowMs - this.#sampledMs >= SAMPLE_EVERY_MS) this.#sample(nowMs);
  }

  view(nowMs: number): JobProgress | null {
    const latest = this.#latest;
    if (latest === undefined) return null;
    const total = this.#totalOf(latest);
    return {
      phase: latest.phase,
      files: latest.files,
      bytes: latest.bytes,
      filesTotal: total.files,
      bytesTotal: total.bytes,
      current: latest.current,
      ...(latest.bytesRead === undefined ? {} : { bytesRead: latest.bytesRead }),
      bytesPerSecond: average(this.#rates),
      filesPerSecond: average(this.#fileRates),
      remainingMs: this.#remainingMs(nowMs),
      rates: [...this.#rates],
    };
  }

  #begin({ phase, files, bytes, bytesRead }: Progress, nowMs: number): void {
    this.#phase = phase;
    this.#phaseStartMs = nowMs;
    this.#sampledMs = nowMs;
    this.#sampled = { files, copied: bytesRead ?? bytes };
    this.#costs.clear();
    this.#guesses = [];
  }

  #sample(nowMs: number): void {
    const latest = this.#latest;
    if (latest === undefined) return;
    const elapsedMs = nowMs - this.#sampledMs;
    const copied = latest.bytesRead ?? latest.bytes;
    const moved = { files: latest.files - this.#sampled.files, copied: copied - this.#sampled.copied };
    this.#rates = [...this.#rates, Math.max(0, Math.round((moved.copied / elapsedMs) * 1000))].slice(-RATES_SHOWN_MAX);
    this.#fileRates = [...this.#fileRates, Math.max(0, (moved.files / elapsedMs) * 1000)].slice(-RATE_WINDOW_SAMPLES);
    this.#costs.add(moved, elapsedMs);
    this.#sampledMs = nowMs;
    this.#sampled = { files: latest.files, copied };
    const guess = this.#guess();
    if (guess !== undefined) {
      this.#guesses = [...this.#guesses, nowMs - this.#phaseStartMs + guess].slice(-AGREEING_MAX);
    }
  }

  /**
   * The engine's own totals where it has them, else what was expected. Once there is clearly more than that, nobody knows
   * how much: saying so is better than minutes at 100 %.
   */
  #totalOf({ files, bytes, filesTotal, bytesTotal }: Progress): Expected {
    const expected = this.#expected;
    const known = filesTotal > 0 || bytesTotal > 0;
    if (known || expected === undefined) return { files: filesTotal, bytes: bytesTotal };
    const isMore = files > GROWTH_BELIEVED * expected.files + 1 || bytes > GROWTH_BELIEVED * expected.bytes;
    if (isMore) return { files: 0, bytes: 0 };
    return { files: Math.max(files, expected.files), bytes: Math.max(bytes, expected.bytes) };
  }

  #share(): number {
    const latest = this.#latest;
    if (latest === undefined) return 0;
    const total = this.#totalOf(latest);
    if (total.bytes > 0) return latest.bytes / total.bytes;
    return total.files > 0 ? latest.files / total.files : 0;
  }

  /** Milliseconds left, as far as can be said now. */
  #guess(): number | undefined {
    const latest = this.#latest;
    if (latest === undefined) return undefined;
    const total = this.#totalOf(latest);
    if (total.files === 0 && total.bytes === 0) return undefined;
    const bytesLeft = Math.max(0, total.bytes - latest.bytes);
    // What is unchanged is not copied: of what is left, as much is taken to be new as of what is behind.
    const copiedShare = latest.bytesRead === undefined || latest.bytes === 0 ? 1 : latest.bytesRead / latest.bytes;
    return this.#costs.timeMs({
      files: Math.max(0, total.files - latest.files),
      copied: bytesLeft * Math.min(1, copiedShare),
    });
  }

  #remainingMs(nowMs: number): number | null {
    if (nowMs - this.#phaseStartMs < ESTIMATE_AFTER_MS || this.#share() < ESTIMATE_AFTER_SHARE) return null;
    const guess = this.#guess();
    if (guess === undefined || this.#guesses.length < AGREEING_MAX) return null;
    const highest = Math.max(...this.#guesses);
    const lowest = Math.min(...this.#guesses);
    return highest - lowest > AGREEMENT * highest ? null : Math.round(guess);
  }
}

/** What a file and what a byte costs, in milliseconds: least squares with forgetting, neither below nothing. */
class Costs {
  #filesFiles = 0;
  #filesCopied = 0;
  #copiedCopied = 0;
  #filesTime = 0;
  #copiedTime = 0;

  clear(): void {
    this.#filesFiles = this.#filesCopied = this.#copiedCopied = this.#filesTime = this.#copiedTime = 0;
  }

  add({ files, copied }: Counts, elapsedMs: number): void {
    this.#filesFiles = this.#filesFiles * FORGETTING + files * files;
    this.#filesCopied = this.#filesCopied * FORGETTING + files * copied;
    this.#copiedCopied = this.#copiedCopied * FORGETTING + copied * copied;
    this.#filesTime = this.#filesTime * FORGETTING + files * elapsedMs;
    this.#copiedTime = this.#copiedTime * FORGETTING + copied * elapsedMs;
  }

  timeMs({ files, copied }: Counts): number | undefined {
    const rates = this.#solve();
    return rates === undefined ? undefined : files * rates.perFile + copied * rates.perByte;
  }

  #solve(): { readonly perFile: number; readonly perByte: number } | undefined {
    const determinant = this.#filesFiles * this.#copiedCopied - this.#filesCopied * this.#filesCopied;
    const scale = this.#filesFiles * this.#copiedCopied;
    if (scale > 0 && determinant > 1e-6 * scale) {
      const perFile = (this.#filesTime * this.#copiedCopied - this.#copiedTime * this.#filesCopied) / determinant;
      const perByte = (this.#copiedTime * this.#filesFiles - this.#filesTime * this.#filesCopied) / determinant;
      if (perFile >= 0 && perByte >= 0) return { perFile, perByte };
    }
    // The two went hand in hand, or one explains it all: the one that copies, if any was copied.
    if (this.#copiedCopied > 0) return { perFile: 0, perByte: this.#copiedTime / this.#copiedCopied };
    if (this.#filesFiles > 0) return { perFile: this.#filesTime / this.#filesFiles, perByte: 0 };
    return undefined;
  }
}

function average(rates: readonly number[]): number {
  const recent = rates.slice(-RATE_WINDOW_SAMPLES);
  return recent.length === 0 ? 0 : Math.round(recent.reduce((sum, rate) => sum + rate, 0) / recent.length);
}
