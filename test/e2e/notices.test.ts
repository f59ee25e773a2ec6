/**
 * What the desktop is told: by the service with the agent, a clock that a test holds, and the app's own notifications on
 * the stand-in for Electron.
 */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Run } from '../../src-shared/model/index.ts';
import { notify } from '../../src-main/app/notifications.ts';
import type { Notice } from '../../src-main/engine-host/port.ts';
import { Notification } from './standin/desktop.ts';
import { calls } from './standin/strict.ts';
import { BY_HAND, ServiceLab, type TestClient } from '../support/service-lab.ts';

vi.mock('electron', () => import('./standin/electron.ts'));

const DAY_MS = 86_400_000;

/** Of what the desktop showed since. */
function shownSince(first: number): readonly string[] {
  return calls
    .slice(first)
    .filter(({ api }) => api === 'Notification.show')
    .map((call) => (call.arguments[0] as Notice).title);
}

describe('the notifications of a set that runs by itself', { timeout: 60_000 }, () => {
  let lab: ServiceLab;
  let client: TestClient;
  let first: number;
  let clicks: number;
  let nowMs: number;

  beforeEach(() => {
    first = calls.length;
    clicks = 0;
    nowMs = Date.now();
    const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
    lab = new ServiceLab({ withAgent: true, clock, watchTimes: { quietMs: 50, ceilingMs: 500, retryMs: 200 } });
    lab.host = { ...lab.host, notify: (notice) => notify(notice, () => clicks++) };
  });
  afterEach(() => lab.dispose());

  const shown = (): readonly string[] => shownSince(first);

  /** The agent looks at the set anew, as it does every hour, and everything that follows from it has happened. */
  async function looked(setId: string): Promise<void> {
    await client.call('sets.pause', { setId, until: new Date(nowMs + DAY_MS).toISOString() });
    await client.call('sets.resume', { setId });
    lab.tick();
    await lab.service.desk.look();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }

  it('say that there is no good backup for days, once, and open the window', async () => {
    lab.write('note.txt', 'first');
    client = await lab.start();
    const { set } = await lab.backedUp(client, { password: null });
    nowMs += 6.5 * DAY_MS;
    await looked(set.setId);
    expect(shown()).toEqual([]);
    nowMs += DAY_MS;
    await looked(set.setId);
    await vi.waitFor(() => expect(shown()).toEqual(['No good backup of “Documents” for 7 days']));
    Notification.current?.emit('click');
    expect(clicks).toBe(1);
    for (let day = 0; day < 10; day++) {
      nowMs += DAY_MS;
      await looked(set.setId);
    }
    expect(shown()).toHaveLength(1);

    // A good one ends the silence, and the next silence is told anew.
    const { jobId } = await client.call('jobs.backup', { setId: set.setId, reread: false });
    await client.ended(jobId);
    nowMs += 7.5 * DAY_MS;
    await looked(set.setId);
    await vi.waitFor(() => expect(shown()).toHaveLength(2));
  });

  it('say nothing of a set that is watched and has nothing new, nor where the person wants none', async () => {
    lab.write('note.txt', 'first');
    client = await lab.start();
    const { set } = await lab.backedUp(client, { password: null });
    const { setId } = set;
    const timing = { kind: 'continuous', fullScanEveryHours: 168 } as const;
    await client.call('sets.schedule', { setId, schedule: { ...BY_HAND, timing } });
    const watched = async (): Promise<void> =>
      vi.waitFor(async () => {
        const { sets } = await client.call('overview.get', {});
        expect(sets[0]?.live).toMatchObject({ state: 'watching' });
        expect(sets[0]?.live.protectedUntil).not.toBeNull();
      }, 30_000);
    await watched();
    for (let day = 0; day < 6; day++) {
      nowMs += DAY_MS;
      await looked(setId);
      await watched();
    }
    // Longer ago than the last run by far more than it is by what is watched.
    await client.call('sets.schedule', { setId, schedule: { ...BY_HAND, staleAfterDays: 3 } });
    await looked(setId);
    expect(shown()).toEqual([]);
    await client.call('settings.change', { notifyStale: false });
    nowMs += 5 * DAY_MS;
    await looked(setId);
    expect(shown()).toEqual([]);
  });

  it('say that a run failed when runs begin to fail, and not of each one after it', async () => {
    lab.write('note.txt', 'first');
    client = await lab.start();
    const { set } = await lab.backedUp(client, { password: null });
    fs.renameSync(lab.documents, `${lab.documents}-away`);
    const every = { ...BY_HAND, timing: { kind: 'minutes', every: 30 } } as const;
    await client.call('sets.schedule', { setId: set.setId, schedule: every });
    await looked(set.setId);
    const runs = async (state: Run['state']): Promise<number> =>
      (await client.call('activity.runs', { before: null, limit: 100 })).filter((run) => run.state === state).length;
    for (let round = 1; round <= 3; round++) {
      nowMs += DAY_MS / 5;
      await vi.waitFor(async () => {
        await looked(set.setId);
        expect(await runs('failed')).toBeGreaterThanOrEqual(round);
      }, 30_000);
    }
    expect(shown()).toEqual(['“Documents” could not be backed up']);
    expect(Notification.current?.body).toContain('Nothing was changed');

    fs.renameSync(`${lab.documents}-away`, lab.documents);
    nowMs += DAY_MS / 5;
    await vi.waitFor(async () => {
      await looked(set.setId);
      expect(await runs('done')).toBe(2);
    }, 30_000);
    fs.renameSync(lab.documents, `${lab.documents}-away`);
    nowMs += DAY_MS / 5;
    await vi.waitFor(async () => {
      await looked(set.setId);
      expect(shown()).toHaveLength(2);
    }, 30_000);
  });
});
