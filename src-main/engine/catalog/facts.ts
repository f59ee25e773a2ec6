/**
 * What the catalog keeps of an entry: as much as a listing, a list of versions and a search show. Two states of a path
 * with equal facts are one version; owner, attributes and chunks are not among them.
 */
import { equalBytes } from '../kernel/index.ts';
import { type Entry, MODE_MAX, NODE_TYPE_NUMBER, type NodeType } from '../merkle/index.ts';
import { CatalogDamage } from './database-file.ts';
import { type Row, blobOrNone, integer, integerOrNone } from './rows.ts';

export type Facts = {
  readonly nodeType: NodeType;
  readonly mode: number;
  /** Of a file its bytes, of a folder those of all files below it, of a link those of its target. */
  readonly size: number;
  readonly mtimeNs: bigint;
  /** Of a file its content hash, of a link its target. */
  readonly content: Uint8Array | undefined;
  /** Of a folder: the names in it and below it. */
  readonly entries: number | undefined;
};

/** Type and mode are one number. */
export const TYPE_SHIFT = MODE_MAX + 1;
const NS_PER_MS = 1_000_000n;

export function factsOf(entry: Entry): Facts {
  const { nodeType, mode, mtimeNs } = entry;
  const shared = { nodeType, mode, mtimeNs, content: undefined, entries: undefined };
  switch (entry.nodeType) {
    case 'file':
      return { ...shared, size: entry.size, content: entry.contentHash };
    case 'directory':
      return { ...shared, size: entry.totalBytes, entries: entry.totalEntries };
    case 'symlink':
      return { ...shared, size: entry.target.length, content: entry.target };
    case 'fifo':
    case 'socket':
    case 'char-device':
    case 'block-device':
      return { ...shared, size: 0 };
  }
}

export function sameFacts(left: Facts, right: Facts): boolean {
  return (
    left.nodeType === right.nodeType &&
    left.mode === right.mode &&
    left.size === right.size &&
    left.mtimeNs === right.mtimeNs &&
    left.entries === right.entries &&
    (left.content === undefined || right.content === undefined
      ? left.content === right.content
      : equalBytes(left.content, right.content))
  );
}

/** Columns of a version that hold its facts, in the order of `factsInRow`. A time is cut in two that are safe as numbers. */
export const FACT_COLUMNS =
  'v.mode, v.size, v.mtime / 1000000, v.mtime % 1000000, v.content, v.entries' satisfies string;

/** Values for the columns (mode, size, mtime, content, entries). */
export function factValues(facts: Facts): readonly [number, number, bigint, Uint8Array | null, number | null] {
  const { nodeType, mode, size, mtimeNs, content, entries } = facts;
  return [NODE_TYPE_NUMBER[nodeType] * TYPE_SHIFT + mode, size, mtimeNs, content ?? null, entries ?? null];
}

/** `at`: where FACT_COLUMNS begin in the row. */
export function factsInRow(row: Row, at: number): Facts {
  const typed = integer(row[at]);
  return {
    nodeType: nodeTypeOf(typed),
    mode: typed % TYPE_SHIFT,
    size: integer(row[at + 1]),
    mtimeNs: BigInt(integer(row[at + 2])) * NS_PER_MS + BigInt(integer(row[at + 3])),
    content: blobOrNone(row[at + 4]),
    entries: integerOrNone(row[at + 5]),
  };
}

const NODE_TYPES = new Map(
  (Object.keys(NODE_TYPE_NUMBER) as NodeType[]).map((nodeType) => [NODE_TYPE_NUMBER[nodeType] as number, nodeType]),
);

/** Of the first of FACT_COLUMNS. */
export function nodeTypeOf(typedMode: number): NodeType {
  const nodeType = NODE_TYPES.get(Math.floor(typedMode / TYPE_SHIFT));
  if (nodeType === undefined) throw new CatalogDamage('a version has no type');
  return nodeType;
}
