/** The log on real files: bounded, whole lines, several processes, a full disk, and nothing secret in it. */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { logLine } from '../../src-main/cli/log-line.ts';
import { openLog } from '../../src-main/cli/log.ts';
import { createRecoveryKey, formatRecoveryKey } from '../../src-main/engine/codec/index.ts';
import { readLog } from '../../src-main/engine/desk/index.ts';
import { systemRandom } from '../../src-main/engine/kernel/index.ts';
import { CairnError } from '../../src-shared/errors.ts';

const ACTOR = path.resolve(import.meta.dirname, '../support/log-actor.ts');
const TIMEOUT_MS = 120_000;

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cairn-log-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const file = (name = 'cairn.log'): string => path.join(home, 'log', name);
const clockAt = (time: { ms: number; monotonicMs?: number }) => ({
  wallMs: () => time.ms,
  monotonicMs: () => time.monotonicMs ?? 0,
});
const linesOf = (name?: string): readonly Record<string, unknown>[] =>
  readFileSync(file(name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the log', () => {
  it('keeps three files of a limited size, readable by their owner alone', async () => {
    const clock = clockAt({ ms: 0 });
    for (let run = 0; run < 40; run++) {
      const log = openLog({ home, clock, onFailure: (error) => expect.unreachable(String(error)), fileBytesMax: 1000 });
      log.write('info', `run ${run}`, { padding: 'x'.repeat(100) });
      await log.close();
    }
    const files = readdirSync(path.join(home, 'log')).sort();
    expect(files).toEqual(['cairn.log', 'cairn.log.1', 'cairn.log.2']);
    for (const name of files) {
      const { size, mode } = statSync(file(name));
      expect(size).toBeLessThanOrEqual(1000);
      expect(mode & 0o777).toBe(0o600);
    }
    expect(readFileSync(file(), 'utf8')).toContain('run 39');
    // The window's reader knows all three, oldest first.
    const messages = (await readLog(home, 'info', 1000)).map(({ message }) => message);
    expect(messages.length).toBeGreaterThan(12);
    expect(messages).toEqual(
      Array.from({ length: messages.length }, (_, index) => `run ${40 - messages.length + index}`),
    );
  });

  it('holds to that size also where very much is written at once', async () => {
    const log = openLog({ home, clock: clockAt({ ms: 0 }), onFailure: () => undefined, fileBytesMax: 10_000 });
    for (let number = 0; number < 2000; number++) log.write('info', 'one of many', { number });
    await log.close();
    for (const name of readdirSync(path.join(home, 'log')))
      expect(statSync(file(name)).size).toBeLessThanOrEqual(10_000);
    expect(linesOf().at(-1)).toMatchObject({ number: 1999 });
  });

  it('loses no line between three processes that turn its pages, and tears none', { timeout: TIMEOUT_MS }, async () => {
    const count = 3000;
    const bytesMax = 20_000;
    const statuses = await Promise.all(
      ['one', 'two', 'three'].map((name) => {
        const actor = spawn(process.execPath, [ACTOR, home, name, String(count), String(bytesMax)], {
          stdio: 'inherit',
        });
        return new Promise((resolve) => actor.on('exit', resolve));
      }),
    );
    expect(statuses).toEqual([0, 0, 0]);
    const names = readdirSync(path.join(home, 'log')).sort();
    expect(names).toEqual(['cairn.log', 'cairn.log.1', 'cairn.log.2']);
    for (const name of names) expect(statSync(file(name)).size).toBeLessThan(bytesMax * 1.2);
    const lines = ['cairn.log.2', 'cairn.log.1', 'cairn.log'].flatMap((name) => linesOf(name));
    for (const name of ['one', 'two', 'three']) {
      const numbers = lines.filter((line) => line['name'] === name).map((line) => Number(line['number']));
      const oldest = count - numbers.length;
      // Nothing is missing from the oldest that is kept to the last.
      expect(numbers.toSorted((left, right) => left - right)).toEqual(numbers.map((_, index) => oldest + index));
    }
    // A page that was turned twice would be nearly empty, and one with lines gone for it.
    for (const name of ['cairn.log.2', 'cairn.log.1'])
      expect(statSync(file(name)).size).toBeGreaterThan(bytesMax * 0.8);
  });

  it('turns its page again after a process died while it was turning it', async () => {
    const log = openLog({ home, clock: clockAt({ ms: 1e12 }), onFailure: () => undefined, fileBytesMax: 300 });
    mkdirSync(path.join(home, 'log'));
    writeFileSync(file('cairn.log.lock'), '');
    utimesSync(file('cairn.log.lock'), 1e9 - 3600, 1e9 - 3600);
    for (let number = 0; number < 20; number++) {
      log.write('info', 'a line', { number });
      await log.close();
    }
    expect(existsSync(file('cairn.log.2'))).toBe(true);
    expect(existsSync(file('cairn.log.lock'))).toBe(false);
  });

  it('is there again with every line after the disk was full', async () => {
    const time = { ms: 0, monotonicMs: 0 };
    let failures = 0;
    mkdirSync(path.join(home, 'log'));
    symlinkSync('/dev/full', file());
    const log = openLog({ home, clock: clockAt(time), onFailure: () => failures++ });
    for (let number = 0; number < 5; number++) log.write('info', 'on a full disk', { number });
    await log.close();
    expect(failures).toBe(1);
    rmSync(file());
    log.write('info', 'too soon to try again');
    time.monotonicMs = 60_000;
    log.write('info', 'with room again');
    await log.close();
    expect(linesOf().map((line) => line['number'] ?? line['message'])).toEqual([
      ...[0, 1, 2, 3, 4],
      'too soon to try again',
      'with room again',
    ]);
    expect(failures).toBe(1);
  });

  it('says how many lines were lost where a full disk lasts', async () => {
    const time = { ms: 0, monotonicMs: 0 };
    mkdirSync(path.join(home, 'log'));
    symlinkSync('/dev/full', file());
    const log = openLog({ home, clock: clockAt(time), onFailure: () => undefined });
    for (let number = 0; number < 100; number++) log.write('info', 'x'.repeat(60_000), { number });
    await log.close();
    rmSync(file());
    time.monotonicMs = 60_000;
    await log.close();
    const lines = linesOf();
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.at(-1)?.['message']).toBe(
      `${100 - (lines.length - 1)} lines were lost, because the log could not be written in time`,
    );
  });

  it('begins a line of its own after one that was torn', async () => {
    const log = openLog({ home, clock: clockAt({ ms: 0 }), onFailure: () => undefined });
    log.write('info', 'whole');
    await log.close();
    appendFileSync(file(), '{"time":"torn by a po');
    log.write('info', 'after it');
    await log.close();
    expect((await readLog(home, 'info', 10)).map(({ message }) => message)).toEqual(['whole', 'after it']);
  });

  it('writes errors with stack and cause as JSON', async () => {
    const log = openLog({ home, clock: clockAt({ ms: 0 }), onFailure: () => undefined });
    log.write('error', 'failed', {
      error: new Error('outer', { cause: new TypeError('inner') }),
      bytes: new Uint8Array(3),
      large: 1n,
    });
    await log.close();
    expect(linesOf()[0]).toMatchObject({
      time: '1970-01-01T00:00:00.000Z',
      message: 'failed',
      error: {
        message: 'outer',
        stack: expect.stringContaining('log.test') as string,
        cause: { name: 'TypeError' },
      },
      bytes: '3 bytes',
      large: '1',
    });
  });

  it('that can’t be written says so once', async () => {
    let failures = 0;
    const log = openLog({ home: '/dev/null', clock: clockAt({ ms: 0 }), onFailure: () => failures++ });
    log.write('info', 'one');
    await log.close();
    log.write('info', 'two');
    await log.close();
    expect(failures).toBe(1);
  });
});

