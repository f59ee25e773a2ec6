/** The rules of the verdict as a table: facts, level, reasons. */
import { describe, expect, it } from 'vitest';
import { CairnError } from '../../../src-shared/errors.ts';
import type { BackupSet, Destination, Run, Verdict } from '../../../src-shared/model/index.ts';
import { type VerdictFacts, judge } from '../../../src-main/engine/desk/verdict.ts';
import { BY_HAND, RULES } from '../../support/service-lab.ts';

const NOW_MS = Date.parse('2026-06-15T12:00:00Z');
const daysAgo = (days: number): string => new Date(NOW_MS - days * 86_400_000).toISOString();
const LAST = { time: daysAgo(0.1), snapshotId: 'ee', files: 10, bytes: 100, problemCount: 0 };

const SET: BackupSet = {
  setId: 's1',
  name: 'Documents',
  sources: [{ path: '/home/a/Documents', name: 'Documents', state: 'there' }],
  destinationId: 'd1',
  rules: RULES,
  createdAt: daysAgo(100),
  lastBackup: LAST,
  schedule: BY_HAND,
  pausedUntil: null,
  nextRun: { at: null, waitsFor: null },
  live: { state: 'off', changedFolders: 0, reason: null, protectedUntil: null },
};

const DESTINATION: Destination = {
  destinationId: 'd1',
  name: 'Blue',
  path: '/media/blue/Cairn',
  repositoryId: 'r1',
  encrypted: true,
  state: 'ready',
  error: null,
  awaySince: null,
  volume: null,
  copyAt: null,
  freeBytes: 500e9,
  totalBytes: 1000e9,
  storedBytes: 100e9,
  forecast: { fullAt: null, bytesPerDay: null },
  snapshots: 3,
  remembered: true,
  verified: { quick: daysAgo(2), sample: null, deep: null },
  damageCount: 0,
};

const OFF = SET.live;
/** Watched, and nothing waits. */
const CONTINUOUS: Pick<BackupSet, 'schedule' | 'nextRun' | 'live'> = {
  schedule: { ...BY_HAND, timing: { kind: 'continuous', fullScanEveryHours: 24 } },
  nextRun: { at: null, waitsFor: 'changes' },
  live: { state: 'watching', changedFolders: 0, reason: null, protectedUntil: null },
};
const waits = (waitsFor: BackupSet['nextRun']['waitsFor']): Pick<BackupSet, 'nextRun'> => ({
  nextRun: { at: null, waitsFor },
});

const ERROR = new CairnError('destination/full', 'The drive is full.').toWire();
const GONE = new CairnError('destination/gone', 'The drive is gone.').toWire();

const run = (change: Partial<Run>): Run => ({
  runId: 'j1',
  kind: 'backup',
  setId: 's1',
  destinationId: 'd1',
  state: 'failed',
  startedAt: daysAgo(0.05),
  durationMs: 1000,
  files: 0,
  bytes: 0,
  problemCount: 0,
  snapshotId: null,
  error: ERROR,
  undoable: false,
  ...change,
});

const facts = (
  set: Partial<BackupSet>,
  destination: Partial<Destination> = {},
  change: Partial<VerdictFacts> = {},
): VerdictFacts => ({
  nowMs: NOW_MS,
  sets: [{ ...SET, ...set }],
  destinations: [{ ...DESTINATION, ...destination }],
  lastRuns: [],
  goodUntilMs: new Map(),
  atWork: new Set(),
  tight: new Set(),
  ...change,
});

