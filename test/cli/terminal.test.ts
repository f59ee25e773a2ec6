import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TypedLines } from '../../src-main/cli/prompt.ts';
import { PASSWORD, PROGRAM, Place } from './cairn.ts';
import { skipLoudly } from '../support/mount-namespace.ts';

describe('what is typed at a hidden prompt', () => {
  const typing = (onInterrupt = (): void => undefined): TypedLines => new TypedLines(onInterrupt);

  it.each([
    ['a line', 'secret\r', 'secret'],
    ['a line of another system', 'secret\n', 'secret'],
    ['a mistake taken back', 'secrex\u007ft\r', 'secret'],
    ['a line begun again', 'wrong\u0015secret\r', 'secret'],
    ['arrow and function keys', 'sec\u001b[Dr\u001b[3~et\u001bOP\r', 'secret'],
    ['letters of several bytes', 'pässwörd😀x\u007f\r', 'pässwörd😀'],
    ['nothing', '\r', ''],
  ])('is read: %s', async (_what, keys, line) => {
    const typed = typing();
    const next = typed.next();
    for (const byte of Buffer.from(keys)) typed.add(Buffer.of(byte));
    expect(await next).toBe(line);
  });

  it('waits for the next question when it was typed ahead', async () => {
    const typed = typing();
    typed.add(Buffer.from('one\rtwo\r'));
    expect([await typed.next(), await typed.next()]).toEqual(['one', 'two']);
  });

  it('interrupts at Ctrl-C, at a question and between two', async () => {
    let interrupts = 0;
    const typed = typing(() => interrupts++);
    const next = typed.next();
    typed.add(Buffer.from('half\u0003'));
    await expect(next).rejects.toMatchObject({ code: 'engine/cancelled' });
    typed.add(Buffer.from('\u0003'));
    expect(interrupts).toBe(2);
  });

  it('is refused when the terminal ends first', async () => {
    const typed = typing();
    const next = typed.next();
    typed.end();
    await expect(next).rejects.toMatchObject({ code: 'key/password-needed' });
    await expect(typed.next()).rejects.toMatchObject({ code: 'key/password-needed' });
  });
});

const TERMINAL = 'script';
const noTerminal = skipLoudly(
  spawnSync(TERMINAL, ['--version']).status === 0,
  '“script” is missing, so there is no terminal to test on',
);

describe('on a terminal', () => {
  let place: Place;
  beforeAll(async () => {
    place = new Place();
    await place.init();
  });
  afterAll(() => place.dispose());

  /** Runs the command on a terminal and types an answer to each question when it is asked. */
  function type(args: readonly string[], answers: readonly (readonly [question: string, answer: string])[]) {
    const command = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(' ');
    const child = place.startTyping(TERMINAL, ['-qec', command, '/dev/null'], {
      environment: { CAIRN_PASSWORD_FILE: '', TERM: 'xterm' },
    });
    let seen = '';
    let from = 0;
    let next = 0;
    child.stdout.on('data', (bytes: Buffer) => {
      seen += bytes.toString();
      const [question, answer] = answers[next] ?? [];
      if (question === undefined || answer === undefined || !seen.slice(from).includes(question)) return;
      from = seen.length;
      next++;
      child.stdin.write(answer);
    });
    return new Promise<{ status: number | null; seen: string }>((resolve) => {
      child.on('close', (status) => resolve({ status, seen }));
    });
  }

  it.skipIf(noTerminal)('a password is asked for again when it is wrong, and never shown', async () => {
    const result = await type(
      ['snapshots'],
      [
        ['Password for', 'wrong-one\r'],
        ['Password for', `${PASSWORD}\r`],
      ],
    );
    expect(result.status).toBe(0);
    expect(result.seen).toContain('Once more');
    expect(result.seen).toContain('no snapshots yet');
    expect(result.seen).not.toContain('wrong-one');
    expect(result.seen).not.toContain(PASSWORD);
  });

  it.skipIf(noTerminal)('a new password is asked for twice', async () => {
    const repository = place.path('typed');
    const result = await type(
      ['init', '--kdf-cost', '10', '--repo', repository],
      [
        ['Password', 'one\r'],
        ['again', 'other\r'],
        ['not the same', 'typed-one\r'],
        ['again', 'typed-one\r'],
      ],
    );
    expect(result).toMatchObject({ status: 0, seen: expect.stringContaining('RECOVERY KEY') as string });
    const opened = await place.run(['snapshots', '--repo', repository], {
      environment: { CAIRN_PASSWORD_FILE: '', CAIRN_PASSWORD: 'typed-one' },
    });
    expect(opened.status).toBe(0);
  });

  it.skipIf(noTerminal)('Ctrl-C at the question ends with status 130', async () => {
    expect((await type(['snapshots'], [['Password for', '\u0003']])).status).toBe(130);
  });
});
