/** What each rule leaves out, counted for a dry run. Bounded: a tree may hold any number of ignore files. */
import type { EntryCounts, LeftOutFolder, RuleRef, RuleUse } from '../../../src-shared/model/index.ts';

const EXAMPLES_MAX = 5;
/** Rules with a row of their own; those met later share one. */
const ROWS_MAX = 1000;
const LARGEST_MAX = 10;

export const NOTHING: EntryCounts = { files: 0, folders: 0, others: 0, bytes: 0 };

export function plus(left: EntryCounts, right: EntryCounts): EntryCounts {
  return {
    files: left.files + right.files,
    folders: left.folders + right.folders,
    others: left.others + right.others,
    bytes: left.bytes + right.bytes,
  };
}

type Row = { readonly rule: RuleRef; counts: EntryCounts; readonly examples: string[] };

const OTHERS: RuleRef = { origin: 'others', rule: 'all other rules' };

export class RuleTally {
  readonly #rows = new Map<string, Row>();
  #largest: LeftOutFolder[] = [];
  #total = NOTHING;

  get total(): EntryCounts {
    return this.#total;
  }

  /** Something that a rule leaves out; `path` is the whole path, escaped. Of a folder, `counts` is all of it. */
  add(rule: RuleRef, path: string, counts: EntryCounts): void {
    const row = this.#rowOf(rule);
    row.counts = plus(row.counts, counts);
    if (row.examples.length < EXAMPLES_MAX) row.examples.push(path);
    this.#total = plus(this.#total, counts);
    if (counts.folders > 0) this.#offer({ path, rule: rule.rule, origin: rule.origin, ...counts });
  }

  /** Most bytes first, then most files. */
  rows(): readonly RuleUse[] {
    const uses = [...this.#rows.values()].map(({ rule, counts, examples }) => ({ ...rule, ...counts, examples }));
    return uses.sort((left, right) => right.bytes - left.bytes || right.files - left.files);
  }

  largest(): readonly LeftOutFolder[] {
    return this.#largest;
  }

  #rowOf(rule: RuleRef): Row {
    const key = [rule.origin, rule.path ?? '', rule.line ?? '', rule.rule].join('\0');
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    if (this.#rows.size >= ROWS_MAX && rule !== OTHERS) return this.#rowOf(OTHERS);
    const row: Row = { rule, counts: NOTHING, examples: [] };
    this.#rows.set(key, row);
    return row;
  }

  #offer(folder: LeftOutFolder): void {
    const smallest = this.#largest.at(-1);
    if (this.#largest.length >= LARGEST_MAX && smallest !== undefined && smallest.bytes >= folder.bytes) return;
    this.#largest = [...this.#largest, folder].sort((left, right) => right.bytes - left.bytes).slice(0, LARGEST_MAX);
  }
}
