/**
 * Which path each watch stands for. A watch belongs to a folder itself, not to its path, so a folder that is moved keeps
 * it: a place below another folder that moves has moved too, which is why places know their parent and not their path.
 *
 * A folder may be seen at two places: while a move is known from one side only, or where one is mounted twice. Then its
 * watch stands for both. A watch ends when its last place is dropped.
 */
import { joinPath } from '../folder.ts';

export type Place = {
  readonly watch: number;
  /** Undefined for a root. */
  readonly parent: Place | undefined;
  /** Raw bytes as latin1; of a root its whole path. */
  readonly name: string;
  children: Map<string, Place> | undefined;
};

export class WatchTree {
  readonly #byWatch = new Map<number, Place | readonly Place[]>();
  readonly #end: (watch: number) => void;

  /** `end` is called for each watch that stands for nothing any more. */
  constructor(end: (watch: number) => void) {
    this.#end = end;
  }

  /** Watches, which is folders. */
  get size(): number {
    return this.#byWatch.size;
  }

  placesOf(watch: number): readonly Place[] {
    const found = this.#byWatch.get(watch);
    if (found === undefined) return [];
    return 'watch' in found ? [found] : found;
  }

  child(parent: Place, name: string): Place | undefined {
    return parent.children?.get(name);
  }

  /** False for a place that was dropped, or lies below one. */
  isPlaced(place: Place): boolean {
    for (let at = place; at.parent !== undefined; at = at.parent) {
      if (at.parent.children?.get(at.name) !== at) return false;
    }
    return true;
  }

  /** Another folder at this place before is dropped with everything below it. */
  put(watch: number, parent: Place | undefined, name: string): Place {
    const before = parent?.children?.get(name);
    if (before?.watch === watch) return before;
    if (before !== undefined) this.drop(before);
    const place: Place = { watch, parent, name, children: undefined };
    if (parent !== undefined) (parent.children ??= new Map<string, Place>()).set(name, place);
    const others = this.placesOf(watch);
    this.#byWatch.set(watch, others.length === 0 ? place : [...others, place]);
    return place;
  }

  /** A place and all below it. Watches that stand nowhere else end. */
  drop(top: Place): void {
    this.#detach(top);
    const places = [top];
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      if (place.children !== undefined) places.push(...place.children.values());
      if (this.#forgetPlace(place)) this.#end(place.watch);
    }
  }

  /** A watch that the system has ended: its folder is gone. What is below ends by itself. */
  forget(watch: number): void {
    for (const place of this.placesOf(watch)) this.#detach(place);
    this.#byWatch.delete(watch);
  }

  pathOf(place: Place): Buffer {
    const names: Buffer[] = [];
    let root = place;
    for (; root.parent !== undefined; root = root.parent) names.push(Buffer.from(root.name, 'latin1'));
    return names.reduceRight<Buffer>(joinPath, Buffer.from(root.name, 'latin1'));
  }

  #detach(place: Place): void {
    const { parent, name } = place;
    if (parent?.children?.get(name) !== place) return;
    parent.children.delete(name);
    if (parent.children.size === 0) parent.children = undefined;
  }

  /** True where the watch stands for nothing any more. */
  #forgetPlace(place: Place): boolean {
    const others = this.placesOf(place.watch).filter((other) => other !== place);
    const [only] = others;
    if (only === undefined) return this.#byWatch.delete(place.watch);
    this.#byWatch.set(place.watch, others.length === 1 ? only : others);
    return false;
  }
}
