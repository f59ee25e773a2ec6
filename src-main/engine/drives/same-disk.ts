/**
 * Whether a backup would lie on the disk of what it protects: it would be lost together with it. Told by the device of the
 * filesystem, and where the system knows them by the disks below it.
 */
import { stat } from 'node:fs/promises';
import { Patience } from './patience.ts';
import { type VolumeTable, isSilent, realPlace, volumeOf } from './volumes.ts';

const patience = new Patience<number | undefined>(1500, undefined);

/** False too where it can't be told. Both are paths of what exists. */
export async function shareDisk(place: Buffer, source: Buffer, table: VolumeTable): Promise<boolean> {
  if (isSilent(place, table) || isSilent(source, table)) return false;
  const [one, other] = await Promise.all([deviceOf(place), deviceOf(source)]);
  if (one !== undefined && one === other) return true;
  const [here, there] = await Promise.all([place, source].map(async (at) => disksOf(await realPlace(at), table)));
  return here?.some((disk) => there?.includes(disk)) === true;
}

function deviceOf(path: Buffer): Promise<number | undefined> {
  return patience.ask(path.toString('latin1'), () =>
    stat(path).then(
      ({ dev }) => dev,
      () => undefined,
    ),
  );
}

function disksOf(path: Buffer, table: VolumeTable): readonly string[] {
  return volumeOf(path, table)?.disks ?? [];
}
