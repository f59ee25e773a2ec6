/** What is kept of sets besides their records: when they ran, and where their passwords are. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nextDue, startState } from '../../../src-main/engine/schedule/index.ts';
import { SET_DEFAULTS, ScheduleBook, type SetRecord, readPasswordFile } from '../../../src-main/engine/sets/index.ts';
import { heldClock, seededRandom } from '../../support/engine-lab.ts';

const NOW_MS = Date.parse('2026-06-15T12:00:00Z');
let home: string;
let clock: ReturnType<typeof heldClock>;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(tmpdir(), 'cairn-book-'));
  clock = heldClock(NOW_MS);
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const open = (): Promise<ScheduleBook> =>
  ScheduleBook.open(home, { clock, random: seededRandom(1), log: () => undefined });
const set = (number = 1): SetRecord => ({
  ...SET_DEFAULTS,
  setId: number.toString(16).padStart(32, '0'),
  name: 'Laptop',
  sources: ['/home/a'],
  destinationId: '2'.repeat(32),
  createdAt: '2026-06-01T00:00:00.000Z',
});

describe('the book of runs', () => {
  it('begins when the set was made, so the first run that was missed is caught up', async () => {
    const entry = (await open()).entry(set());
    expect(entry).toEqual({
      state: startState(Date.parse(set().createdAt)),
      lastGoodMs: null,
      toldMs: null,
      pausedSinceMs: null,
    });
    expect(nextDue({ kind: 'daily', at: '21:00' }, entry.state, NOW_MS, 'UTC').due).toEqual({
      atMs: Date.parse('2026-06-01T21:00:00Z'),
      reason: 'caught-up',
    });
  });

  it('remembers over a restart that a run began and never ended, and that one ended well', async () => {
    await (await open()).began(set());
    const begun = (await open()).entry(set());
    expect(begun.state).toEqual({ answeredMs: NOW_MS, unfinished: { sinceMs: NOW_MS, tries: 1 } });
    clock.advance(60_000);
    await (await open()).ended(set(), 'good');
    const ended = (await open()).entry(set());
    // What is known good is what was there when it began.
    expect(ended).toEqual({ state: startState(NOW_MS), lastGoodMs: NOW_MS, toldMs: null, pausedSinceMs: null });
  });

  it('keeps apart what a run and an alarm write, and forgets what is asked', async () => {
    const book = await open();
    await book.told(set());
    await book.began(set(2));
    await book.ended(set(2), 'failed');
    expect(book.entry(set()).toldMs).toBe(NOW_MS);
    await book.restart(set(2));
    expect(book.entry(set(2)).state).toEqual(startState(NOW_MS));
    await book.forget([set(2).setId]);
    expect(book.entry(set(2)).state.answeredMs).toBe(Date.parse(set().createdAt));
    expect(book.entry(set()).toldMs).toBe(NOW_MS);
  });

  it('does not write where nothing changed, and sees what another process wrote', async () => {
    const [one, other] = [await open(), await open()];
    await one.keep(set(), one.entry(set()).state);
    // A set that is not in it yet has a state all the same.
    await one.keep(set(), startState(5));
    expect(await other.reload()).toBe(true);
    expect(other.entry(set()).state.answeredMs).toBe(5);
    const before = fs.statSync(path.join(home, 'schedule.json')).mtimeMs;
    await one.keep(set(), one.entry(set()).state);
    expect(fs.statSync(path.join(home, 'schedule.json')).mtimeMs).toBe(before);
  });

  it('stays small however many sets come and go', async () => {
    const entries = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [
        set(index + 10).setId,
        { state: startState(1), lastGoodMs: null, toldMs: null, pausedSinceMs: null },
      ]),
    );
    fs.writeFileSync(path.join(home, 'schedule.json'), JSON.stringify({ version: 1, entries }));
    await (await open()).began(set(1));
    const written = JSON.parse(fs.readFileSync(path.join(home, 'schedule.json'), 'utf8')) as { entries: object };
    expect(Object.keys(written.entries)).toHaveLength(200);
    expect((await open()).entry(set(1)).state.answeredMs).toBe(NOW_MS);
  });
});

describe.skipIf(process.platform === 'win32')('a password file', () => {
  const file = (content: string | Buffer, mode = 0o600): string => {
    const name = path.join(home, 'password');
    fs.writeFileSync(name, content);
    fs.chmodSync(name, mode);
    return name;
  };

  it('gives its first line', async () => {
    expect(await readPasswordFile(file('correct horse\r\nmore'))).toBe('correct horse');
    expect(await readPasswordFile(file(' pass phrase '))).toBe(' pass phrase ');
  });

  it.each([0o640, 0o604, 0o660, 0o602])('that others may use is refused: %o', async (mode) => {
    await expect(readPasswordFile(file('secret', mode))).rejects.toMatchObject({
      code: 'key/password-needed',
      message: expect.stringContaining('open to other users') as string,
      hint: expect.stringContaining('chmod 600') as string,
    });
  });

  it('that is absent, a folder, empty or no text says so, and never what is in it', async () => {
    await expect(readPasswordFile(path.join(home, 'absent'))).rejects.toThrow('ENOENT');
    fs.chmodSync(home, 0o700);
    await expect(readPasswordFile(home)).rejects.toThrow('is not a file');
    await expect(readPasswordFile(file('\nsecond'))).rejects.toThrow('no password in its first line');
    const bad = await readPasswordFile(file(Buffer.from([0x61, 0xff]))).catch((error: unknown) => String(error));
    expect(bad).toContain('no password');
  });
});
