/** `cairn snapshots`: all snapshots, oldest first. */
import type { Command } from 'commander';

import { displayPath, formatBytes } from '../../../src-shared/format/index.ts';
import type { SnapshotSummary } from '../../../src-shared/model/index.ts';
import { EXIT, type Host } from '../host.ts';
import { inRepository } from '../in-repository.ts';
import { type Style, countOf, formatCount, localTime, shortId, table } from '../output-style.ts';

export function addSnapshots(program: Command, host: Host): void {
  program
    .command('snapshots')
    .summary('list the snapshots')
    .description('Lists the snapshots, oldest first. “latest” names the last one, “latest~1” the one before it.')
    .addHelpText('after', '\nExamples:\n  cairn snapshots\n  cairn snapshots --json')
    .action(async (_flags: unknown, command: Command) => {
      await inRepository(host, command, {}, async ({ repository }) => {
        const snapshots = await repository.snapshots();
        await host.output.result(snapshots, () => snapshotsText(snapshots, host.output.style));
        return EXIT.done;
      });
    });
}

export function snapshotsText(snapshots: readonly SnapshotSummary[], style: Style): string {
  if (snapshots.length === 0) return 'There are no snapshots yet. “cairn backup PATH” makes the first one.\n';
  const rows = snapshots.map((snapshot) => {
    const { stats } = snapshot;
    return [
      shortId(snapshot.id),
      localTime(snapshot.time),
      snapshot.kind,
      formatCount(stats.filesNew + stats.filesChanged + stats.filesUnmodified),
      formatBytes(stats.bytesScanned),
      formatBytes(stats.bytesStored),
      displayPath(snapshot.host),
      [snapshot.sources.map(({ path }) => displayPath(path)).join(', '), ...remarks(snapshot)].join('  '),
    ];
  });
  const columns = [
    { title: 'ID' },
    { title: 'TIME' },
    { title: 'KIND' },
    { title: 'FILES', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'STORED', align: 'right' },
    { title: 'HOST' },
    { title: 'SOURCES' },
  ] as const;
  return table(columns, rows, style);
}

function remarks({ tags, note, pinned, problemCount }: SnapshotSummary): readonly string[] {
  return [
    ...(pinned ? ['pinned'] : []),
    ...tags.map((tag) => `#${displayPath(tag)}`),
    ...(note === '' ? [] : [`“${displayPath(note)}”`]),
    ...(problemCount === 0 ? [] : [`(${countOf(problemCount, 'problem')})`]),
  ];
}
