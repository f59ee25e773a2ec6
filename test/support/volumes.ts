/** Drives as a test wants them: a table that can be changed, and volumes with ordinary facts. */
import type { ListedVolume, Volume, VolumeListing, VolumeSource } from '../../src-main/engine/drives/volumes.ts';

export function volume(mountPoint: string, facts: Partial<Volume> = {}): Volume {
  const label = facts.label ?? mountPoint.split('/').at(-1) ?? '';
  return {
    mountPoint: Buffer.from(mountPoint),
    mountKey: `${mountPoint} ${facts.uuid ?? ''}`,
    device: `/dev/${label}1`,
    deviceId: `/dev/${label}1`,
    disks: [label],
    label,
    fileSystem: 'ext4',
    uuid: undefined,
    partitionUuid: undefined,
    removable: true,
    network: false,
    system: false,
    writable: true,
    freeBytes: 1e12,
    totalBytes: 2e12,
    ...facts,
  };
}

/** A system whose drives the test plugs in and pulls out. */
export class FakeVolumes implements VolumeSource {
  volumes: readonly ListedVolume[] = [];
  lists = 0;

  readonly signature = (): Promise<string> => Promise.resolve(this.volumes.map(({ mountKey }) => mountKey).join('\n'));

  readonly list = (): Promise<VolumeListing> => {
    this.lists++;
    return Promise.resolve({ volumes: this.volumes, mounts: [] });
  };
}
