/**
 * Restores of several paths as one job. Paths below another one are part of it; where names would meet in the target,
 * each goes into the folders it came from, so that nothing that was asked for replaces another.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type { ConflictChoice } from '../../../src-shared/api/index.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { RestoreReport, SnapshotSummary } from '../../../src-shared/model/index.ts';
import type { OpenRepository, OverwriteMode } from '../api.ts';
import { bytesOf, joinPath } from '../kernel/index.ts';
import type { JobContext } from './jobs.ts';
import type { Listings } from './listings.ts';
import { sumOf } from './reports.ts';

/**
 * “replace” leaves what is unchanged as it is, and like “if-newer” keeps what it replaces: both can be taken back.
 */
export const CONFLICT_MODES = {
  'keep-both': { overwrite: 'keep-both', keepReplaced: false },
  replace: { overwrite: 'if-changed', keepReplaced: true },
  'if-newer': { overwrite: 'if-newer', keepReplaced: true },
  skip: { overwrite: 'never', keepReplaced: false },
} as const satisfies Record<ConflictChoice, { readonly overwrite: OverwriteMode; readonly keepReplaced: boolean }>;

/** One call of the engine: a path of the snapshot, and the folder below the target it goes into (“” for the target). */
export type RestorePart = { readonly path: string; readonly below: string };

/** Pure: what is restored where. `paths` are escaped; an empty one is everything. */
export function planParts(paths: readonly string[], toFolder: boolean): readonly RestorePart[] {
  const trimmed = paths.map((path) =>
    path
      .split('/')
      .filter((name) => name !== '' && name !== '.')
      .join('/'),
  );
  if (trimmed.includes('')) return [{ path: '', below: '' }];
  const distinct = [...new Set(trimmed)].toSorted();
  const tops = distinct.filter((path) => !distinct.some((other) => other !== path && path.startsWith(`${other}/`)));
  if (!toFolder) return tops.map((path) => ({ path, below: '' }));
  // Some systems take “Report” and “report” for one name; to keep them apart is right everywhere.
  const key = (path: string): string => nameOf(path).normalize('NFC').toLocaleLowerCase('en');
  const names = new Map<string, number>();
  for (const path of tops) names.set(key(path), (names.get(key(path)) ?? 0) + 1);
  const common = commonFolder(tops);
  return tops.map((path) => {
    const meets = (names.get(key(path)) ?? 0) > 1;
    return { path, below: meets ? folderOf(path).slice(common.length).replace(/^\//, '') : '' };
  });
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** The deepest folder that all of them lie in. */
function commonFolder(paths: readonly string[]): string {
  let common = folderOf(paths[0] ?? '');
  while (common !== '' && !paths.every((path) => path.startsWith(`${common}/`))) common = folderOf(common);
  return common;
}

export type RestoreTask = {
  readonly repository: OpenRepository;
  readonly listings: Listings;
  readonly destinationId: string;
  readonly snapshotId: string;
  readonly paths: readonly string[];
  /** Undefined: where it came from. */
  readonly target: Buffer | undefined;
  readonly conflict: ConflictChoice;
  readonly dryRun: boolean;
  /** Told for each part, before it changes anything, what it can be taken back by. */
  readonly onUndoable: (undoId: string) => void;
};

/** Runs all parts, one after the other, and tells their progress as one. What was restored before a failure stays. */
export async function runRestore(task: RestoreTask, context: JobContext): Promise<RestoreReport> {
  const parts = planParts(task.paths, task.target !== undefined);
  if (parts.length > 1) context.expect({ files: 0, bytes: await bytesOfParts(task, parts) });
  const mode = CONFLICT_MODES[task.conflict];
  const reports: RestoreReport[] = [];
  let filesBefore = 0;
  let bytesBefore = 0;
  for (const part of parts) {
    if (context.signal.aborted) throw new CairnError('engine/cancelled', 'Stopped before it was done.');
    let files = 0;
    let bytes = 0;
    reports.push(
      await task.repository.restore({
        from: { snapshot: task.snapshotId, path: bytesOf(part.path) },
        ...(task.target === undefined ? {} : { target: targetOf(task.target, part) }),
        overwrite: mode.overwrite,
        keepReplaced: mode.keepReplaced && !task.dryRun,
        dryRun: task.dryRun,
        onUndoable: task.onUndoable,
        signal: context.signal,
        onProgress: (progress) => {
          files = progress.files;
          bytes = progress.bytes;
          const isOnly = parts.length === 1;
          context.onProgress({
            phase: progress.phase,
            files: filesBefore + files,
            bytes: bytesBefore + bytes,
            filesTotal: isOnly ? progress.filesTotal : 0,
            bytesTotal: isOnly ? progress.bytesTotal : 0,
            current: progress.current,
          });
        },
      }),
    );
    filesBefore += files;
    bytesBefore += bytes;
  }
  return sumOf(reports);
}

function targetOf(target: Buffer, { below }: RestorePart): Buffer {
  return below === '' ? target : joinPath(target, bytesOf(below));
}

/** From the listings of their folders, which the person has just looked at. */
async function bytesOfParts(task: RestoreTask, parts: readonly RestorePart[]): Promise<number> {
  let bytes = 0;
  const byFolder = new Map<string, Set<string>>();
  for (const { path } of parts)
    byFolder.set(folderOf(path), (byFolder.get(folderOf(path)) ?? new Set()).add(nameOf(path)));
  for (const [path, wanted] of byFolder) {
    const at = { destinationId: task.destinationId, snapshotId: task.snapshotId, path };
    try {
      bytes += await task.listings.bytesOf(task.repository, at, wanted);
    } catch (error) {
      // Only the remaining time is at stake; the restore itself names what is missing.
      if (!isCairnError(error)) throw error;
    }
  }
  return bytes;
}

/** Where a restore to the original place goes, for people: the folder that all its paths share. */
export function originalPlace(snapshot: SnapshotSummary, paths: readonly string[]): string {
  const [first, ...others] = snapshot.sources;
  if (first === undefined) return '/';
  if (others.length === 0) {
    const folders = planParts(paths, false).map(({ path }) => (path === '' ? '' : folderOf(path)));
    const common = folders.length === 1 ? (folders[0] ?? '') : '';
    return common === '' ? first.path : `${first.path.replace(/\/$/, '')}/${common}`;
  }
  const names = new Set(planParts(paths, false).map(({ path }) => path.split('/')[0] ?? ''));
  const source = snapshot.sources.find(({ name }) => names.size === 1 && names.has(name));
  return source?.path ?? snapshot.sources.map(({ path }) => displayPath(path)).join(', ');
}
