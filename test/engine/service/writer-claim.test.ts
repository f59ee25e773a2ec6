/** Each backup has a writer id of its own while it runs, so that the events of one id form one line. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog, systemPorts } from '../../../src-main/engine/kernel/index.ts';
import type { ProcessIdentity } from '../../../src-main/engine/repository/index.ts';
import {
  WRITER_IDS_MAX,
  type WriterClaim,
  claimWriter,
  processIdentity,
} from '../../../src-main/engine/service/index.ts';

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(tmpdir(), 'cairn-claim-'));
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const ports = { ...systemPorts, log: silentLog };
const MACHINE = 'a'.repeat(32);
const self: ProcessIdentity = {
  host: 'desk',
  machineId: MACHINE,
  bootId: '0b-1',
  processSpace: 'pid:[1]',
  processId: 10,
  processStart: '5000',
  isAlive: (processId) => processId === 10 || processId === 11,
  startOf: (processId) => Promise.resolve(processId === 10 ? '5000' : '7000'),
};
const claim = (identity = self): Promise<WriterClaim> => claimWriter({ home, ports, self: identity });
const folder = (): string => path.join(home, 'writers', MACHINE);
const claims = (): string[] => fs.readdirSync(folder()).filter((name) => name.startsWith('claim-'));

describe('a writer id', () => {
  test('is the same for one backup after the other', async () => {
    const first = await claim();
    await first.release();
    const second = await claim();
    await second.release();
    expect(second.writerId).toBe(first.writerId);
    expect(claims()).toEqual([]);
  });

  test('is another one for each backup that runs at the same time, and the same few ever after', async () => {
    const rounds: string[][] = [];
    for (let round = 0; round < 2; round++) {
      const held: WriterClaim[] = [];
      for (let count = 0; count < 4; count++) held.push(await claim());
      rounds.push(held.map(({ writerId }) => writerId));
      for (const one of held) await one.release();
    }
    expect(new Set(rounds[0]).size).toBe(4);
    expect(rounds[1]).toEqual(rounds[0]);
  });

  test('is never held twice, however many claim at once', async () => {
    const held = await Promise.all(Array.from({ length: 8 }, () => claim()));
    expect(new Set(held.map(({ writerId }) => writerId)).size).toBe(8);
    await Promise.all(held.map((one) => one.release()));
    expect(claims()).toEqual([]);
  });

  test('that a dead process claimed is free at once, also where its process id lives again, or after a new start', async () => {
    const { writerId } = await claim();
    const isAlive = (processId: number): boolean => processId === 11;
    const next = { ...self, processId: 11, processStart: '7000', isAlive };
    for (const successor of [
      next,
      { ...next, isAlive: () => true, startOf: () => Promise.resolve('7000') },
      { ...next, bootId: '0b-2', isAlive: () => true },
    ]) {
      const again = await claim(successor);
      expect(again.writerId).toBe(writerId);
      expect(claims()).toHaveLength(1);
      // Left behind, as by a process that was killed.
      if (successor.bootId === '0b-2') await again.release();
      else fs.renameSync(path.join(folder(), claims()[0]!), path.join(folder(), claimNameOfFirst()));
    }
  });

  /** As process 10 of the first start would have left it. */
  const claimNameOfFirst = (): string => `claim-0-0b1-1-10-5000-${'f'.repeat(16)}`;

  test('that a process of another container claimed stays claimed for a week, by the clock of the folder', async () => {
    const first = await claim({ ...self, processSpace: 'pid:[2]' });
    const second = await claim();
    expect(second.writerId).not.toBe(first.writerId);
    await second.release();
    const [name = ''] = claims();
    const old = Date.now() / 1000 - 8 * 86_400;
    fs.utimesSync(path.join(folder(), name), old, old);
    // The first look dates the folder, the second one goes by it.
    await (await claim()).release();
    expect((await claim()).writerId).toBe(first.writerId);
  });

  test('of each computer that shares a home is its own', async () => {
    const other = await claim({ ...self, machineId: 'b'.repeat(32) });
    expect((await claim()).writerId).not.toBe(other.writerId);
  });

  test('goes on from the one that was kept before there was a pool', async () => {
    fs.writeFileSync(path.join(home, 'writer-id'), `${'c'.repeat(32)}\n`);
    expect((await claim()).writerId).toBe('c'.repeat(32));
    expect(fs.existsSync(path.join(home, 'writer-id'))).toBe(false);
  });

  test.each(['', 'no id', 'A'.repeat(32)])('in a damaged file (%j) is made anew', async (text) => {
    const first = await claim();
    await first.release();
    fs.writeFileSync(path.join(folder(), '0.id'), text);
    const second = await claim();
    expect(second.writerId).toMatch(/^[0-9a-f]{32}$/);
    expect(second.writerId).not.toBe(first.writerId);
    await second.release();
    expect((await claim()).writerId).toBe(second.writerId);
  });

  test('that can’t be had is a typed error: too many at once, or a home that can’t be used', async () => {
    for (let count = 0; count < WRITER_IDS_MAX; count++) await claim();
    await expect(claim()).rejects.toMatchObject({ code: 'repository/busy', retry: 'later' });
    fs.rmSync(home, { recursive: true });
    fs.writeFileSync(home, 'a file');
    await expect(claim()).rejects.toMatchObject({
      code: 'engine/local-state',
      message: expect.stringContaining('ENOTDIR') as unknown,
    });
  });
});

describe('what tells processes apart', () => {
  test('is the same for one process all the while, and of this computer', async () => {
    const [first, second] = [await processIdentity({ home, ports }), await processIdentity({ home, ports })];
    expect(JSON.stringify(second)).toBe(JSON.stringify(first));
    expect(first.machineId).toMatch(/^[0-9a-f]{32}$/);
    expect(first.isAlive(process.pid)).toBe(true);
  });

  test('is another computer with another home, and unknown where the home can’t be used', async () => {
    const first = await processIdentity({ home, ports });
    const elsewhere = path.join(home, 'elsewhere');
    expect((await processIdentity({ home: elsewhere, ports })).machineId).not.toBe(first.machineId);
    fs.writeFileSync(path.join(home, 'file'), '');
    expect((await processIdentity({ home: path.join(home, 'file'), ports })).machineId).toBe('');
  });

  test('is one computer, however many processes are the first there', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => processIdentity({ home, ports })));
    expect(new Set(all.map(({ machineId }) => machineId)).size).toBe(1);
    expect(fs.readdirSync(home)).toEqual(['machine-id']);
  });

  test.runIf(process.platform === 'linux')('knows when a process began, and that a dead one has ended', async () => {
    const identity = await processIdentity({ home, ports });
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const processId = child.pid!;
    const startOf = identity.startOf!;
    const own = await startOf(process.pid);
    expect(own).toBe(identity.processStart);
    const begun = await startOf(processId);
    expect(Number(begun)).toBeGreaterThanOrEqual(Number(own));
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(identity.isAlive(processId)).toBe(false);
    expect(await startOf(processId)).not.toBe(begun);
  });
});
