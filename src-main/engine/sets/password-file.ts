/**
 * A password for runs with nobody there, from a file whose path the configuration has. The file is this user's alone, or it
 * is refused: a password that others can read protects nothing, and a person should hear of that before it is relied on.
 */
import { constants, open } from 'node:fs/promises';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { displayPath, unescapePath } from '../../../src-shared/format/index.ts';
import { localErrno } from '../service/index.ts';

const FILE_BYTES_MAX = 64 * 1024;
const PERMISSIONS_OF_OTHERS = 0o077;

/**
 * The first line of the file. `path` is escaped, as it stands in the record.
 * @throws CairnError key/password-needed
 */
export async function readPasswordFile(path: string): Promise<string> {
  const shown = `The password file ${displayPath(path)}`;
  const refuse = (reason: string, hint: string, cause?: unknown): CairnError =>
    new CairnError('key/password-needed', `${shown} ${reason}.`, { hint, cause });
  try {
    // Without waiting: a pipe that nobody writes to must not hold up the run.
    const file = await open(Buffer.from(unescapePath(path)), constants.O_RDONLY | constants.O_NONBLOCK);
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
      const password = firstLine(bytes.subarray(0, bytesRead));
      if (password !== undefined && password !== '') return password;
      throw refuse('has no password in its first line', 'Nothing was changed. Write it there with a text editor.');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isCairnError(error) || localErrno(error) === undefined) throw error;
    const hint = 'Check the path and its permissions, or name another file with “cairn set edit SET --password-file”.';
    throw refuse(`can’t be read (${localErrno(error) ?? ''})`, hint, error);
  }
}

function firstLine(bytes: Buffer): string | undefined {
  const end = bytes.indexOf('\n');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(end < 0 ? bytes : bytes.subarray(0, end));
    return text.replace(/\r$/, '');
  } catch {
    return undefined;
  }
}
