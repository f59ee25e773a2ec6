/** Tables of mounts as they are found on computers, and what a person would call a drive on them. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectedDrives } from '../../../src-main/engine/desk/drives.ts';
import { drivesAmong, labelOf, parseMounts } from '../../../src-main/engine/desk/mounts.ts';

const LAPTOP = String.raw`22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
23 22 0:21 / /proc rw,nosuid shared:2 - proc proc rw
24 22 0:22 / /sys rw - sysfs sysfs rw
25 22 0:5 / /dev rw - devtmpfs udev rw
30 22 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw
31 22 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro
32 22 259:3 / /home rw - ext4 /dev/nvme0n1p3 rw
33 22 8:17 / /media/ada/Blue\040drive rw,nosuid shared:9 - exfat /dev/sdb1 rw
34 22 8:33 / /media/ada/Old rw - ext4 /dev/sdc1 ro
35 22 8:17 /photos /srv/photos rw - exfat /dev/sdb1 rw
36 22 0:55 / /mnt/nas rw - nfs4 nas:/backup rw
37 22 0:56 / /run/user/1000/doc rw - fuse.portal portal rw
38 22 0:57 / /run/user/1000 rw - tmpfs tmpfs rw
not a line
39 22 8:49 / /media/ada/\134odd\011name rw master:5 propagate_from:2 - vfat /dev/sdd1 rw`;

const points = (table: string): string[] =>
  drivesAmong(parseMounts(Buffer.from(table))).map(({ mountPoint }) => mountPoint.toString());

describe('the drives among the mounts', () => {
  it('are those that a person would name, each once, under its own mount point', () => {
    expect(points(LAPTOP)).toEqual([
      '/',
      '/home',
      '/media/ada/Blue drive',
      '/media/ada/Old',
      '/media/ada/\\odd\tname',
      '/mnt/nas',
    ]);
  });

  it('know which of them can’t be written to', () => {
    const old = drivesAmong(parseMounts(Buffer.from(LAPTOP))).find(({ device }) => device === '8:33');
    expect(old?.writable).toBe(false);
  });

  it('have a root in a container too', () => {
    expect(points('100 1 0:99 / / rw - overlay overlay rw,lowerdir=/x')).toEqual(['/']);
  });

  it('keep the bytes of names that are no text', () => {
    const table = Buffer.concat([
      Buffer.from('33 22 8:17 / /media/'),
      Buffer.from([0xff]),
      Buffer.from(' rw - vfat /dev/sdb1 rw'),
    ]);
    expect(drivesAmong(parseMounts(table))[0]!.mountPoint).toEqual(Buffer.from([...Buffer.from('/media/'), 0xff]));
  });

  it('come from a table of nonsense as none', () => {
    expect(points('\0\n-\n- - - - - - - - -\n1 2 3 - 4')).toEqual([]);
  });

  it('have labels with spaces and other signs', () => {
    expect(labelOf(String.raw`Ada\x27s\x20drive`)).toBe("Ada's drive");
  });
});

describe.runIf(process.platform === 'linux')('the drives that are connected', () => {
  it('have label, room and kind from the system', async () => {
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-drives-'));
    const mountPoint = path.join(folder, 'mounted');
    const device = path.join(folder, 'pci/usb1/block/sdz/sdz1');
    for (const made of [mountPoint, device, path.join(folder, 'labels'), path.join(folder, 'devices')])
      fs.mkdirSync(made, { recursive: true });
    fs.symlinkSync('../../sdz1', path.join(folder, String.raw`labels/Blue\x20one`));
    fs.symlinkSync(device, path.join(folder, 'devices/8:401'));
    const table = path.join(folder, 'mountinfo');
    fs.writeFileSync(
      table,
      `1 0 8:400 / / rw - ext4 /dev/sdy1 rw\n2 1 8:401 / ${mountPoint} rw - exfat /dev/sdz1 rw\n`,
    );
    const system = { mountTable: table, devices: path.join(folder, 'devices'), labels: path.join(folder, 'labels') };
    const drives = await connectedDrives('/home/ada', system);
    expect(drives.map(({ label, removable, system: isSystem }) => [label, removable, isSystem])).toEqual([
      ['Blue one', true, false],
      ['/', false, true],
    ]);
    expect(drives[0]!.totalBytes).toBeGreaterThan(0);
    fs.rmSync(folder, { recursive: true });
  });
});
