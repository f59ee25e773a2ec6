/** Which drive a path lies on, and drives that do not answer. */
import { describe, expect, it } from 'vitest';
import { parseMounts } from '../../../src-main/engine/drives/mounts.ts';
import {
  type VolumeTable,
  isSilent,
  mountKeyOf,
  pathOnVolume,
  volumeOf,
  withSpace,
} from '../../../src-main/engine/drives/volumes.ts';
import { volume } from '../../support/volumes.ts';

const SPACE = { freeBytes: 10, totalBytes: 20 };
const answers = { isFolder: () => Promise.resolve(true), spaceAt: () => Promise.resolve(SPACE) };
const points = ({ volumes }: VolumeTable): string[] => volumes.map(({ mountPoint }) => mountPoint.toString());

describe('the table of drives', () => {
  const system = volume('/', { system: true, removable: false, label: 'System' });
  const inner = volume('/srv', { removable: false, label: 'Archive' });
  const blue = volume('/media/ada/Blue');

  it('has what can be unplugged first and the system last, each with its room', async () => {
    const table = await withSpace({ volumes: [system, inner, blue], mounts: [] }, answers);
    expect(points(table)).toEqual(['/media/ada/Blue', '/srv', '/']);
    expect(table.volumes[0]).toMatchObject(SPACE);
  });

  it('names a drive that does not answer, and asks nothing else of it', async () => {
    let asked = 0;
    const dead = volume('/mnt/nas', { network: true });
    const table = await withSpace(
      { volumes: [dead, blue], mounts: [] },
      {
        isFolder: (path) => Promise.resolve(path.equals(dead.mountPoint) ? undefined : true),
        spaceAt: () => {
          asked++;
          return Promise.resolve(SPACE);
        },
      },
    );
    expect(points(table)).toEqual(['/media/ada/Blue']);
    expect(asked).toBe(1);
    expect(isSilent(Buffer.from('/mnt/nas/photos'), table)).toBe(true);
    expect(isSilent(Buffer.from('/mnt/nasty'), table)).toBe(false);
  });

  it('leaves out what is no folder: containers mount single files', async () => {
    const table = await withSpace({ volumes: [blue], mounts: [] }, { ...answers, isFolder: async () => false });
    expect(table).toMatchObject({ volumes: [], silent: [] });
  });
});

describe('the drive of a path', () => {
  const MOUNTS = String.raw`1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:17 / /media/ada/Blue\040drive rw - exfat /dev/sdb1 rw
3 1 8:17 /photos /srv/photos rw - exfat /dev/sdb1 rw
4 2 0:40 / /media/ada/Blue\040drive/scratch rw - tmpfs tmpfs rw`;
  const root = volume('/', { system: true, mountKey: '1 8:1', deviceId: '8:1' });
  const blue = volume('/media/ada/Blue drive', { mountKey: '2 8:17', deviceId: '8:17' });
  const table: VolumeTable = { volumes: [blue, root], silent: [], mounts: parseMounts(Buffer.from(MOUNTS)) };
  const at = (path: string) => volumeOf(Buffer.from(path), table);

  it('is the one it really lies on', () => {
    expect(at('/home/ada')).toBe(root);
    expect(at('/media/ada/Blue drive/Cairn')).toBe(blue);
    expect(at('/media/ada/Blue')).toBe(root);
  });

  it('is the same one through another mounting of it, but the path on it is not', () => {
    expect(at('/srv/photos/2026')).toBe(blue);
    expect(pathOnVolume(Buffer.from('/srv/photos/2026'), blue)).toBeUndefined();
    expect(mountKeyOf(Buffer.from('/srv/photos/2026'), table)).toBe('3 8:17');
  });

  it('is none where something else is mounted in between', () => {
    expect(at('/media/ada/Blue drive/scratch/x')).toBeUndefined();
    expect(mountKeyOf(Buffer.from('/media/ada/Blue drive/scratch/x'), table)).toBe('4 0:40');
  });

  it('is told by the mount point where the system has no table', () => {
    const plain = { ...table, mounts: [] };
    expect(volumeOf(Buffer.from('/media/ada/Blue drive/Cairn'), plain)).toBe(blue);
    expect(volumeOf(Buffer.from('/home/ada'), plain)).toBe(root);
  });

  it('gives the path from the mount point', () => {
    expect(pathOnVolume(Buffer.from('/media/ada/Blue drive/Cairn/x'), blue)?.toString()).toBe('Cairn/x');
    expect(pathOnVolume(Buffer.from('/media/ada/Blue drive'), blue)?.toString()).toBe('');
    expect(pathOnVolume(Buffer.from('/srv/x'), root)?.toString()).toBe('srv/x');
  });
});
