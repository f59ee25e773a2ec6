/** When the desktop is told of a job or of a silent set, and in which words. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { WireError } from '../../src-shared/errors.ts';
import type { Job, Run } from '../../src-shared/model/index.ts';
import { Notices } from '../../src-main/engine-host/notices.ts';
import type { Notice } from '../../src-main/engine-host/port.ts';

describe('a notice', () => {
  const said: Notice[] = [];
  const on = { notifyFailures: true, notifySuccesses: false, notifyStale: true };
  let settings = on;
  let runs: readonly Run[] = [];
  const notices = (): Notices =>
    new Notices({
      settings: () => settings,
      nameOf: (setId) => (setId === 's1' ? 'Documents' : undefined),
      runs: () => runs,
      notify: (notice) => void said.push(notice),
    });
  const error = (code: WireError['code']): WireError => ({
    code,
    message: 'It went wrong.',
    hint: 'Do this.',
    retry: 'ask',
  });
  const job = (change: Partial<Job>): Job => ({
    ...{ jobId: 'j1', kind: 'backup', setId: 's1', destinationId: 'd1', state: 'done' },
    ...{ startedAt: '2026-06-01T10:00:00Z', endedAt: '2026-06-01T10:01:00Z' },
    ...{ progress: null, outcome: null, error: null, undoable: false },
    ...change,
  });
  const failed = (code: WireError['code'], change: Partial<Job> = {}): Job =>
    job({ state: 'failed', error: error(code), ...change });

  beforeEach(() => {
    said.length = 0;
    settings = on;
    runs = [];
  });

  it('is given of a job once, however often its end is told', () => {
    const told = notices();
    told.job({ ...failed('source/not-found'), endedAt: null });
    for (let time = 0; time < 3; time++) told.job(failed('source/not-found'));
    expect(said).toEqual([{ title: '“Documents” could not be backed up', body: 'It went wrong. Do this.' }]);
  });

  it('is not given of what a person did or what is a state: a cancelled job, a drive that was pulled out', () => {
    const told = notices();
    told.job(job({ jobId: 'j2', state: 'cancelled' }));
    told.job(failed('destination/gone', { jobId: 'j3' }));
    told.job(job({ jobId: 'j4' }));
    expect(said).toEqual([]);
  });

  it('is given of another reason than the last, and of every restore and check that did not finish', () => {
    const before = { ...failed('destination/full'), runId: 'j0', durationMs: 1, files: 0, bytes: 0 };
    runs = [{ ...before, state: 'failed', kind: 'backup', problemCount: 0, snapshotId: null }];
    const told = notices();
    told.job(failed('destination/full', { jobId: 'j5' }));
    expect(said).toEqual([]);
    told.job(failed('source/not-found', { jobId: 'j6' }));
    told.job(failed('destination/full', { jobId: 'j7', kind: 'restore', setId: null }));
    told.job(failed('destination/full', { jobId: 'j8', kind: 'verify', setId: null }));
    expect(said.map(({ title }) => title)).toEqual([
      '“Documents” could not be backed up',
      'The restore did not finish',
      'The check of the backup did not finish',
    ]);
  });

  it('names damage that a check found, and nothing where the person wants no notices', () => {
    const report = { ok: false, checked: { packs: 1, segments: 1, blobs: 1, nodes: 1, snapshots: 1 }, damage: [] };
    const outcome = { kind: 'verify', depth: 'deep', report, damageCount: 2 } as const;
    notices().job(job({ kind: 'verify', setId: null, outcome }));
    expect(said.map(({ title }) => title)).toEqual(['The backup has 2 damaged parts']);
    settings = { notifyFailures: false, notifySuccesses: false, notifyStale: false };
    notices().job(job({ kind: 'verify', setId: null, outcome }));
    notices().job(failed('source/not-found'));
    notices().silent('Documents', { kind: 'missed', since: null, runs: 2 });
    expect(said).toHaveLength(1);
  });
});