describe('a line of the log', () => {
  const recoveryKey = formatRecoveryKey(createRecoveryKey(systemRandom));

  it.each([
    ['a password in a field', { password: 'hunter2hunter2' }, 'hunter2'],
    ['one deeper down', { input: { set: [{ newPassword: 'hunter2hunter2' }] } }, 'hunter2'],
    ['a webhook', { set: { webhook: 'https://hc.example/ping/8f3b-uuid' } }, '8f3b'],
    ['a cookie', { headers: { cookie: 'cairn-8600=abcdef' } }, 'abcdef'],
    ['a recovery key in a message', { error: new Error(`not ${recoveryKey} at all`) }, recoveryKey.slice(10, 30)],
    ['one in small letters', { text: recoveryKey.toLowerCase() }, recoveryKey.toLowerCase().slice(10, 30)],
    ['an address with a password', { error: new Error('fetch https://ada:hunter2@host/x failed') }, 'hunter2'],
    ['a link with a token', { url: 'http://127.0.0.1:8600/#token=abcdefghijklmnop' }, 'abcdefgh'],
    [
      'the context of an error',
      { error: new CairnError('app/busy', 'x', { context: { token: 'abcdefgh' } }) },
      'abcdefgh',
    ],
  ])('leaves out %s', (_what, fields, secret) => {
    const line = logLine({ time: 'now', level: 'warn', message: 'm', ...fields });
    expect(line).not.toContain(secret);
    expect(JSON.parse(line)).toMatchObject({ message: 'm' });
  });

  it('keeps what only sounds like it', () => {
    const fields = {
      rememberPassword: true,
      passwordFile: '/etc/pw',
      keys: 3,
      path: '/home/ada@work/notes',
      set: null,
    };
    expect(JSON.parse(logLine(fields))).toEqual(fields);
  });

  it('is cut where it is too long, and stays JSON', () => {
    const line = logLine({ time: 'now', level: 'info', message: '漢'.repeat(200_000) });
    expect(Buffer.byteLength(line)).toBeLessThan(64 * 1024);
    expect(JSON.parse(line)).toMatchObject({ level: 'info', cut: true });
  });
});
