/** `cairn ls`: what is in a snapshot. Entries are written as they are found, so a million of them need no memory. */
import type { Command } from 'commander';

import { displayPath, formatBytes } from '../../../src-shared/format/index.ts';
import type { EntryType, ListedEntry } from '../../../src-shared/model/index.ts';
import type { Host } from '../host.ts';
import { flagsOf, inRepository } from '../in-repository.ts';
import { localTime, padStart } from '../output-style.ts';
import { snapshotPath } from '../paths.ts';
import { UnreadableFolders } from '../unreadable.ts';

type Flags = { readonly recursive?: boolean };

export function addLs(program: Command, host: Host): void {
  program
    .command('ls')
    .summary('list a folder of a snapshot')
    .description('Lists a folder as it was, or with --recursive everything below it.')
    .argument('<snap[:path]>', 'a snapshot, and a path in it')
    .option('--recursive', 'everything below it too')
    .addHelpText(
      'after',
      '\nExamples:\n  cairn ls latest\n  cairn ls latest:Documents/2026\n  cairn ls 1a2b3c4d --recursive',
    )
    .action(async (where: string, _flags: unknown, command: Command) => {
      const from = snapshotPath(where, flagsOf(command).escaped === true);
      await inRepository<Flags>(host, command, {}, async ({ repository, flags }) => {
        const unreadable = new UnreadableFolders(host);
        const options = { recursive: flags.recursive === true, onUnreadable: unreadable.note };
        await host.output.list(repository.list(from, options), entryText);
        return unreadable.tell();
      });
    });
}

const TYPE_LETTER: Readonly<Record<EntryType, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  device: 'c',
};

const OWNER_COLUMNS = 11;
const SIZE_COLUMNS = 8;

/** One line in the manner of `ls -l`. The widths are fixed: nobody can wait for the longest of a million names. */
export function entryText(entry: ListedEntry): string {
  const size = entry.type === 'file' ? formatBytes(entry.size) : '–';
  const owner = `${entry.uid}:${entry.gid}`;
  const name = `${displayPath(entry.path)}${entry.type === 'directory' ? '/' : ''}`;
  const target = entry.target === undefined ? '' : ` → ${displayPath(entry.target)}`;
  return `${TYPE_LETTER[entry.type]}${modeText(entry.mode)}  ${owner.padEnd(OWNER_COLUMNS)}  ${padStart(size, SIZE_COLUMNS)}  ${localTime(entry.mtime)}  ${name}${target}\n`;
}

const SPECIAL = [
  { bit: 0o4000, at: 2, letter: 's' },
  { bit: 0o2000, at: 5, letter: 's' },
  { bit: 0o1000, at: 8, letter: 't' },
] as const;

/** “rwxr-xr-x”, with s and t where the special bits are set. */
function modeText(mode: number): string {
  const letters = Array.from('rwxrwxrwx', (letter, at) => ((mode & (0o400 >> at)) === 0 ? '-' : letter));
  for (const { bit, at, letter } of SPECIAL) {
    if ((mode & bit) !== 0) letters[at] = letters[at] === 'x' ? letter : letter.toUpperCase();
  }
  return letters.join('');
}
