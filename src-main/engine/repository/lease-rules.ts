/**
 * Whether a session is over. Whoever is called dead loses the protection of its temporary files and of what it relies
 * on, so the rules err on the side of life:
 *
 * - Same start of the same computer, same process space: its process decides, and nothing else. A process that began at
 *   another time is another one that got the id.
 * - Same computer, started again since: dead. A host's name alone is no computer: two may have one name.
 * - Any other: over when it was not heard of for as long as it promised, in either direction of a wrong clock.
 */
import type { SessionId, WriterId } from '../../../src-shared/ids.ts';

export type SessionKind = 'writer' | 'reader';

export type Lease = {
  readonly sessionId: SessionId;
  readonly writerId: WriterId;
  readonly kind: SessionKind;
  readonly host: string;
  /** Tells computers apart that have one name; empty where it is not known. */
  readonly machineId: string;
  /** Changes with each start of the machine; empty where the platform has none. */
  readonly bootId: string;
  /** Where the process id counts: a container has process ids of its own. Empty where the platform has only one such. */
  readonly processSpace: string;
  readonly processId: number;
  /** When the process began, as its system counts: tells it from a later one with its id. Empty where not known. */
  readonly processStart: string;
  /** With what the names of this session's temporary files begin, after “tmp-”; empty where not known. */
  readonly temporaryTag: string;
  readonly startedAtMs: number;
  readonly heartbeatAtMs: number;
  readonly leaseMs: number;
  /** The newest condemnation generation this session has seen. */
  readonly generation: number;
};

/** What tells this process from others: given by the host, so that tests can play several machines. */
export type ProcessIdentity = {
  readonly host: string;
  /** Absent where it is not known: then no session of another start of this computer is called dead early. */
  readonly machineId?: string;
  readonly bootId: string;
  readonly processSpace?: string;
  readonly processId: number;
  readonly processStart?: string;
  readonly isAlive: (processId: number) => boolean;
  /** When a process began, in the form of `processStart`; empty where that can't be told. */
  readonly startOf?: (processId: number) => Promise<string>;
};

/** A lease can't ask for more than a day, whatever it says: its bytes are not authenticated. */
const LEASE_MS_MAX = 86_400_000;

/** Where and when a process runs or ran, as it wrote it down itself. */
export type ProcessMark = Pick<Lease, 'host' | 'machineId' | 'bootId' | 'processSpace' | 'processId' | 'processStart'>;

/** Whether a process still runs; unknown where it can't be looked for from here. */
export async function judgeProcess(mark: ProcessMark, self: ProcessIdentity): Promise<'live' | 'dead' | 'unknown'> {
  const isSameHost = mark.host === self.host;
  const isSameBoot = isSameHost && mark.bootId !== '' && mark.bootId === self.bootId;
  if (isSameBoot && mark.processSpace === (self.processSpace ?? ''))
    return (await isProcessAlive(mark, self)) ? 'live' : 'dead';
  const isSameMachine = isSameHost && mark.machineId !== '' && mark.machineId === self.machineId;
  const hasStartedAgain = mark.bootId !== '' && self.bootId !== '' && mark.bootId !== self.bootId;
  return isSameMachine && hasStartedAgain ? 'dead' : 'unknown';
}

async function isProcessAlive({ processId, processStart }: ProcessMark, self: ProcessIdentity): Promise<boolean> {
  if (!self.isAlive(processId)) return false;
  if (processStart === '' || self.startOf === undefined) return true;
  const start = await self.startOf(processId);
  return start === '' || start === processStart;
}

/** `ageMs` is asked only where nothing better is known: how long ago the lease was written, negative for the future. */
export async function judgeLease(
  lease: Lease,
  self: ProcessIdentity,
  ageMs: () => Promise<number>,
): Promise<'live' | 'dead' | 'expired'> {
  const verdict = await judgeProcess(lease, self);
  if (verdict !== 'unknown') return verdict;
  return Math.abs(await ageMs()) > Math.min(lease.leaseMs, LEASE_MS_MAX) ? 'expired' : 'live';
}
