/** Words of the figures: what each is, in which unit, and what its line says. */
import type { MetricName, MetricPoint, MetricRange } from '../../src-shared/model/index.ts';
import { formatBytes, formatDuration, formatRate } from '../../src-shared/format/index.ts';
import { count } from './count.ts';

type MetricWords = { readonly title: string; readonly explains: string; readonly format: (value: number) => string };

const TENTHS = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const METRICS: Readonly<Record<MetricName, MetricWords>> = {
  'bytes-stored': { title: 'Kept', explains: 'In all destinations together', format: formatBytes },
  ratio: {
    title: 'Saved by keeping each thing once',
    explains: 'Size of all your snapshots by what they take',
    format: (value) => `${TENTHS.format(value)} : 1`,
  },
  'backup-duration-ms': { title: 'A backup takes', explains: 'From its start to its snapshot', format: formatDuration },
  throughput: { title: 'Reading speed', explains: 'While a backup runs', format: formatRate },
  memory: { title: 'Memory', explains: 'That Cairn takes of this computer', format: formatBytes },
  problems: {
    title: 'Files that could not be read',
    explains: 'In backups',
    format: (value) => count(Math.round(value)),
  },
};

const FORMATS: Readonly<Record<MetricRange, Intl.DateTimeFormat>> = {
  day: new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }),
  week: new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric' }),
  month: new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' }),
  year: new Intl.DateTimeFormat('en-GB', { month: 'short' }),
};

/** Under the axis. */
export function markName(range: MetricRange, timeMs: number): string {
  return FORMATS[range].format(timeMs);
}

export const metrics = {
  title: 'Figures',
  range: 'Over which time',
  ranges: { day: 'Day', week: 'Week', month: 'Month', year: 'Year' } satisfies Record<MetricRange, string>,
  view: 'Shown as',
  asCharts: 'Charts',
  asTables: 'Tables',
  none: 'No figures yet',
  noneHint: 'They are gathered while Cairn works, and shown here after the first backups.',
  nothing: 'Nothing was measured in this time.',
  columns: { time: 'From', min: 'Lowest', mean: 'Mean', max: 'Highest' },
  latest: 'Latest',
  point: (when: string, value: string) => `${when}: ${value}`,
  between: (least: string, most: string) => `${least} – ${most}`,
  /** Read aloud in place of the drawing. */
  summary: (name: MetricName, points: readonly MetricPoint[]): string => {
    const { title, format } = METRICS[name];
    const last = points.at(-1);
    if (last === undefined) return `${title}: nothing was measured`;
    const least = Math.min(...points.map(({ min }) => min));
    const most = Math.max(...points.map(({ max }) => max));
    return `${title}: latest ${format(last.mean)}, between ${format(least)} and ${format(most)}`;
  },
} as const;
