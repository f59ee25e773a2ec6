/**
 * Which packs a sample reads: drawn by a seed, until they hold the share of all bytes that was asked for. A pack is read
 * whole or not at all, because its name vouches for all of its bytes.
 */
import type { PackId } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { concatBytes, fromHex, toHex } from '../kernel/index.ts';

/**
 * At least `percent` of the bytes, and at least one pack where there is any. The same seed draws the same packs; what is
 * added to a repository does not change the order of the others.
 */
export function drawPacks(packs: ReadonlyMap<PackId, number>, percent: number, seed: Uint8Array): ReadonlySet<PackId> {
  const drawn = [...packs]
    .map(([packId, sizeBytes]) => ({ packId, sizeBytes, lot: toHex(hash(concatBytes([seed, fromHex(packId)]))) }))
    .sort((left, right) => (left.lot < right.lot ? -1 : 1));
  const wanted = drawn.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) * (percent / 100);
  const chosen = new Set<PackId>();
  let bytes = 0;
  for (const { packId, sizeBytes } of drawn) {
    if (chosen.size > 0 && bytes >= wanted) break;
    chosen.add(packId);
    bytes += sizeBytes;
  }
  return chosen;
}
