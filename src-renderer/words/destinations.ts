/** Words of the Destinations screen: a drive, how full it is and will be, and what can be done with it. */
import type { CapacityForecast, Destination, DestinationVolume } from '../../src-shared/model/index.ts';
import { formatBytes } from '../../src-shared/format/index.ts';
import { ahead, since } from './time.ts';
import type { Tone } from './verdict.ts';

const DAY_MS = 86_400_000;
/** Sooner than this, being full is something to do something about. */
const SOON_DAYS = 21;

const FILE_SYSTEMS: Readonly<Record<string, string>> = {
  exfat: 'exFAT',
  vfat: 'FAT',
  ntfs: 'NTFS',
  ntfs3: 'NTFS',
  fuseblk: 'NTFS',
  apfs: 'APFS',
  hfs: 'HFS+',
  btrfs: 'Btrfs',
  xfs: 'XFS',
  zfs: 'ZFS',
  nfs: 'NFS',
  nfs4: 'NFS',
  cifs: 'SMB',
  smb3: 'SMB',
};

/** “External drive, exFAT”. */
export function volumeWords(volume: DestinationVolume | null): string {
  if (volume === null) return 'Not seen yet';
  const kind = volume.network ? 'Network drive' : volume.removable ? 'External drive' : 'Internal drive';
  const system = FILE_SYSTEMS[volume.fileSystem] ?? volume.fileSystem;
  return system === '' ? kind : `${kind}, ${system}`;
}

export type ForecastWords = { readonly tone: Tone; readonly text: string };

export function forecastWords({ fullAt, bytesPerDay }: CapacityForecast, nowMs: number): ForecastWords {
  if (bytesPerDay === null) return { tone: 'idle', text: 'When it will be full can be told in a few days.' };
  if (fullAt === null) {
    return bytesPerDay <= 0
      ? { tone: 'good', text: 'It has not grown lately.' }
      : { tone: 'good', text: `Room for years at ${formatBytes(bytesPerDay)} a day.` };
  }
  const isSoon = Date.parse(fullAt) - nowMs < SOON_DAYS * DAY_MS;
  return {
    tone: isSoon ? 'attention' : 'good',
    text: `Full in ${ahead(fullAt, nowMs)}, at ${formatBytes(bytesPerDay)} a day.`,
  };
}

/** What a state other than “ready” means, and what happens by itself. */
export function standingWords({ state, awaySince, name }: Destination, nowMs: number): string {
  switch (state) {
    case 'away':
      return `${awaySince === null ? '' : `Away for ${since(awaySince, nowMs)}. `}Everything on it is as you left it. Cairn goes on when you plug it in.`;
    case 'locked':
      return 'It is there. Cairn needs its password before it can back up to it or restore from it.';
    case 'other':
      return `In the place of ${name} stands another backup. Nothing was written to it. Connect the drive that belongs here.`;
    case 'unusable':
    case 'ready':
      return '';
  }
}

export const destinations = {
  title: 'Destinations',
  lead: 'Where your backups are kept, and how long there is room.',
  none: 'No destination yet',
  noneHint: 'Where a backup is kept is chosen when you set it up.',
  growth: 'The next 3 months',
  usedBy: 'Used by',
  snapshots: 'Snapshots',
  checked: { quick: 'Quick check', sample: 'Sample check', deep: 'Deep check' },
  encryption: 'Encryption',
  encrypted: 'On',
  encryptedRemembered: 'On, password in the keychain',
  notEncrypted: 'Off: whoever holds it can read it',
  copy: (path: string) =>
    `A copy of it, made byte by byte, is at ${path}. Cairn writes to this one only. To use both, let Cairn make the second one itself.`,
  restore: 'Restore files',
  check: 'Check now',
  checking: 'Being checked',
  damage: 'See what is affected',
} as const;
