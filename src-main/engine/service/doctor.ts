/**
 * `cairn doctor`: what a person (or we) would look at first when something is wrong. Each finding has a verdict and, where
 * it is not fine, what to do.
 */
import { readFile, stat, statfs } from 'node:fs/promises';
import { isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { formatBytes } from '../../../src-shared/format/index.ts';
import type { DoctorFinding } from '../../../src-shared/model/index.ts';
import { runSelfTest } from '../codec/index.ts';
import type { Ports } from '../kernel/index.ts';
import { type Repository, readInstance } from '../repository/index.ts';
import { listSnapshots } from '../snapshot/index.ts';
import { examineSessions } from './doctor-sessions.ts';

/** Below this a backup is likely to fail half way. */
const FREE_BYTES_LOW = 1024 * 1024 * 1024;
/** A watched folder takes one watch; a home has some twenty thousand. */
const WATCHES_LOW = 65_536;
/** 2024-01-01: no computer that runs this is older; a clock before it is wrong. */
const CLOCK_MS_MIN = 1_704_067_200_000;
const DAY_MS = 86_400_000;

const ok = (check: string, detail: string): DoctorFinding => ({ check, verdict: 'ok', detail, advice: '' });

/** Everything that can be looked at. `repository` is undefined where none was named; a failure to open is a finding. */
export async function examine(options: {
  readonly ports: Ports;
  readonly home: string;
  readonly place: string | undefined;
  readonly openRepository: (() => Promise<Repository>) | undefined;
}): Promise<readonly DoctorFinding[]> {
  const { ports, home, place, openRepository } = options;
  const findings: DoctorFinding[] = [];
  findings.push(...examineCodecs(), examineClock(ports));
  findings.push(await examineFolder('local state', home), await examineWatches());
  if (place !== undefined) findings.push(await examineSpace(place));
  if (openRepository !== undefined) findings.push(...(await examineRepository(openRepository, ports)));
  return findings;
}

function examineCodecs(): readonly DoctorFinding[] {
  return runSelfTest({ full: true }).map(({ name, ok: isRight, detail, version }) =>
    isRight
      ? ok(name, version === '' ? detail : `${detail} (${version})`)
      : {
          check: name,
          verdict: 'failed',
          detail,
          advice: 'Reinstall Cairn; this installation can’t be trusted with data.',
        },
  );
}

function examineClock(ports: Ports): DoctorFinding {
  const nowMs = ports.clock.nowMs();
  const detail = new Date(nowMs).toISOString();
  if (nowMs >= CLOCK_MS_MIN) return ok('clock', detail);
  return {
    check: 'clock',
    verdict: 'warning',
    detail: `It says ${detail}.`,
    advice: 'Set the clock: snapshots would carry a wrong time. Nothing else depends on it.',
  };
}

async function examineFolder(check: string, folder: string): Promise<DoctorFinding> {
  try {
    const found = await stat(folder);
    const isOpen = process.platform !== 'win32' && (found.mode & 0o077) !== 0;
    if (!isOpen) return ok(check, folder);
    return {
      check,
      verdict: 'warning',
      detail: `${folder} can be read by other users.`,
      advice: `Close it with: chmod 700 ${folder}`,
    };
  } catch {
    return ok(check, `${folder} (not made yet)`);
  }
}

async function examineWatches(): Promise<DoctorFinding> {
  const check = 'folder watches';
  try {
    const limit = Number((await readFile('/proc/sys/fs/inotify/max_user_watches', 'utf8')).trim());
    if (limit >= WATCHES_LOW) return ok(check, `up to ${limit} folders`);
    return {
      check,
      verdict: 'warning',
      detail: `The system allows ${limit}.`,
      advice: 'Raise fs.inotify.max_user_watches to 524288 for continuous backups of large trees.',
    };
  } catch {
    return ok(check, 'no limit on this system');
  }
}

async function examineSpace(place: string): Promise<DoctorFinding> {
  const check = 'free space';
  try {
    const { bavail, bsize } = await statfs(place);
    const free = bavail * bsize;
    if (free >= FREE_BYTES_LOW) return ok(check, `${formatBytes(free)} free at ${place}`);
    return {
      check,
      verdict: 'warning',
      detail: `Only ${formatBytes(free)} are free at ${place}.`,
      advice: 'Free some space before the next backup.',
    };
  } catch (error) {
    return {
      check,
      verdict: 'failed',
      detail: error instanceof Error ? error.message : 'unknown',
      advice: 'Connect the drive, or check the path.',
    };
  }
}

async function examineMarker({ context }: Repository): Promise<readonly DoctorFinding[]> {
  const check = 'marker';
  const warning = (detail: string): DoctorFinding[] => [
    { check, verdict: 'warning', detail, advice: 'The next backup writes it again.' },
  ];
  try {
    const instance = await readInstance(context.store);
    if (instance === undefined) return warning('The instance marker is missing.');
    if (instance.repositoryId === context.config.repositoryId) return [];
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    return warning('The instance marker is damaged.');
  }
  const detail = 'The instance marker is another repository’s; backups are refused.';
  const advice =
    'Somebody copied files between repositories: remove the file “instance”, and the next backup writes it.';
  return [{ check, verdict: 'failed', detail, advice }];
}

async function examineRepository(
  openRepository: () => Promise<Repository>,
  ports: Ports,
): Promise<readonly DoctorFinding[]> {
  const check = 'repository';
  try {
    const repository = await openRepository();
    const { snapshots, damaged } = await listSnapshots(repository);
    const { store } = repository.context;
    const findings: DoctorFinding[] = [
      damaged.length === 0
        ? ok(check, `${snapshots.length} snapshots in ${store.description}`)
        : {
            check,
            verdict: 'failed',
            detail: `${damaged.length} snapshot files can’t be read.`,
            advice: 'Run “cairn verify --deep”.',
          },
    ];
    findings.push(...(await examineMarker(repository)), ...(await examineSessions(repository)));
    const newestMs = snapshots.at(-1)?.record.finishedAtMs ?? 0;
    if (newestMs > ports.clock.nowMs() + DAY_MS) {
      findings.push({
        check: 'clock',
        verdict: 'warning',
        detail: 'The newest snapshot lies in the future.',
        advice: 'Check the clock of the computers that back up here.',
      });
    }
    return findings;
  } catch (error) {
    if (!isCairnError(error)) throw error;
    return [{ check, verdict: 'failed', detail: error.message, advice: error.hint }];
  }
}
