/** Sessions under a clock that the test holds, turns, and how a link is opened. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLink } from '../../src-main/engine-host/headless-browser.ts';
import { Sessions } from '../../src-main/engine-host/headless-sessions.ts';
import { Turns } from '../../src-main/engine-host/turns.ts';
import { heldClock, seededRandom } from '../support/engine-lab.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

describe('a session', () => {
  let clock: ReturnType<typeof heldClock>;
  let sessions: Sessions;

  beforeEach(() => {
    clock = heldClock();
    sessions = new Sessions(clock, seededRandom(1));
  });

  it('begins with a token of the last ten minutes only', () => {
    const token = sessions.makeToken();
    clock.advance(10 * MINUTE_MS);
    expect(sessions.exchange(token)).toBeUndefined();
    expect(sessions.exchange(sessions.makeToken())).toBeDefined();
  });

  it('begins with the newest token only', () => {
    const old = sessions.makeToken();
    const token = sessions.makeToken();
    expect(sessions.exchange(old)).toBeUndefined();
    expect(sessions.exchange(token)).toBeDefined();
  });

  it('ends after half a day without use, goes on with use, and ends after a week in any case', () => {
    const { cookie, session } = sessions.exchange(sessions.makeToken())!;
    let ended = 0;
    session.onEnd.add(() => ended++);
    for (let hours = 0; hours < 7 * 24 - 11; hours += 11) {
      expect(sessions.find(cookie)).toBe(session);
      clock.advance(11 * HOUR_MS);
    }
    clock.advance(11 * HOUR_MS);
    expect(sessions.find(cookie)).toBeUndefined();
    expect(ended).toBe(1);
    const idle = sessions.exchange(sessions.makeToken())!;
    clock.advance(13 * HOUR_MS);
    expect(sessions.find(idle.cookie)).toBeUndefined();
  });

  it('in use by a socket alone does not end', () => {
    const { cookie, session } = sessions.exchange(sessions.makeToken())!;
    for (let hours = 0; hours < 24; hours++) {
      clock.advance(HOUR_MS);
      sessions.touch(session);
    }
    expect(sessions.find(cookie)).toBe(session);
  });

  it('gives way to newer ones before there are too many', () => {
    const first = sessions.exchange(sessions.makeToken())!;
    for (let count = 0; count < 16; count++) sessions.exchange(sessions.makeToken());
    expect(sessions.find(first.cookie)).toBeUndefined();
  });

  it('has secrets of their own: cookie, CSRF text and token differ, and belong together', () => {
    const token = sessions.makeToken();
    const one = sessions.exchange(token)!;
    const two = sessions.exchange(sessions.makeToken())!;
    expect(new Set([token, one.cookie, one.session.csrf, two.cookie, two.session.csrf]).size).toBe(5);
    expect(sessions.matches(one.session, one.session.csrf)).toBe(true);
    expect(sessions.matches(one.session, two.session.csrf)).toBe(false);
    expect(sessions.matches(one.session, undefined)).toBe(false);
  });

  it('can’t be begun for a minute after five wrong tokens', () => {
    for (let tries = 0; tries < 5; tries++) sessions.exchange('D'.repeat(43));
    expect(sessions.isGuessedAt).toBe(true);
    clock.advance(MINUTE_MS);
    expect(sessions.isGuessedAt).toBe(false);
  });
});

describe('turns', () => {
  it('run so many at a time, in order, and refuse when too many wait', async () => {
    const turns = new Turns(2, 3);
    const ends: (() => void)[] = [];
    const order: number[] = [];
    const take = (index: number): Promise<void> =>
      turns.take(async () => {
        order.push(index);
        await new Promise<void>((resolve) => ends.push(resolve));
      });
    const all = [0, 1, 2, 3, 4].map(take);
    await expect(take(5)).rejects.toMatchObject({ code: 'app/busy' });
    expect(order).toEqual([0, 1]);
    for (const promise of all) {
      ends.shift()!();
      await promise;
    }
    expect(order).toEqual([0, 1, 2, 3, 4]);
    const again = take(6);
    ends.shift()!();
    await again;
  });

  it('hand their place on after a failure too', async () => {
    const turns = new Turns(1, 1);
    await expect(turns.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await turns.take(() => Promise.resolve('yes'))).toBe('yes');
  });
});

describe.runIf(process.platform === 'linux')('a link', () => {
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-link-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const program = (name: string, script: string): void => {
    fs.writeFileSync(path.join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };
  const open = (screen: string) =>
    openLink('http://127.0.0.1:1/#token=x', path.join(folder, 'home'), { PATH: folder, DISPLAY: screen });

  it('is shown in a window of an installed browser, with a profile of its own', async () => {
    program('chromium', `echo "$@" > ${folder}/args`);
    expect(await open(':0')).toEqual({ kind: 'app-window' });
    expect(fs.readFileSync(path.join(folder, 'args'), 'utf8')).toBe(
      `--app=http://127.0.0.1:1/#token=x --user-data-dir=${folder}/home/browser --no-first-run --no-default-browser-check\n`,
    );
  });

  it('goes to the system’s opener where that browser fails or there is no screen for it', async () => {
    program('chromium', 'exit 1');
    program('xdg-open', `echo "$@" > ${folder}/args`);
    expect(await open(':0')).toEqual({ kind: 'browser' });
    expect(await open('')).toEqual({ kind: 'browser' });
    expect(fs.readFileSync(path.join(folder, 'args'), 'utf8')).toBe('http://127.0.0.1:1/#token=x\n');
  });

  it('is only printed where nothing opens it', async () => {
    expect(await open(':0')).toEqual({ kind: 'none' });
  });
});
