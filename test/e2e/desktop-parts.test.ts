/**
 * Parts of the app that a test of the whole app does not reach, on the stand-in: the keychain, sleep and shutdown.
 */
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { OwnFile } from '../../src-main/app/own-file.ts';
import { StayAwake, forwardPowerEvents } from '../../src-main/app/power.ts';
import { QuitGuard } from '../../src-main/app/policy/quit.ts';
import { Keychain, UnprotectedError, type Vault } from '../../src-main/app/policy/keychain.ts';
import { systemKeychain } from '../../src-main/app/system-keychain.ts';
import { computer, powerMonitor } from './standin/desktop.ts';
import { CancellableEvent, calls } from './standin/strict.ts';

vi.mock('electron', () => import('./standin/electron.ts'));

const makeFile = (): string => path.join(mkdtempSync(path.join(os.tmpdir(), 'cairn-keychain-')), 'secrets.json');

describe('the keychain', () => {
  beforeEach(() => {
    computer.storageBackend = 'gnome_libsecret';
  });

  it('gives back what it was given, to the next run too, and leaves no secret readable', async () => {
    const file = makeFile();
    await systemKeychain(file).write('set/1', 'four stones');
    await systemKeychain(file).write('set/2', 'another');
    expect(await systemKeychain(file).read('set/1')).toBe('four stones');
    expect(await systemKeychain(file).read('set/3')).toBeUndefined();
    expect(readFileSync(file, 'utf8')).not.toMatch(/four stones|Zm91ciBzdG9uZXM/);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    await systemKeychain(file).remove('set/1');
    expect(await systemKeychain(file).read('set/1')).toBeUndefined();
    expect(await systemKeychain(file).read('set/2')).toBe('another');
  });

  it.runIf(process.platform === 'linux').each(['basic_text', 'unknown'])(
    'refuses a desktop whose key store protects nothing (%s)',
    async (backend) => {
      computer.storageBackend = backend;
      const file = makeFile();
      const keychain = systemKeychain(file);
      await expect(keychain.write('set/1', 'four stones')).rejects.toThrow(UnprotectedError);
      await expect(keychain.read('set/1')).rejects.toThrow(UnprotectedError);
      await expect(new OwnFile(file).read()).resolves.toBeUndefined();
    },
  );

  it('seals a secret anew when the system says that its key has changed', async () => {
    let key = 1;
    const vault: Vault = {
      isAvailable: () => Promise.resolve(true),
      backend: () => undefined,
      encrypt: (text) => Promise.resolve(Buffer.from(`${key}:${text}`)),
      decrypt: (bytes) => {
        const [sealedWith, text = ''] = Buffer.from(bytes).toString().split(':');
        return Promise.resolve({ text, isStale: Number(sealedWith) !== key });
      },
    };
    const file = new OwnFile(makeFile());
    const keychain = new Keychain(vault, file);
    await keychain.write('set/1', 'four stones');
    key = 2;
    expect(await keychain.read('set/1')).toBe('four stones');
    const table = JSON.parse((await file.read()) ?? '') as Record<string, string>;
    expect(Buffer.from(table['set/1'] ?? '', 'base64').toString()).toBe('2:four stones');
  });

  it('keeps both of two secrets that are written at once', async () => {
    const keychain = systemKeychain(makeFile());
    await Promise.all([keychain.write('a', '1'), keychain.write('b', '2'), keychain.remove('c')]);
    expect(await Promise.all([keychain.read('a'), keychain.read('b')])).toEqual(['1', '2']);
  });

  it('says so when its file is damaged, instead of losing the others', async () => {
    const file = makeFile();
    await new OwnFile(file).write('{"set/1": 5}');
    await expect(systemKeychain(file).write('set/2', 'x')).rejects.toThrow();
    expect(readFileSync(file, 'utf8')).toBe('{"set/1": 5}');
  });
});

describe('sleep and shutdown', () => {
  it('are told to the engine, and a shutdown waits until the app has ended', async () => {
    const did: string[] = [];
    const guard = new QuitGuard({
      askActivities: () => Promise.reject(new Error('Nobody is asked when the system goes down.')),
      ask: () => Promise.reject(new Error('Nobody is asked when the system goes down.')),
      hideWindow: () => {},
      stopEngine: async () => void did.push('stop'),
      exit: () => did.push('exit'),
    });
    forwardPowerEvents((event) => did.push(event), guard);
    const shutdown = new CancellableEvent();
    powerMonitor.emit('suspend');
    powerMonitor.emit('resume');
    powerMonitor.emit('shutdown', shutdown);
    await vi.waitFor(() => expect(did).toEqual(['suspend', 'resume', 'shutdown', 'stop', 'exit']));
    expect(shutdown.defaultPrevented).toBe(true);
  });

  it('the computer stays awake exactly while Cairn is at work', () => {
    const awake = new StayAwake();
    const before = calls.length;
    for (const state of ['idle', 'working', 'working', 'attention', 'idle', 'working', 'problem'] as const)
      awake.follow(state);
    expect(calls.slice(before).map(({ api }) => api)).toEqual([
      'powerSaveBlocker.start',
      'powerSaveBlocker.stop',
      'powerSaveBlocker.start',
      'powerSaveBlocker.stop',
    ]);
  });
});
