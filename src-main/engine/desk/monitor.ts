/** What the process takes and what the destinations hold, noted once a minute: the window's charts, and `cairn stats`. */
import type { Clock } from '../kernel/index.ts';
import { FIGURE, type FigureName, type FigureSink } from '../service/index.ts';
import type { Destinations } from './destinations.ts';
import type { Jobs } from './jobs.ts';
import type { Every } from './ports.ts';

const NOTE_EVERY_MS = 60_000;
/** What a processor did in less is chance. */
const STRETCH_MS_MIN = 1000;

export type MonitorOptions = {
  readonly clock: Clock;
  readonly every: Every;
  readonly figure: FigureSink;
  readonly jobs: Pick<Jobs, 'open'>;
  /** All there are. */
  readonly destinations: () => readonly ReturnType<Destinations['status']>[];
  /** New figures are there. */
  readonly noted: () => void;
};

/** Begins at once; the returned function ends it. */
export function startMonitor(options: MonitorOptions): () => void {
  const { clock, figure, jobs, destinations, every } = options;
  let before = used(clock);
  const note = (): void => {
    const nowMs = clock.nowMs();
    const say = (name: FigureName, value: number): void => figure(name, value, nowMs);
    say(FIGURE.memory, process.memoryUsage.rss());
    say(FIGURE.queue, jobs.open().length);
    const now = used(clock);
    const stretchMs = now.atMs - before.atMs;
    if (stretchMs >= STRETCH_MS_MIN) {
      say(FIGURE.processor, (now.processorMs - before.processorMs) / stretchMs);
      say(FIGURE.reads, ((now.reads - before.reads) * 1000) / stretchMs);
      say(FIGURE.writes, ((now.writes - before.writes) * 1000) / stretchMs);
      before = now;
    }
    noteStored(destinations(), say);
    options.noted();
  };
  note();
  return every(NOTE_EVERY_MS, note);
}

function noteStored(all: ReturnType<MonitorOptions['destinations']>, say: (name: FigureName, value: number) => void) {
  const known = all.filter(({ storedBytes }) => storedBytes !== null);
  // While one of them is away the sum would jump.
  if (known.length === 0 || known.length < all.length) return;
  const stored = known.reduce((sum, { storedBytes }) => sum + (storedBytes ?? 0), 0);
  say(FIGURE.bytesStored, stored);
  const snapshots = known.flatMap((destination) => destination.snapshots ?? []);
  const scanned = snapshots.reduce((sum, { stats }) => sum + stats.bytesScanned, 0);
  if (stored > 0 && scanned > 0) say(FIGURE.ratio, scanned / stored);
}

type Used = {
  readonly atMs: number;
  readonly processorMs: number;
  readonly reads: number;
  readonly writes: number;
};

function used(clock: Clock): Used {
  const { userCPUTime, systemCPUTime, fsRead, fsWrite } = process.resourceUsage();
  return {
    atMs: clock.monotonicMs(),
    processorMs: (userCPUTime + systemCPUTime) / 1000,
    reads: fsRead,
    writes: fsWrite,
  };
}
