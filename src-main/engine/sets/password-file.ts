/** A password for runs with nobody there, from a file whose path the configuration has. */
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath, unescapePath } from '../../../src-shared/format/index.ts';
import { readOwnFirstLine } from './own-file.ts';

const OTHER_FILE_HINT =
  'Check the path and its permissions, or name another file with “cairn set edit SET --password-file”.';

/**
 * The first line of the file. `path` is escaped, as it stands in the record.
 * @throws CairnError key/password-needed
 */
export async function readPasswordFile(path: string): Promise<string> {
  const shown = `The password file ${displayPath(path)}`;
  const refuse = (reason: string, hint: string, cause?: unknown): CairnError =>
    new CairnError('key/password-needed', `${shown} ${reason}.`, { hint: hint === '' ? OTHER_FILE_HINT : hint, cause });
  const password = await readOwnFirstLine(Buffer.from(unescapePath(path)), refuse);
  if (password !== '') return password;
  throw refuse('has no password in its first line', 'Nothing was changed. Write it there with a text editor.');
}