const TABLE: readonly (readonly [string, VerdictFacts, Verdict['level'], readonly string[]])[] = [
  ['nothing is set up', facts({}, {}, { sets: [], destinations: [] }), 'empty', ['no-set']],
  ['all is well', facts({}), 'good', []],
  ['the verification found damage', facts({}, { damageCount: 3 }), 'bad', ['damage']],
  ['the destination can’t be used', facts({}, { state: 'unusable', error: ERROR }), 'bad', ['unusable']],
  ['another repository stands there', facts({}, { state: 'other' }), 'bad', ['other-repository']],
  ['the last backup failed', facts({}, {}, { lastRuns: [run({})] }), 'bad', ['last-failed']],
  ['the last backup lost its drive, which came back', facts({}, {}, { lastRuns: [run({ error: GONE })] }), 'good', []],
  ['it failed and is being done again', facts({}, {}, { lastRuns: [run({})], atWork: new Set(['s1']) }), 'good', []],
  ['the last backup was done', facts({}, {}, { lastRuns: [run({ state: 'done', error: null })] }), 'good', []],
  ['there never was a backup', facts({ lastBackup: null }), 'bad', ['never-backed-up']],
  [
    'the first backup is at work',
    facts({ lastBackup: null }, {}, { atWork: new Set(['s1']) }),
    'attention',
    ['never-backed-up'],
  ],
  ['nothing is known, for it is locked', facts({ lastBackup: null }, { state: 'locked' }), 'attention', ['locked']],
  ['six days ago', facts({ lastBackup: { ...LAST, time: daysAgo(6) } }), 'good', []],
  ['eight days ago', facts({ lastBackup: { ...LAST, time: daysAgo(8) } }), 'attention', ['stale']],
  [
    'forty days ago, and it has been watched since with nothing to do',
    facts({ ...CONTINUOUS, lastBackup: { ...LAST, time: daysAgo(40) } }),
    'good',
    [],
  ],
  [
    'forty days ago, and it is watched, but waits for its drive',
    facts({ ...CONTINUOUS, ...waits('drive'), lastBackup: { ...LAST, time: daysAgo(40) } }),
    'bad',
    ['stale'],
  ],
  [
    'forty days ago, and the pause was made then',
    facts({ ...CONTINUOUS, ...waits('pause'), live: OFF, lastBackup: { ...LAST, time: daysAgo(40) } }),
    'bad',
    ['stale'],
  ],
  [
    'forty days ago, with changes that come to no rest since two',
    facts({
      ...CONTINUOUS,
      live: { ...CONTINUOUS.live, state: 'settling', changedFolders: 2, protectedUntil: daysAgo(2) },
      lastBackup: { ...LAST, time: daysAgo(40) },
    }),
    'good',
    [],
  ],
  [
    'forty days ago, and live backups were noted until eight days ago, when Cairn was closed',
    facts(
      { ...CONTINUOUS, live: OFF, lastBackup: { ...LAST, time: daysAgo(40) } },
      {},
      { goodUntilMs: new Map([['s1', Date.parse(daysAgo(8))]]) },
    ),
    'attention',
    ['stale'],
  ],
  [
    'forty days ago, at its times, whatever was noted of it',
    facts(
      { lastBackup: { ...LAST, time: daysAgo(40) } },
      {},
      { goodUntilMs: new Map([['s1', Date.parse(daysAgo(8))]]) },
    ),
    'bad',
    ['stale'],
  ],
  ['by a full scan that failed, and live backups go on', facts(CONTINUOUS, {}, { lastRuns: [run({})] }), 'good', []],
  [
    'by a full scan that failed, and nothing since',
    facts(
      { ...CONTINUOUS, live: { ...CONTINUOUS.live, state: 'settling', changedFolders: 3 } },
      {},
      { lastRuns: [run({})] },
    ),
    'bad',
    ['last-failed'],
  ],
  [
    'live, up to two days ago, and the drive is in a drawer since',
    facts(
      { ...CONTINUOUS, ...waits('drive'), lastBackup: { ...LAST, time: daysAgo(40) } },
      { state: 'away', awaySince: daysAgo(2) },
      { goodUntilMs: new Map([['s1', Date.parse(daysAgo(2))]]) },
    ),
    'good',
    ['away'],
  ],
  ['forty days ago', facts({ lastBackup: { ...LAST, time: daysAgo(40) } }), 'bad', ['stale']],
  [
    'forty days ago, and at work now',
    facts({ lastBackup: { ...LAST, time: daysAgo(40) } }, {}, { atWork: new Set(['s1']) }),
    'good',
    [],
  ],
  ['some files could not be read', facts({ lastBackup: { ...LAST, problemCount: 2 } }), 'attention', ['problems']],
  ['a source is gone', facts({ sources: [{ ...SET.sources[0]!, state: 'gone' }] }), 'attention', ['source-gone']],
  ['the drive is full', facts({}, { freeBytes: 1e9 }), 'attention', ['space-low']],
  ['the drive is large and almost full', facts({}, { freeBytes: 15e9 }), 'attention', ['space-low']],
  ['the next backup may not fit', facts({}, {}, { tight: new Set(['d1']) }), 'attention', ['space-low']],
  ['another drive is tight', facts({}, {}, { tight: new Set(['d2']) }), 'good', []],
  [
    'the drive is full in five days',
    facts({}, { forecast: { fullAt: daysAgo(-5), bytesPerDay: 1e9 } }),
    'attention',
    ['space-low'],
  ],
  ['the drive is full in a month', facts({}, { forecast: { fullAt: daysAgo(-30), bytesPerDay: 1e9 } }), 'good', []],
  ['the room is not known', facts({}, { freeBytes: null, totalBytes: null }), 'good', []],
  ['the drive is away and the backup fresh', facts({}, { state: 'away', awaySince: daysAgo(1) }), 'good', ['away']],
  [
    'the drive is away for long',
    facts({ lastBackup: { ...LAST, time: daysAgo(8) } }, { state: 'away' }),
    'attention',
    ['stale', 'away'],
  ],
  ['the drive is away and its room was low', facts({}, { state: 'away', freeBytes: 1 }), 'good', ['away']],
  [
    'nothing was ever verified',
    facts({}, { verified: { quick: null, sample: null, deep: null } }),
    'attention',
    ['never-verified'],
  ],
  [
    'nothing was verified, and all is new',
    facts({ createdAt: daysAgo(1) }, { verified: { quick: null, sample: null, deep: null } }),
    'good',
    [],
  ],
  [
    'the last verification is long ago',
    facts({}, { verified: { quick: daysAgo(31), sample: null, deep: daysAgo(90) } }),
    'attention',
    ['verified-long-ago'],
  ],
  [
    'the worst comes first',
    facts(
      { lastBackup: { ...LAST, problemCount: 1 } },
      { damageCount: 1, freeBytes: 1, verified: { quick: daysAgo(31), sample: null, deep: null } },
      { lastRuns: [run({})] },
    ),
    'bad',
    ['damage', 'last-failed', 'space-low', 'problems', 'verified-long-ago'],
  ],
];

describe('the verdict', () => {
  it.each(TABLE)('when %s', (_, given, level, reasons) => {
    const verdict = judge(given);
    expect([verdict.level, verdict.reasons.map(({ kind }) => kind)]).toEqual([level, reasons]);
  });

  it('never is worse than attention for a drive that is away and nothing else', () => {
    for (const days of [0, 5, 8, 20]) {
      const { level } = judge(facts({ lastBackup: { ...LAST, time: daysAgo(days) } }, { state: 'away' }));
      expect(level).not.toBe('bad');
    }
  });
});
