/** Figures over time: told as they were recorded, thinned when they are old, never more than there is room for. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SeriesBucket } from '../../src-shared/model/index.ts';
import { type Catalog, openCatalog } from '../../src-main/engine/catalog/index.ts';
import { silentLog } from '../../src-main/engine/kernel/index.ts';
import { heldClock } from '../support/engine-lab.ts';
import { seeded, testSeed } from '../support/seed.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 0, 1);
let home: string;
let clock: ReturnType<typeof heldClock>;
let catalog: Catalog;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-catalog-'));
  clock = heldClock(START_MS);
  catalog = openCatalog({ home, log: silentLog, clock });
});
afterEach(async () => {
  await catalog.close();
  fs.rmSync(home, { recursive: true, force: true });
});

async function series(name: string, fromMs: number, toMs: number, buckets: number): Promise<readonly SeriesBucket[]> {
  return (await catalog.series(name, { fromMs, toMs, buckets })) ?? [];
}

type Point = { readonly atMs: number; readonly value: number };

/** What the buckets should be, but for the percentiles. */
function model(points: readonly Point[], fromMs: number, toMs: number, buckets: number) {
  const widthMs = (toMs - fromMs) / buckets;
  const inside = points.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const groups = Map.groupBy(inside, ({ atMs }) => Math.floor((atMs - fromMs) / widthMs));
  return [...groups]
    .toSorted(([left], [right]) => left - right)
    .map(([, members]) => {
      const values = members.map(({ value }) => value);
      const sum = values.reduce((total, value) => total + value, 0);
      return {
        count: values.length,
        min: Math.min(...values),
        max: Math.max(...values),
        mean: expect.closeTo(sum / values.length, 6) as unknown,
      };
    });
}

describe('a series', () => {
  test('is what was recorded, in buckets: count, least, mean, most, percentiles', async () => {
    const random = seeded(testSeed('catalog metrics'));
    const points = Array.from({ length: 3000 }, () => ({
      atMs: START_MS + random.between(0, 5 * HOUR_MS),
      value: random.between(1, 1000) / 10,
    }));
    for (const { atMs, value } of points) catalog.record('backup.ms', value, atMs);
    clock.advance(6 * HOUR_MS);
    for (const buckets of [1, 7, 60]) {
      const found = await series('backup.ms', START_MS, START_MS + 6 * HOUR_MS, buckets);
      expect(found).toMatchObject(model(points, START_MS, START_MS + 6 * HOUR_MS, buckets));
      for (const { min, p50, p95, p99, max } of found)
        expect([min, p50, p95, p99, max]).toEqual([min, p50, p95, p99, max].toSorted((a, b) => a - b));
    }
    const [all] = await series('backup.ms', START_MS, START_MS + 6 * HOUR_MS, 1);
    const sorted = points.map(({ value }) => value).toSorted((left, right) => left - right);
    expect(Math.abs((all?.p95 ?? 0) / (sorted[Math.floor(0.95 * sorted.length)] ?? 1) - 1)).toBeLessThan(0.03);
    expect(await catalog.seriesNames()).toEqual(['backup.ms']);
    expect(await series('nothing', 0, START_MS, 10)).toEqual([]);
  });

  test('goes back two years by the hour, and a week figure by figure', async () => {
    const points: Point[] = [];
    for (let hour = 0; hour < 40 * 24; hour += 3) {
      clock.advance(3 * HOUR_MS);
      for (const minute of [5, 20, 50]) {
        const point = { atMs: START_MS + hour * HOUR_MS + minute * 60_000, value: hour + minute };
        points.push(point);
        catalog.record('queue', point.value, point.atMs);
      }
      if (hour % 30 === 0) await series('queue', 0, 1, 1);
    }
    const endMs = START_MS + 40 * DAY_MS;
    expect(await series('queue', START_MS, endMs, 40)).toMatchObject(model(points, START_MS, endMs, 40));
    // The last days minute by minute; before, an hour is as fine as it gets.
    expect(await series('queue', endMs - 6 * DAY_MS, endMs, 6 * 24 * 12)).toMatchObject(
      model(points, endMs - 6 * DAY_MS, endMs, 6 * 24 * 12),
    );
    expect((await series('queue', START_MS, START_MS + 3 * HOUR_MS, 36)).map(({ count }) => count)).toEqual([3]);
    clock.advance(3 * 365 * DAY_MS);
    catalog.record('queue', 1, clock.nowMs());
    expect(await series('queue', START_MS, endMs, 40)).toEqual([]);
  });

  test('outlives a restart, and a clock that is set back', async () => {
    catalog.record('one', 1, START_MS);
    clock.advance(10 * HOUR_MS);
    catalog.record('one', 2, clock.nowMs());
    await catalog.close();
    clock.advance(-5 * HOUR_MS);
    catalog = openCatalog({ home, log: silentLog, clock });
    catalog.record('one', 3, clock.nowMs());
    clock.advance(8 * HOUR_MS);
    catalog.record('one', 4, clock.nowMs());
    const found = await series('one', START_MS, START_MS + DAY_MS, 24);
    expect(found.map(({ mean }) => mean)).toEqual([1, 3, 2, 4]);
  });

  test('takes no figure that is none, and no more names than it has room for', async () => {
    catalog.record('bad', Number.NaN, START_MS);
    catalog.record('bad', Infinity, START_MS);
    catalog.record('bad', 1, START_MS + 0.5);
    catalog.record('x'.repeat(1000), 1, START_MS);
    for (let index = 0; index < 300; index++) catalog.record(`name ${index}`, index, START_MS);
    expect(await catalog.seriesNames()).toHaveLength(256);
    expect(await series('bad', 0, START_MS * 2, 1)).toEqual([]);
  });
});
