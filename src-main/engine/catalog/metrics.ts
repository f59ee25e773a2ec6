/**
 * Figures over time: recorded, put together by the hour, thinned, and told in buckets.
 *
 * Bounds: METRICS_MAX names, FIGURES_MAX figures for FIGURES_KEPT_MS, HOURS_MAX hours for HOURS_KEPT; what is beyond goes,
 * the oldest first.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { SeriesBucket } from '../../../src-shared/model/index.ts';
import type { Figure, SeriesAsk } from './messages.ts';
import { blob, integer, integerOrNone, real, rowsOf, text } from './rows.ts';
import { Sketch } from './sketch.ts';

const METRICS_MAX = 256;
export const METRIC_NAME_MAX = 128;
const HOUR_MS = 60 * 60 * 1000;
const FIGURES_KEPT_MS = 7 * 24 * HOUR_MS;
/** Of about 20 bytes each. */
const FIGURES_MAX = 2_000_000;
const HOURS_KEPT = 2 * 365 * 24;
/** Of about 150 bytes each: 50 metrics for two years. */
const HOURS_MAX = 1_000_000;
/** So many columns fit no screen. */
export const BUCKETS_MAX = 2000;

type Sum = { count: number; min: number; max: number; sum: number; readonly sketch: Sketch };

export class Metrics {
  readonly #database: Database;
  readonly #metric: Statement;
  readonly #addMetric: Statement;
  readonly #countMetrics: Statement;
  readonly #names: Statement;
  readonly #place: Statement;
  readonly #add: Statement;
  readonly #figures: Statement;
  readonly #addHour: Statement;
  readonly #hours: Statement;
  readonly #meta: Statement;
  readonly #setMeta: Statement;

  constructor(database: Database) {
    const one = (sql: string): Statement => database.prepare(sql).pluck();
    this.#database = database;
    this.#metric = one('SELECT metric FROM metrics WHERE name = ?');
    this.#addMetric = database.prepare('INSERT INTO metrics(name) VALUES (?)');
    this.#countMetrics = one('SELECT count(*) FROM metrics');
    this.#names = one('SELECT name FROM metrics ORDER BY name');
    this.#place = one('SELECT max(place) FROM figures WHERE metric = ? AND at = ?');
    this.#add = database.prepare('INSERT INTO figures(metric, at, place, value) VALUES (?, ?, ?, ?)');
    this.#figures = database
      .prepare('SELECT at, value FROM figures WHERE metric = ? AND at >= ? AND at < ? ORDER BY at')
      .raw();
    this.#addHour = database.prepare(
      'INSERT OR REPLACE INTO hours(metric, hour, count, least, most, sum, sketch) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#hours = database
      .prepare(
        'SELECT hour, count, least, most, sum, sketch FROM hours WHERE metric = ? AND hour >= ? AND hour < ? ORDER BY hour',
      )
      .raw();
    this.#meta = one('SELECT value FROM meta WHERE key = ?');
    this.#setMeta = database.prepare('INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)');
  }

  record(figures: readonly Figure[], nowMs: number): void {
    this.#database
      .transaction(() => {
        for (const { name, value, atMs } of figures) {
          const metric = this.#metricOf(name);
          if (metric === undefined) continue;
          this.#add.run(metric, atMs, (integerOrNone(this.#place.get(metric, atMs)) ?? -1) + 1, value);
        }
        this.#closeHours(Math.floor(nowMs / HOUR_MS));
      })
      .immediate();
  }

  names(): readonly string[] {
    return this.#names.all().map(text);
  }

