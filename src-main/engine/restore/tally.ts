/** What a restore counts and tells: the report, and progress on the way. Progress only rises and never passes its totals. */
import type { Problem } from '../../../src-shared/errors.ts';
import type { Progress, RestoreReport } from '../../../src-shared/model/index.ts';
import type { Entry } from '../merkle/index.ts';

/** The first entries are told one by one, then some: a listener shows ten a second at most. */
const TOLD_ALL = 256;
const TOLD_EVERY = 16;

export class Tally {
  readonly #onProgress: (progress: Progress) => void;
  readonly #problems: Problem[] = [];
  readonly #conflicts: string[] = [];
  entries = 0;
  unchanged = 0;
  skipped = 0;
  removed = 0;
  /** Folders are counted by who makes them. */
  restored = 0;
  #replaced = 0;
  #bytes = 0;
  #entriesTotal = 0;
  #bytesTotal = 0;
  #tellings = 0;

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  expect(entries: number, bytes: number): void {
    this.#entriesTotal += entries;
    this.#bytesTotal += bytes;
  }

  problem(problem: Problem): void {
    this.#problems.push(problem);
  }

  conflict(path: string): void {
    this.#conflicts.push(path);
  }

  /** An entry that is there now. */
  count(entry: Entry, replaced: boolean): void {
    if (replaced) this.#replaced++;
    else this.restored++;
    if (entry.nodeType === 'file') this.#bytes += entry.size;
  }

  /** `current` makes the path: only when somebody is told. */
  tell(current: () => string): void {
    this.#tellings++;
    if (this.#tellings > TOLD_ALL && this.#tellings % TOLD_EVERY !== 0) return;
    this.#onProgress({
      phase: 'restore',
      files: this.entries,
      bytes: this.#bytes,
      filesTotal: this.#entriesTotal,
      bytesTotal: this.#bytesTotal,
      current: current(),
    });
  }

  /** Conflicts in the order of their paths: what is met when depends on where content lies. */
  report(furtherProblems: readonly Problem[]): RestoreReport {
    return {
      restored: this.restored,
      unchanged: this.unchanged,
      skipped: this.skipped,
      replaced: this.#replaced,
      removed: this.removed,
      bytes: this.#bytes,
      conflicts: this.#conflicts.toSorted(),
      problems: [...this.#problems, ...furtherProblems],
    };
  }
}
