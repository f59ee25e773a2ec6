/**
 * The line of progress on a terminal: phase, files, bytes, rate, time left, current file. At most ten times a second,
 * always one line: the current file gives way to the width of the terminal.
 *
 * Rate and time left come from the last seconds, because what happened an hour ago says little about what comes; both
 * are left out until there is something to go by.
 */
import { displayPath, formatBytes, formatDuration, formatRate } from '../../src-shared/format/index.ts';
import type { Progress } from '../../src-shared/model/index.ts';
import type { Clock } from './clock.ts';
import { displayWidth, formatCount, shortenStart } from './output-style.ts';

const DRAW_EVERY_MS = 100;
/** The rate looks back this far, in samples a quarter of a second apart. */
const RATE_WINDOW_MS = 6000;
const SAMPLE_EVERY_MS = 250;
/** Before this much time a rate is a guess. */
const RATE_AFTER_MS = 1000;
const CURRENT_COLUMNS_MIN = 12;
const GAP = '   ';

const PHASES: Readonly<Record<Progress['phase'], string>> = {
  scan: 'Looking',
  backup: 'Backing up',
  publish: 'Finishing',
  restore: 'Restoring',
  verify: 'Checking',
};

export type StatusLine = { readonly columns: number; readonly showsProgress: boolean; status(text: string): void };

/** What to hand to the engine as onProgress; undefined when nobody would see it. */
export function progressOn(line: StatusLine, clock: Clock): ((progress: Progress) => void) | undefined {
  if (!line.showsProgress) return undefined;
  const meter = new RateMeter();
  let phase: Progress['phase'] | undefined;
  let drawnAtMs = -DRAW_EVERY_MS;
  return (progress) => {
    const nowMs = clock.monotonicMs();
    if (progress.phase !== phase) {
      phase = progress.phase;
      meter.restart();
    }
    meter.add(nowMs, progress.bytes);
    if (nowMs - drawnAtMs < DRAW_EVERY_MS) return;
    drawnAtMs = nowMs;
    // One column stays free: a full last column makes some terminals begin a new line.
    line.status(progressText(progress, meter.bytesPerSecond(), line.columns - 1));
  };
}

/** The line for a width in columns. */
export function progressText(progress: Progress, bytesPerSecond: number | undefined, columns: number): string {
  const { phase, files, bytes, filesTotal, bytesTotal, current } = progress;
  const of = (total: number, text: string): string => (total > 0 ? ` of ${text}` : '');
  const parts = [PHASES[phase], `${formatCount(files)}${of(filesTotal, formatCount(filesTotal))} files`];
  // Some phases count files only.
  if (bytes > 0 || bytesTotal > 0) parts.push(`${formatBytes(bytes)}${of(bytesTotal, formatBytes(bytesTotal))}`);
  if (bytesPerSecond !== undefined && bytesPerSecond > 0) {
    parts.push(formatRate(bytesPerSecond));
    const leftMs = ((bytesTotal - bytes) / bytesPerSecond) * 1000;
    if (bytesTotal > bytes) parts.push(`${formatDuration(roundedUp(leftMs))} left`);
  }
  while (parts.length > 1 && displayWidth(parts.join(GAP)) > columns) parts.pop();
  const text = parts.join(GAP);
  const room = columns - displayWidth(text) - GAP.length;
  if (current === '' || room < CURRENT_COLUMNS_MIN) return text;
  return `${text}${GAP}${shortenStart(displayPath(current), room)}`;
}

/** Whole seconds: tenths would flicker. */
function roundedUp(durationMs: number): number {
  return Math.ceil(durationMs / 1000) * 1000;
}

type Sample = { readonly atMs: number; readonly bytes: number };

/** Bytes a second over the last few seconds. Holds at most RATE_WINDOW_MS / SAMPLE_EVERY_MS + 2 samples. */
class RateMeter {
  #samples: Sample[] = [];
  #latest: Sample | undefined;

  restart(): void {
    this.#samples = [];
    this.#latest = undefined;
  }

  add(atMs: number, bytes: number): void {
    this.#latest = { atMs, bytes };
    const last = this.#samples.at(-1);
    if (last === undefined || atMs - last.atMs >= SAMPLE_EVERY_MS) this.#samples.push(this.#latest);
    while (this.#samples.length > 1 && atMs - (this.#samples[1]?.atMs ?? atMs) >= RATE_WINDOW_MS) this.#samples.shift();
  }

  bytesPerSecond(): number | undefined {
    const first = this.#samples[0];
    if (first === undefined || this.#latest === undefined) return undefined;
    const elapsedMs = this.#latest.atMs - first.atMs;
    if (elapsedMs < RATE_AFTER_MS) return undefined;
    return ((this.#latest.bytes - first.bytes) / elapsedMs) * 1000;
  }
}
