/** `cairn backup --dry-run`: what a backup would do, and what each rule leaves out. Needs no repository. */
import type { Command } from 'commander';

import { isCairnError } from '../../../src-shared/errors.ts';
import { displayPath, formatBytes } from '../../../src-shared/format/index.ts';
import type { BackupPlan, EntryCounts, RuleRef } from '../../../src-shared/model/index.ts';
import type { PlanRequest } from '../../engine/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, inRepository } from '../in-repository.ts';
import { namedRepository } from '../options.ts';
import { LISTED_MAX, problemText } from '../output-report.ts';
import { type Style, countOf, facts, formatCount, shortId, table } from '../output-style.ts';
import { progressOn } from '../progress.ts';

const WHEN_STOPPED = 'Nothing was changed.';

/** With a repository it is compared with the last snapshot of the same sources; without one everything is new. */
export async function planRun(host: Host, command: Command, request: PlanRequest): Promise<void> {
  const { output } = host;
  const onProgress = progressOn(output, host.clock);
  const watched = { ...request, signal: host.signal, ...(onProgress === undefined ? {} : { onProgress }) };
  const named = namedRepository(flagsOf(command), host.environment);
  if (named === undefined) {
    const engine = await host.engine();
    host.finish(await tell(host, await engine.planBackup(watched)));
    return;
  }
  const reached = { repository: false };
  try {
    await inRepository(host, command, { whenStopped: WHEN_STOPPED, stopsItself: true }, async ({ repository }) => {
      reached.repository = true;
      return tell(host, await repository.planBackup(watched));
    });
  } catch (error) {
    if (reached.repository || !isOutOfReach(error)) throw error;
    await output.warn(`Every file counts as new, because the repository can’t be compared with: ${error.message}`);
    const engine = await host.engine();
    host.finish(await tell(host, await engine.planBackup(watched, named)));
  }
}

/** There is none, its drive is not there, or nobody can be asked for its password. A wrong password is told instead. */
function isOutOfReach(error: unknown): error is Error {
  return (
    isCairnError(error) &&
    (error.code === 'repository/not-found' ||
      error.code === 'key/password-needed' ||
      error.code.startsWith('destination/'))
  );
}

async function tell({ output }: Host, plan: BackupPlan): Promise<number> {
  await output.report(plan, () => planText(plan, output.style));
  const title = `${countOf(plan.problems.length, 'problem')}; a backup would meet these too:`;
  if (!output.json) await output.important(problemText({ problems: plan.problems, title, kind: 'backup' }));
  return plan.problems.length === 0 ? EXIT.done : EXIT.problems;
}

export function planText(plan: BackupPlan, style: Style): string {
  const parts = [summaryText(plan, style)];
  if (plan.rules.length > 0) parts.push(rulesText(plan, style));
  if (plan.largestLeftOut.length > 0) parts.push(largestText(plan, style));
  return parts.join('\n');
}

function summaryText(plan: BackupPlan, style: Style): string {
  const { parentId, filesNew, filesChanged, filesUnmodified, filesRemoved, bytesToRead } = plan;
  const against =
    parentId === null
      ? 'there is no earlier snapshot to compare with'
      : `compared with snapshot ${style.bold(shortId(parentId))}`;
  const changes = [
    `${formatCount(filesNew)} new`,
    `${formatCount(filesChanged)} changed`,
    `${formatCount(filesUnmodified)} unmodified`,
    `${formatCount(filesRemoved)} removed`,
  ];
  return `Dry run: nothing was written; ${against}\n${facts(
    [
      ['would back up', `${countsText(plan)}, ${formatBytes(plan.bytes)}`],
      ['files', changes.join(', ')],
      ['would read', formatBytes(bytesToRead)],
      ['left out', leftOutText(plan)],
    ],
    '  ',
  )}`;
}

function leftOutText({ leftOut, leftOutUnmeasured, rules }: BackupPlan): string {
  if (rules.length === 0) return 'nothing';
  const unmeasured =
    leftOutUnmeasured === 0 ? '' : `, and what is in ${countOf(leftOutUnmeasured, 'folder')} that can’t be counted`;
  return `${countsText(leftOut)}, ${formatBytes(leftOut.bytes)}${unmeasured}`;
}

function countsText({ files, folders, others }: EntryCounts): string {
  const rest = others === 0 ? '' : `, ${countOf(others, 'link or special file', 'links and special files')}`;
  return `${countOf(files, 'file')}, ${countOf(folders, 'folder')}${rest}`;
}

function rulesText({ rules }: BackupPlan, style: Style): string {
  const rows = rules
    .slice(0, LISTED_MAX)
    .map((use) => [formatBytes(use.bytes), formatCount(use.files), formatCount(use.folders), ruleText(use)]);
  const columns = [
    { title: 'size', align: 'right' as const },
    { title: 'files', align: 'right' as const },
    { title: 'folders', align: 'right' as const },
    { title: 'left out by' },
  ];
  const more = rules.length - LISTED_MAX;
  return `${table(columns, rows, style)}${more > 0 ? `… and ${countOf(more, 'more rule')} (--json lists all)\n` : ''}`;
}

function largestText({ largestLeftOut }: BackupPlan, style: Style): string {
  const rows = largestLeftOut.map(({ bytes, files, path }) => [
    formatBytes(bytes),
    formatCount(files),
    displayPath(path),
  ]);
  const columns = [
    { title: 'size', align: 'right' as const },
    { title: 'files', align: 'right' as const },
    { title: 'largest folders left out' },
  ];
  return table(columns, rows, style);
}

/** A rule as the person gave it, or where they can find it. */
function ruleText({ origin, rule, path, line }: RuleRef): string {
  const text = displayPath(rule);
  switch (origin) {
    case 'exclude':
      return `--exclude ${text}`;
    case 'exclude-file':
    case '.cairnignore':
    case '.gitignore':
      return `${text}   (${path === undefined ? origin : displayPath(path)}, line ${line ?? 0})`;
    case 'CACHEDIR.TAG':
      return '--exclude-caches';
    case 'if-present':
      return `--exclude-if-present ${text}`;
    case 'size':
    case 'one-file-system':
    case 'own-files':
    case 'others':
      return text;
  }
}
