/**
 * The volumes of macOS: what `mount` lists, which asks no server, and what `diskutil` knows of those on disks of this
 * computer. It takes a moment for each, so it is asked once for each mounting.
 */
import { ListedVolumes } from './listed-volumes.ts';
import { readPlist } from './plist.ts';
import { type RunTool, runTool } from './run-tool.ts';
import { type ListedVolume, VOLUMES_MAX, type VolumeSource } from './volumes.ts';

const MOUNT_TOOL = '/sbin/mount';
const DISK_TOOL = '/usr/sbin/diskutil';

/** The system's own shows all of its parts as one under “/”. */
const DRIVES = /^\/$|^\/Volumes\/[^/]+$/;

type MacMount = {
  readonly device: string;
  readonly mountPoint: string;
  readonly fileSystem: string;
  readonly options: readonly string[];
};

export function macSource(run: RunTool = runTool): VolumeSource {
  const table = async (): Promise<string> => (await run(MOUNT_TOOL, [])) ?? '';
  const known = new ListedVolumes<MacMount>(({ device, mountPoint }) => `${device} ${mountPoint}`);
  return {
    signature: table,
    list: async () => {
      const mounts = parseMacMounts(await table()).slice(0, VOLUMES_MAX);
      return { volumes: await known.of(mounts, (mount) => volumeOfMount(mount, run)), mounts: [] };
    },
  };
}

/** “/dev/disk4s1 on /Volumes/Blue (exfat, local, nodev, noowners)”, one a line. */
export function parseMacMounts(table: string): readonly MacMount[] {
  return table.split('\n').flatMap((line) => {
    const [, device, mountPoint, list] = /^(.+?) on (\/.*) \(([^()]*)\)$/.exec(line) ?? [];
    if (device === undefined || mountPoint === undefined || list === undefined || !DRIVES.test(mountPoint)) return [];
    const [fileSystem = '', ...options] = list.split(', ');
    return [{ device, mountPoint, fileSystem, options }];
  });
}

async function volumeOfMount(mount: MacMount, run: RunTool): Promise<ListedVolume> {
  const { device, mountPoint, fileSystem, options } = mount;
  const isLocal = options.includes('local');
  const text = isLocal ? await run(DISK_TOOL, ['info', '-plist', mountPoint]) : undefined;
  const facts = text === undefined ? new Map<string, string | boolean>() : readPlist(text);
  const textOf = (key: string): string | undefined => {
    const value = facts.get(key);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const disk = textOf('ParentWholeDisk');
  return {
    mountPoint: Buffer.from(mountPoint),
    mountKey: `${device} ${mountPoint}`,
    device,
    deviceId: device,
    disks: disk === undefined ? [] : [disk],
    label: textOf('VolumeName') ?? (mountPoint === '/' ? '/' : mountPoint.slice('/Volumes/'.length)),
    fileSystem,
    uuid: textOf('VolumeUUID'),
    partitionUuid: textOf('DiskUUID'),
    removable: facts.get('RemovableMediaOrExternalDevice') === true || facts.get('Internal') === false,
    network: !isLocal,
    system: mountPoint === '/',
    // The system's own volume is sealed; what a person has lies on its writable twin.
    writable: mountPoint === '/' || !options.includes('read-only'),
  };
}
