/** What Linux tells of its drives, from folders laid out as /sys and /dev/disk are. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxSource } from '../../../src-main/engine/drives/linux-volumes.ts';

describe.runIf(process.platform === 'linux')('the drives of Linux', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-drives-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const at = (...names: string[]): string => path.join(folder, ...names);

  /** A disk or a partition in /sys, with its link in /sys/class/block. */
  function block(device: string, options: { partition?: number; removable?: boolean; slaves?: string[] } = {}): void {
    const name = path.basename(device);
    fs.mkdirSync(at('devices', device, 'slaves'), { recursive: true });
    fs.mkdirSync(at('block'), { recursive: true });
    fs.symlinkSync(at('devices', device), at('block', name));
    if (options.partition !== undefined) fs.writeFileSync(at('devices', device, 'partition'), `${options.partition}\n`);
    else fs.writeFileSync(at('devices', device, 'removable'), options.removable === true ? '1\n' : '0\n');
    for (const slave of options.slaves ?? [])
      fs.symlinkSync(at('block', slave), at('devices', device, 'slaves', slave));
  }

  function link(kind: 'by-label' | 'by-uuid' | 'by-partuuid', name: string, device: string): void {
    fs.mkdirSync(at('links', kind), { recursive: true });
    fs.symlinkSync(`../../${device}`, at('links', kind, name));
  }

  async function volumesOf(table: string, home = '/home/ada') {
    fs.writeFileSync(at('mountinfo'), table);
    const system = { mountTable: at('mountinfo'), blocks: at('block'), links: at('links') };
    return (await linuxSource(home, system).list()).volumes;
  }

  it('have label, ids and disk; one in a USB case can be unplugged whatever it says of itself', async () => {
    block('pci/nvme/nvme0n1');
    block('pci/nvme/nvme0n1/nvme0n1p2', { partition: 2 });
    block('pci/usb1/1-2/block/sdb');
    block('pci/usb1/1-2/block/sdb/sdb1', { partition: 1 });
    link('by-label', String.raw`Blue\x20one`, 'sdb1');
    link('by-uuid', '64A5-F009', 'sdb1');
    link('by-partuuid', 'c0ffee-01', 'sdb1');
    const volumes = await volumesOf(
      '1 0 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n2 1 8:17 / /media/ada/x ro - exfat /dev/sdb1 rw\n',
    );
    expect(volumes).toMatchObject([
      { device: '/dev/nvme0n1p2', disks: ['nvme0n1'], label: '/', uuid: undefined, removable: false, system: true },
      {
        mountKey: '2 8:17',
        device: '/dev/sdb1',
        deviceId: '8:17',
        disks: ['sdb'],
        label: 'Blue one',
        fileSystem: 'exfat',
        uuid: '64A5-F009',
        partitionUuid: 'c0ffee-01',
        removable: true,
        network: false,
        system: false,
        writable: false,
      },
    ]);
  });

  it('are seen through encryption and volume groups down to the disks they lie on', async () => {
    block('pci/ata1/sda');
    block('pci/ata1/sda/sda2', { partition: 2 });
    block('pci/ata2/sdc', { removable: true });
    block('virtual/dm-0', { slaves: ['sda2'] });
    block('virtual/dm-1', { slaves: ['dm-0', 'sdc'] });
    link('by-uuid', 'aaaa-bbbb', 'dm-1');
    fs.mkdirSync(at('mapper'));
    const volumes = await volumesOf(`1 0 253:1 / /mnt/vault rw - ext4 /dev/dm-1 rw\n`);
    expect(volumes).toMatchObject([{ disks: ['sda', 'sdc'], uuid: 'aaaa-bbbb', removable: true }]);
  });

  it('that lie in a circle of layers come to an end', async () => {
    block('virtual/dm-0', { slaves: ['dm-0'] });
    expect(await volumesOf('1 0 253:0 / /mnt/odd rw - ext4 /dev/dm-0 rw\n')).toMatchObject([{ disks: [] }]);
  });

  it('of a server are named as such, and borrow nothing of a disk with a like name', async () => {
    block('pci/ata1/sda');
    link('by-label', 'Wrong', 'sda');
    const volumes = await volumesOf('1 0 0:50 / /mnt/nas rw - nfs4 nas:/sda rw\n');
    expect(volumes).toMatchObject([{ label: 'nas', network: true, disks: [], uuid: undefined }]);
  });

  it('include the one with the home folder among the system’s', async () => {
    const volumes = await volumesOf(
      '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /home rw - ext4 /dev/sda2 rw\n3 1 8:3 / /srv rw - ext4 /dev/sda3 rw\n',
    );
    expect(volumes.map(({ mountPoint, system }) => [mountPoint.toString(), system])).toEqual([
      ['/', true],
      ['/home', true],
      ['/srv', false],
    ]);
  });

  it('are none without a table, and the look costs no error', async () => {
    const source = linuxSource('/home/ada', { mountTable: at('no'), blocks: at('no'), links: at('no') });
    expect(await source.list()).toEqual({ volumes: [], mounts: [] });
    expect(await source.signature()).toBe('');
  });

  it('of this very computer can be listed', async () => {
    const { volumes, mounts } = await linuxSource(fs.realpathSync('/')).list();
    expect(mounts.length).toBeGreaterThan(0);
    expect(volumes.some(({ mountPoint, system }) => system && mountPoint.toString() === '/')).toBe(true);
  });
});
