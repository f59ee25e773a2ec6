/** Jobs of the scripted engine: they run on a timer, tell their progress ten times a second and end as they are told. */
import type {
  Job,
  JobKind,
  JobOutcome,
  JobProgress,
  RestoreReport,
  VerifyDepthName,
} from '../../../src-shared/model/index.ts';
import { DESTINATION_ID, SET_ID } from './scripted-data.ts';
import { hashOf, hexOf } from './scripted-tree.ts';

const TICK_MS = 100;
const TICKS_OF_JOB = 16;
const FILES = 12_840;
const BYTES = 46.8e9;
const CURRENTS = [
  '/home/ada/Pictures/2025 Alps/panorama.tif',
  '/home/ada/Projects/website/src/components/navigation/menu/keyboard-handling-and-focus-order.test.ts',
  '/home/ada/Documents/Thesis/Chapter 2.tex',
  '/home/ada/Pictures/Camera roll/IMG_048211.jpg',
] as const;

const PHASES: Readonly<Record<JobKind, JobProgress['phase']>> = {
  backup: 'backup',
  verify: 'verify',
  restore: 'restore',
  'restore-plan': 'restore',
  undo: 'restore',
};

const rateAt = (tick: number): number => 90e6 + Math.sin(tick / 5) * 34e6 + (hashOf(`rate ${tick}`) % 30e6);

function progressAt(kind: JobKind, fraction: number, tick: number): JobProgress {
  const rates = Array.from({ length: 60 }, (_, index) => rateAt(tick + index));
  return {
    phase: PHASES[kind],
    files: Math.floor(FILES * fraction),
    bytes: Math.floor(BYTES * fraction),
    filesTotal: FILES,
    bytesTotal: BYTES,
    current: CURRENTS[tick % CURRENTS.length] ?? '',
    bytesPerSecond: rates.at(-1) ?? 0,
    filesPerSecond: 214,
    remainingMs: fraction < 0.2 ? null : (1 - fraction) * 520_000,
    rates,
  };
}

export const restoreReport = (files: number): RestoreReport => ({
  restored: files,
  unchanged: files > 3 ? 112 : 0,
  skipped: 0,
  replaced: 0,
  removed: 0,
  bytes: files * 1.2e6,
  conflicts: files < 4 ? [] : ['Documents/Budget 2026.ods', 'Documents/Notes.txt'],
  problems: [],
});

export function outcomeOf(kind: JobKind, depth: VerifyDepthName, snapshotId: string, files = 31): JobOutcome {
  switch (kind) {
    case 'backup':
      return {
        kind,
        problemCount: 0,
        report: {
          snapshotId,
          parentId: null,
          chainId: hexOf('chain 2', 16),
          sequence: 30,
          kind: 'incremental',
          rootNodeId: hexOf('root', 32),
          problems: [],
          durationMs: 8_400,
          filesNew: 18,
          filesChanged: 31,
          filesUnmodified: 295_065,
          filesRemoved: 2,
          folders: 21_440,
          metadataChanges: 4,
          bytesScanned: 241.3e9,
          bytesRead: 88e6,
          bytesAdded: 52e6,
          bytesStored: 41.2e6,
        },
      };
    case 'verify':
      return {
        kind,
        depth,
        damageCount: 0,
        report: {
          ok: true,
          checked: { packs: 6_812, segments: 214_000, blobs: 1_204_551, nodes: 316_554, snapshots: 86 },
          coverage: { bytes: 10.7e9, bytesTotal: 214e9, contents: 8_120, contentsLeft: 0 },
          damage: [],
        },
      };
    case 'restore':
    case 'restore-plan':
      return {
        kind,
        problemCount: 0,
        report: restoreReport(files),
        place: {
          path: '/home/ada/Documents',
          freeBytes: 188e9,
          safetyFolder: kind === 'restore' ? '/home/ada/.cairn-safety/2026-11-22 14.05' : null,
        },
      };
    case 'undo':
      return { kind, report: { broughtBack: 4, removed: 31, problems: [] } };
    default:
      throw new Error(kind satisfies never);
  }
}

export class ScriptedJobs {
  readonly #tell: (job: Job) => void;
  readonly #onDone: (job: Job) => void;
  readonly #jobs = new Map<string, Job>();
  readonly #timers = new Map<string, ReturnType<typeof setInterval>>();
  #number = 0;

  constructor(tell: (job: Job) => void, onDone: (job: Job) => void) {
    this.#tell = tell;
    this.#onDone = onDone;
  }

  get all(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  find(jobId: string): Job {
    const job = this.#jobs.get(jobId);
    if (job === undefined) throw new Error(`no job ${jobId}`);
    return job;
  }

  /** A job that stands still at `fraction`, for a picture. */
  freeze(kind: JobKind, fraction: number | null): Job {
    const job = this.#make(kind, 'running', 340_000);
    const progress = progressAt(kind, fraction ?? 0.3, 7);
    const scan: JobProgress = { ...progress, phase: 'scan', filesTotal: 0, bytesTotal: 0, remainingMs: null };
    return this.#put({ ...job, progress: fraction === null ? scan : progress });
  }

  finished(kind: JobKind, outcome: JobOutcome): Job {
    const job = this.#make(kind, 'done', 9_000);
    return this.#put({ ...job, endedAt: new Date().toISOString(), outcome, undoable: kind === 'restore' });
  }

  start(kind: JobKind, outcome: JobOutcome, ticks = TICKS_OF_JOB): Job {
    const job = this.#put(this.#make(kind, 'running', 0));
    let tick = 0;
    const timer = setInterval(() => {
      tick++;
      const current = this.find(job.jobId);
      if (current.state === 'cancelling') {
        const undoable = kind === 'restore';
        this.#end(job.jobId, { ...current, state: 'cancelled', undoable, endedAt: new Date().toISOString() });
      } else if (tick >= ticks) {
        const undoable = kind === 'restore';
        this.#end(job.jobId, { ...current, state: 'done', outcome, undoable, endedAt: new Date().toISOString() });
      } else {
        this.#tell(this.#put({ ...current, progress: progressAt(kind, tick / ticks, tick) }));
      }
    }, TICK_MS);
    this.#timers.set(job.jobId, timer);
    return job;
  }

  cancel(jobId: string): Job {
    const job = this.#put({ ...this.find(jobId), state: 'cancelling' });
    this.#tell(job);
    return job;
  }

  dismiss(jobId: string): void {
    this.#jobs.delete(jobId);
  }

  #end(jobId: string, job: Job): void {
    clearInterval(this.#timers.get(jobId));
    this.#timers.delete(jobId);
    this.#tell(this.#put(job));
    this.#onDone(job);
  }

  #make(kind: JobKind, state: Job['state'], ageMs: number): Job {
    return {
      jobId: hexOf(`job ${this.#number++}`, 16),
      kind,
      setId: kind === 'backup' ? SET_ID : null,
      destinationId: DESTINATION_ID,
      state,
      startedAt: new Date(Date.now() - ageMs).toISOString(),
      endedAt: null,
      progress: null,
      outcome: null,
      error: null,
      undoable: false,
    };
  }

  #put(job: Job): Job {
    this.#jobs.set(job.jobId, job);
    return job;
  }
}
