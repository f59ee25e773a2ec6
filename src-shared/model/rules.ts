/** What a backup leaves out, and what it would do: the records of rules and of a dry run. */
import type { Problem } from '../errors.ts';

export type RuleOrigin =
  | 'exclude'
  | 'exclude-file'
  | '.cairnignore'
  | '.gitignore'
  | 'CACHEDIR.TAG'
  | 'if-present'
  | 'size'
  | 'one-file-system'
  | 'own-files'
  /** In a report: all rules that have no row of their own. */
  | 'others';

/** A rule as a person can find it again. */
export type RuleRef = {
  readonly origin: RuleOrigin;
  /** The pattern as it was written, or a few words. */
  readonly rule: string;
  /** Of a pattern in a file: the file, escaped, and the line from 1. */
  readonly path?: string;
  readonly line?: number;
};

/** `files` are regular files and `bytes` theirs; `others` are links, sockets and the like. */
export type EntryCounts = {
  readonly files: number;
  readonly folders: number;
  readonly others: number;
  readonly bytes: number;
};

/** What one rule leaves out, folders with all that is in them. */
export type RuleUse = RuleRef & EntryCounts & { readonly examples: readonly string[] };

/** A folder that is left out, and what is in it. */
export type LeftOutFolder = EntryCounts & { readonly path: string; readonly rule: string; readonly origin: RuleOrigin };

/** What a backup would do now. Nothing is read but folders and ignore files, and nothing is written. */
export type BackupPlan = EntryCounts & {
  readonly dryRun: true;
  /** The snapshot it was compared with; null: everything counts as new. */
  readonly parentId: string | null;
  readonly filesNew: number;
  /** Of another size or time: they would be read, and may turn out to hold what they held. */
  readonly filesChanged: number;
  readonly filesUnmodified: number;
  /** In the parent and not any more, those that are newly left out included. */
  readonly filesRemoved: number;
  readonly bytesToRead: number;
  /** What the files take where they lie: less than `bytes` where they have holes, or their drive compresses. */
  readonly bytesOnDisk: number;
  readonly leftOut: EntryCounts;
  /** Folders among them whose contents are not in the counts: another file system, or not readable. */
  readonly leftOutUnmeasured: number;
  /** Most bytes first; of very many rules the last row stands for all the rest. */
  readonly rules: readonly RuleUse[];
  readonly largestLeftOut: readonly LeftOutFolder[];
  readonly problems: readonly Problem[];
  readonly durationMs: number;
};
