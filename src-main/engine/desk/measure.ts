/**
 * How much there is in the folders that a person ticked, and what rules would save: counted in the background with the
 * engine's own dry run, so that the figures are those of the backup.
 *
 * Well-known excludes that are not chosen yet ride along in the same walk. What they would leave out is measured as
 * their saving and added back to the source, which is exact but where a chosen rule and a suggested one meet in one folder.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import type { BackupPlan, Measurement, RuleSaving, SetRules } from '../../../src-shared/model/index.ts';
import type { Engine } from '../api.ts';
import { type Clock, type Log, type Random, toHex } from '../kernel/index.ts';

/**
 * Patterns as in a set's excludes; one with a slash inside would count from the source's root, hence the two stars. What can be made again or is worth nothing in a backup; never what a person wrote.
 */
export const SUGGESTED_EXCLUDES: readonly string[] = [
  'node_modules/',
  '.cache/',
  'Cache/',
  'Caches/',
  'CachedData/',
  'Code Cache/',
  'GPUCache/',
  '__pycache__/',
  '.venv/',
  '.tox/',
  '.mypy_cache/',
  '.pytest_cache/',
  '**/.gradle/caches/',
  '**/.m2/repository/',
  '**/.cargo/registry/',
  '**/.rustup/toolchains/',
  '**/.npm/_cacache/',
  '**/.yarn/cache/',
  '.pnpm-store/',
  '**/target/debug/',
  '**/target/release/',
  '**/.next/cache/',
  '.parcel-cache/',
  '**/.local/share/Trash/',
  '.Trash/',
  '.Trash-*/',
  '$RECYCLE.BIN/',
  '*.vdi',
  '*.vmdk',
  '*.qcow2',
  '*.iso',
  '*.tmp',
  '.DS_Store',
  'Thumbs.db',
  '**/.local/share/containers/storage/',
  '.steam/',
  '**/.local/share/Steam/steamapps/',
];

/** A saving below this is not worth a line. */
const SUGGESTION_BYTES_MIN = 10 * 1024 * 1024;
const ROWS_MAX = 100;
const TELL_EVERY_MS = 250;

export type MeasureSource = { readonly handle: string; readonly path: Buffer };

type Row = Measurement['sources'][number];
type Options = {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly tell: (measurement: Measurement) => void;
};

export class Measuring {
  readonly #options: Options;
  #running: AbortController | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Begins; what was measured before ends. Tells until it is done. */
  start(sources: readonly MeasureSource[], rules: SetRules): string {
    this.stop();
    const controller = new AbortController();
    this.#running = controller;
    const measureId = toHex(this.#options.random.bytes(16));
    const run = new MeasureRun(this.#options, measureId, sources, rules, controller.signal);
    run.all().catch((error: unknown) => {
      if (!isCairnError(error, 'engine/cancelled')) this.#options.log('error', 'measuring failed', { error });
    });
    return measureId;
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }
}

class MeasureRun {
  readonly #options: Options;
  readonly #measureId: string;
  readonly #sources: readonly MeasureSource[];
  readonly #rules: SetRules;
  readonly #signal: AbortSignal;
  readonly #suggested: readonly string[];
  readonly #rows: Row[];
  readonly #savings = new Map<string, RuleSaving>();
  #toldAtMs = -TELL_EVERY_MS;

  constructor(
    options: Options,
    measureId: string,
    sources: readonly MeasureSource[],
    rules: SetRules,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#measureId = measureId;
    this.#sources = sources;
    this.#rules = rules;
    this.#signal = signal;
    this.#suggested = SUGGESTED_EXCLUDES.filter((pattern) => !rules.excludes.includes(pattern));
    this.#rows = sources.map(({ handle }) => ({ handle, files: 0, folders: 0, bytes: 0, unreadable: 0 }));
  }

  async all(): Promise<void> {
    for (const [index, source] of this.#sources.entries()) await this.#one(index, source);
    this.#tell(true);
  }

  async #one(index: number, { handle, path }: MeasureSource): Promise<void> {
    try {
      const plan = await this.#options.engine.planBackup({
        sources: [path],
        ...planRules(this.#rules),
        // Before the person's own, so that of two rules that fit the person's is the one that counts.
        excludes: [...this.#suggested, ...this.#rules.excludes],
        signal: this.#signal,
        onProgress: ({ files, bytes }) => {
          this.#rows[index] = { handle, files, folders: 0, bytes, unreadable: 0 };
          this.#tell(false);
        },
      });
      this.#rows[index] = this.#rowOf(handle, plan);
    } catch (error) {
      if (!isCairnError(error) || this.#signal.aborted) throw error;
      // A folder that went away or may not be read: the person sees that nothing of it could be counted.
      this.#rows[index] = { handle, files: 0, folders: 0, bytes: 0, unreadable: 1 };
    }
    this.#tell(false);
  }

  #rowOf(handle: string, plan: BackupPlan): Row {
    let { files, folders, bytes } = plan;
    for (const use of plan.rules) {
      this.#save(use);
      if (use.origin !== 'exclude' || !this.#suggested.includes(use.rule)) continue;
      files += use.files;
      folders += use.folders;
      bytes += use.bytes;
    }
    return { handle, files, folders, bytes, unreadable: plan.problems.length };
  }

  #save(use: BackupPlan['rules'][number]): void {
    const key = `${use.origin}\0${use.rule}`;
    const known = this.#savings.get(key);
    this.#savings.set(key, {
      rule: use.rule,
      origin: use.origin,
      files: (known?.files ?? 0) + use.files,
      bytes: (known?.bytes ?? 0) + use.bytes,
      examples: known?.examples ?? use.examples,
    });
  }

  #tell(done: boolean): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#signal.aborted || (!done && nowMs - this.#toldAtMs < TELL_EVERY_MS)) return;
    this.#toldAtMs = nowMs;
    const savings = [...this.#savings.values()].sort((left, right) => right.bytes - left.bytes);
    const isSuggestion = ({ origin, rule }: RuleSaving): boolean =>
      origin === 'exclude' && this.#suggested.includes(rule);
    this.#options.tell({
      measureId: this.#measureId,
      done,
      sources: [...this.#rows],
      leftOut: savings.filter((saving) => !isSuggestion(saving)).slice(0, ROWS_MAX),
      suggestions: savings.filter((saving) => isSuggestion(saving) && saving.bytes >= SUGGESTION_BYTES_MIN),
    });
  }
}

/** A set's rules as the engine takes them. */
export function planRules(rules: SetRules): {
  readonly excludes: readonly string[];
  readonly excludeLargerThanBytes?: number;
  readonly oneFileSystem: boolean;
  readonly cairnignore: boolean;
  readonly gitignore: boolean;
  readonly excludeCaches: boolean;
  readonly excludeIfPresent: readonly string[];
} {
  const { excludeLargerThanBytes, ...rest } = rules;
  return { ...rest, ...(excludeLargerThanBytes === null ? {} : { excludeLargerThanBytes }) };
}
