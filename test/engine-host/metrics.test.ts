/** The figures of the service, on the real engine: for a scraper, for the window, and for the command line. */
import fs from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openCatalog } from '../../src-main/engine/catalog/index.ts';
import { openEngine } from '../../src-main/engine/index.ts';
import { type Family, prometheusText } from '../../src-main/engine-host/prometheus.ts';
import { silentLog } from '../../src-main/engine/kernel/index.ts';
import type { MetricName } from '../../src-shared/model/index.ts';
import { type ReadSample, readPrometheus } from '../support/prometheus.ts';
import { PASSWORD, RULES, ServiceLab } from '../support/service-lab.ts';

const TIMEOUT = 120_000;
const WAIT = { timeout: 30_000 };

describe('text for Prometheus', () => {
  const family = (samples: Family['samples'], help = 'Help.'): Family => ({
    name: 'a_b',
    help,
    type: 'gauge',
    samples,
  });

  test('escapes newline, quote and backslash in the values of labels, and the first and last in help', () => {
    const text = prometheusText([family([{ labels: { set: 'a"b\\c\nd' }, value: 1 }], 'one\ntwo \\ "three"')]);
    expect(text).toBe('# HELP a_b one\\ntwo \\\\ "three"\n# TYPE a_b gauge\na_b{set="a\\"b\\\\c\\nd"} 1\n');
  });

  test('gives back any name that a set may have', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 3 }),
        fc.double(),
        (texts, value) => {
          const labels = Object.fromEntries(texts.map((text, index) => [`l${index}`, text]));
          const [read] = readPrometheus(prometheusText([family([{ labels, value }], texts.join())]));
          const wellFormed = Object.fromEntries(texts.map((text, index) => [`l${index}`, text.toWellFormed()]));
          expect(read).toEqual({ name: 'a_b', labels: wellFormed, value: Object.is(value, -0) ? 0 : value });
        },
      ),
    );
  });

  test('writes what is no ordinary number as Prometheus does, and leaves out a family without samples', () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 0.1];
    const text = prometheusText([family(values.map((value, n) => ({ labels: { n: String(n) }, value }))), family([])]);
    expect(text.split('\n').flatMap((line) => /\} (.*)$/.exec(line)?.[1] ?? [])).toEqual([
      'NaN',
      '+Inf',
      '-Inf',
      '1e+21',
      '0.1',
    ]);
    expect(prometheusText([family([])])).toBe('');
  });

  test('refuses names that Prometheus would', () => {
    expect(() => prometheusText([{ ...family([{ value: 1 }]), name: 'a-b' }])).toThrow();
    expect(() => prometheusText([family([{ labels: { 'a-b': '' }, value: 1 }])])).toThrow();
  });
});

