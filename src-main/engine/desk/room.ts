/** Before a first backup writes anything: whether it can fit at all. What can't be told is tried. */
import { CairnError } from '../../../src-shared/errors.ts';
import { formatBytes } from '../../../src-shared/format/index.ts';
import type { BackupPlan } from '../../../src-shared/model/index.ts';
import { type ExpectedRun, type Space, type VolumeTable, bytesHeldBelow, roomFor } from '../drives/index.ts';

export type FirstBackup = {
  /** Of the destination, and the room on its drive. */
  readonly name: string;
  readonly space: Space;
  readonly sources: readonly Buffer[];
  readonly plan: Pick<BackupPlan, 'bytesOnDisk'>;
  readonly table: VolumeTable;
};

/** What it is believed to take; undefined where that can't be told. @throws CairnError destination/full */
export async function refuseTooSmall(first: FirstBackup): Promise<ExpectedRun | undefined> {
  const { name, space, sources, plan, table } = first;
  const held = await bytesHeldBelow(sources, table);
  if (held === undefined) return undefined;
  // Files with many names, and clones, are counted once for each name; their drive holds them once.
  const expected = { kind: 'first', plainBytes: Math.min(plan.bytesOnDisk, held) } as const;
  const room = roomFor(expected, space.freeBytes);
  if (room.kind !== 'too-small') return expected;
  const [free, plain, least] = [space.freeBytes, expected.plainBytes, room.leastBytes].map(formatBytes);
  throw new CairnError(
    'destination/full',
    `“${name}” has ${free} free. The folders hold ${plain} and take at least ${least}, however well they compress.`,
    { hint: 'Nothing was written. Choose a larger drive, or leave some folders out.' },
  );
}
