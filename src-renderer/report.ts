/** A run's report as rows of a label and a value, the same for the screen and for copying. */
import { assertNever } from '../src-shared/assert.ts';
import { displayPath, formatBytes, formatDuration } from '../src-shared/format/index.ts';
import type { JobOutcome, RunDetails } from '../src-shared/model/index.ts';
import { count, words } from './words/index.ts';

export type Fact = { readonly label: string; readonly value: string; readonly wide: boolean };

const fact = (label: string, value: string): Fact => ({ label, value, wide: false });
const wide = (label: string, value: string): Fact => ({ label, value, wide: true });

function outcomeFacts(outcome: JobOutcome): readonly Fact[] {
  const { facts } = words.activity;
  switch (outcome.kind) {
    case 'backup': {
      const { report } = outcome;
      return [
        fact(facts.new, count(report.filesNew)),
        fact(facts.changed, count(report.filesChanged)),
        fact(facts.removed, count(report.filesRemoved)),
        fact(facts.unchanged, count(report.filesUnmodified)),
        fact(facts.read, formatBytes(report.bytesRead)),
        fact(facts.added, formatBytes(report.bytesStored)),
      ];
    }
    case 'verify': {
      const { report } = outcome;
      const coverage =
        report.coverage === undefined
          ? []
          : [
              fact(
                facts.coverage,
                `${formatBytes(report.coverage.bytes)} / ${formatBytes(report.coverage.bytesTotal)}`,
              ),
            ];
      return [
        fact(facts.checked, count(report.checked.snapshots)),
        ...coverage,
        fact(facts.damage, count(outcome.damageCount)),
      ];
    }
    case 'restore':
    case 'restore-plan': {
      const { report, place } = outcome;
      return [
        fact(facts.restored, count(report.restored)),
        fact(facts.replaced, count(report.replaced)),
        fact(facts.unchanged, count(report.unchanged)),
        fact(facts.skipped, count(report.skipped)),
        wide(facts.place, displayPath(place.path)),
        ...(place.safetyFolder === null ? [] : [wide(facts.safety, displayPath(place.safetyFolder))]),
      ];
    }
    case 'undo':
      return [
        fact(facts.broughtBack, count(outcome.report.broughtBack)),
        fact(facts.removed, count(outcome.report.removed)),
      ];
    default:
      return assertNever(outcome);
  }
}

export function reportFacts({ run, outcome }: RunDetails): readonly Fact[] {
  const { facts } = words.activity;
  const own =
    outcome === null
      ? [fact(facts.files, count(run.files)), fact(facts.read, formatBytes(run.bytes))]
      : outcomeFacts(outcome);
  return [fact(facts.duration, formatDuration(run.durationMs)), ...own];
}
