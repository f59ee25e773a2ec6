/** How current the scripted sets are: schedules, what the next run waits for, the last days, drives of every state. */
import type {
  BackupSet,
  CapacityForecast,
  DayOfRuns,
  Destination,
  DestinationVolume,
  Live,
  Schedule,
  SnapshotSummary,
  Upcoming,
} from '../../../src-shared/model/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { Scenario } from './scripted-data.ts';
import { hashOf, hexOf } from './scripted-tree.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const DAYS = 30;
const at = (nowMs: number, inMs: number): string => new Date(nowMs + inMs).toISOString();

export const BLUE: DestinationVolume = {
  label: 'Blue',
  fileSystem: 'exfat',
  uuid: '6E2B-91C4',
  removable: true,
  network: false,
};

export const CONTINUOUS: Schedule = {
  timing: { kind: 'continuous', fullScanEveryHours: 24 },
  whenDriveConnected: true,
  conditions: { onlyOnMainsPower: false, notOnMetered: false, onlyWhenIdleMinutes: null },
  staleAfterDays: 7,
};

const DAILY: Schedule = { ...CONTINUOUS, timing: { kind: 'daily', at: '21:00' } };

type LivePart = Pick<BackupSet, 'schedule' | 'pausedUntil' | 'nextRun' | 'live'>;

const OFF: Live = { state: 'off', changedFolders: 0, reason: null, protectedUntil: null };

/** Nine in the evening of this day, or of the next. */
function tonight(nowMs: number): string {
  const day = new Date(nowMs);
  day.setHours(21, 0, 0, 0);
  if (day.getTime() <= nowMs) day.setDate(day.getDate() + 1);
  return day.toISOString();
}

export function liveOf(scenario: Scenario, nowMs: number, lastTime: string | null): LivePart {
  const idle: Upcoming = { at: null, waitsFor: 'changes' };
  const watching: Live = { ...OFF, state: 'watching', protectedUntil: at(nowMs, -4_000) };
  const set: LivePart = { schedule: CONTINUOUS, pausedUntil: null, nextRun: idle, live: watching };
  const protectedUntil = lastTime;
  const more: Partial<Record<Scenario, Partial<LivePart>>> = {
    'new-set': { live: { ...OFF, state: 'starting' }, nextRun: { at: null, waitsFor: null } },
    settling: { live: { ...watching, state: 'settling', changedFolders: 3, protectedUntil: at(nowMs, -9_000) } },
    'backing-up': { live: { ...watching, state: 'backing-up', changedFolders: 12, protectedUntil } },
    paused: {
      pausedUntil: at(nowMs, 3 * HOUR_MS),
      live: { ...OFF, protectedUntil },
      nextRun: { at: at(nowMs, 3 * HOUR_MS), waitsFor: 'pause' },
    },
    'scan-only': {
      live: {
        state: 'scan-only',
        changedFolders: 0,
        reason: 'This system allows 8,192 watches and 21,440 folders are to be watched.',
        protectedUntil,
      },
      nextRun: { at: at(nowMs, 8 * MINUTE_MS), waitsFor: 'time' },
    },
    'source-gone': { live: { ...OFF, state: 'source-gone', protectedUntil } },
    away: { live: { ...OFF, protectedUntil }, nextRun: { at: null, waitsFor: 'drive' } },
    locked: { live: { ...OFF, protectedUntil }, nextRun: { at: null, waitsFor: 'password' } },
    'on-battery': {
      schedule: { ...DAILY, conditions: { ...DAILY.conditions, onlyOnMainsPower: true } },
      live: OFF,
      nextRun: { at: at(nowMs, -HOUR_MS), waitsFor: 'power' },
    },
    scheduled: { schedule: DAILY, live: OFF, nextRun: { at: tonight(nowMs), waitsFor: 'time' } },
  };
  return { ...set, ...more[scenario] };
}

export function forecastOf(scenario: Scenario, nowMs: number): CapacityForecast {
  if (scenario === 'new-set') return { fullAt: null, bytesPerDay: null };
  if (scenario === 'full') return { fullAt: at(nowMs, DAY_MS / 2), bytesPerDay: 0.9e9 };
  return { fullAt: at(nowMs, 128 * DAY_MS), bytesPerDay: 12.6e9 };
}

function dateOf(day: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

export function daysOf(scenario: Scenario, snapshots: readonly SnapshotSummary[], nowMs: number): readonly DayOfRuns[] {
  return Array.from({ length: DAYS }, (_, index): DayOfRuns => {
    const day = new Date(nowMs);
    day.setDate(day.getDate() - (DAYS - 1 - index));
    const date = dateOf(day);
    // Whatever the hour is: snapshots move over midnight with it.
    const isPausedDay = index === 17 || index === 18;
    const made = isPausedDay ? [] : snapshots.filter(({ time }) => dateOf(new Date(time)) === date);
    const bytesStored = made.reduce((sum, row) => sum + row.stats.bytesStored, 0);
    const hasProblems = made.some(({ problemCount }) => problemCount > 0);
    const isFailed = made.length > 0 && (index === 11 || (scenario === 'full' && index === DAYS - 1));
    const isPaused = made.length === 0 && (isPausedDay || scenario === 'paused');
    const state = isFailed
      ? 'failed'
      : hasProblems
        ? 'problems'
        : made.length > 0
          ? 'good'
          : isPaused
            ? 'paused'
            : 'none';
    const snapshotsMade = isFailed ? 0 : made.length;
    return { date, runs: made.length, state, snapshots: snapshotsMade, bytesStored: isFailed ? 0 : bytesStored };
  });
}

/** One in each state that a drive can be in. */
export function moreDestinations(like: Destination, nowMs: number): readonly Destination[] {
  const named = (name: string, change: Partial<Destination>): Destination => ({
    ...like,
    destinationId: hexOf(`destination ${name}`, 16),
    repositoryId: hexOf(`repository ${name}`, 16),
    name,
    path: `/media/ada/${name}/Cairn`,
    volume: { ...BLUE, label: name, uuid: hexOf(name, 8), fileSystem: 'ext4' },
    ...change,
  });
  const unknown = { freeBytes: null, totalBytes: null, storedBytes: null, snapshots: null };
  const volume = { label: 'NAS', fileSystem: 'nfs4', uuid: null, removable: false, network: true };
  return [
    named('Archive', { state: 'locked', freeBytes: 3.1e12, totalBytes: 4e12, storedBytes: 402e9, snapshots: null }),
    named('Travel', { state: 'away', ...unknown, awaySince: at(nowMs, -12 * DAY_MS), remembered: false }),
    named('NAS', {
      forecast: { fullAt: at(nowMs, 9 * DAY_MS), bytesPerDay: 10.1e9 },
      volume,
      freeBytes: 94e9,
      totalBytes: 8e12,
      storedBytes: 6.2e12,
      path: '/mnt/nas/Cairn',
      encrypted: false,
    }),
    named('Red', {
      state: 'other',
      ...unknown,
      freeBytes: 0.4e12,
      totalBytes: 1e12,
      forecast: { fullAt: null, bytesPerDay: null },
    }),
    named('Old', {
      state: 'unusable',
      ...unknown,
      error: new CairnError('repository/newer-format', 'It says format 3; this Cairn reads up to 2.').toWire(),
    }),
  ].map((row) => ({ ...row, damageCount: hashOf(row.name) % 1 }));
}
