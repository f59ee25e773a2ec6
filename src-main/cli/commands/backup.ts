/** `cairn backup`: one snapshot of the given folders and files. */
import { type Command, Option } from 'commander';

import { displayPath, formatBytes, formatDuration, parseBytes } from '../../../src-shared/format/index.ts';
import type { BackupReport } from '../../../src-shared/model/index.ts';
import type { BackupRequest } from '../../engine/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, inRepository } from '../in-repository.ts';
import { type GlobalFlags, collect, parseRate, parseWorkers } from '../options.ts';
import { problemText } from '../output-report.ts';
import { type Style, countOf, facts, formatCount, shortId } from '../output-style.ts';
import { localPath } from '../paths.ts';
import { progressOn } from '../progress.ts';
import { planRun } from './backup-plan.ts';

type Flags = {
  readonly exclude?: readonly string[];
  readonly excludeFile?: readonly string[];
  readonly excludeLargerThan?: number;
  readonly oneFileSystem?: boolean;
  /** --no-cairnignore makes it false. */
  readonly cairnignore: boolean;
  readonly gitignore?: boolean;
  readonly excludeCaches?: boolean;
  readonly excludeIfPresent?: readonly string[];
  readonly dryRun?: boolean;
  readonly workers?: number;
  readonly limitRead?: number;
  readonly limitWrite?: number;
  readonly lowPriority?: boolean;
  readonly symlinks: 'store' | 'follow';
  readonly tag?: readonly string[];
  readonly note?: string;
  readonly reread?: boolean;
};

export function addBackup(program: Command, host: Host): void {
  const command = program
    .command('backup')
    .summary('back up folders and files')
    .description(
      'Stores the folders and files as they are now in a new snapshot. Only what changed is read and stored.',
    )
    .argument('<path...>', 'what to back up');
  addRuleOptions(command);
  addLimitOptions(command);
  command
    .option('--dry-run', 'only say what would be backed up, and what each rule leaves out')
    .addOption(
      new Option('--symlinks <how>', 'store links as links, or follow them')
        .choices(['store', 'follow'])
        .default('store'),
    )
    .option('--tag <tag>', 'a word to find the snapshot by (may be repeated)', collect)
    .option('--note <text>', 'a remark to keep with the snapshot')
    .option('--reread', 'read every file, whatever its size and time say')
    .addHelpText(
      'after',
      "\nExamples:\n  cairn backup ~/Documents ~/Pictures\n  cairn backup ~ --exclude '*.tmp' --exclude node_modules --tag daily\n  cairn backup ~ --gitignore --exclude-caches --dry-run\n\nA .cairnignore file in any folder has patterns as in .gitignore, for that folder\nand all below it. What --exclude says goes before ignore files.\n\nStatus 3 means that the snapshot was made but something could not be read.",
    )
    .action(async (paths: readonly string[], _flags: unknown, command: Command) => {
      const flags = flagsOf<Flags>(command);
      const request = backupRequest(paths, flags);
      if (flags.dryRun === true) return planRun(host, command, request);
      const whenStopped =
        'No snapshot was made. Earlier ones are safe, and what was stored already need not be stored again.';
      await inRepository(host, command, { whenStopped, stopsItself: true }, async ({ repository }) => {
        const onProgress = progressOn(host.output, host.clock);
        const report = await repository.backup({
          ...request,
          signal: host.signal,
          ...(onProgress === undefined ? {} : { onProgress }),
        });
        await host.output.report(report, () => backupText(report, request.sources.length, host.output.style));
        if (!host.output.json) await host.output.important(backupProblems(report));
        return report.problems.length === 0 ? EXIT.done : EXIT.problems;
      });
    });
}

function addRuleOptions(command: Command): void {
  command
    .option('--exclude <glob>', 'leave out what matches, with the rules of .gitignore (may be repeated)', collect)
    .option('--exclude-file <file>', 'a file with one such pattern a line (may be repeated)', collect)
    .option('--gitignore', 'follow .gitignore files too, not only .cairnignore')
    .option('--no-cairnignore', 'do not follow .cairnignore files')
    .option('--exclude-caches', 'leave out what is in folders with a CACHEDIR.TAG')
    .option('--exclude-if-present <name>', 'and in folders with a file of this name (may be repeated)', collect)
    .option('--exclude-larger-than <size>', 'leave out larger files, such as 500M or 2GiB', parseBytes)
    .option('--one-file-system', 'stay on the drive a folder begins on');
}

function addLimitOptions(command: Command): void {
  command
    .option('--workers <n>', 'threads that read, hash and compress, 0 to 16', parseWorkers)
    .option('--limit-read <rate>', 'read at most this much a second, such as 10M', parseRate)
    .option('--limit-write <rate>', 'write at most this much a second', parseRate)
    .option('--low-priority', 'let other programs go first: processor and, on Linux, disks');
}

function backupRequest(paths: readonly string[], flags: GlobalFlags & Flags): BackupRequest {
  const isEscaped = flags.escaped === true;
  return {
    sources: paths.map((path) => localPath(path, isEscaped)),
    excludes: flags.exclude ?? [],
    excludeFiles: (flags.excludeFile ?? []).map((path) => localPath(path, isEscaped).toString()),
    ...(flags.excludeLargerThan === undefined ? {} : { excludeLargerThanBytes: flags.excludeLargerThan }),
    oneFileSystem: flags.oneFileSystem === true,
    cairnignore: flags.cairnignore,
    gitignore: flags.gitignore === true,
    excludeCaches: flags.excludeCaches === true,
    excludeIfPresent: flags.excludeIfPresent ?? [],
    ...(flags.workers === undefined ? {} : { workers: flags.workers }),
    ...(flags.limitRead === undefined ? {} : { readBytesPerSecondMax: flags.limitRead }),
    ...(flags.limitWrite === undefined ? {} : { writeBytesPerSecondMax: flags.limitWrite }),
    lowPriority: flags.lowPriority === true,
    symlinks: flags.symlinks,
    tags: flags.tag ?? [],
    note: flags.note ?? '',
    reread: flags.reread === true,
  };
}

export function backupText(report: BackupReport, sources: number, style: Style): string {
  const { filesNew, filesChanged, filesUnmodified, filesRemoved, metadataChanges } = report;
  const counts = [
    `${formatCount(filesNew)} new`,
    `${formatCount(filesChanged)} changed`,
    `${formatCount(filesUnmodified)} unmodified`,
    `${formatCount(filesRemoved)} removed`,
  ];
  const duration = formatDuration(report.durationMs);
  const title = `Snapshot ${style.bold(shortId(report.snapshotId))} of ${countOf(sources, 'source')} in ${duration}`;
  return `${title}\n${facts(
    [
      ['files', counts.join(', ')],
      [
        'folders',
        `${formatCount(report.folders)}${metadataChanges > 0 ? `, ${countOf(metadataChanges, 'change')} of times, owners or permissions` : ''}`,
      ],
      ['data', `${formatBytes(report.bytesScanned)} in all, ${formatBytes(report.bytesRead)} read`],
      ['added', `${formatBytes(report.bytesAdded)} new → ${formatBytes(report.bytesStored)} stored`],
      [
        'kind',
        report.kind === 'base'
          ? 'base of a new chain'
          : `incremental, number ${formatCount(report.sequence)} of chain ${displayPath(shortId(report.chainId))}`,
      ],
    ],
    '  ',
  )}`;
}

function backupProblems({ problems }: BackupReport): string {
  const title = `${countOf(problems.length, 'problem')}; these are missing from this snapshot or not as they are now:`;
  return problemText({ problems, title, kind: 'backup' });
}
