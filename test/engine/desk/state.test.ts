/** What the app keeps on disk: whole, versioned, never silently emptied. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../../src-shared/model/index.ts';
import { Handles } from '../../../src-main/engine/desk/handles.ts';
import { readLog } from '../../../src-main/engine/desk/log-reader.ts';
import type { RunRecord } from '../../../src-main/engine/desk/run-records.ts';
import { Runs } from '../../../src-main/engine/desk/runs.ts';
import { openSetRecords } from '../../../src-main/engine/sets/index.ts';
import { SETTINGS_DEFAULTS, openSettings } from '../../../src-main/engine/desk/settings.ts';
import { type Migration, StateFile } from '../../../src-main/engine/service/index.ts';
import { heldClock, seededRandom } from '../../support/engine-lab.ts';

let home: string;
let logged: string[];
const ports = {
  clock: heldClock(Date.parse('2026-06-15T12:00:00Z')),
  random: seededRandom(1),
  log: (_level: string, message: string) => void logged.push(message),
};

beforeEach(() => {
  home = fs.mkdtempSync(path.join(tmpdir(), 'cairn-state-'));
  logged = [];
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const file = (...names: string[]): string => path.join(home, ...names);

describe('a state file', () => {
  const open = (migrations: readonly Migration[] = []) =>
    StateFile.open({
      home,
      ports,
      name: 'things.json',
      schema: v.object({ things: v.array(v.string()) }),
      migrations,
      empty: { things: [] },
    });

  it('keeps what was changed, for this user alone, and leaves no temporary file', async () => {
    const state = await open();
    await state.change(({ things }) => ({ things: [...things, 'one'] }));
    expect((await open()).state).toEqual({ things: ['one'] });
    expect(fs.readdirSync(home).sort()).toEqual(['locks', 'machine-id', 'things.json']);
    expect(fs.readdirSync(file('locks/things.json'))).toEqual([]);
    if (process.platform !== 'win32') expect(fs.statSync(file('things.json')).mode & 0o077).toBe(0);
  });

  it('loses none of many changes at a time', async () => {
    const state = await open();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => state.change(({ things }) => ({ things: [...things, String(index)] }))),
    );
    expect((await open()).state.things).toHaveLength(20);
  });

  it('stands as before when a change fails, and takes the next one', async () => {
    const state = await open();
    await expect(
      state.change(() => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await state.change(() => ({ things: ['one'] }));
    expect(state.state).toEqual({ things: ['one'] });
  });

  it.each([
    ['torn', '{"version":1,"things":["a'],
    ['empty', ''],
    ['of another shape', '{"version":1,"things":"all"}'],
    ['without a version', '{"things":[]}'],
    ['no JSON', 'things: []'],
  ])('that is %s is set aside and told, with every byte', async (_, text) => {
    fs.writeFileSync(file('things.json'), text);
    const state = await open();
    expect(state.state).toEqual({ things: [] });
    expect(state.setAside).toContain('things.json.damaged-2026-06-1');
    expect(fs.readFileSync(state.setAside!, 'utf8')).toBe(text);
    expect(logged).toHaveLength(1);
    await state.change(() => ({ things: ['new'] }));
    expect(fs.existsSync(state.setAside!)).toBe(true);
  });

  it('of a newer Cairn stops the app and stays as it is', async () => {
    fs.writeFileSync(file('things.json'), '{"version":9,"stuff":{}}');
    await expect(open()).rejects.toMatchObject({ code: 'repository/newer-format' });
    expect(fs.readFileSync(file('things.json'), 'utf8')).toBe('{"version":9,"stuff":{}}');
  });

  it('of an older Cairn is brought forward step by step', async () => {
    fs.writeFileSync(file('things.json'), '{"version":1,"thing":"a"}');
    const migrations: readonly Migration[] = [({ thing }) => ({ list: [thing] }), ({ list }) => ({ things: list })];
    const state = await open(migrations);
    expect(state.state).toEqual({ things: ['a'] });
    await state.change(({ things }) => ({ things: [...things, 'b'] }));
    expect(JSON.parse(fs.readFileSync(file('things.json'), 'utf8'))).toEqual({ version: 3, things: ['a', 'b'] });
  });

  it('that can’t be written says what to do', async () => {
    const state = await open();
    fs.mkdirSync(file('things.json'));
    await expect(state.change(() => ({ things: ['x'] }))).rejects.toMatchObject({ code: 'engine/local-state' });
  });
});

describe('settings and sets', () => {
  it('begin with defaults and come back as they were', async () => {
    const settings = await openSettings(home, ports);
    expect(settings.state).toEqual(SETTINGS_DEFAULTS);
    await settings.change((before) => ({ ...before, theme: 'dark', workers: 2 }));
    expect((await openSettings(home, ports)).state).toEqual({ ...SETTINGS_DEFAULTS, theme: 'dark', workers: 2 });
  });

  it('that name impossible ids are damaged, not believed', async () => {
    fs.writeFileSync(
      file('sets.json'),
      JSON.stringify({ version: 1, sets: [{ setId: '../../etc' }], destinations: [] }),
    );
    const records = await openSetRecords(home, ports);
    expect([records.state.sets, records.setAside === undefined]).toEqual([[], false]);
  });
});

const ID = (number: number): string => number.toString(16).padStart(32, '0');

const run = (number: number, change: Partial<RunRecord> = {}): RunRecord => ({
  runId: ID(number),
  kind: 'backup',
  setId: ID(1),
  destinationId: ID(2),
  state: 'done',
  startedAt: new Date(1.75e12 + number).toISOString(),
  durationMs: 5,
  files: 1,
  bytes: 2,
  problemCount: 0,
  snapshotId: 'aa',
  error: null,
  undoable: false,
  undoIds: [],
  ...change,
});

const ids = (runs: readonly Run[]): number[] => runs.map(({ runId }) => Number.parseInt(runId, 16));

describe('the record of runs', () => {
  it('comes back newest first, page by page', async () => {
    const runs = await Runs.open(home, ports);
    for (let number = 1; number <= 5; number++) await runs.add(run(number), null);
    const again = await Runs.open(home, ports);
    expect(ids(again.list(null, 2))).toEqual([5, 4]);
    expect(ids(again.list(ID(4), 2))).toEqual([3, 2]);
    expect(again.list(ID(99), 2)).toEqual([]);
  });

  it('survives a torn last line and lines that nobody understands', async () => {
    const runs = await Runs.open(home, ports);
    await runs.add(run(1), null);
    fs.appendFileSync(file('runs/runs.jsonl'), 'rubbish\n{"runId":"..","kind":"backup"}\n{"runId":"0000');
    const again = await Runs.open(home, ports);
    await again.add(run(2), null);
    expect(ids((await Runs.open(home, ports)).list(null, 10))).toEqual([2, 1]);
  });

  it('stays within its bound', async () => {
    const lines = Array.from({ length: 4100 }, (_, index) => JSON.stringify(run(index + 1)));
    fs.mkdirSync(file('runs'), { recursive: true });
    fs.writeFileSync(file('runs/runs.jsonl'), `${lines.join('\n')}\n`);
    const runs = await Runs.open(home, ports);
    await runs.add(run(5000), null);
    expect(runs.list(null, 5000)).toHaveLength(2000);
    expect(fs.readFileSync(file('runs/runs.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(2000);
    expect(ids(runs.list(null, 1))).toEqual([5000]);
  });

  it('says of a job that a crash ended that it was interrupted, once', async () => {
    const runs = await Runs.open(home, ports);
    const { runId, kind, setId, destinationId, startedAt, files, bytes } = run(7);
    const durationMs = 60_000;
    await runs.running({ runId, kind, setId, destinationId, startedAt, durationMs, files, bytes, undoIds: [] });
    const again = await Runs.open(home, ports);
    expect(again.list(null, 5)).toMatchObject([{ runId, state: 'interrupted', durationMs: 60_000, error: null }]);
    expect((await Runs.open(home, ports)).list(null, 5)).toHaveLength(1);
  });

  it('says of a restore that a crash ended what it can be taken back by, where that is still there', async () => {
    const runs = await Runs.open(home, ports);
    const [there, gone] = ['2026-11-22T14-05-33.123Z-1a2b3c4d', '2026-11-22T14-05-33.123Z-00000000'];
    for (const [number, undoIds] of [
      [7, [there, gone]],
      [8, [gone]],
    ] as const) {
      const { runId, setId, destinationId, startedAt, durationMs, files, bytes } = run(number);
      const shared = { runId, setId, destinationId, startedAt, durationMs, files, bytes };
      await runs.running({ ...shared, kind: 'restore', undoIds });
    }
    fs.mkdirSync(file('undo'), { recursive: true });
    fs.writeFileSync(file(`undo/${there}.journal`), '');
    const again = await Runs.open(home, ports);
    const told = again.list(null, 5).map(({ runId, undoable }) => [runId, undoable]);
    expect(new Map(told as [string, boolean][])).toEqual(
      new Map([
        [ID(7), true],
        [ID(8), false],
      ]),
    );
    expect(again.record(ID(7)).undoIds).toEqual([there]);
  });

  it('reads what an earlier Cairn noted of a running job', async () => {
    await Runs.open(home, ports);
    const { runId, kind, setId, destinationId, startedAt, durationMs, files, bytes } = run(9);
    const noted = { runId, kind, setId, destinationId, startedAt, durationMs, files, bytes };
    fs.writeFileSync(file(`runs/running/${runId}.json`), JSON.stringify(noted));
    expect((await Runs.open(home, ports)).list(null, 5)).toMatchObject([{ runId, state: 'interrupted' }]);
  });

  it('has the outcome of a run with its problems in groups', async () => {
    const runs = await Runs.open(home, ports);
    const problem = (code: string, path: string) => ({ path, code, message: 'no' });
    const report = {
      broughtBack: 1,
      removed: 0,
      problems: [problem('EACCES', 'a'), problem('EIO', 'b'), problem('EACCES', 'c')],
    };
    await runs.add(run(1, { kind: 'undo' }), { kind: 'undo', report });
    const details = await (await Runs.open(home, ports)).details(ID(1));
    expect(details.problems.map(({ code, count }) => [code, count])).toEqual([
      ['EACCES', 2],
      ['EIO', 1],
    ]);
    expect(details.outcome).toEqual({ kind: 'undo', report });
  });

  it('keeps damage until a look as deep finds none', async () => {
    const runs = await Runs.open(home, ports);
    const checked = { packs: 0, segments: 0, blobs: 0, nodes: 0, snapshots: 0 };
    const look = (depth: 'quick' | 'deep', damageCount: number) =>
      runs.verified(
        ID(2),
        { depth, time: '2026-06-15T12:00:00.000Z', report: { ok: damageCount === 0, checked, damage: [] } },
        damageCount,
      );
    await look('deep', 3);
    await look('quick', 0);
    expect(runs.verification(ID(2)).damageCount).toBe(3);
    await look('deep', 0);
    expect(runs.verification(ID(2)).damageCount).toBe(0);
    const again = await Runs.open(home, ports);
    await again.loadVerification(ID(2));
    expect(again.verification(ID(2)).times).toMatchObject({ quick: '2026-06-15T12:00:00.000Z', sample: null });
  });
});

describe('the log', () => {
  it('is read from its end, over two files, without stacks', async () => {
    fs.mkdirSync(file('log'));
    const line = (level: string, message: string) =>
      `${JSON.stringify({ time: '2026-06-15T12:00:00.000Z', level, message, error: { name: 'E', stack: 'at secret.js' } })}\n`;
    fs.writeFileSync(file('log/cairn.log.1'), line('error', 'first') + line('info', 'second'));
    fs.writeFileSync(file('log/cairn.log'), `${line('warn', 'third')}broken{\n${line('error', 'fourth')}`);
    expect((await readLog(home, 'warn', 10)).map(({ message }) => message)).toEqual(['first', 'third', 'fourth']);
    expect((await readLog(home, 'debug', 2)).map(({ message }) => message)).toEqual(['third', 'fourth']);
    expect(JSON.stringify(await readLog(home, 'debug', 10))).not.toContain('secret.js');
  });

  it('is empty where there is none', async () => {
    expect(await readLog(home, 'debug', 10)).toEqual([]);
  });
});

describe('handles', () => {
  it('are the same for the same bytes, and mean nothing that was not given out', () => {
    const handles = new Handles(seededRandom(3));
    const odd = Buffer.from([0x2f, 0xff, 0xfe]);
    expect(handles.give(odd)).toBe(handles.give(Buffer.from(odd)));
    expect(handles.pathOf(handles.give(odd))).toEqual(odd);
    expect(() => handles.pathOf('f'.repeat(32))).toThrow('chosen too long ago');
  });

  it('are forgotten, the oldest first, before they are too many', () => {
    const handles = new Handles(seededRandom(4), 2);
    const [first, second] = ['/a', '/b', '/c'].map((name) => handles.give(Buffer.from(name)));
    expect(() => handles.pathOf(first!)).toThrow('too long ago');
    expect(handles.pathOf(second!).toString()).toBe('/b');
    expect(handles.give(Buffer.from('/a'))).not.toBe(first);
  });
});
