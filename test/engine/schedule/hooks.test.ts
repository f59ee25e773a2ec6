/** Commands around a run, as real processes. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CairnError } from '../../../src-shared/errors.ts';
import type { HookCommand, Hooks } from '../../../src-shared/model/index.ts';
import { HOOKS_NONE, type HookHost, aroundRun } from '../../../src-main/engine/schedule/index.ts';

let folder: string;
let logged: { message: string; fields: Readonly<Record<string, unknown>> | undefined }[];
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-hooks-'));
  logged = [];
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const file = (name: string): string => path.join(folder, name);
const text = (name: string): string => fs.readFileSync(file(name), 'utf8');
const node = (script: string, timeoutSeconds = 30): HookCommand => ({
  arguments: [process.execPath, '-e', script],
  timeoutSeconds,
});
/** Notes what it was called with, in a file. */
const noting = (name: string, more = ''): HookCommand =>
  node(`require('fs').appendFileSync(${JSON.stringify(file(name))}, JSON.stringify(process.env) + '\\n'); ${more}`);
const environmentOf = (name: string): Record<string, string> => JSON.parse(text(name)) as Record<string, string>;

const host = (change: Partial<HookHost> = {}): HookHost => ({
  setName: 'Laptop; rm -rf "$HOME"',
  log: (_level, message, fields) => void logged.push({ message, fields }),
  environment: { PATH: process.env['PATH'], CAIRN_PASSWORD: 'secret', CAIRN_HOME: '/home' },
  mayRun: true,
  ...change,
});
const good = { snapshotId: 'abcd', problemCount: 0 };
const around = (hooks: Partial<Hooks>, change: Partial<HookHost> = {}, run = () => Promise.resolve(good)) =>
  aroundRun({ ...HOOKS_NONE, ...hooks }, host(change), run, (result) => result);

describe('commands around a run', () => {
  it('know the set, how it ended and its snapshot, and no password', async () => {
    const { result, problems } = await around({ before: noting('before'), after: noting('after') });
    expect([result, problems]).toEqual([good, []]);
    expect(environmentOf('before')).toMatchObject({ CAIRN_SET: 'Laptop; rm -rf "$HOME"', CAIRN_HOME: '/home' });
    expect(environmentOf('before')['CAIRN_RESULT']).toBeUndefined();
    expect(environmentOf('after')).toMatchObject({ CAIRN_RESULT: 'done', CAIRN_SNAPSHOT: 'abcd' });
    expect(text('before') + text('after')).not.toContain('secret');
    await around({ after: noting('problems') }, {}, () => Promise.resolve({ ...good, problemCount: 2 }));
    expect(environmentOf('problems')).toMatchObject({ CAIRN_RESULT: 'problems' });
  });

  it('get their arguments as they are: no shell reads them', async () => {
    const odd = ['$(touch hacked)', '; touch hacked', '*', ' two  words ', ''];
    const script = `require('fs').writeFileSync(${JSON.stringify(file('said'))}, JSON.stringify(process.argv.slice(1)))`;
    await around({ before: { arguments: [process.execPath, '-e', script, '--', ...odd], timeoutSeconds: 30 } });
    expect(JSON.parse(text('said'))).toEqual(odd);
    expect(fs.readdirSync(folder)).toEqual(['said']);
  });

  it('that come before and fail keep the run from beginning, and say why', async () => {
    const run = (): Promise<typeof good> => expect.unreachable('the run began');
    const failing = node('console.error("no database"); process.exit(3)');
    await expect(around({ before: failing, after: noting('after') }, {}, run)).rejects.toMatchObject({
      code: 'hook/failed',
      message: 'The command before the backup ended with status 3, so it was not begun.',
    });
    expect(logged[0]?.fields).toMatchObject({ output: 'no database\n', outcome: { kind: 'exited', status: 3 } });
    const absent = { arguments: [file('absent')], timeoutSeconds: 1 };
    await expect(around({ before: absent }, {}, run)).rejects.toThrow('could not be started (ENOENT)');
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('that come after and fail are a problem of a run that stays good', async () => {
    const { result, problems } = await around({ after: node('process.exit(1)') });
    expect(result).toEqual(good);
    expect(problems).toMatchObject([{ path: process.execPath, code: 'hook-failed' }]);
    expect(problems[0]?.message).toContain('ended with status 1');
  });

  it('that come after run however the run ended, and its error is told as it is', async () => {
    const full = new CairnError('destination/full', 'The drive is full.');
    await expect(around({ after: noting('failed') }, {}, () => Promise.reject(full))).rejects.toBe(full);
    expect(environmentOf('failed')).toMatchObject({ CAIRN_RESULT: 'failed', CAIRN_SNAPSHOT: '' });
    const stop = new AbortController();
    stop.abort();
    const cancelled = new CairnError('engine/cancelled', 'Stopped.');
    const hooks = { after: noting('cancelled') };
    await expect(around(hooks, { signal: stop.signal }, () => Promise.reject(cancelled))).rejects.toBe(cancelled);
    expect(environmentOf('cancelled')).toMatchObject({ CAIRN_RESULT: 'cancelled' });
  });

  it('end with all they started when their time is up', async () => {
    // A child that does not listen, and a grandchild that writes for as long as it lives.
    const beat = `setInterval(() => require('fs').appendFileSync(${JSON.stringify(file('beat'))}, '.'), 20)`;
    const script = `process.on('SIGTERM', () => {}); require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(
      `process.on('SIGTERM', () => {}); ${beat}`,
    )}], { stdio: 'inherit' }); setInterval(() => {}, 1000)`;
    const slow = node(script, 2);
    await expect(around({ before: slow })).rejects.toThrow('took too long and was ended');
    const size = (): number => fs.statSync(file('beat')).size;
    const after = size();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(size()).toBe(after);
  });

  it('that leave something in the background are not waited for', async () => {
    const script = `require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20000)'], { stdio: 'inherit', detached: true }).unref(); process.exit(0)`;
    const { problems } = await around({ after: node(script) });
    expect(problems).toEqual([]);
  });

  it('that say more than the log takes are heard to the end, and the beginning is kept', async () => {
    const loud = node('for (let i = 0; i < 2000; i++) console.log("x".repeat(1000)); process.exit(0)');
    await around({ before: loud });
    expect(logged[0]?.fields).toMatchObject({ isCut: true });
    expect((logged[0]?.fields?.['output'] as string).length).toBe(16 * 1024);
  });

  it('end when the run is stopped', async () => {
    const stop = new AbortController();
    const waiting = around({ before: node('setInterval(() => {}, 1000)', 600) }, { signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    await expect(waiting).rejects.toMatchObject({ code: 'engine/cancelled' });
  });

  it('are refused where they may not run, and then nothing runs', async () => {
    const run = (): Promise<typeof good> => expect.unreachable('the run began');
    await expect(around({ after: noting('after') }, { mayRun: false }, run)).rejects.toMatchObject({
      code: 'app/unavailable',
      hint: expect.stringContaining('hooksInWebHost') as string,
    });
    expect(fs.readdirSync(folder)).toEqual([]);
    // A set without commands is not touched by that.
    expect((await around({}, { mayRun: false })).result).toEqual(good);
  });
});
