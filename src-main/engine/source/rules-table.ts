/**
 * Patterns in the order they were given; the last one that matches decides.
 *
 * Nearly all patterns that people write are a plain name or “*.ending”. Those are found by looking the name up, so that
 * fifty of them cost no more than one; only the others are tried one after the other.
 */
import type { Decision } from './rules.ts';

export type PatternRule = {
  readonly decision: Decision;
  readonly foldersOnly: boolean;
  /** Matches the name; otherwise the path from where the rules begin. */
  readonly onName: boolean;
  readonly matches: (text: string) => boolean;
  /** Set where the pattern matches this text and no other. */
  readonly literal?: string;
  /** Set where the pattern matches every text that ends in this and no other. */
  readonly suffix?: string;
};

type Placed = { readonly at: number; readonly rule: PatternRule };

export class RuleTable {
  readonly count: number;
  /** True where `path` is never looked at. */
  readonly isOnNames: boolean;
  readonly #names: ReadonlyMap<string, readonly Placed[]>;
  readonly #endings: ReadonlyMap<string, readonly Placed[]>;
  /** The last comes first. */
  readonly #others: readonly Placed[];

  constructor(rules: readonly PatternRule[]) {
    this.count = rules.length;
    this.isOnNames = rules.every(({ onName }) => onName);
    const names = new Map<string, Placed[]>();
    const endings = new Map<string, Placed[]>();
    const others: Placed[] = [];
    for (let at = rules.length - 1; at >= 0; at--) {
      const rule = rules[at];
      if (rule === undefined) continue;
      const ending = rule.suffix === undefined ? undefined : endingOf(rule.suffix);
      if (rule.onName && rule.literal !== undefined) addTo(names, rule.literal, { at, rule });
      else if (rule.onName && ending !== undefined) addTo(endings, ending, { at, rule });
      else others.push({ at, rule });
    }
    this.#names = names;
    this.#endings = endings;
    this.#others = others;
  }

  /** The last rule that matches. `path`: from where the rules begin, unless `isOnNames`. */
  find(name: string, path: string, isFolder: boolean): PatternRule | undefined {
    let found: Placed | undefined;
    if (this.#names.size > 0) found = lastOf(this.#names.get(name), found, name, isFolder);
    if (this.#endings.size > 0) {
      const ending = endingOf(name);
      if (ending !== undefined) found = lastOf(this.#endings.get(ending), found, name, isFolder);
    }
    for (const { at, rule } of this.#others) {
      if (found !== undefined && at < found.at) break;
      if ((!rule.foldersOnly || isFolder) && rule.matches(rule.onName ? name : path)) return rule;
    }
    return found?.rule;
  }
}

/** From the last dot on: “.gz” of “a.tar.gz”. Two texts of which one ends in the other have the same. */
function endingOf(text: string): string | undefined {
  const dot = text.lastIndexOf('.');
  return dot < 0 ? undefined : text.slice(dot);
}

function addTo(map: Map<string, Placed[]>, key: string, placed: Placed): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [placed]);
  else known.push(placed);
}

function lastOf(
  candidates: readonly Placed[] | undefined,
  found: Placed | undefined,
  name: string,
  isFolder: boolean,
): Placed | undefined {
  if (candidates === undefined) return found;
  for (const placed of candidates) {
    if (found !== undefined && placed.at < found.at) return found;
    const { foldersOnly, matches } = placed.rule;
    if ((!foldersOnly || isFolder) && matches(name)) return placed;
  }
  return found;
}
