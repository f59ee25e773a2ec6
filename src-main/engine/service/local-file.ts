/**
 * Small files of this computer's own state (CAIRN_HOME): written whole under a temporary name, synced, and renamed.
 * What the system says about them becomes a typed error, because a person can do something about it.
 */
import { link, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';

/** Two names for one file, or none: filesystems that know no hard links. */
const NO_LINK_ERRNOS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK']);

/** Writes a value as JSON, readable by this user alone; folders are made as needed. Throws the system's errors. */
export async function writeLocalFile(file: string, value: unknown): Promise<void> {
  await writeLocalText(file, JSON.stringify(value));
}

/** The same for a text of any kind. */
export async function writeLocalText(file: string, text: string): Promise<void> {
  await makeLocalFolder(path.dirname(file));
  await rename(await writeTemporary(file, text), file);
}

/** The same for bytes. */
export async function writeLocalBytes(file: string, bytes: Uint8Array): Promise<void> {
  await makeLocalFolder(path.dirname(file));
  await rename(await writeTemporary(file, bytes), file);
}

/** Makes a folder that is this user's alone, and those above it. Throws the system's errors. */
export async function makeLocalFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/**
 * Makes the names in a folder durable. Where a folder can't be synced, a power cut may take the newest name along: no
 * worse than not having written it. Throws the system's errors.
 */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The text of a file that is made once and never changes: where several processes make it at a time, all get the text
 * of the one that was first. A file whose text `isSound` refuses is replaced. Throws the system's errors.
 */
export async function textMadeOnce(
  file: string,
  make: () => string,
  isSound: (text: string) => boolean,
): Promise<string> {
  const found = await textOf(file);
  if (found !== undefined && isSound(found)) return found;
  await makeLocalFolder(path.dirname(file));
  const temporary = await writeTemporary(file, make());
  if (found === undefined && (await tryLink(temporary, file))) await unlink(temporary);
  else if (found === undefined && (await textOf(file)) !== undefined) await unlink(temporary);
  else await rename(temporary, file);
  return (await textOf(file)) ?? '';
}

/** False where another was first, or the filesystem knows no links. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const errno = localErrno(error);
    if (errno !== 'EEXIST' && !NO_LINK_ERRNOS.has(errno ?? '')) throw error;
    return false;
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (localErrno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

let temporaryCount = 0;

async function writeTemporary(file: string, content: string | Uint8Array): Promise<string> {
  const temporary = `${file}.${process.pid}-${temporaryCount++}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}

/** The errno of an error of the system (“ENOSPC”), undefined for anything else. */
export function localErrno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && !isCairnError(error)
    ? error.code
    : undefined;
}

/** What to throw where Cairn's own folder can't be used; what is no error of the system passes through unchanged. */
export function localStateError(home: string, error: unknown): unknown {
  const errno = localErrno(error);
  if (errno === undefined) return error;
  return new CairnError('engine/local-state', `Cairn’s own folder ${displayPath(home)} can’t be used (${errno}).`, {
    context: { home, errno },
    cause: error,
  });
}
