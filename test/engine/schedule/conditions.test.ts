import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunConditions, Schedule } from '../../../src-shared/model/index.ts';
import {
  NOTHING_KNOWN,
  type RunFacts,
  SCHEDULE_DEFAULTS,
  isPaused,
  lookAround,
  planRun,
  systemProbes,
} from '../../../src-main/engine/schedule/index.ts';

const NOW_MS = Date.parse('2026-06-15T12:00:00Z');
const HOUR_MS = 3_600_000;
const NO_CONDITIONS = SCHEDULE_DEFAULTS.conditions;
const conditions: RunConditions = { onlyOnMainsPower: true, notOnMetered: true, onlyWhenIdleMinutes: 10 };
const schedule: Schedule = { ...SCHEDULE_DEFAULTS, timing: { kind: 'daily', at: '21:00' }, conditions };
const facts = (change: Partial<RunFacts> = {}): RunFacts => ({
  schedule,
  due: { atMs: NOW_MS - 1, reason: 'scheduled' },
  pausedUntil: null,
  destination: { state: 'ready', awaySince: null },
  surroundings: { onMainsPower: true, isMetered: false, idleSeconds: 601 },
  nowMs: NOW_MS,
  ...change,
});
const waits = (change: Partial<RunFacts>): readonly string[] => planRun(facts(change)).waits.map(({ kind }) => kind);

describe('a run that is due', () => {
  it('waits for nothing where all is well', () => {
    expect(planRun(facts())).toEqual({ next: { at: '2026-06-15T11:59:59.999Z', reason: 'scheduled' }, waits: [] });
  });

  it('waits for its time, and says which', () => {
    const due = { atMs: NOW_MS + HOUR_MS, reason: 'scheduled' } as const;
    expect(planRun(facts({ due })).waits).toEqual([
      { kind: 'time', at: '2026-06-15T13:00:00.000Z', reason: 'scheduled' },
    ]);
  });

  it('waits for a drive that is away or another one, for a password, and not for one that can’t be used', () => {
    const away = { state: 'away', awaySince: '2026-06-14T12:00:00.000Z' } as const;
    expect(planRun(facts({ destination: away })).waits).toEqual([{ kind: 'drive', awaySince: away.awaySince }]);
    expect(waits({ destination: { state: 'other', awaySince: null } })).toEqual(['drive']);
    expect(waits({ destination: { state: 'locked', awaySince: null } })).toEqual(['password']);
    expect(waits({ destination: { state: 'unusable', awaySince: null } })).toEqual([]);
  });

  it('waits for power, network and idleness where the set says so, and says all at once', () => {
    const bad = { onMainsPower: false, isMetered: true, idleSeconds: 599 };
    expect(waits({ surroundings: bad })).toEqual(['power', 'network', 'idle']);
    expect(waits({ surroundings: bad, schedule: { ...schedule, conditions: NO_CONDITIONS } })).toEqual([]);
    // What can't be told is no reason to wait.
    expect(waits({ surroundings: NOTHING_KNOWN })).toEqual([]);
  });

  it('waits for the end of a pause, and one by hand is shown as paused too', () => {
    const until = new Date(NOW_MS + HOUR_MS).toISOString();
    expect(planRun(facts({ pausedUntil: until })).waits).toEqual([{ kind: 'pause', until }]);
    expect(planRun(facts({ pausedUntil: 'forever', due: null }))).toEqual({
      next: null,
      waits: [{ kind: 'pause', until: null }],
    });
    expect(waits({ pausedUntil: new Date(NOW_MS - 1).toISOString() })).toEqual([]);
  });
});

describe('a pause', () => {
  it('ends by itself, and does not last for decades because a clock was wrong', () => {
    const until = '2026-06-15T13:00:00.000Z';
    expect([isPaused(until, NOW_MS), isPaused(until, NOW_MS + HOUR_MS), isPaused(until, 0)]).toEqual([
      true,
      false,
      false,
    ]);
    expect([isPaused('forever', 0), isPaused(null, NOW_MS)]).toEqual([true, false]);
  });
});

describe('the computer', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-power-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const supply = (name: string, files: Readonly<Record<string, string>>): void => {
    fs.mkdirSync(path.join(folder, name));
    for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name, file), `${text}\n`);
  };
  const onMains = (): Promise<boolean | null> => systemProbes({ powerFolder: folder }).onMainsPower();

  it('is on mains where an adapter says so', async () => {
    supply('AC', { type: 'Mains', online: '1' });
    supply('BAT0', { type: 'Battery', status: 'Full' });
    expect(await onMains()).toBe(true);
  });

  it('is on battery where the adapter is out, or there is none and the battery is being emptied', async () => {
    supply('BAT0', { type: 'Battery', status: 'Discharging' });
    expect(await onMains()).toBe(false);
    supply('ADP1', { type: 'Mains', online: '0' });
    supply('ucsi', { type: 'USB', online: '0' });
    expect(await onMains()).toBe(false);
    fs.writeFileSync(path.join(folder, 'ucsi/online'), '1\n');
    expect(await onMains()).toBe(true);
  });

  it('can’t tell without either, or from the battery of a mouse', async () => {
    expect(await onMains()).toBeNull();
    supply('hidpp_battery_0', { type: 'Battery', status: 'Discharging', scope: 'Device' });
    expect(await onMains()).toBeNull();
    expect(await systemProbes({ powerFolder: path.join(folder, 'absent') }).onMainsPower()).toBeNull();
  });

  it.each([
    ['u 1', true],
    ['u 3', true],
    ['u 2', false],
    ['u 4\n', false],
    ['u 0', null],
    ['rubbish', null],
    [null, null],
  ])('knows from “%s” whether the network is metered: %s', async (answer, isMetered) => {
    expect(await systemProbes({ askNetworkManager: () => Promise.resolve(answer) }).isMetered()).toBe(isMetered);
  });

  it('is asked of the host first, whose failure is “can’t be told”', async () => {
    const host = {
      onMainsPower: () => Promise.resolve(false),
      isMetered: () => Promise.reject(new Error('no')),
      idleSeconds: () => Promise.resolve(7),
    };
    const probes = systemProbes({
      host,
      powerFolder: folder,
      askNetworkManager: () => Promise.reject(new Error('no')),
    });
    supply('AC', { type: 'Mains', online: '1' });
    expect(await lookAround(conditions, probes)).toEqual({ onMainsPower: false, isMetered: null, idleSeconds: 7 });
    expect(await systemProbes().idleSeconds()).toBeNull();
  });

  it('is asked only what the conditions turn on', async () => {
    const never = (): Promise<never> => Promise.reject(new Error('asked'));
    const probes = { onMainsPower: never, isMetered: never, idleSeconds: never };
    expect(await lookAround(NO_CONDITIONS, probes)).toEqual(NOTHING_KNOWN);
  });

  it('answers about this very machine, whatever it is', async () => {
    const { onMainsPower, isMetered } = systemProbes();
    expect([true, false, null]).toContain(await onMainsPower());
    expect([true, false, null]).toContain(await isMetered());
  });
});
