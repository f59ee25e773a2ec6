/** How the volumes of this computer's system are asked. */
import { linuxSource } from './linux-volumes.ts';
import { macSource } from './mac-volumes.ts';
import type { VolumeSource } from './volumes.ts';
import { windowsSource } from './windows-volumes.ts';

const SOURCES: Partial<Record<NodeJS.Platform, (userHome: string) => VolumeSource>> = {
  linux: (userHome) => linuxSource(userHome),
  darwin: () => macSource(),
  win32: () => windowsSource(),
};

/** The home folder of the person says which drive is the system's own. */
export function systemVolumes(userHome: string): VolumeSource {
  const source = SOURCES[process.platform];
  if (source !== undefined) return source(userHome);
  return { signature: () => Promise.resolve(''), list: () => Promise.resolve({ volumes: [], mounts: [] }) };
}
