/**
 * Sets that run by themselves: the real service with the real watcher on real files.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EngineEvent } from '../../src-shared/api/index.ts';
import type { BackupSet } from '../../src-shared/model/index.ts';
import { prometheusText } from '../../src-main/engine-host/prometheus.ts';
import { readPrometheus } from '../support/prometheus.ts';
import { BY_HAND, ServiceLab, type TestClient } from '../support/service-lab.ts';

const CONTINUOUS = { ...BY_HAND, timing: { kind: 'continuous', fullScanEveryHours: 24 } } as const;

describe.runIf(process.platform === 'linux')('the agent', { timeout: 30_000 }, () => {
  let lab: ServiceLab;
  let client: TestClient;

  beforeEach(async () => {
    lab = new ServiceLab({
      withAgent: true,
      watchTimes: { quietMs: 50, ceilingMs: 500, retryMs: 200, rootPollMs: 200 },
    });
    client = await lab.start();
  });
  afterEach(() => lab.dispose());

  const setIn = (event: EngineEvent): BackupSet | undefined =>
    event.kind === 'overview' ? event.overview.sets[0] : undefined;

  /** From now on. */
  function untilSet(wanted: (set: BackupSet) => boolean): Promise<BackupSet> {
    client.events.length = 0;
    return client.until((event) => {
      const set = setIn(event);
      return set !== undefined && wanted(set) ? set : undefined;
    });
  }

  async function continuous(sources = [lab.documents]): Promise<BackupSet> {
    const { set } = await lab.backedUp(client, { password: null, sources });
    const watching = untilSet(({ live }) => live.state === 'watching' && live.protectedUntil !== null);
    await client.call('sets.schedule', { setId: set.setId, schedule: CONTINUOUS });
    return watching;
  }

  const snapshots = async (set: BackupSet): Promise<number> =>
    (await client.call('snapshots.list', { destinationId: set.destinationId })).length;

  test('backs a change up by itself, and it can be read back', async () => {
    lab.write('letters/to-ada.txt', 'first');
    const set = await continuous();
    const before = await snapshots(set);
    const saved = untilSet(
      ({ lastBackup }) => lastBackup !== null && lastBackup.snapshotId !== set.lastBackup?.snapshotId,
    );
    fs.writeFileSync(path.join(lab.documents, 'letters', 'to-ada.txt'), 'second, and longer');
    const { lastBackup } = await saved;
    expect(await snapshots(set)).toBe(before + 1);
    const preview = await client.call('browse.preview', {
      destinationId: set.destinationId,
      snapshotId: lastBackup!.snapshotId,
      path: 'letters/to-ada.txt',
    });
    expect(preview).toMatchObject({ kind: 'text', text: 'second, and longer' });
  });

  test('makes no snapshot where nothing changed in the end', async () => {
    lab.write('note.txt', 'as it was');
    const set = await continuous();
    const before = await snapshots(set);
    const quiet = untilSet(({ live }) => live.state === 'watching' && live.protectedUntil! > set.live.protectedUntil!);
    fs.writeFileSync(path.join(lab.documents, 'draft'), 'gone in a moment');
    fs.unlinkSync(path.join(lab.documents, 'draft'));
    const time = new Date(1_600_000_000_000);
    fs.utimesSync(lab.documents, time, time);
    await quiet;
    expect(await snapshots(set)).toBeLessThanOrEqual(before + 1);
  });

  test('waits while it is paused, and then backs up what changed meanwhile', async () => {
    lab.write('note.txt', 'first');
    const set = await continuous();
    const paused = untilSet(({ nextRun }) => nextRun.waitsFor === 'pause');
    await client.call('sets.pause', { setId: set.setId, until: null });
    expect((await paused).live.state).toBe('off');
    fs.writeFileSync(path.join(lab.documents, 'note.txt'), 'second, and longer');
    const before = await snapshots(set);
    const saved = untilSet(({ lastBackup }) => lastBackup?.snapshotId !== set.lastBackup?.snapshotId);
    await client.call('sets.resume', { setId: null });
    await saved;
    expect(await snapshots(set)).toBe(before + 1);
  });

  test('goes on from where it was when its drive comes back', async () => {
    lab.write('note.txt', 'first');
    const set = await continuous();
    fs.renameSync(lab.drive, `${lab.drive}-unplugged`);
    const away = untilSet(({ nextRun }) => nextRun.waitsFor === 'drive');
    await lab.service.desk.look();
    await away;
    fs.writeFileSync(path.join(lab.documents, 'note.txt'), 'written while it was away');
    fs.mkdirSync(lab.drive);
    await lab.service.desk.look();
    // An empty mount point is never written into.
    expect(fs.readdirSync(lab.drive)).toEqual([]);
    fs.rmdirSync(lab.drive);
    fs.renameSync(`${lab.drive}-unplugged`, lab.drive);
    const saved = untilSet(
      ({ lastBackup }) => lastBackup !== null && lastBackup.snapshotId !== set.lastBackup?.snapshotId,
    );
    await lab.service.desk.look();
    const { lastBackup } = await saved;
    const where = { destinationId: set.destinationId, snapshotId: lastBackup!.snapshotId, path: 'note.txt' };
    expect(await client.call('browse.preview', where)).toMatchObject({ text: 'written while it was away' });
  });

  test('looks at a set of several sources once when it begins to watch it', async () => {
    const pictures = path.join(lab.userHome, 'Pictures');
    lab.write('note.txt', 'a note');
    // One that takes longer until it is watched, and settles later.
    for (let number = 0; number < 400; number++) lab.write(`${number}/picture`, 'x', pictures);
    await continuous([lab.documents, pictures]);
    const jobs = new Set(client.events.flatMap((event) => (event.kind === 'job' ? [event.job.jobId] : [])));
    expect(jobs.size).toBe(1);
  });

  test('notes what live backups took, for charts and for a scraper', async () => {
    lab.write('note.txt', 'first');
    const set = await continuous();
    const saved = untilSet(({ lastBackup }) => lastBackup?.snapshotId !== set.lastBackup?.snapshotId);
    fs.writeFileSync(path.join(lab.documents, 'note.txt'), 'second, and longer');
    await saved;
    const samples = readPrometheus(prometheusText(await lab.service.metrics()));
    const valueOf = (name: string): number | undefined => samples.find((sample) => sample.name === name)?.value;
    expect(valueOf('cairn_live_commit_duration_seconds_count')).toBeGreaterThan(0);
    expect(valueOf('cairn_live_commit_stored_bytes_sum')).toBeGreaterThan(0);
    expect(valueOf('cairn_set_stale')).toBe(0);
  });
});
