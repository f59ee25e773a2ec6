/**
 * Names of users and groups by number, from the system's own tables, read once. Accounts that only a network service
 * knows have no name here; their numbers are stored all the same.
 */
import fs from 'node:fs';
import { errnoOf } from './problem.ts';

export type OwnerNames = {
  readonly user: (uid: number) => string | undefined;
  readonly group: (gid: number) => string | undefined;
};

/** Tables beyond this are not read: a server with a million accounts has them elsewhere. */
const TABLE_BYTES_MAX = 16 * 1024 * 1024;
const NAME_CHARACTERS_MAX = 256;

/** `files` are for tests. Nothing is read before the first question. */
export function createOwnerNames(files = { users: '/etc/passwd', groups: '/etc/group' }): OwnerNames {
  let users: Map<number, string> | undefined;
  let groups: Map<number, string> | undefined;
  return {
    user: (uid) => (users ??= readTable(files.users)).get(uid),
    group: (gid) => (groups ??= readTable(files.groups)).get(gid),
  };
}

/** Both files have the name in the first field and the number in the third. The first line of a number wins, as in libc. */
function readTable(path: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of readBounded(path).split('\n')) {
    const [name = '', , number = ''] = line.split(':', 3);
    if (!/^\d{1,10}$/.test(number) || name === '' || name.startsWith('#') || name.length > NAME_CHARACTERS_MAX)
      continue;
    if (!names.has(Number(number))) names.set(Number(number), name);
  }
  return names;
}

function readBounded(path: string): string {
  try {
    if (fs.statSync(path).size > TABLE_BYTES_MAX) return '';
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return '';
  }
}
