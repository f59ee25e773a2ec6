/** Looking a name up in a sorted list. */
import { compareBytes } from './bytes.ts';

/** The item of a name, by halving; `items` are sorted by the raw bytes of their names. */
export function findByName<Item extends { readonly name: Uint8Array }>(
  items: readonly Item[],
  name: Uint8Array,
): Item | undefined {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item === undefined) return undefined;
    const order = compareBytes(item.name, name);
    if (order === 0) return item;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}
