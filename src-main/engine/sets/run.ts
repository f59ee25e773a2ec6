/**
 * One run of a set, however it was begun: what is remembered of it, the commands around it, and who is told how it ended.
 * What the run itself does is handed in.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import type { BackupReport } from '../../../src-shared/model/index.ts';
import type { Ports } from '../kernel/index.ts';
import { type Ping, aroundRun, ping } from '../schedule/index.ts';
import type { ScheduleBook } from './schedule-book.ts';
import type { SetRecord } from './set-records.ts';

export type RunHost = {
  readonly ports: Ports;
  readonly book: ScheduleBook;
  /** Of this process, for the commands. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** False in a host that is reached over the network, unless the configuration allows it. */
  readonly mayRunHooks: boolean;
  readonly signal?: AbortSignal | undefined;
  /** What need not be waited for: it never rejects. A process that ends waits for it all the same. */
  readonly later: (work: Promise<unknown>) => void;
};

type End = Pick<Ping, 'result' | 'snapshotId' | 'problemCount'>;

/** The report has the failure of the command after the run among its problems. */
export async function runSet(
  set: SetRecord,
  host: RunHost,
  backup: () => Promise<BackupReport>,
): Promise<BackupReport> {
  const { ports, book, environment, mayRunHooks, signal } = host;
  const hookHost = { setName: set.name, log: ports.log, environment, signal, mayRun: mayRunHooks };
  const startedMs = ports.clock.monotonicMs();
  await book.began(set);
  try {
    const { result, problems } = await aroundRun(set.hooks, hookHost, backup, endOf);
    const report = { ...result, problems: [...result.problems, ...problems] };
    await book.ended(set, 'good');
    tell(set, host, startedMs, { ...endOf(report), result: report.problems.length > 0 ? 'problems' : 'done' });
    return report;
  } catch (error) {
    const isCancelled = isCairnError(error, 'engine/cancelled');
    await book.ended(set, isCancelled ? 'cancelled' : 'failed');
    const result = isCancelled ? 'cancelled' : 'failed';
    tell(set, host, startedMs, { result, snapshotId: null, problemCount: 0 });
    throw error;
  }
}

const endOf = ({ snapshotId, problems }: BackupReport) => ({ snapshotId, problemCount: problems.length });

function tell(set: SetRecord, { ports, later }: RunHost, startedMs: number, end: End): void {
  if (set.webhook === null) return;
  const time = new Date(ports.clock.nowMs()).toISOString();
  const durationMs = Math.round(ports.clock.monotonicMs() - startedMs);
  later(ping(set.webhook, { set: set.name, time, durationMs, ...end }, { log: ports.log }));
}
