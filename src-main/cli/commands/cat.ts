/** `cairn cat`: the bytes of a stored file on standard output, each piece checked before it is written. */
import type { Command } from 'commander';

import { CairnError } from '../../../src-shared/errors.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, inRepository } from '../in-repository.ts';
import { snapshotPath } from '../paths.ts';

export function addCat(program: Command, host: Host): void {
  program
    .command('cat')
    .summary('write a stored file to standard output')
    .description('Writes the bytes of a file to standard output, checked piece by piece.')
    .argument('<snap:path>', 'a snapshot, and the path of a file in it')
    .addHelpText('after', '\nExamples:\n  cairn cat latest:notes.txt\n  cairn cat latest~3:photos/cat.jpg > cat.jpg')
    .action(async (where: string, _flags: unknown, command: Command) => {
      const from = snapshotPath(where, flagsOf(command).escaped === true);
      if (!where.includes(':')) {
        throw new CairnError('usage/invalid', `“${where}” names a snapshot and no file in it.`, {
          hint: `Write it as ${where}:PATH.`,
        });
      }
      await inRepository(host, command, {}, async ({ repository }) => {
        for await (const piece of repository.cat(from)) {
          await host.output.bytes(piece);
          if (host.output.isClosed) break;
        }
        return EXIT.done;
      });
    });
}
