/** What the doctor sees of the sessions in a repository: who is at work, what was left behind, and whose clock is wrong. */
import { isCairnError } from '../../../src-shared/errors.ts';
import type { DoctorFinding } from '../../../src-shared/model/index.ts';
import { type Repository, type SessionFile, judgeSessions } from '../repository/index.ts';

/** Far more than clocks that are set over a network differ. */
const SKEW_MS_MAX = 5 * 60_000;
const NAMES_MAX = 5;

export async function examineSessions({ context }: Repository): Promise<readonly DoctorFinding[]> {
  const { self } = context;
  const findings: DoctorFinding[] = [thisComputer(self.host, self.machineId ?? '')];
  try {
    const files = await judgeSessions(context);
    findings.push(sessionsFinding(files));
    findings.push(...(await skewFindings(context, files)));
  } catch (error) {
    // On a read-only destination nobody works, and what is left there can't be dated.
    if (!isCairnError(error, 'destination/read-only', 'destination/denied')) throw error;
    findings.push({ check: 'sessions', verdict: 'ok', detail: 'Nobody can write here.', advice: '' });
  }
  return findings;
}

function thisComputer(host: string, machineId: string): DoctorFinding {
  const check = 'this computer';
  if (machineId !== '') return { check, verdict: 'ok', detail: `${host}, ${machineId.slice(0, 8)}`, advice: '' };
  return {
    check,
    verdict: 'warning',
    detail: `${host}; its id can’t be kept in the folder of local state.`,
    advice: 'Give this user permission to that folder, or set CAIRN_HOME to another one; backups need it.',
  };
}

function sessionsFinding(files: readonly SessionFile[]): DoctorFinding {
  const live = files.flatMap((file) => (file.verdict === 'live' ? [file.lease] : []));
  const leftCount = files.length - live.length;
  const names = live.slice(0, NAMES_MAX).map(({ host, processId }) => `${host} (process ${processId})`);
  const more = live.length > names.length ? ` and ${live.length - names.length} more` : '';
  const atWork = live.length === 0 ? 'Nobody is at work' : `At work: ${names.join(', ')}${more}`;
  const left = leftCount === 0 ? '' : `; ${leftCount} left by interrupted ones, which the next backup removes`;
  return { check: 'sessions', verdict: 'ok', detail: `${atWork}${left}.`, advice: '' };
}

/** A lease holds the time its computer believed in, and its file the destination's. */
async function skewFindings(
  { store }: Repository['context'],
  files: readonly SessionFile[],
): Promise<readonly DoctorFinding[]> {
  const findings = new Map<string, DoctorFinding>();
  for (const file of files) {
    if (file.verdict !== 'live' || store.clock === undefined) continue;
    const writtenAtMs = await store.clock.modifiedAtMs(file.name);
    const { host, heartbeatAtMs } = file.lease;
    if (writtenAtMs === undefined || Math.abs(writtenAtMs - heartbeatAtMs) <= SKEW_MS_MAX) continue;
    findings.set(host, {
      check: 'clock',
      verdict: 'warning',
      detail: `The clock of ${host} and that of the destination differ by more than ${SKEW_MS_MAX / 60_000} minutes.`,
      advice: 'Set them: snapshots carry a wrong time. Nothing else depends on it.',
    });
  }
  return [...findings.values()];
}
