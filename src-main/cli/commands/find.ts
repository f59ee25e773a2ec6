/** `cairn find`: entries whose name or path matches, over all snapshots. */
import type { Command } from 'commander';

import { displayPath, formatBytes } from '../../../src-shared/format/index.ts';
import type { FileVersion } from '../../../src-shared/model/index.ts';
import type { Host } from '../host.ts';
import { inRepository } from '../in-repository.ts';
import { type Style, localTime, shortId, table } from '../output-style.ts';
import { UnreadableFolders } from '../unreadable.ts';

export function addFind(program: Command, host: Host): void {
  program
    .command('find')
    .summary('find files in all snapshots')
    .description(
      'Finds files and folders in all snapshots. A pattern without “/” is compared with names, another with whole paths.',
    )
    .argument('<pattern>', 'a name or a glob')
    .addHelpText(
      'after',
      "\nExamples:\n  cairn find thesis.odt\n  cairn find '*.jpg'\n  cairn find 'Documents/**/*.pdf'",
    )
    .action(async (pattern: string, _flags: unknown, command: Command) => {
      await inRepository(host, command, {}, async ({ repository }) => {
        const unreadable = new UnreadableFolders(host);
        const found = await repository.find(pattern, unreadable.note);
        const none = unreadable.isEmpty ? 'Nothing matches in any snapshot.' : 'Nothing matches in what can be read.';
        await host.output.result(found, () =>
          found.length === 0 ? `${none}\n` : fileVersionsText(found, host.output.style),
        );
        return unreadable.tell();
      });
    });
}

/** One version of one path a line; the path comes last, because it may be long. */
export function fileVersionsText(versions: readonly FileVersion[], style: Style): string {
  const rows = versions.map(({ path, size, mtime, contentHash, firstSnapshot, lastSnapshot }) => [
    shortId(firstSnapshot),
    shortId(lastSnapshot),
    contentHash === '' ? '–' : formatBytes(size),
    localTime(mtime),
    contentHash === '' ? '–' : shortId(contentHash),
    displayPath(path),
  ]);
  const columns = [
    { title: 'FIRST IN' },
    { title: 'LAST IN' },
    { title: 'SIZE', align: 'right' },
    { title: 'MODIFIED' },
    { title: 'CONTENT' },
    { title: 'PATH' },
  ] as const;
  return table(columns, rows, style);
}
