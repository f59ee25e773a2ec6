/** Words of Integrity. */
import type { SnapshotKind } from '../../src-shared/model/index.ts';
import { count, plural } from './count.ts';

export const integrity = {
  which: 'Which place',
  good: 'Your backup is whole',
  goodDetail: (what: string, when: string) => `${what} found every part as it was written, ${when}.`,
  never: 'Not checked yet',
  neverDetail: 'A check reads the backup back and compares it with its fingerprints. Begin with a quick one.',
  damaged: (number: number) => `${plural(number, 'damage')} found`,
  damagedDetail: 'Everything else stays readable and can be restored. Below is what is affected.',
  away: (name: string) => `${name} is not connected`,
  awayDetail: 'It can be checked when you plug it in. What the last check found is shown below.',
  awayNone: 'It can be checked when you plug it in.',
  verifyNow: 'Check now',
  depth: 'How deep',
  checks: 'Last checked',
  neverChecked: 'Never',
  coverage: (read: string, total: string) => `${read} of ${total} read`,
  checked: 'In the last check',
  parts: { snapshots: 'Snapshots', nodes: 'Files and folders', packs: 'Containers', blobs: 'Pieces of data' },
  chains: 'How your snapshots are kept',
  chainsHint:
    'A chain begins with a full snapshot. Each one after it adds only what changed. Every one can be restored alone.',
  chainTitle: (number: number) => `Chain ${count(number)}`,
  chainDetail: (snapshots: number, stored: string) => `${plural(snapshots, 'snapshot')}, ${stored} on the drive`,
  asGraph: 'Drawing',
  asTable: 'Table',
  noChains: 'No snapshots yet',
  noChainsHint: 'After the first backup they appear here.',
  bead: (kind: SnapshotKind, when: string, size: string, verified: boolean | null, problems: number) =>
    `${KINDS[kind]}, ${when}, ${size}, ${VERIFIED[verified === null ? 'unknown' : verified ? 'whole' : 'damaged']}${problems > 0 ? `, ${plural(problems, 'problem')}` : ''}`,
  columns: { time: 'Time', kind: 'Kind', stored: 'Added', state: 'State' },
  states: {
    whole: 'Read back, whole',
    unknown: 'Not read back yet',
    damaged: 'Damaged',
    problems: (number: number) => plural(number, 'problem'),
  },
  legend: {
    base: 'Full',
    incremental: 'Changes only',
    verified: 'Read back, whole',
    damaged: 'Damaged',
    problems: 'With problems',
  },
  damageReport: 'Damage report',
  affectsFiles: (files: number, snapshots: number) =>
    `Affects ${plural(files, 'file')} in ${plural(snapshots, 'snapshot')}`,
  affectsNothing: 'No file of yours is affected',
  morePaths: (number: number) => `and ${count(number)} more`,
  whatNow: 'What to do',
  whatNowText:
    'Back up now: what still exists on this computer is stored again, whole. Then check deeply once more. If new damage appears, replace the drive.',
  backUp: 'Back up now',
} as const;

const VERIFIED = { whole: 'read back and whole', unknown: 'not read back yet', damaged: 'damaged' } as const;

const KINDS: Readonly<Record<SnapshotKind, string>> = { base: 'Full snapshot', incremental: 'Changes only' };

export const SNAPSHOT_KINDS = KINDS;
