/**
 * What the catalog answers: files found in all snapshots at once, folders with their sizes, figures over time. Plain data,
 * safe to send. Paths are escaped text (src-shared/format).
 */
import type { EntryType, FileVersion } from './tree.ts';

/** A path that a search found, as it was last: `firstSnapshot` and `lastSnapshot` are those of its newest version. */
export type CatalogHit = FileVersion & {
  readonly type: EntryType;
  /** How many versions of it there are. */
  readonly versions: number;
};

export type CatalogPage = {
  /** Newest first, by the time the file was changed. */
  readonly hits: readonly CatalogHit[];
  readonly total: number;
  /** There are more than `total`: then these are the newest among those that came last into the backup. */
  readonly isCapped: boolean;
};

/** An entry of a folder. The size of a folder is that of all files below it. */
export type CatalogEntry = {
  readonly path: string;
  readonly type: EntryType;
  readonly size: number;
  readonly mtime: string;
  readonly mode: number;
  readonly target?: string;
  readonly contentHash?: string;
  /** Of a folder: the names in it and below it. */
  readonly entries?: number;
};

/** One stretch of time of a figure; without values in it there is no bucket. */
export type SeriesBucket = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
};
