/** Search, versions, comparisons and figures of the scripted engine, made from its invented tree. */
import { type InputOf, METRIC_POINTS_MAX, type ValueOf } from '../../../src-shared/api/contract.ts';
import type {
  BrowseEntry,
  Change,
  ChangeKind,
  MetricName,
  MetricPoint,
  MetricRange,
  Metrics,
  PathVersion,
  SearchHit,
  SearchPage,
  SnapshotSummary,
  TextComparison,
} from '../../../src-shared/model/index.ts';
import type { Scenario } from './scripted-data.ts';
import { everythingAt, hashOf, type Moment, versionAt } from './scripted-tree.ts';

type Snapshots = readonly SnapshotSummary[];

const momentOf = (snapshots: Snapshots, index: number): Moment => ({
  index,
  count: snapshots.length,
  timeMs: Date.parse(snapshots[index]?.time ?? new Date().toISOString()),
});

/** Every path that was ever there, with the first and last snapshot that has it. */
function lives(snapshots: Snapshots): ReadonlyMap<string, { first: number; last: number; entry: BrowseEntry }> {
  const found = new Map<string, { first: number; last: number; entry: BrowseEntry }>();
  for (const index of snapshots.keys()) {
    for (const entry of everythingAt(momentOf(snapshots, index))) {
      found.set(entry.path, { first: found.get(entry.path)?.first ?? index, last: index, entry });
    }
  }
  return found;
}

export function searched(scenario: Scenario, snapshots: Snapshots, input: InputOf<'search.find'>): SearchPage {
  if (scenario === 'no-catalog') return { hits: [], total: 0, totalIsExact: true, state: 'unavailable' };
  const isGlob = /[*?]/.test(input.text);
  const escaped = input.text
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const pattern = new RegExp(isGlob ? `^${escaped}$` : escaped, 'i');
  const hits = [...lives(snapshots).values()]
    .filter(({ entry }) => pattern.test(entry.name) && (input.type === 'any' || input.type === entry.type))
    .map(({ first, last, entry }): SearchHit => ({
      path: entry.path,
      name: entry.name,
      type: entry.type,
      size: entry.type === 'directory' ? 0 : entry.size,
      mtime: entry.mtime,
      firstSnapshotId: snapshots[first]?.id ?? '',
      lastSnapshotId: snapshots[last]?.id ?? '',
      firstTime: snapshots[first]?.time ?? '',
      lastTime: snapshots[last]?.time ?? '',
      isInLatest: last === snapshots.length - 1,
    }));
  const isIndexing = scenario === 'indexing';
  return {
    hits: hits.slice(input.offset, input.offset + input.limit),
    total: hits.length,
    totalIsExact: !isIndexing,
    state: isIndexing ? 'indexing' : 'ready',
  };
}

export function versionsOf(snapshots: Snapshots, path: string): readonly PathVersion[] {
  const versions: PathVersion[] = [];
  for (const index of snapshots.keys()) {
    const entry = everythingAt(momentOf(snapshots, index)).find((row) => row.path === path);
    const { id = '', time = '' } = snapshots[index] ?? {};
    if (entry === undefined) continue;
    const last = versions.at(-1);
    const same = last !== undefined && last.contentHash === entry.contentHash;
    if (same) versions.pop();
    versions.push({
      snapshotId: id,
      firstTime: same ? last.firstTime : time,
      lastTime: time,
      size: entry.size,
      mtime: entry.mtime,
      contentHash: entry.contentHash,
      isCurrent: index === snapshots.length - 1,
    });
  }
  return versions.reverse();
}

function changesBetween(before: Moment, after: Moment, folder: string): readonly Change[] {
  const below = (entry: BrowseEntry): boolean => folder === '' || entry.path.startsWith(`${folder}/`);
  const old = new Map(
    everythingAt(before)
      .filter(below)
      .map((entry) => [entry.path, entry]),
  );
  const young = new Map(
    everythingAt(after)
      .filter(below)
      .map((entry) => [entry.path, entry]),
  );
  return [...new Set([...old.keys(), ...young.keys()])].toSorted().flatMap((path): readonly Change[] => {
    const [one, other] = [old.get(path), young.get(path)];
    const { type } = (other ?? one)!;
    const sizes = {
      sizeBefore: one?.type === 'file' ? one.size : null,
      sizeAfter: other?.type === 'file' ? other.size : null,
    };
    const row = (change: ChangeKind): readonly Change[] => [{ path, change, type, ...sizes }];
    if (one === undefined) return row('added');
    if (other === undefined) return row('removed');
    if (one.contentHash !== other.contentHash) return row('changed');
    return type === 'file' && hashOf(`meta ${path}`) % 13 === 0 && before.index !== after.index ? row('metadata') : [];
  });
}

