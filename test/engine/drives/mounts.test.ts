/** Tables of mounts as they are found on computers, and what a person would call a drive on them. */
import { describe, expect, it } from 'vitest';
import { drivesAmong, labelOf, mountOf, parseMounts } from '../../../src-main/engine/drives/mounts.ts';

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

describe('the mount that a path lies on', () => {
  const mounts = parseMounts(
    Buffer.from(`${LAPTOP}
40 33 0:60 / /media/ada/Blue\\040drive/inside rw - tmpfs tmpfs rw
41 22 8:65 / /media/ada/Old rw - ext4 /dev/sde1 rw`),
  );
  const deviceOf = (path: string): string | undefined => mountOf(Buffer.from(path), mounts)?.device;

  it('is the innermost one, and of two at one place the one mounted last', () => {
    expect(deviceOf('/etc/passwd')).toBe('259:2');
    expect(deviceOf('/home/ada/Documents')).toBe('259:3');
    expect(deviceOf('/homeless')).toBe('259:2');
    expect(deviceOf('/media/ada/Blue drive')).toBe('8:17');
    expect(deviceOf('/media/ada/Blue drive/inside/deep')).toBe('0:60');
    expect(deviceOf('/media/ada/Old/x')).toBe('8:65');
  });

  it('is none where there is no table', () => {
    expect(mountOf(Buffer.from('/x'), [])).toBeUndefined();
  });
});
