/** `cairn diff`: what changed from one snapshot to another, or up to now. */
import type { Command } from 'commander';

import { displayPath } from '../../../src-shared/format/index.ts';
import type { TreeDiff } from '../../../src-shared/model/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, inRepository } from '../in-repository.ts';
import { type Style, formatCount } from '../output-style.ts';
import { pathBytes, snapshotName } from '../paths.ts';

const LIVE = 'live';

export function addDiff(program: Command, host: Host): void {
  program
    .command('diff')
    .summary('compare two snapshots')
    .description('Lists what changed from snapshot A to snapshot B, or with “live” to the folders as they are now.')
    .argument('<a>', 'the earlier snapshot')
    .argument('<b>', 'the later snapshot, or “live”')
    .argument('[path]', 'only this file or folder')
    .addHelpText('after', '\nExamples:\n  cairn diff latest~1 latest\n  cairn diff latest live Documents')
    .action(async (a: string, b: string, path: string | undefined, _flags: unknown, command: Command) => {
      const before = snapshotName(a);
      const after = b.toLowerCase() === LIVE ? LIVE : snapshotName(b);
      const below = pathBytes(path ?? '', flagsOf(command).escaped === true);
      await inRepository(host, command, {}, async ({ repository }) => {
        const diff = await repository.diff(before, after, below);
        await host.output.result(diff, () => diffText(diff, host.output.style));
        return EXIT.done;
      });
    });
}

/** One path a line, in the order of their names: + added, - removed, * changed, m only times, owners or permissions. */
export function diffText({ added, removed, changed, metadata }: TreeDiff, style: Style): string {
  const marked = (paths: readonly string[], mark: string): { path: string; mark: string }[] =>
    paths.map((path) => ({ path, mark }));
  const rows = [
    ...marked(added, style.green('+')),
    ...marked(removed, style.red('-')),
    ...marked(changed, style.yellow('*')),
    ...marked(metadata, 'm'),
  ].sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
  if (rows.length === 0) return 'No differences.\n';
  const lines = rows.map(({ path, mark }) => `${mark} ${displayPath(path)}\n`).join('');
  const counts = [
    [added.length, 'added (+)'],
    [removed.length, 'removed (-)'],
    [changed.length, 'changed (*)'],
    [metadata.length, 'with other times, owners or permissions (m)'],
  ] as const;
  const summary = counts.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
  return `${lines}${style.dim(summary.join(', '))}\n`;
}
