/** `cairn restore`: brings files back, to where they were or into another folder. */
import { type Command, Option } from 'commander';

import { isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { displayPath, formatBytes } from '../../../src-shared/format/index.ts';
import type { RestoreReport, SnapshotSummary } from '../../../src-shared/model/index.ts';
import type { OpenRepository, OverwriteMode, RestoreRequest } from '../../engine/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, inRepository } from '../in-repository.ts';
import { type GlobalFlags, collect } from '../options.ts';
import { listed, problemText } from '../output-report.ts';
import { countOf, facts, formatCount } from '../output-style.ts';
import { localPath, snapshotPath } from '../paths.ts';
import { progressOn } from '../progress.ts';

const OVERWRITE_MODES = [
  'if-changed',
  'always',
  'if-newer',
  'never',
  'keep-both',
] as const satisfies readonly OverwriteMode[];

type Flags = {
  readonly target?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly overwrite: OverwriteMode;
  readonly delete?: boolean;
  readonly keepReplaced?: boolean;
  readonly dryRun?: boolean;
};

export function addRestore(program: Command, host: Host): void {
  program
    .command('restore')
    .summary('bring files back')
    .description(
      'Restores a snapshot, or a file or folder of one. Without --target everything goes back to where it was.',
    )
    .argument('<snap[:path]>', 'a snapshot, and a path in it')
    .option('--target <folder>', 'restore into this folder instead')
    .option('--include <glob>', 'only what matches (may be repeated)', collect)
    .option('--exclude <glob>', 'not what matches (may be repeated)', collect)
    .addOption(
      new Option('--overwrite <when>', 'what to do about files that are there')
        .choices(OVERWRITE_MODES)
        .default('if-changed'),
    )
    .option('--delete', 'remove what is in the target and not in the snapshot')
    .option('--keep-replaced', 'keep what is replaced or removed, for “cairn undo”')
    .option('--dry-run', 'only say what would be done')
    .addHelpText(
      'after',
      '\nExamples:\n  cairn restore latest --target /tmp/restored\n  cairn restore latest:Documents/thesis.odt --target ~/Desktop\n  cairn restore latest~2 --dry-run\n\nStatus 3 means that some files could not be restored,\n13 that damage in the repository was found.',
    )
    .action(async (where: string, _flags: unknown, command: Command) => {
      const request = restoreRequest(where, flagsOf<Flags>(command));
      const whenStopped = 'What was restored so far is whole; run it again and it goes on with the rest.';
      await inRepository(host, command, { whenStopped, stopsItself: true }, async ({ repository }) => {
        await host.output.note(await destinationText(repository, request));
        const onProgress = progressOn(host.output, host.clock);
        const report = await repository.restore({
          ...request,
          signal: host.signal,
          ...(onProgress === undefined ? {} : { onProgress }),
        });
        await host.output.report(report, () => restoreText(report, request.dryRun === true));
        if (!host.output.json) await host.output.important(troubleText(report, request.overwrite) + keptText(report));
        return restoreExit(report);
      });
    });
}

function restoreRequest(where: string, flags: GlobalFlags & Flags): RestoreRequest {
  const isEscaped = flags.escaped === true;
  return {
    from: snapshotPath(where, isEscaped),
    ...(flags.target === undefined ? {} : { target: localPath(flags.target, isEscaped) }),
    includes: flags.include ?? [],
    excludes: flags.exclude ?? [],
    overwrite: flags.overwrite,
    delete: flags.delete === true,
    keepReplaced: flags.keepReplaced === true,
    dryRun: flags.dryRun === true,
  };
}

/** Said before anything is written. */
async function destinationText(repository: OpenRepository, { from, target, dryRun }: RestoreRequest): Promise<string> {
  const what = dryRun === true ? 'Would restore' : 'Restoring';
  if (target !== undefined) return `${what} into ${displayPath(target)}`;
  const paths = await originalPaths(repository, from.snapshot);
  const place = paths.length === 0 ? 'the original place' : `where it came from: ${paths.map(displayPath).join(', ')}`;
  return `${what} to ${place}`;
}

/** The source paths of a snapshot. Empty where a damaged or unknown one is in the way: restoring will say more. */
async function originalPaths(repository: OpenRepository, name: string): Promise<readonly string[]> {
  try {
    return findSnapshot(await repository.snapshots(), name)?.sources.map(({ path }) => path) ?? [];
  } catch (error) {
    if (isIntegrityError(error) || isCairnError(error, 'repository/newer-format')) return [];
    throw error;
  }
}

function findSnapshot(snapshots: readonly SnapshotSummary[], name: string): SnapshotSummary | undefined {
  const latest = /^latest(?:~(\d+))?$/.exec(name);
  if (latest !== null) return snapshots.at(-1 - Number(latest[1] ?? 0));
  return snapshots.find(({ id }) => id.startsWith(name));
}

export function restoreText(report: RestoreReport, isDryRun: boolean): string {
  const title = `${isDryRun ? 'Would restore' : 'Restored'} ${countOf(report.restored, 'item')}, ${formatBytes(report.bytes)}\n`;
  const rows = [
    ['unchanged', report.unchanged, 'were there already'],
    ['replaced', report.replaced, 'were there and differed'],
    ['skipped', report.skipped, 'were left as they are'],
    ['removed', report.removed, 'are not in the snapshot'],
  ] as const;
  const counted = rows.filter(([, count]) => count > 0);
  return (
    title +
    facts(
      counted.map(([label, count, meaning]) => [label, `${formatCount(count)} (${meaning})`]),
      '  ',
    )
  );
}

function troubleText({ conflicts, problems }: RestoreReport, overwrite: OverwriteMode | undefined): string {
  const what = overwrite === 'never' ? 'left as it is' : 'put aside as “NAME.before-restore”';
  const kept =
    conflicts.length === 0
      ? ''
      : `${countOf(conflicts.length, 'thing')} in the way, ${what}:\n${listed(conflicts.map(displayPath), '  ')}`;
  const title = `${countOf(problems.length, 'problem')}; these were not restored as they were:`;
  return kept + problemText({ problems, title, kind: 'restore' });
}

function keptText({ safetyFolders = [], undoId }: RestoreReport): string {
  if (undoId === undefined) return '';
  const kept = safetyFolders.map((folder) => `What was there before is kept in ${displayPath(folder)}.\n`).join('');
  return `${kept}“cairn undo” takes this restore back.\n`;
}

export function restoreExit({ problems }: RestoreReport): number {
  if (problems.some(({ code }) => code.startsWith('integrity/'))) return EXIT.damage;
  return problems.length === 0 ? EXIT.done : EXIT.problems;
}
