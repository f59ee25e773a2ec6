/**
 * What the rounds came to: medians, ratios, and a verdict where the design has a bar. A missed bar is a word in a table;
 * nothing here can fail.
 */
import { CHANGES, type Contender, type Step } from './contenders.ts';
import type { Bar } from './data-sets.ts';
import { median } from './measure.ts';
import type { Outcome, Outcomes } from './rounds.ts';
import { formatCount, formatMegabytes, formatMs, formatRatio, tableText } from './table.ts';

/** One line of the table; where `bars` of a data set name it, it is held against them. */
type Figure = {
  readonly name: string;
  readonly of: (outcome: Outcome) => number | undefined;
  readonly format: (value: number) => string;
};

function figuresOf(step: Step): Figure[] {
  const figures: Figure[] = [
    { name: step, of: ({ costs }) => costs.get(step)?.wallMs, format: formatMs },
    { name: `${step}: CPU`, of: ({ costs }) => costs.get(step)?.cpuMs, format: formatMs },
    { name: `${step}: peak memory`, of: ({ costs }) => costs.get(step)?.peakBytes, format: formatMegabytes },
  ];
  if (step === 'restore') figures.push({ name: 'restore / cp -a', of: restoreToCopy, format: formatRatio });
  if (CHANGES[step] !== undefined) {
    figures.push({ name: `${step}: growth`, of: ({ growths }) => growths.get(step), format: formatMegabytes });
  }
  if (step !== 'first backup') return figures;
  const size: Figure = { name: 'repository: size', of: (outcome) => outcome.size.bytes, format: formatMegabytes };
  const files: Figure = { name: 'repository: files', of: (outcome) => outcome.size.files, format: formatCount };
  return [...figures, size, files];
}

function restoreToCopy({ costs, copyMs }: Outcome): number | undefined {
  const restoreMs = costs.get('restore')?.wallMs;
  return restoreMs === undefined || copyMs === undefined ? undefined : restoreMs / copyMs;
}

/** Medians of one line, in the order of the contenders; undefined where there is no figure. */
export type Line = {
  readonly name: string;
  readonly format: (value: number) => string;
  readonly values: Readonly<Record<string, number | undefined>>;
  /** Of the others, theirs divided by ours: above 1, ours needs less. */
  readonly ratios: Readonly<Record<string, number | undefined>>;
  readonly bar: Bar | undefined;
  readonly verdict: string;
};

/** Which program the bars are ratios to. */
const YARDSTICK = 'restic';

export type Judging = {
  readonly steps: readonly Step[];
  readonly bars: Readonly<Record<string, Bar>>;
  /** Data sets of other sizes than the design's are not judged. */
  readonly isJudged: boolean;
};

/** Every figure of the run; the first contender is ours. */
export function linesOf(outcomes: Outcomes, { steps, bars, isJudged }: Judging): Line[] {
  const ours = [...outcomes.keys()][0]?.name ?? '';
  return steps.flatMap(figuresOf).map(({ name, of, format }) => {
    const values = Object.fromEntries([...outcomes].map(([{ name: who }, all]) => [who, medianOf(all, of)]));
    const own = values[ours];
    const others = Object.entries(values).filter(([who]) => who !== ours);
    const ratios = Object.fromEntries(others.map(([who, theirs]) => [who, ratioOf(theirs, own)]));
    const bar = bars[name];
    const judged = bar?.kind === 'ratio' ? ratios[YARDSTICK] : own;
    const verdict = isJudged && bar !== undefined && judged !== undefined ? verdictOf(bar, judged) : '';
    return { name, format, values, ratios, bar, verdict };
  });
}

const ratioOf = (theirs: number | undefined, own: number | undefined): number | undefined =>
  theirs === undefined || own === undefined || own === 0 ? undefined : theirs / own;

/** A figure of all rounds, or undefined where one of them has none. */
function medianOf(outcomes: readonly Outcome[], figure: (outcome: Outcome) => number | undefined): number | undefined {
  const figures = outcomes.map(figure).filter((value) => value !== undefined);
  return figures.length === outcomes.length && figures.length > 0 ? median(figures) : undefined;
}

/** “goal met”, “met, goal missed by 12 %” or “missed by 40 %”. */
function verdictOf({ kind, bar, goal }: Bar, value: number): string {
  const missedBy = (limit: number): number => (kind === 'ratio' ? 1 - value / limit : value / limit - 1);
  const percent = (part: number): string => `${Math.max(1, Math.round(part * 100))} %`;
  if (missedBy(goal) <= 0) return 'goal met';
  if (bar === undefined) return `goal missed by ${percent(missedBy(goal))}`;
  if (missedBy(bar) <= 0) return `met, goal missed by ${percent(missedBy(goal))}`;
  return `missed by ${percent(missedBy(bar))}`;
}

/** The table of one data set, as it is pasted into README.md. */
export function tableOf(contenders: readonly Contender[], lines: readonly Line[]): string {
  const [ours, ...others] = contenders.map(({ name }) => name);
  if (ours === undefined) throw new Error('nothing was measured');
  const isAnyJudged = lines.some(({ bar }) => bar !== undefined);
  const rows = lines.map(({ name, format, values, ratios, bar, verdict }) => {
    const shown = (value: number | undefined, as: (value: number) => string): string =>
      value === undefined ? '–' : as(value);
    const theirs = others.flatMap((who) => [shown(values[who], format), shown(ratios[who], formatRatio)]);
    const limits = [bar?.bar, bar?.goal].map((limit) => (limit === undefined ? '' : limitText(bar, limit, format)));
    return [name, shown(values[ours], format), ...theirs, ...(isAnyJudged ? [...limits, verdict] : [])];
  });
  const theirHeads = others.flatMap((who) => [who, `${who} / ${ours}`]);
  return tableText(['work', ours, ...theirHeads, ...(isAnyJudged ? ['bar', 'goal', 'verdict'] : [])], rows);
}

function limitText(bar: Bar | undefined, limit: number, format: (value: number) => string): string {
  return bar?.kind === 'ratio' ? `≥ ${formatRatio(limit)}` : `≤ ${format(limit)}`;
}