describe('figures of the service', { timeout: TIMEOUT }, () => {
  let lab: ServiceLab;
  beforeEach(() => {
    lab = new ServiceLab();
  });
  afterEach(() => lab.dispose());

  const scraped = async (): Promise<readonly ReadSample[]> =>
    readPrometheus(prometheusText(await lab.service.metrics()));
  const valueOf = (
    samples: readonly ReadSample[],
    name: string,
    labels: ReadSample['labels'] = {},
  ): number | undefined =>
    samples.find(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )?.value;

  test('tell a scraper how old each set is, what stands where, and what the backups took', async () => {
    const client = await lab.start();
    lab.write('letter', 'Dear Ada'.repeat(1000));
    const { set } = await lab.backedUp(client);
    const odd = 'Ada’s "own" \\ set';
    const edit = { setId: set.setId, keepSources: [0], addSources: [], rules: RULES };
    await client.call('sets.edit', { ...edit, name: odd });
    const samples = await scraped();
    const named = { set: odd, set_id: set.setId };
    const lastSeconds = valueOf(samples, 'cairn_set_last_backup_timestamp_seconds', named) ?? 0;
    expect(Math.abs(Date.now() / 1000 - lastSeconds)).toBeLessThan(3600);
    expect(valueOf(samples, 'cairn_set_stale', named)).toBe(0);
    expect(valueOf(samples, 'cairn_destination_ready')).toBe(1);
    expect(valueOf(samples, 'cairn_destination_snapshots')).toBe(1);
    expect(valueOf(samples, 'cairn_destination_stored_bytes')).toBeGreaterThan(0);
    expect(valueOf(samples, 'cairn_backup_duration_seconds_count')).toBe(1);
    expect(valueOf(samples, 'cairn_backup_duration_seconds_sum')).toBeGreaterThan(0);
    expect(valueOf(samples, 'cairn_backup_duration_seconds', { quantile: '0.5' })).toBeGreaterThan(0);
    expect(valueOf(samples, 'cairn_backup_failures_total')).toBe(0);
    expect(valueOf(samples, 'cairn_process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(valueOf(samples, 'cairn_objects_encoded_total')).toBeGreaterThan(0);
    expect(valueOf(samples, 'cairn_objects_corrupt_total')).toBe(0);
    // Nothing of what a person keeps.
    const text = prometheusText(await lab.service.metrics());
    for (const secret of [lab.folder, 'letter', PASSWORD]) expect(text).not.toContain(secret);
  });

  test('count a backup that failed, and say of a drive that is away what is known', async () => {
    const client = await lab.start();
    lab.write('letter', 'Dear Ada');
    const { set } = await lab.backedUp(client);
    // The only source is gone: a backup of nothing is a failure.
    fs.renameSync(lab.documents, `${lab.documents}.away`);
    const failed = await client.call('jobs.backup', { setId: set.setId, reread: false });
    expect((await client.ended(failed.jobId)).state).toBe('failed');
    expect(valueOf(await scraped(), 'cairn_backup_failures_total')).toBe(1);
    fs.renameSync(lab.drive, `${lab.drive}.away`);
    await lab.service.desk.look();
    const samples = await scraped();
    expect(valueOf(samples, 'cairn_destination_ready')).toBe(0);
    expect(valueOf(samples, 'cairn_set_last_backup_timestamp_seconds')).toBeGreaterThan(0);
    expect(valueOf(samples, 'cairn_destination_free_bytes')).toBeUndefined();
  });

  test('are what the window draws: durations, sizes, memory, and the problems of each backup', async () => {
    const client = await lab.start();
    lab.write('letter', 'Dear Ada'.repeat(1000));
    await lab.backedUp(client);
    lab.tick();
    // The backup and the clock each note some, and nobody knows which comes first.
    const { series } = await vi.waitFor(async () => {
      const answer = await client.call('metrics.get', { range: 'day' });
      expect(answer.series.find(({ name }) => name === 'memory')?.points).not.toHaveLength(0);
      return answer;
    }, WAIT);
    const pointsOf = (name: MetricName) => series.find((one) => one.name === name)?.points ?? [];
    expect(pointsOf('backup-duration-ms')).toHaveLength(1);
    expect(pointsOf('backup-duration-ms')[0]?.mean).toBeGreaterThan(0);
    expect(pointsOf('memory')[0]?.min).toBeGreaterThan(1e6);
    expect(pointsOf('bytes-stored')[0]?.max).toBeGreaterThan(0);
    expect(pointsOf('ratio')[0]?.max).toBeGreaterThan(0);
    expect(pointsOf('problems').map(({ max }) => max)).toEqual([0]);
    expect(pointsOf('throughput')[0]?.max).toBeGreaterThan(0);
    for (const { points } of series)
      for (const { min, mean, max } of points) expect([min <= mean, mean <= max]).toEqual([true, true]);
  });

  test('come from the record of runs where none were noted', async () => {
    const client = await lab.start();
    lab.write('letter', 'Dear Ada');
    await lab.backedUp(client);
    await lab.service.close();
    fs.rmSync(`${lab.home}/catalog`, { recursive: true });
    const again = await lab.start();
    const { series } = await again.call('metrics.get', { range: 'week' });
    expect(series.find(({ name }) => name === 'backup-duration-ms')?.points).toHaveLength(1);
  });

  test('are in “cairn stats --json” of another process', async () => {
    const client = await lab.start();
    lab.write('letter', 'Dear Ada');
    await lab.backedUp(client);
    lab.write('letter', 'Dear Ada, dear Grace');
    const { setId } = (await client.call('overview.get', {})).sets[0]!;
    const job = await client.call('jobs.backup', { setId, reread: false });
    await client.ended(job.jobId);
    await client.call('metrics.get', { range: 'day' });
    const catalog = openCatalog({ home: lab.home, log: silentLog });
    const engine = openEngine({ home: lab.home, log: silentLog, catalog });
    const repository = await engine.open(lab.drive, () => Promise.resolve({ kind: 'password', password: PASSWORD }));
    const { backups, figures, engine: ofProcess } = await repository.stats({ figures: true });
    await repository.close();
    await catalog.close();
    expect(backups).toMatchObject({ total: 2, full: 1, incremental: 1, failed: 0 });
    expect(backups.meanDeltaBytes).toBeGreaterThan(0);
    const durations = figures.find(({ name }) => name === 'backup-duration-ms');
    expect(durations?.count).toBe(2);
    expect(durations!.p50).toBeLessThanOrEqual(durations!.p99);
    expect(figures.map(({ name }) => name)).toEqual(expect.arrayContaining(['memory', 'queue', 'backup-stored-bytes']));
    expect(ofProcess['process.memoryBytes']).toBeGreaterThan(1e6);
  });
});
