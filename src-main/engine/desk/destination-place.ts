/** Where a destination is now, for a command that has no desk and runs once. */
import type { Ports } from '../kernel/index.ts';
import { type VolumeTable, destinationPath, findDestination, standingAt } from '../drives/index.ts';
import type { DestinationRecord } from '../sets/index.ts';
import { refusalOf, soughtOf } from './destination-status.ts';

/** @throws CairnError destination/gone, repository/wrong-identity, or why it can't be used */
export async function placeOfDestination(
  record: DestinationRecord,
  { ports, table }: { readonly ports: Ports; readonly table: VolumeTable },
): Promise<string> {
  const look = (place: string) => standingAt(place, ports.random);
  const found = await findDestination(soughtOf(record), { table, look, everywhere: true });
  if (found.kind === 'found') return destinationPath(found.place);
  throw refusalOf(record, found);
}
