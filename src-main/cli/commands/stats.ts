/** `cairn stats`: figures of the repository and the last runs; those of the engine itself are in its JSON only. */
import type { Command } from 'commander';

import { formatBytes } from '../../../src-shared/format/index.ts';
import type { RepositoryStats } from '../../../src-shared/model/index.ts';
import { EXIT, type Host } from '../host.ts';
import { inRepository } from '../in-repository.ts';
import { type Style, countOf, facts, formatCount, localTime, shortId, table } from '../output-style.ts';

const RUNS_SHOWN_MAX = 10;

export function addStats(program: Command, host: Host): void {
  program
    .command('stats')
    .summary('show sizes and ratios')
    .description('Shows how much is stored and what compression and deduplication save. --json has every figure.')
    .addHelpText('after', '\nExamples:\n  cairn stats\n  cairn stats --json')
    .action(async (_flags: unknown, command: Command) => {
      await inRepository(host, command, {}, async ({ repository }) => {
        const stats = await repository.stats({ figures: host.output.json });
        await host.output.result(stats, () => statsText(stats, host.output.style));
        return EXIT.done;
      });
    });
}

export function statsText({ repository, runs }: RepositoryStats, style: Style): string {
  const { repositoryId, encrypted, snapshots, chains, packs, commitFiles, indexRuns, blobs } = repository;
  const ratio = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(2)} : 1` : '–');
  const fileCounts = [
    countOf(packs, 'pack'),
    countOf(commitFiles, 'commit file'),
    countOf(indexRuns, 'index run'),
    countOf(blobs, 'blob'),
  ].join(', ');
  const about = facts(
    [
      ['repository', `${repositoryId}, ${encrypted ? 'encrypted' : 'not encrypted'}`],
      ['snapshots', `${formatCount(snapshots)} in ${countOf(chains, 'chain')}`],
      ['stored', `${formatBytes(repository.storedBytes)} for ${formatBytes(repository.uniqueBytes)} of different data`],
      ['compression', ratio(repository.compressionRatio)],
      ['deduplication', ratio(repository.deduplicationRatio)],
      ['files', fileCounts],
    ],
    '  ',
  );
  return `${style.bold('Repository')}\n${about}${runsText(runs, style)}`;
}

function runsText(runs: RepositoryStats['runs'], style: Style): string {
  if (runs.length === 0) return '';
  const rows = runs
    .slice(-RUNS_SHOWN_MAX)
    .map(({ snapshotId, time, stats }) => [
      shortId(snapshotId),
      localTime(time),
      formatCount(stats.filesNew),
      formatCount(stats.filesChanged),
      formatBytes(stats.bytesRead),
      formatBytes(stats.bytesAdded),
      formatBytes(stats.bytesStored),
    ]);
  const columns = [
    { title: 'SNAPSHOT' },
    { title: 'TIME' },
    { title: 'NEW', align: 'right' },
    { title: 'CHANGED', align: 'right' },
    { title: 'READ', align: 'right' },
    { title: 'ADDED', align: 'right' },
    { title: 'STORED', align: 'right' },
  ] as const;
  return `\n${style.bold('Last backups')}\n${table(columns, rows, style)}`;
}
