/**
 * How things stand, in rules and not in feelings: the same facts always give the same verdict, and every reason names
 * what a person can act on. Pure.
 */
import { assertNever } from '../../../src-shared/assert.ts';
import type { BackupSet, Destination, Run, Verdict, VerdictReason } from '../../../src-shared/model/index.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** No backup for so long is a risk; when it wants doing, each set says itself. */
export const STALE_BAD_AFTER_DAYS = 30;
export const VERIFY_AGAIN_AFTER_DAYS = 30;
/** A backup that was never verified is no news while it is this young. */
export const VERIFY_FIRST_AFTER_DAYS = 7;
/** The next backup may not fit. */
export const FREE_BYTES_LOW = 2_000_000_000;
export const FREE_SHARE_LOW = 0.02;
/** At the pace of the last weeks it is full before anyone has bought another drive. */
export const FULL_SOON_DAYS = 7;

export type VerdictFacts = {
  readonly nowMs: number;
  readonly sets: readonly BackupSet[];
  readonly destinations: readonly Destination[];
  /** The newest run of each set that backed up, of any state but cancelled. */
  readonly lastRuns: readonly Run[];
  /** Up to when each set is backed up as far as was noted, however long ago its newest snapshot was made (by setId). */
  readonly goodUntilMs: ReadonlyMap<string, number>;
  /** Sets that are being backed up now, or wait for it. */
  readonly atWork: ReadonlySet<string>;
  /** Destinations on which the next backup may not fit. */
  readonly tight: ReadonlySet<string>;
};

type Level = 'good' | 'attention' | 'bad';
type Judged = { readonly level: Level; readonly reason: VerdictReason };

const RANK = { bad: 0, attention: 1, good: 2 } as const satisfies Record<Level, number>;

export function judge(facts: VerdictFacts): Verdict {
  if (facts.sets.length === 0) return { level: 'empty', reasons: [{ kind: 'no-set' }] };
  const judged = [
    ...facts.destinations.flatMap((destination) => judgeDestination(destination, facts)),
    ...facts.sets.flatMap((set) => judgeSet(set, facts)),
  ].sort((left, right) => RANK[left.level] - RANK[right.level] || orderOf(left.reason) - orderOf(right.reason));
  return { level: judged[0]?.level ?? 'good', reasons: judged.map(({ reason }) => reason) };
}

function judgeDestination(destination: Destination, facts: VerdictFacts): readonly Judged[] {
  const { destinationId, damageCount } = destination;
  const found: Judged[] = [];
  if (damageCount > 0) found.push({ level: 'bad', reason: { kind: 'damage', destinationId, count: damageCount } });
  found.push(
    ...judgeState(destination, facts),
    ...judgeSpace(destination, facts),
    ...judgeVerified(destination, facts),
  );
  return found;
}

function judgeState(destination: Destination, facts: VerdictFacts): readonly Judged[] {
  const { destinationId, state } = destination;
  switch (state) {
    case 'ready':
      return [];
    case 'locked':
      return [{ level: 'attention', reason: { kind: 'locked', destinationId } }];
    case 'unusable':
      return [{ level: 'bad', reason: { kind: 'unusable', destinationId } }];
    case 'other':
      return [{ level: 'bad', reason: { kind: 'other-repository', destinationId } }];
    case 'away': {
      // A drive in a drawer is how it should be, as long as it comes out now and then.
      const sets = facts.sets.filter((set) => set.destinationId === destinationId);
      const isFresh = sets.every((set) => ageDays(facts.nowMs, goodUntilOf(set, facts)) < staleAfterDays(set));
      const reason = { kind: 'away', destinationId, since: destination.awaySince } as const;
      return [{ level: isFresh ? 'good' : 'attention', reason }];
    }
    default:
      return assertNever(state);
  }
}

function judgeSpace(destination: Destination, { nowMs, tight }: VerdictFacts): readonly Judged[] {
  const { destinationId, state, freeBytes, totalBytes, forecast } = destination;
  if (state === 'away' || state === 'other' || freeBytes === null) return [];
  const isLow = freeBytes < Math.max(FREE_BYTES_LOW, FREE_SHARE_LOW * (totalBytes ?? 0));
  const isSoonFull = forecast.fullAt !== null && -ageDays(nowMs, forecast.fullAt) < FULL_SOON_DAYS;
  return isLow || isSoonFull || tight.has(destinationId)
    ? [{ level: 'attention', reason: { kind: 'space-low', destinationId, freeBytes } }]
    : [];
}

