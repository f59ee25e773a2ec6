/**
 * Restores that can be taken back, as files in CAIRN_HOME: one journal each, named by its time and something random. It is
 * made before the restore changes anything and goes when the restore was taken back, or has changed nothing.
 */
import { readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath, formatTime } from '../../../src-shared/format/index.ts';
import type { RestoreReport, UndoReport, UndoableRestore } from '../../../src-shared/model/index.ts';
import { type Ports, toHex } from '../kernel/index.ts';
import { type UndoOptions, type UndoRequest, holdsChanges, undoRestore } from '../restore/index.ts';
import { localErrno, localStateError, makeLocalFolder } from './local-file.ts';

type Host = { readonly ports: Ports; readonly home: string };

const RANDOM_BYTES = 4;
const SUFFIX = '.journal';
/** “2026-11-22T14-05-33.123Z-1a2b3c4d”: no character that any filesystem refuses. */
const UNDO_ID = /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2}\.\d{3}Z)-[0-9a-f]{8}$/;

const folderOf = (home: string): string => path.join(home, 'undo');
const journalOf = (home: string, undoId: string): string => path.join(folderOf(home), `${undoId}${SUFFIX}`);

/**
 * Runs a restore that writes down what it does. `onUndoable` hears its id before anything is changed: one that fails, is
 * cancelled or is killed can be taken back as far as it came.
 */
export async function undoably(
  { ports, home }: Host,
  run: (undo: UndoOptions) => Promise<RestoreReport>,
  onUndoable: (undoId: string) => void,
): Promise<RestoreReport> {
  const time = formatTime(ports.clock.nowMs()).replaceAll(':', '-');
  const undoId = `${time}-${toHex(ports.random.bytes(RANDOM_BYTES))}`;
  await makeLocalFolder(folderOf(home)).catch((error: unknown) => {
    throw localStateError(home, error);
  });
  const journal = journalOf(home, undoId);
  onUndoable(undoId);
  try {
    const report = await run({ journal, stamp: undoId });
    if (report.restored + report.replaced + report.removed + report.conflicts.length > 0) return { ...report, undoId };
    await unlink(journal).catch(() => undefined);
    return report;
  } catch (error) {
    if (!mayHoldChanges(journal)) await unlink(journal).catch(() => undefined);
    throw error;
  }
}

/** What can't be read is kept: it may be all that leads back. */
function mayHoldChanges(journal: string): boolean {
  try {
    return holdsChanges(journal);
  } catch {
    return true;
  }
}

/** Newest first. */
export async function listUndoable({ home }: Host): Promise<readonly UndoableRestore[]> {
  let names: readonly string[];
  try {
    names = await readdir(folderOf(home));
  } catch (error) {
    if (localErrno(error) === 'ENOENT') return [];
    throw localStateError(home, error);
  }
  return names
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length))
    .flatMap((undoId) => {
      const [, date, hours, minutes, seconds] = UNDO_ID.exec(undoId) ?? [];
      return date === undefined ? [] : [{ undoId, time: `${date}T${hours}:${minutes}:${seconds}` }];
    })
    .sort((left, right) => (left.undoId < right.undoId ? 1 : -1));
}

/** @throws CairnError path/not-found, engine/cancelled, engine/local-state, restore/target */
export async function undo(
  host: Host,
  undoId: string,
  { onProgress = () => undefined, signal }: Partial<Pick<UndoRequest, 'onProgress' | 'signal'>>,
): Promise<UndoReport> {
  const known = await listUndoable(host);
  if (!known.some((one) => one.undoId === undoId)) {
    throw new CairnError('path/not-found', `There is no restore “${displayPath(undoId.slice(0, 80))}” to take back.`, {
      hint: 'Only restores that kept what they replaced can be taken back, once each; “cairn undo --list” names them.',
    });
  }
  const journal = journalOf(host.home, undoId);
  const report = await undoRestore({ journal, onProgress, signal });
  await unlink(journal).catch((error: unknown) => {
    throw localStateError(host.home, error);
  });
  return report;
}
