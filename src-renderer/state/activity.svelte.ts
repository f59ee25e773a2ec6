/** Runs page by page, the one that is looked at, and the log. */
import type { LogLine, Run, RunDetails } from '../../src-shared/model/index.ts';
import type { App } from './app.svelte.ts';
import { Load } from './load.svelte.ts';

const PAGE_RUNS = 60;
const LOG_LINES = 500;

export type RunFilter = 'all' | 'backup' | 'verify' | 'restore' | 'trouble';

export class ActivityState {
  readonly #app: App;
  readonly runs = new Load<readonly Run[]>();
  readonly details = new Load<RunDetails>();
  readonly log = new Load<readonly LogLine[]>();
  #filter = $state<RunFilter>('all');
  #chosenId = $state<string | null>(null);
  #level = $state<LogLine['level']>('info');
  #hasOlder = $state(false);
  readonly #stop: () => void;
  readonly #shown = $derived((this.runs.value ?? []).filter((run) => this.#matches(run)));

  constructor(app: App) {
    this.#app = app;
    this.#stop = app.onTopic((topic) => {
      if (topic === 'runs') this.begin();
    });
    this.begin();
  }

  get shown(): readonly Run[] {
    return this.#shown;
  }

  get filter(): RunFilter {
    return this.#filter;
  }

  get chosenId(): string | null {
    return this.#chosenId;
  }

  get level(): LogLine['level'] {
    return this.#level;
  }

  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  begin(): void {
    this.runs
      .ask(async () => {
        const rows = await this.#app.client.call('activity.runs', { before: null, limit: PAGE_RUNS });
        this.#hasOlder = rows.length === PAGE_RUNS;
        return rows;
      })
      .then(() => {
        const first = this.#shown[0];
        if (this.#chosenId === null && first !== undefined) this.choose(first.runId);
      })
      .catch(() => null);
  }

  async older(): Promise<void> {
    const rows = this.runs.value ?? [];
    const before = rows.at(-1)?.runId ?? null;
    await this.#app.attempt(async () => {
      const more = await this.#app.client.call('activity.runs', { before, limit: PAGE_RUNS });
      this.#hasOlder = more.length === PAGE_RUNS;
      this.runs.set([...rows, ...more]);
    });
  }

  filterBy(filter: RunFilter): void {
    this.#filter = filter;
    const isShown = this.#shown.some((run) => run.runId === this.#chosenId);
    const first = this.#shown[0];
    if (!isShown && first !== undefined) this.choose(first.runId);
  }

  choose(runId: string): void {
    this.#chosenId = runId;
    this.details.ask(() => this.#app.client.call('activity.run', { runId })).catch(() => null);
  }

  showLog(level: LogLine['level'] = this.#level): void {
    this.#level = level;
    this.log.ask(() => this.#app.client.call('activity.log', { level, limit: LOG_LINES })).catch(() => null);
  }

  dispose(): void {
    this.#stop();
  }

  #matches(run: Run): boolean {
    switch (this.#filter) {
      case 'all':
        return true;
      case 'backup':
      case 'verify':
        return run.kind === this.#filter;
      case 'restore':
        return run.kind === 'restore' || run.kind === 'undo';
      case 'trouble':
        return run.state === 'failed' || run.state === 'interrupted' || run.problemCount > 0;
      default:
        return this.#filter satisfies never;
    }
  }
}
