/**
 * Where a repository changes from one form to another: a small backup becomes packs, small files are merged.
 *
 * One set of numbers for every session, carried by the context, so that a test can lower them and see every form with
 * little data. They decide nothing about what is on disk: any reader reads what was written under any limits.
 */

/** New data up to this size goes with its snapshot into one file: one write, one fsync, one rename. */
export const COMMIT_FILE_BYTES_MAX = 4 * 1024 * 1024;

/** The bounds of the format: never more commit files and index runs than these. */
export const COMMIT_FILES_MAX = 64;
export const INDEX_RUNS_MAX = 16;

export type TierLimits = {
  /** With more commit files than these, they are merged into packs. */
  readonly commitFiles: number;
  /** With more index runs than these, some are merged. */
  readonly indexRuns: number;
};

export type RepositoryLimits = TierLimits & {
  /** Compressed bytes of new data; a backup with more writes packs. */
  readonly commitFileBytesMax: number;
};

export const REPOSITORY_LIMITS: RepositoryLimits = {
  commitFileBytesMax: COMMIT_FILE_BYTES_MAX,
  // Merging begins at half of the bounds, so that concurrent writers never push past them.
  commitFiles: COMMIT_FILES_MAX / 2,
  indexRuns: INDEX_RUNS_MAX / 2,
};
