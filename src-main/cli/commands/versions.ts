/** `cairn versions`: every content a path has had. */
import type { Command } from 'commander';

import type { Host } from '../host.ts';
import { flagsOf, inRepository } from '../in-repository.ts';
import { pathBytes } from '../paths.ts';
import { UnreadableFolders } from '../unreadable.ts';
import { fileVersionsText } from './find.ts';

export function addVersions(program: Command, host: Host): void {
  program
    .command('versions')
    .summary('list the versions of one file')
    .description('Lists every version of one path, oldest first, with the first and the last snapshot that has it.')
    .argument('<path>', 'a path as “cairn ls” shows it')
    .addHelpText('after', '\nExamples:\n  cairn versions Documents/thesis.odt')
    .action(async (path: string, _flags: unknown, command: Command) => {
      const bytes = pathBytes(path, flagsOf(command).escaped === true);
      await inRepository(host, command, {}, async ({ repository }) => {
        const unreadable = new UnreadableFolders(host);
        const versions = await repository.versions(bytes, unreadable.note);
        await host.output.result(versions, () => fileVersionsText(versions, host.output.style));
        return unreadable.tell();
      });
    });
}
