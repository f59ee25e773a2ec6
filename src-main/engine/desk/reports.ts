/** Reports as they are sent and kept: lists cut to PROBLEMS_SENT_MAX, with the full counts beside them. */
import { PROBLEMS_SENT_MAX } from '../../../src-shared/api/index.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import type {
  BackupReport,
  Damage,
  DamageKind,
  JobOutcome,
  ProblemGroup,
  Progress,
  RestorePlace,
  RestoreReport,
  UndoReport,
  VerifyDepthName,
  VerifyReport,
} from '../../../src-shared/model/index.ts';
import { assertNever } from '../../../src-shared/assert.ts';

const EXAMPLES_MAX = 10;
const GROUPS_MAX = 100;
/** Paths and snapshots of one damage. */
const NAMED_EACH_MAX = 100;

export function backupOutcome(report: BackupReport): JobOutcome {
  return {
    kind: 'backup',
    report: { ...report, problems: cut(report.problems) },
    problemCount: report.problems.length,
  };
}

export function verifyOutcome(report: VerifyReport, depth: VerifyDepthName): JobOutcome {
  const { damage } = report;
  return { kind: 'verify', depth, report: { ...report, damage: cut(damage).map(shorter) }, damageCount: damage.length };
}

export function restoreOutcome(
  kind: 'restore' | 'restore-plan',
  report: RestoreReport,
  place: RestorePlace,
): JobOutcome {
  const { problems, conflicts } = report;
  const sent = { ...report, problems: cut(problems), conflicts: cut(conflicts) };
  return { kind, report: sent, problemCount: problems.length, place };
}

export function undoOutcome(report: UndoReport): JobOutcome {
  return { kind: 'undo', report: { ...report, problems: cut(report.problems) } };
}

export function problemsOf(outcome: JobOutcome | null): readonly Problem[] {
  if (outcome === null) return [];
  switch (outcome.kind) {
    case 'backup':
    case 'restore':
    case 'restore-plan':
    case 'undo':
      return outcome.report.problems;
    case 'verify':
      return [];
    default:
      return assertNever(outcome);
  }
}

export type RunFigures = {
  readonly files: number;
  readonly bytes: number;
  readonly problemCount: number;
  readonly snapshotId: string | null;
};

/** What a line of Activity says of an outcome; of a job that came to none, how far it had come. */
export function figuresOf(outcome: JobOutcome | null, progress: Pick<Progress, 'files' | 'bytes'> | null): RunFigures {
  const none = { files: 0, bytes: 0, problemCount: 0, snapshotId: null };
  if (outcome === null) return { ...none, files: progress?.files ?? 0, bytes: progress?.bytes ?? 0 };
  switch (outcome.kind) {
    case 'backup': {
      const { filesNew, filesChanged, filesUnmodified, bytesScanned, snapshotId } = outcome.report;
      const files = filesNew + filesChanged + filesUnmodified;
      return { files, bytes: bytesScanned, problemCount: outcome.problemCount, snapshotId };
    }
    case 'verify':
      return {
        ...none,
        files: outcome.report.checked.packs,
        bytes: outcome.report.coverage?.bytes ?? 0,
        problemCount: outcome.damageCount,
      };
    case 'restore':
    case 'restore-plan': {
      const { restored, replaced, bytes } = outcome.report;
      return { ...none, files: restored + replaced, bytes, problemCount: outcome.problemCount };
    }
    case 'undo':
      return { ...none, files: outcome.report.broughtBack, problemCount: outcome.report.problems.length };
    default:
      return assertNever(outcome);
  }
}

/** Problems of one code together, the most frequent first. */
export function groupProblems(problems: readonly Problem[]): readonly ProblemGroup[] {
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) groups.set(problem.code, [...(groups.get(problem.code) ?? []), problem]);
  return [...groups]
    .map(([code, found]) => ({ code, count: found.length, examples: found.slice(0, EXAMPLES_MAX) }))
    .sort((left, right) => right.count - left.count)
    .slice(0, GROUPS_MAX);
}

export function damageKinds(
  damage: readonly Damage[],
): readonly { readonly kind: DamageKind; readonly count: number }[] {
  const counts = new Map<DamageKind, number>();
  for (const { kind } of damage) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => ({ kind, count })).sort((left, right) => right.count - left.count);
}

function shorter(damage: Damage): Damage {
  return {
    ...damage,
    paths: damage.paths.slice(0, NAMED_EACH_MAX),
    snapshots: damage.snapshots.slice(0, NAMED_EACH_MAX),
  };
}

function cut<Item>(items: readonly Item[]): readonly Item[] {
  return items.slice(0, PROBLEMS_SENT_MAX);
}

/** Several restores as one. */
export function sumOf(reports: readonly RestoreReport[]): RestoreReport {
  const add = (pick: (report: RestoreReport) => number): number =>
    reports.reduce((sum, report) => sum + pick(report), 0);
  const safetyFolders = [...new Set(reports.flatMap((report) => report.safetyFolders ?? []))];
  return {
    restored: add(({ restored }) => restored),
    unchanged: add(({ unchanged }) => unchanged),
    skipped: add(({ skipped }) => skipped),
    replaced: add(({ replaced }) => replaced),
    removed: add(({ removed }) => removed),
    bytes: add(({ bytes }) => bytes),
    conflicts: reports.flatMap(({ conflicts }) => conflicts),
    problems: reports.flatMap(({ problems }) => problems),
    ...(safetyFolders.length === 0 ? {} : { safetyFolders }),
  };
}
