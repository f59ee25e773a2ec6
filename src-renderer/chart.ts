/**
 * Figures over time as things to draw: a scale with round steps, stretches without gaps, marks under the time axis. Pure;
 * what is drawn stands in the table beside it too.
 */
import type { MetricPoint, MetricRange } from '../src-shared/model/index.ts';
import { parseTime } from './words/time.ts';

export type Scale = { readonly max: number; readonly ticks: readonly number[] };
/** How round steps are made: by tens, or as clocks do. */
export type Steps = 'tens' | 'clock' | 'whole';

const TICKS = 3;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const CLOCK_STEPS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 4, 8, 12, 24, 48, 96].map((hours) => hours * HOUR_MS),
];

/** From 0 to a round number that nothing exceeds, in at most three steps. */
export function scaleOf(points: readonly MetricPoint[], steps: Steps): Scale {
  const highest = Math.max(0, ...points.map(({ max }) => max));
  const step = highest === 0 ? 1 : stepFor(highest / TICKS, steps);
  const count = Math.max(1, Math.ceil(highest / step - 1e-9));
  return { max: step * count, ticks: Array.from({ length: count + 1 }, (_, index) => index * step) };
}

function stepFor(least: number, steps: Steps): number {
  if (steps === 'clock') return CLOCK_STEPS.find((step) => step >= least) ?? Math.ceil(least / DAY_MS) * DAY_MS;
  const power = 10 ** Math.floor(Math.log10(least));
  const round = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= least * (1 - 1e-9));
  const step = round ?? power * 10;
  return steps === 'whole' ? Math.max(1, Math.ceil(step)) : step;
}

/** Where nothing was measured for so many ordinary steps, the line is broken: what was not measured is not drawn. */
const GAP_STEPS = 2.5;

export type Placed = MetricPoint & { readonly x: number; readonly timeMs: number };
export type Frame = { readonly fromMs: number; readonly toMs: number; readonly width: number };

export function placed(points: readonly MetricPoint[], { fromMs, toMs, width }: Frame): readonly Placed[] {
  const span = Math.max(1, toMs - fromMs);
  return points.map((point) => {
    const timeMs = parseTime(point.t);
    return { ...point, timeMs, x: Math.max(0, Math.min(1, (timeMs - fromMs) / span)) * width };
  });
}

export function stretches(points: readonly Placed[]): readonly (readonly Placed[])[] {
  const gaps = points.slice(1).map((point, index) => point.timeMs - (points[index]?.timeMs ?? 0));
  const middle = gaps.toSorted((one, other) => one - other)[Math.floor(gaps.length / 2)] ?? 0;
  const found: Placed[][] = [];
  for (const [index, point] of points.entries()) {
    const isNew = index === 0 || (gaps[index - 1] ?? 0) > middle * GAP_STEPS;
    if (isNew) found.push([point]);
    else found.at(-1)?.push(point);
  }
  return found;
}

type Y = (value: number) => number;
const at = (x: number, y: number): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

export function linePath(points: readonly Placed[], y: Y): string {
  return points.map((point, index) => `${index === 0 ? 'M' : 'L'}${at(point.x, y(point.mean))}`).join('');
}

/** Between the lowest and the highest of each stretch of time. */
export function bandPath(points: readonly Placed[], y: Y): string {
  if (points.length < 2) return '';
  const upper = points.map((point) => at(point.x, y(point.max))).join('L');
  const lower = points
    .toReversed()
    .map((point) => at(point.x, y(point.min)))
    .join('L');
  return `M${upper}L${lower}Z`;
}

/** Under the line, down to nothing. */
export function areaPath(points: readonly Placed[], y: Y): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < 2) return '';
  return `${linePath(points, y)}L${at(last.x, y(0))}L${at(first.x, y(0))}Z`;
}

/** The nearest to a place on the axis; −1 where there is none. */
export function nearest(points: readonly Placed[], x: number): number {
  let best = -1;
  for (const [index, point] of points.entries()) {
    if (best < 0 || Math.abs(point.x - x) < Math.abs((points[best]?.x ?? 0) - x)) best = index;
  }
  return best;
}

/** What the words of a mark take. */
const MARK_WIDTH = 48;

/** Moments under the axis: full hours, days or months on this computer's calendar, few enough to be read. */
export function timeMarks(range: MetricRange, { fromMs, toMs, width }: Frame): readonly number[] {
  const marks: number[] = [];
  const mark = new Date(fromMs);
  const next: Readonly<Record<MetricRange, () => void>> = {
    day: () => mark.setHours(mark.getHours() + 6, 0, 0, 0),
    week: () => mark.setDate(mark.getDate() + 1),
    month: () => mark.setDate(mark.getDate() + 7),
    year: () => mark.setMonth(mark.getMonth() + 2, 1),
  };
  if (range === 'day') mark.setHours(Math.floor(mark.getHours() / 6) * 6, 0, 0, 0);
  else mark.setHours(0, 0, 0, 0);
  if (range === 'year') mark.setDate(1);
  const span = Math.max(1, toMs - fromMs);
  let lastX = -MARK_WIDTH;
  for (let index = 0; index < 40 && mark.getTime() < toMs; index++) {
    const x = ((mark.getTime() - fromMs) / span) * width;
    if (x >= lastX + MARK_WIDTH && x <= width - MARK_WIDTH / 2) {
      marks.push(mark.getTime());
      lastX = x;
    }
    next[range]();
  }
  return marks;
}
