/**
 * The first line of a file that is this user's alone, or it is refused: a secret that others can read protects nothing, and
 * a person should hear of that before it is relied on.
 */
import { constants, open } from 'node:fs/promises';
import { type CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { localErrno } from '../service/index.ts';

const FILE_BYTES_MAX = 64 * 1024;
const PERMISSIONS_OF_OTHERS = 0o077;

/** What to throw: the reason goes on after the name of the file. An empty hint: the caller knows a better one. */
export type RefuseFile = (reason: string, hint: string, cause?: unknown) => CairnError;

/** Empty where the first line is, or is no text. @throws what `refuse` gives */
export async function readOwnFirstLine(path: Buffer, refuse: RefuseFile): Promise<string> {
  try {
    // Without waiting: a pipe that nobody writes to must not hold up the run.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      const { mode, uid } = stat;
      if (!stat.isFile()) throw refuse('is not a file', 'Nothing was changed. Name a file whose first line it is.');
      const user = process.getuid?.();
      if (user !== undefined && (mode & PERMISSIONS_OF_OTHERS) !== 0)
        throw refuse('is open to other users of this computer', 'Nothing was changed. Protect it: chmod 600 FILE');
      if (user !== undefined && uid !== user && uid !== 0)
        throw refuse('belongs to another user', 'Nothing was changed. Use a file of your own.');
      const bytes = Buffer.alloc(FILE_BYTES_MAX);
      const { bytesRead } = await file.read(bytes, 0, FILE_BYTES_MAX, 0);
      return firstLine(bytes.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isCairnError(error) || localErrno(error) === undefined) throw error;
    throw refuse(`can’t be read (${localErrno(error) ?? ''})`, '', error);
  }
}

function firstLine(bytes: Buffer): string {
  const end = bytes.indexOf('\n');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(end < 0 ? bytes : bytes.subarray(0, end));
    return text.replace(/\r$/, '');
  } catch {
    return '';
  }
}