function judgeVerified(destination: Destination, facts: VerdictFacts): readonly Judged[] {
  const { destinationId, verified, state } = destination;
  if (state !== 'ready') return [];
  const newest = [verified.quick, verified.sample, verified.deep]
    .flatMap((time) => time ?? [])
    .toSorted()
    .at(-1);
  const sets = facts.sets.filter((set) => set.destinationId === destinationId && set.lastBackup !== null);
  if (sets.length === 0) return [];
  if (newest === undefined) {
    const isYoung = sets.every((set) => ageDays(facts.nowMs, set.createdAt) < VERIFY_FIRST_AFTER_DAYS);
    return isYoung ? [] : [{ level: 'attention', reason: { kind: 'never-verified', destinationId } }];
  }
  if (ageDays(facts.nowMs, newest) < VERIFY_AGAIN_AFTER_DAYS) return [];
  return [{ level: 'attention', reason: { kind: 'verified-long-ago', destinationId, since: newest } }];
}

function judgeSet(set: BackupSet, facts: VerdictFacts): readonly Judged[] {
  const { setId, lastBackup } = set;
  const found: Judged[] = [];
  const lastRun = facts.lastRuns.find((run) => run.setId === setId);
  const isAtWork = facts.atWork.has(setId);
  const destination = facts.destinations.find(({ destinationId }) => destinationId === set.destinationId);
  const isMadeGood = lastRun !== undefined && isAfter(goodUntilOf(set, facts), lastRun);
  if (lastRun?.state === 'failed' && lastRun.error !== null && !isAtWork && !isMadeGood && !isAbsence(lastRun))
    found.push({ level: 'bad', reason: { kind: 'last-failed', setId, error: lastRun.error } });
  // What a drive holds that is away or locked is not known; what is not known is not called missing.
  const isKnown = destination?.state === 'ready' || lastBackup !== null;
  if (lastBackup === null && isKnown)
    found.push({ level: isAtWork ? 'attention' : 'bad', reason: { kind: 'never-backed-up', setId } });
  if (lastBackup !== null) found.push(...judgeAge(set, lastBackup, facts, isAtWork));
  for (const { state, path } of set.sources)
    if (state === 'gone') found.push({ level: 'attention', reason: { kind: 'source-gone', setId, path } });
  return found;
}

function judgeAge(
  set: BackupSet,
  { time: newest, problemCount }: NonNullable<BackupSet['lastBackup']>,
  facts: VerdictFacts,
  isAtWork: boolean,
): readonly Judged[] {
  const { setId } = set;
  const found: Judged[] = [];
  const time = goodUntilOf(set, facts) ?? newest;
  const days = ageDays(facts.nowMs, time);
  const allowed = staleAfterDays(set);
  if (days >= allowed && !isAtWork) {
    const level = days >= Math.max(allowed, STALE_BAD_AFTER_DAYS) ? 'bad' : 'attention';
    found.push({ level, reason: { kind: 'stale', setId, since: time } });
  }
  if (problemCount > 0) found.push({ level: 'attention', reason: { kind: 'problems', setId, count: problemCount } });
  return found;
}

/**
 * Up to when a set is backed up: its newest snapshot, or what live backups have seen since. A set that is watched, with
 * nothing that waits, is backed up now, however old its newest snapshot is; one that waits for its drive, or is paused, is
 * as old as it is.
 */
function goodUntilOf(set: BackupSet, { nowMs, goodUntilMs }: VerdictFacts): string | undefined {
  const { setId, lastBackup, live, nextRun, schedule } = set;
  // What runs at its times makes a snapshot each time.
  if (lastBackup === null || schedule.timing.kind !== 'continuous') return lastBackup?.time;
  if (live.state === 'watching' && live.changedFolders === 0 && nextRun.waitsFor === 'changes')
    return new Date(nowMs).toISOString();
  const noted = goodUntilMs.get(setId);
  const times = [lastBackup.time, live.protectedUntil, noted === undefined ? null : new Date(noted).toISOString()];
  return times.flatMap((time) => time ?? []).reduce((left, right) => (left > right ? left : right));
}

/** Who wants no alarm still sees, in the end, that there is none of late. */
function staleAfterDays({ schedule }: BackupSet): number {
  return schedule.staleAfterDays ?? STALE_BAD_AFTER_DAYS;
}

function isAfter(time: string | undefined, { startedAt, durationMs }: Run): boolean {
  return time !== undefined && Date.parse(time) > Date.parse(startedAt) + durationMs;
}

/** That a drive was pulled out is told by its own state, and is nobody's failure. */
function isAbsence({ error }: Run): boolean {
  return error?.code === 'destination/gone';
}

function ageDays(nowMs: number, time: string | undefined): number {
  return time === undefined ? Number.POSITIVE_INFINITY : (nowMs - Date.parse(time)) / DAY_MS;
}

/** Of reasons of one level, what is worst for the data comes first. */
const ORDER: readonly VerdictReason['kind'][] = [
  'no-set',
  'damage',
  'unusable',
  'other-repository',
  'last-failed',
  'never-backed-up',
  'stale',
  'source-gone',
  'locked',
  'space-low',
  'problems',
  'away',
  'never-verified',
  'verified-long-ago',
];

function orderOf({ kind }: VerdictReason): number {
  return ORDER.indexOf(kind);
}