export function compared(before: Moment, after: Moment, input: InputOf<'compare.list'>): ValueOf<'compare.list'> {
  const all = changesBetween(before, after, input.path);
  const count = (kind: ChangeKind): number => all.filter(({ change }) => change === kind).length;
  const wanted = all.filter(({ change }) => input.kinds.includes(change));
  return {
    entries: wanted.slice(input.offset, input.offset + input.limit),
    totals: {
      added: count('added'),
      removed: count('removed'),
      changed: count('changed'),
      metadata: count('metadata'),
    },
    incomplete: false,
  };
}

export function textCompared(before: Moment, after: Moment, path: string): TextComparison {
  if (path.endsWith('.csv')) return { kind: 'too-large' };
  if (!/\.(md|txt|tex|bib|ts|json|html|css|svg)$/.test(path)) return { kind: 'binary' };
  if (versionAt(path, before) === versionAt(path, after)) return { kind: 'text', hunks: [], truncated: false };
  return {
    kind: 'text',
    truncated: false,
    hunks: [
      {
        beforeLine: 1,
        afterLine: 1,
        lines: [
          { kind: 'same', text: '# Notes' },
          { kind: 'same', text: '' },
          { kind: 'removed', text: '- Call the plumber about the boiler' },
          {
            kind: 'added',
            text: '- Call the plumber about the boiler on Monday, before nine, for he is hard to reach later in the day',
          },
          { kind: 'added', text: '- <img src=x onerror="document.title=1">' },
          { kind: 'same', text: '- Order 40 bricks' },
        ],
      },
      {
        beforeLine: 41,
        afterLine: 42,
        lines: [
          { kind: 'same', text: 'Last of all:' },
          { kind: 'removed', text: '<script>alert("this is text and stays text")</script>' },
          { kind: 'removed', text: '\tan indented line that went' },
          { kind: 'same', text: 'The end.' },
        ],
      },
    ],
  };
}

const RANGES: Readonly<Record<MetricRange, { readonly hours: number; readonly points: number }>> = {
  day: { hours: 24, points: 96 },
  week: { hours: 7 * 24, points: 84 },
  month: { hours: 30 * 24, points: 120 },
  year: { hours: 365 * 24, points: 182 },
};

/** At a share of the range from 0 to 1: the middle, and how far it spreads. */
const CURVES: Readonly<Record<MetricName, (share: number, roll: number) => readonly [number, number]>> = {
  'bytes-stored': (share) => [171e9 + 43e9 * share ** 1.4, 0],
  ratio: (share) => [1.1 + 3.2 * share ** 0.6, 0],
  'backup-duration-ms': (share, roll) => [4_000 + roll * 9_000 + (Math.abs(share - 0.4) < 0.01 ? 160_000 : 0), 0.4],
  throughput: (share, roll) => [90e6 + Math.sin(share * 9) * 34e6 + roll * 30e6, 0.5],
  memory: (share, roll) => [118e6 + roll * 22e6 + share * 10e6, 0.2],
  problems: (_, roll) => [roll > 0.93 ? Math.round(roll * 9 - 5) : 0, 0],
};

export function metricsOf(scenario: Scenario, range: MetricRange, nowMs: number): Metrics {
  const { hours } = RANGES[range];
  const points = Math.min(RANGES[range].points, METRIC_POINTS_MAX);
  const fromMs = nowMs - hours * 3_600_000;
  const isEmpty = scenario === 'new-set' || scenario.startsWith('first-run');
  const series = (Object.keys(CURVES) as MetricName[]).map((name) => ({
    name,
    points: Array.from({ length: isEmpty ? 0 : points }, (_, index): MetricPoint | null => {
      const share = index / (points - 1);
      // A computer sleeps at night.
      if (name !== 'bytes-stored' && name !== 'ratio' && hashOf(`asleep ${Math.floor(index / 6)}`) % 5 === 0)
        return null;
      const [mean, spread] = CURVES[name](share, (hashOf(`${name} ${index}`) % 1000) / 1000);
      const t = new Date(fromMs + share * hours * 3_600_000).toISOString();
      return { t, mean, min: mean * (1 - spread / 2), max: mean * (1 + spread) };
    }).filter((point) => point !== null),
  }));
  return { range, from: new Date(fromMs).toISOString(), to: new Date(nowMs).toISOString(), series };
}
