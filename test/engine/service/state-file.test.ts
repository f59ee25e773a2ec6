/** A state file that several processes change: none loses what another wrote, and a dead one keeps nobody waiting. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemPorts } from '../../../src-main/engine/kernel/index.ts';
import { StateFile } from '../../../src-main/engine/service/index.ts';

// Many processes, or a year: a busy computer takes its time.
vi.setConfig({ testTimeout: 240_000 });

const ACTOR = path.resolve(import.meta.dirname, '../../support/state-file-actor.ts');
let home: string;
let logged: string[];
beforeEach(() => {
  home = fs.mkdtempSync(path.join(tmpdir(), 'cairn-marks-'));
  logged = [];
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const ports = { ...systemPorts, log: (_level: string, message: string) => void logged.push(message) };
const open = (whenDamaged: 'set-aside' | 'refuse' = 'set-aside') =>
  StateFile.open({
    home,
    ports,
    name: 'marks.json',
    schema: v.object({ marks: v.array(v.string()) }),
    migrations: [],
    empty: { marks: [] },
    whenDamaged,
  });
const add = (mark: string) => (state: { readonly marks: readonly string[] }) => ({ marks: [...state.marks, mark] });
const file = (): string => path.join(home, 'marks.json');

type Actor = { readonly child: ChildProcessByStdio<null, Readable, null>; readonly ended: Promise<readonly string[]> };

function actor(name: string, count: number): Actor {
  const child = spawn(process.execPath, ['--no-warnings', ACTOR, home, name, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const ended = new Promise<readonly string[]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve(text.split('\n').slice(0, -1)));
  });
  return { child, ended };
}

describe('a state file that several processes change', () => {
  it('loses no change of any of them', async () => {
    const actors = ['a', 'b', 'c'].map((name) => actor(name, 15));
    const mine = await open();
    const own = Array.from({ length: 15 }, (_, index) => `own-${index}`);
    for (const mark of own) await mine.change(add(mark));
    const theirs = (await Promise.all(actors.map(({ ended }) => ended))).flat();
    expect(theirs).toHaveLength(45);
    const { marks } = (await open()).state;
    expect([...marks].sort()).toEqual([...theirs, ...own].sort());
    // Each process's own follow each other.
    expect(marks.filter((mark) => mark.startsWith('own-'))).toEqual(own);
    expect(fs.readdirSync(path.join(home, 'locks/marks.json'))).toEqual([]);
  });

  it('is free again when the one that held it is killed, and has all that this one had acknowledged', async () => {
    for (let round = 0; round < 4; round++) {
      const { child, ended } = actor(`round${round}`, 10_000);
      await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
      await new Promise((resolve) => setTimeout(resolve, round * 7));
      child.kill('SIGKILL');
      const acknowledged = await ended;
      const mine = await open();
      await mine.change(add(`after-${round}`));
      expect(mine.state.marks).toEqual(expect.arrayContaining([...acknowledged, `after-${round}`]));
      expect(mine.setAside).toBeUndefined();
    }
  });

  it('shows what another one changed to who looks, and costs nothing where nothing changed', async () => {
    const [one, other] = [await open(), await open()];
    await one.change(add('first'));
    expect(await one.reload()).toBe(false);
    expect(await other.reload()).toBe(true);
    expect(other.state).toEqual({ marks: ['first'] });
    expect(await other.reload()).toBe(false);
    await other.change(add('second'));
    expect(await one.reload()).toBe(true);
    fs.rmSync(file());
    expect(await one.reload()).toBe(true);
    expect(one.state).toEqual({ marks: [] });
  });
});

describe('a state file that a person spoils while it is open', () => {
  it('is left as it is, told once, and taken up when it is right again', async () => {
    const state = await open();
    await state.change(add('first'));
    fs.writeFileSync(file(), '{ "version": 1, "marks": [1] }');
    expect([await state.reload(), await state.reload()]).toEqual([false, false]);
    expect(logged).toHaveLength(1);
    expect(state.state).toEqual({ marks: ['first'] });
    await expect(state.change(add('second'))).rejects.toMatchObject({
      code: 'engine/local-state',
      message: expect.stringContaining('“marks.0” is not what it should be') as string,
    });
    expect(fs.readFileSync(file(), 'utf8')).toBe('{ "version": 1, "marks": [1] }');
    fs.writeFileSync(file(), '{ "version": 1, "marks": ["by hand"] }');
    await state.change(add('second'));
    expect(state.state).toEqual({ marks: ['by hand', 'second'] });
  });

  it('is refused and not moved by a command', async () => {
    fs.writeFileSync(file(), '{ "version": 1, "marks": ');
    await expect(open('refuse')).rejects.toMatchObject({ code: 'engine/local-state' });
    expect(fs.readdirSync(home)).toEqual(['marks.json']);
    expect((await open()).setAside).toBeDefined();
  });
});
