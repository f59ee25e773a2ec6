/** What a restore is told, and what it counts. Every default stands in RESTORE_DEFAULTS. */
import type { Progress } from '../../../src-shared/model/index.ts';

export type OverwriteMode = 'if-changed' | 'always' | 'if-newer' | 'never' | 'keep-both';

export type RestoreOptions = {
  /** Path in the snapshot, raw bytes; empty for everything. */
  readonly path: Uint8Array;
  /** Where to; undefined for the original place. */
  readonly target: Buffer | undefined;
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  readonly overwrite: OverwriteMode;
  /** Removes what is in a restored folder and not in the snapshot. */
  readonly delete: boolean;
  readonly dryRun: boolean;
  /** Owner and set-id bits are restored too: only root may. */
  readonly restoreOwner: boolean;
  /** Cairn's own folders, the repository and CAIRN_HOME: never removed, replaced or written into. */
  readonly ownFolders: readonly string[];
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal | undefined;
};

export const RESTORE_DEFAULTS = {
  path: new Uint8Array(),
  target: undefined,
  includes: [],
  excludes: [],
  overwrite: 'if-changed',
  delete: false,
  dryRun: false,
  ownFolders: [],
  onProgress: () => undefined,
  signal: undefined,
} as const satisfies Partial<RestoreOptions>;
