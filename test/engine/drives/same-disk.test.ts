/** Whether a backup would be lost with the disk of what it protects, and how much folders can hold at most. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseMounts } from '../../../src-main/engine/drives/mounts.ts';
import { type VolumeTable, bytesHeldBelow, shareDisk } from '../../../src-main/engine/drives/index.ts';
import { volume } from '../../support/volumes.ts';

const NONE: VolumeTable = { volumes: [], silent: [], mounts: [] };
let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-disk-'));
  for (const name of ['source', 'place']) fs.mkdirSync(path.join(folder, name));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));
const at = (...names: string[]): Buffer => Buffer.from(path.join(folder, ...names));

/** Two filesystems by the table, whatever they are really. */
const PROC = Buffer.from('/proc');
function tableOf(here: readonly string[], there: readonly string[]): VolumeTable {
  const mounts = parseMounts(
    Buffer.from(`1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /proc rw - ext4 /dev/sda2 rw\n`),
  );
  const volumes = [volume('/', { deviceId: '8:1', disks: here }), volume('/proc', { deviceId: '8:2', disks: there })];
  return { volumes, silent: [], mounts };
}

describe('two places', () => {
  it('on one filesystem share their disk', async () => {
    expect(await shareDisk(at('place'), at('source'), NONE)).toBe(true);
  });

  it.runIf(process.platform === 'linux')('on two partitions share it too, on two disks they don’t', async () => {
    expect(await shareDisk(PROC, at('source'), tableOf(['sda'], ['sda']))).toBe(true);
    expect(await shareDisk(PROC, at('source'), tableOf(['sda', 'sdb'], ['sdb', 'sdc']))).toBe(true);
    expect(await shareDisk(PROC, at('source'), tableOf(['sda'], ['sdb']))).toBe(false);
    // What is not known is no warning.
    expect(await shareDisk(PROC, at('source'), tableOf([], []))).toBe(false);
  });

  it('are not asked for where their drive does not answer', async () => {
    expect(await shareDisk(at('place'), at('source'), { ...NONE, silent: [at('place')] })).toBe(false);
    expect(await shareDisk(at('place'), at('source'), { ...NONE, silent: [at('source')] })).toBe(false);
  });

  it('that are not there share nothing', async () => {
    expect(await shareDisk(at('no'), at('source'), NONE)).toBe(false);
  });
});

describe('what folders hold at most', () => {
  it('is what their filesystem has in use, counted once', async () => {
    const { blocks, bavail, bsize } = fs.statfsSync(folder);
    const held = await bytesHeldBelow([at('source'), at('place')], NONE);
    // Others write meanwhile.
    expect(Math.abs(held! - (blocks - bavail) * bsize)).toBeLessThan(5e9);
    // A file that claims a terabyte holds nothing.
    fs.writeFileSync(path.join(folder, 'source/disk.img'), '');
    fs.truncateSync(path.join(folder, 'source/disk.img'), 2 ** 40);
    expect((await bytesHeldBelow([at('source')], NONE))! - held!).toBeLessThan(2 ** 39);
  });

  it.runIf(process.platform === 'linux')('is not known where a filesystem below has no size', async () => {
    const table = tableOf(['sda'], ['sda']);
    expect(await bytesHeldBelow([Buffer.from('/')], table)).toBeUndefined();
    expect(await bytesHeldBelow([at('source')], table)).toBeGreaterThan(0);
  });

  it('is not known where a drive does not answer, or is not there', async () => {
    expect(await bytesHeldBelow([at('source')], { ...NONE, silent: [at('source')] })).toBeUndefined();
    expect(await bytesHeldBelow([at('no')], NONE)).toBeUndefined();
  });
});
