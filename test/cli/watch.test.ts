/** `cairn watch` and `cairn status` as programs: a change is backed up by itself, and whoever asks hears how things stand. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAST_KDF, PASSWORD, Place, ended } from './cairn.ts';

let place: Place;
let child: ChildProcessWithoutNullStreams | undefined;

beforeEach(() => {
  place = new Place();
});
afterEach(() => {
  child?.kill('SIGKILL');
  place.dispose();
});

type Status = {
  readonly isRunning: boolean;
  readonly sets: readonly {
    readonly live?: { readonly state: string };
    readonly lastBackup?: { readonly time: string };
  }[];
};

async function statusUntil(wanted: (status: Status) => boolean): Promise<Status> {
  for (let tries = 0; tries < 600; tries++) {
    const status = (await place.json(['status', '--json'])) as Status;
    if (wanted(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it never came to that');
}

describe.runIf(process.platform === 'linux')('cairn watch', { timeout: 60_000 }, () => {
  it('backs up what changes, says how things stand, and ends in good order', async () => {
    place.write('letter.txt', 'Dear Ada,');
    await place.init();
    const file = ['--password-file', place.passwordFile];
    await place.run(['set', 'add', '--name', 'Letters', '--source', place.source, '--schedule', 'continuous', ...file]);
    expect(await statusUntil(() => true)).toMatchObject({ isRunning: false, sets: [{ name: 'Letters' }] });

    child = place.start(['watch', '--json']);
    const end = ended(child);
    const before = await statusUntil(({ isRunning, sets }) => isRunning && sets[0]?.live?.state === 'watching');
    place.write('letter.txt', 'Dear Charles, this is another letter.');
    await statusUntil(({ sets }) => sets[0]?.lastBackup?.time !== before.sets[0]?.lastBackup?.time);
    const { text } = await place.run(['cat', 'latest:letter.txt']);
    expect(text).toBe('Dear Charles, this is another letter.');

    child.kill('SIGTERM');
    expect(await end).toMatchObject({ status: 0 });
    expect(await statusUntil(() => true)).toMatchObject({ isRunning: false });
  });

  it('tells its log what it did, and nothing that is secret', async () => {
    place.write('letter.txt', 'Dear Ada,');
    const { recoveryKey } = (await place.json(['init', ...FAST_KDF])) as { recoveryKey: string };
    const hook = 'https://127.0.0.1:9/ping/hook-uuid?token=hook-token';
    const file = ['--password-file', place.passwordFile];
    const set = ['set', 'add', '--name', 'Letters', '--source', place.source, '--webhook', hook, ...file];
    await place.json([...set, '--schedule', 'continuous']);
    // Wrong in every way that asks for a secret.
    const wrong = { CAIRN_PASSWORD_FILE: '', CAIRN_PASSWORD: 'wrong-password' };
    expect((await place.run(['ls', 'latest'], { environment: wrong })).status).toBe(12);
    child = place.start(['watch', '--json']);
    const end = ended(child);
    await statusUntil(({ isRunning, sets }) => isRunning && sets[0]?.live?.state === 'watching');
    child.kill('SIGTERM');
    await end;

    const log = readFileSync(path.join(place.home, 'log/cairn.log'), 'utf8');
    expect(log).toContain('everything is looked at');
    expect(log).toContain('key/wrong-password');
    for (const secret of [PASSWORD, 'wrong-password', 'hook-uuid', 'hook-token', recoveryKey])
      expect(log.replaceAll('key/wrong-password', '')).not.toContain(secret);
    for (const line of log.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  });
});
