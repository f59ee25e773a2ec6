/** One line for the tray, as a table: how things stand, and what it says. */
import { describe, expect, it } from 'vitest';
import type { BackupSet, Destination, Overview, Verdict } from '../../src-shared/model/index.ts';
import { hostStatus } from '../../src-main/engine-host/host-status.ts';
import { BY_HAND, RULES } from '../support/service-lab.ts';

const NOW_MS = new Date(2026, 5, 15, 12, 0, 30).getTime();
const at = (hours: number, minutes: number, day = 15): string =>
  new Date(2026, 5, day, hours, minutes, 20).toISOString();

const SET: BackupSet = {
  setId: 's1',
  name: 'Documents',
  sources: [],
  destinationId: 'd1',
  rules: RULES,
  createdAt: at(0, 0),
  lastBackup: null,
  schedule: BY_HAND,
  pausedUntil: null,
  nextRun: { at: null, waitsFor: 'changes' },
  live: { state: 'watching', changedFolders: 0, reason: null, protectedUntil: at(12, 0) },
};

function overview(level: Verdict['level'], ...sets: readonly Partial<BackupSet>[]): Overview {
  const destination = { destinationId: 'd1', name: 'Blue' } as Partial<Destination> as Destination;
  return {
    verdict: { level, reasons: [] },
    sets: sets.map((set) => ({ ...SET, ...set })),
    destinations: [destination],
    days: [],
  };
}

const OFF = { live: { ...SET.live, state: 'off' as const } };
const DRIVE = { nextRun: { at: null, waitsFor: 'drive' as const } };

const CASES = [
  ['nothing is set up', overview('empty'), 'idle', 'Nothing is backed up yet'],
  ['it is watched', overview('good', {}), 'idle', 'Everything up to 12:00 is protected'],
  ['it runs by a clock', overview('good', OFF), 'idle', 'Everything is backed up'],
  ['one of two runs by a clock', overview('good', {}, OFF), 'idle', 'Everything is backed up'],
  [
    'one of two is behind',
    overview('good', {}, { live: { ...SET.live, protectedUntil: at(9, 30) } }),
    'idle',
    'Everything up to 09:30 is protected',
  ],
  ['it is paused', overview('good', { pausedUntil: at(18, 0) }), 'paused', 'Paused until 18:00'],
  ['it is paused for long', overview('good', { pausedUntil: at(6, 0, 16) }), 'paused', 'Paused until Tue 06:00'],
  ['it is paused for good', overview('good', { pausedUntil: 'forever' }), 'paused', 'Paused until you resume it'],
  [
    'one of two is paused',
    overview('good', { pausedUntil: 'forever' }, {}),
    'idle',
    'Everything up to 12:00 is protected',
  ],
  ['a drive is away', overview('good', DRIVE), 'idle', 'Waiting for Blue'],
  ['a drive is away for long', overview('attention', DRIVE), 'attention', 'Waiting for Blue'],
  [
    'a password is missing',
    overview('attention', { nextRun: { at: null, waitsFor: 'password' } }),
    'attention',
    'Waiting for the password of Blue',
  ],
  ['something is up', overview('attention', {}), 'attention', 'A backup needs attention'],
  ['data is at risk, paused or not', overview('bad', { pausedUntil: 'forever' }), 'problem', 'Data is at risk'],
] as const;

describe('the tray', () => {
  it.each(CASES)('says when %s', (_, given, state, text) => {
    expect(hostStatus(given, undefined, NOW_MS)).toEqual({ state, text });
  });

  it('says first what is at work', () => {
    expect(hostStatus(overview('bad', {}), 'Backing up “Documents”', NOW_MS)).toEqual({
      state: 'working',
      text: 'Backing up “Documents”',
    });
  });
});