  /** Buckets of one width over [fromMs, toMs), without those in which nothing was recorded. */
  series({ name, fromMs, toMs, buckets }: SeriesAsk): readonly SeriesBucket[] {
    const metric = integerOrNone(this.#metric.get(name) ?? null);
    if (metric === undefined || toMs <= fromMs) return [];
    const widthMs = (toMs - fromMs) / Math.min(Math.max(1, Math.floor(buckets)), BUCKETS_MAX);
    const sums = new Map<number, Sum>();
    const sumAt = (atMs: number): Sum => {
      const bucket = Math.floor((atMs - fromMs) / widthMs);
      const sum = sums.get(bucket) ?? emptySum();
      sums.set(bucket, sum);
      return sum;
    };
    const figuresFromMs = this.#oldestHour() * HOUR_MS;
    const hours = [Math.floor(fromMs / HOUR_MS), Math.ceil(Math.min(toMs, figuresFromMs) / HOUR_MS)];
    for (const row of rowsOf(this.#hours.all(metric, ...hours))) {
      const at = Math.max(fromMs, integer(row[0]) * HOUR_MS);
      const stored = { count: integer(row[1]), min: real(row[2]), max: real(row[3]), sum: real(row[4]) };
      join(sumAt(at), { ...stored, sketch: Sketch.decode(blob(row[5])) });
    }
    for (const row of rowsOf(this.#figures.all(metric, Math.max(fromMs, figuresFromMs), toMs)))
      addFigure(sumAt(integer(row[0])), real(row[1]));
    return [...sums]
      .toSorted(([left], [right]) => left - right)
      .map(([bucket, sum]) => bucketOf(sum, fromMs + bucket * widthMs, fromMs + (bucket + 1) * widthMs));
  }

  #metricOf(name: string): number | undefined {
    const known = integerOrNone(this.#metric.get(name) ?? null);
    if (known !== undefined) return known;
    if (integer(this.#countMetrics.get()) >= METRICS_MAX) return undefined;
    return Number(this.#addMetric.run(name).lastInsertRowid);
  }

  /** The first hour of which all figures are still there. */
  #oldestHour(): number {
    return integer(this.#meta.get('oldest-hour') ?? 0);
  }

  /** Puts hours together that are over, and lets go of what is too old. */
  #closeHours(hour: number): void {
    const closed = integer(this.#meta.get('closed-hour') ?? 0);
    // A clock that was set back: what comes now is put together again when it is over.
    if (hour < closed) this.#setMeta.run('closed-hour', hour);
    if (hour <= closed) return;
    for (const value of this.#database.prepare('SELECT metric FROM metrics').pluck().all()) {
      const metric = integer(value);
      const sums = new Map<number, Sum>();
      for (const row of rowsOf(this.#figures.all(metric, closed * HOUR_MS, hour * HOUR_MS))) {
        const at = Math.floor(integer(row[0]) / HOUR_MS);
        const sum = sums.get(at) ?? emptySum();
        sums.set(at, sum);
        addFigure(sum, real(row[1]));
      }
      for (const [at, { count, min, max, sum, sketch }] of sums)
        this.#addHour.run(metric, at, count, min, max, sum, sketch.encode());
    }
    this.#setMeta.run('closed-hour', hour);
    this.#thin(hour);
  }

  #thin(hour: number): void {
    const oldest = Math.max(hour - FIGURES_KEPT_MS / HOUR_MS, this.#hourBeyond('figures', 'at', FIGURES_MAX, HOUR_MS));
    this.#database.prepare('DELETE FROM figures WHERE at < ?').run(oldest * HOUR_MS);
    this.#setMeta.run('oldest-hour', Math.max(0, oldest));
    const oldestKept = Math.max(hour - HOURS_KEPT, this.#hourBeyond('hours', 'hour', HOURS_MAX, 1));
    this.#database.prepare('DELETE FROM hours WHERE hour < ?').run(oldestKept);
  }

  /** The hour after which at most `max` rows of the table lie; 0 where all do. */
  #hourBeyond(table: 'figures' | 'hours', column: 'at' | 'hour', max: number, unit: number): number {
    // To sort them takes long; mostly there are not so many.
    if (integer(this.#database.prepare(`SELECT count(*) FROM ${table}`).pluck().get()) <= max) return 0;
    const sql = `SELECT ${column} FROM ${table} ORDER BY ${column} DESC LIMIT 1 OFFSET ${max}`;
    return Math.floor(integer(this.#database.prepare(sql).pluck().get()) / unit) + 1;
  }
}

function emptySum(): Sum {
  return { count: 0, min: Infinity, max: -Infinity, sum: 0, sketch: new Sketch() };
}

function addFigure(sum: Sum, value: number): void {
  sum.count++;
  sum.min = Math.min(sum.min, value);
  sum.max = Math.max(sum.max, value);
  sum.sum += value;
  sum.sketch.add(value);
}

function join(into: Sum, other: Sum): void {
  into.count += other.count;
  into.min = Math.min(into.min, other.min);
  into.max = Math.max(into.max, other.max);
  into.sum += other.sum;
  into.sketch.addAll(other.sketch);
}

function bucketOf({ count, min, max, sum, sketch }: Sum, fromMs: number, toMs: number): SeriesBucket {
  // The sketch may lie a little outside of what was recorded.
  const percentile = (share: number): number => Math.min(max, Math.max(min, sketch.percentile(share)));
  return {
    fromMs,
    toMs,
    count,
    min,
    mean: sum / count,
    max,
    p50: percentile(0.5),
    p95: percentile(0.95),
    p99: percentile(0.99),
  };
}
