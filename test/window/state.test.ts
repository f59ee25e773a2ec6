/** What the window keeps: jobs as the engine tells them, a folder page by page, a selection over rows that are not here. */
import { describe, expect, it, vi } from 'vitest';
import type { Client } from '../../src-renderer/api.ts';
import { heatDays, monthCells } from '../../src-renderer/calendar.ts';
import { backupCommand, quote, restoreCommand } from '../../src-renderer/cli.ts';
import { fractionOf } from '../../src-renderer/progress.ts';
import { Jobs } from '../../src-renderer/state/jobs.svelte.ts';
import { Listing } from '../../src-renderer/state/listing.svelte.ts';
import { Load } from '../../src-renderer/state/load.svelte.ts';
import { PAGE_ROWS } from '../../src-renderer/state/paged.svelte.ts';
import { Selection } from '../../src-renderer/state/selection.svelte.ts';
import { stonesOf } from '../../src-renderer/stones.ts';
import type { InputOf } from '../../src-shared/api/contract.ts';
import { CairnError } from '../../src-shared/errors.ts';
import type { BrowseEntry, BrowsePage, Job, JobProgress, Overview } from '../../src-shared/model/index.ts';
import { settle } from './fake-line.ts';

const job = (jobId: string, state: Job['state'], kind: Job['kind'] = 'backup'): Job => ({
  jobId,
  kind,
  setId: 's',
  destinationId: 'd',
  state,
  startedAt: '2026-11-22T10:00:00Z',
  endedAt: null,
  progress: null,
  outcome: null,
  error: null,
  undoable: false,
});

/** A client that answers from a function. */
function clientOf(answer: (command: string, input: never) => unknown): Client {
  return { call: (command: string, input: never) => Promise.resolve().then(() => answer(command, input)) } as never;
}

describe('jobs', () => {
  it('follow the events, newest word first', () => {
    const jobs = new Jobs(clientOf(() => null));
    jobs.apply({ kind: 'job', job: job('1', 'running') });
    jobs.apply({ kind: 'job', job: job('2', 'queued') });
    expect(jobs.running?.jobId).toBe('1');
    expect(jobs.active).toHaveLength(2);
    jobs.apply({ kind: 'job', job: job('1', 'done') });
    expect(jobs.running?.jobId).toBe('2');
    expect(jobs.finished.map(({ jobId }) => jobId)).toEqual(['1']);
    jobs.apply({ kind: 'job-dismissed', jobId: '1' });
    expect(jobs.finished).toEqual([]);
  });

  it('keep an event that came before the reply which is older', () => {
    const jobs = new Jobs(clientOf(() => null));
    jobs.apply({ kind: 'job', job: job('1', 'done') });
    jobs.adopt(job('1', 'running'));
    expect(jobs.find('1')?.state).toBe('done');
  });

  it('do not come back to life by a late reply to a cancellation', async () => {
    const jobs = new Jobs(clientOf(() => job('1', 'cancelling')));
    jobs.apply({ kind: 'job', job: job('1', 'running') });
    const cancelling = jobs.cancel('1');
    jobs.apply({ kind: 'job', job: job('1', 'cancelled') });
    await cancelling;
    expect(jobs.find('1')?.state).toBe('cancelled');
  });

  it('tell each end once, and plans are not shown', () => {
    const jobs = new Jobs(clientOf(() => null));
    const ended = vi.fn();
    jobs.onEnd(ended);
    jobs.apply({ kind: 'job', job: job('1', 'running') });
    jobs.apply({ kind: 'job', job: job('1', 'done') });
    jobs.apply({ kind: 'job', job: job('1', 'done') });
    expect(ended).toHaveBeenCalledTimes(1);
    jobs.apply({ kind: 'job', job: job('p', 'running', 'restore-plan') });
    expect(jobs.running).toBeNull();
    expect(jobs.find('p')).not.toBeNull();
  });

  it('leave the end of what was asked for in view when a backup has run by itself', () => {
    const jobs = new Jobs(clientOf(() => null));
    const told = (change: Partial<Job>): string | undefined => {
      jobs.apply({ kind: 'job', job: { ...job(change.jobId ?? '', 'done'), ...change } });
      return jobs.told?.jobId;
    };
    expect(told({ jobId: '1', kind: 'backup' })).toBe('1');
    expect(told({ jobId: '2', kind: 'restore' })).toBe('2');
    expect(told({ jobId: '3', kind: 'backup' })).toBe('2');
    expect(told({ jobId: '4', kind: 'backup', state: 'failed' })).toBe('4');
    jobs.adopt(job('5', 'running'));
    expect(told({ jobId: '5', kind: 'backup' })).toBe('5');
    expect(told({ jobId: '6', kind: 'backup' })).toBe('5');
    expect(told({ jobId: '7', kind: 'backup', state: 'failed' })).toBe('7');
    expect(told({ jobId: '8', kind: 'backup' })).toBe('8');
  });
});

describe('what is asked for', () => {
  it('is loading, then there, and stays while it is asked for again', async () => {
    const load = new Load<number>();
    const first = load.ask(() => Promise.resolve(1));
    expect(load.state.kind).toBe('loading');
    await first;
    const second = load.ask(() => Promise.resolve(2));
    expect(load.value).toBe(1);
    await second;
    expect(load.value).toBe(2);
  });

  it('is not overwritten by the late answer to an older question', async () => {
    const load = new Load<string>();
    const slow = Promise.withResolvers<string>();
    const first = load.ask(() => slow.promise);
    await load.ask(() => Promise.resolve('new'));
    slow.resolve('old');
    await first;
    expect(load.value).toBe('new');
  });

  it('fails with an error that can be shown', async () => {
    const load = new Load<string>();
    await load.ask(() => Promise.reject(new CairnError('destination/gone', 'away')));
    expect(load.state).toMatchObject({ kind: 'failed', error: { code: 'destination/gone' } });
  });
});

const entry = (index: number): BrowseEntry => ({
  name: `${index}`,
  path: `Big/${index}`,
  type: 'file',
  size: 1,
  mtime: '',
  mode: 0,
  target: null,
  contentHash: null,
  contentBytes: null,
  entryCount: null,
});

const question = {
  destinationId: 'd',
  snapshotId: 's',
  path: 'Big',
  sort: { by: 'name', descending: false },
  filter: '',
} as const;

async function bigListing(total = 100_000) {
  const asked: number[] = [];
  const client = clientOf((_, input: InputOf<'browse.list'>): BrowsePage => {
    asked.push(input.offset);
    const length = Math.min(input.limit, total - input.offset);
    return {
      entries: Array.from({ length }, (_unused, index) => entry(input.offset + index)),
      total,
      incomplete: false,
    };
  });
  const listing = new Listing(client);
  listing.show(question);
  await settle();
  return { listing, asked };
}

describe('a folder of 100,000 entries', () => {
  it('is asked for page by page, each page once', async () => {
    const { listing, asked } = await bigListing();
    expect(listing.state).toMatchObject({ kind: 'ready', total: 100_000 });
    expect(listing.at(0)?.name).toBe('0');
    expect(listing.at(50_000)).toBeNull();
    listing.need(49_990, 50_010);
    listing.need(49_990, 50_010);
    await settle();
    expect(listing.at(50_000)?.name).toBe('50000');
    expect(asked).toEqual([0, 49_800, 50_000]);
  });

  it('never keeps more than a bounded number of pages, and asks again for what it let go', async () => {
    const { listing, asked } = await bigListing();
    for (let page = 1; page <= 60; page++) {
      listing.need(page * PAGE_ROWS, page * PAGE_ROWS);
      await settle();
    }
    expect(listing.at(0)).toBeNull();
    listing.need(0, 0);
    await settle();
    expect(listing.at(0)?.name).toBe('0');
    expect(asked.filter((offset) => offset === 0)).toHaveLength(2);
  });

  it('throws away a page of a folder that is no longer shown', async () => {
    const { listing } = await bigListing();
    listing.need(1000, 1000);
    listing.show({ ...question, path: 'Other' });
    await settle();
    expect(listing.at(1000)).toBeNull();
  });

  it('is selected as a whole by one path, and as a range row by row', async () => {
    const { listing } = await bigListing();
    const selection = new Selection(listing);
    await selection.all(false);
    expect([selection.isWhole, selection.size]).toEqual([true, 100_000]);
    selection.pick(entry(190), 190);
    await selection.extendTo(210);
    expect(selection.size).toBe(21);
    expect(selection.has('Big/205')).toBe(true);
    await selection.extendTo(5000);
    expect([selection.tooMany, selection.size]).toEqual([true, 21]);
    selection.toggle(entry(200), 200);
    expect(selection.has('Big/200')).toBe(false);
    selection.clear();
    expect(selection.size).toBe(0);
  });
});

describe('the command line’s twin', () => {
  const at = { cli: 'cairn', repository: '/media/My Drive/Cairn' };

  it('quotes what a shell would take apart', () => {
    expect(quote('plain/path-1.txt')).toBe('plain/path-1.txt');
    expect(quote("it's; rm -rf $HOME")).toBe(`'it'\\''s; rm -rf $HOME'`);
    expect(quote('')).toBe(`''`);
  });

  it('says what the window is about to do', () => {
    expect(backupCommand(at, ['/home/ada/Documents'], null)).toBe(
      "cairn --repo '/media/My Drive/Cairn' backup /home/ada/Documents",
    );
    const wish = { ...at, snapshotId: 'abcdef0123456789', paths: ['Documents/Notes.txt'], target: null } as const;
    expect(restoreCommand({ ...wish, conflict: 'keep-both' })).toBe(
      "cairn --repo '/media/My Drive/Cairn' restore abcdef0123:Documents/Notes.txt --overwrite keep-both",
    );
  });
});

describe('progress', () => {
  const progress = { phase: 'backup', files: 1, filesTotal: 4, bytes: 10, bytesTotal: 100 } as JobProgress;

  it('goes by bytes, else by files, and is unknown while it is looked for', () => {
    expect(fractionOf(progress)).toBe(0.1);
    expect(fractionOf({ ...progress, bytesTotal: 0 })).toBe(0.25);
    expect(fractionOf({ ...progress, phase: 'scan' })).toBeNull();
    expect(fractionOf({ ...progress, bytes: 200 })).toBe(1);
  });
});

describe('the stones', () => {
  const overview: Overview = { verdict: { level: 'good', reasons: [] }, sets: [], destinations: [], days: [] };

  it('know nothing of a backup that does not exist', () => {
    expect(stonesOf(overview).map(({ tone }) => tone)).toEqual(['idle', 'idle', 'idle', 'idle', 'idle']);
  });

  it('show the worst reason of each', () => {
    const stones = stonesOf({
      ...overview,
      verdict: {
        level: 'bad',
        reasons: [
          { kind: 'damage', destinationId: 'd', count: 1 },
          { kind: 'away', destinationId: 'd', since: null },
        ],
      },
    });
    const tone = (name: string) => stones.find((stone) => stone.name === name)?.tone;
    expect([tone('checked'), tone('drive')]).toEqual(['bad', 'away']);
  });
});

describe('the calendar', () => {
  it('begins its weeks on Monday and has every day of the month', () => {
    const cells = monthCells(new Date(2026, 10, 1).getTime());
    expect(cells.filter((cell) => cell === null)).toHaveLength(6);
    expect(cells.filter((cell) => cell !== null)).toHaveLength(30);
  });

  it('is not made pale by one huge first backup', () => {
    const of = (day: number, bytesAdded: number) =>
      ({ time: new Date(2026, 10, day, 12).toISOString(), stats: { bytesAdded } }) as never;
    const levels = [...heatDays([of(1, 1e12), of(2, 1e6), of(3, 2e6), of(4, 3e6), of(5, 4e6)]).values()];
    expect(levels.map(({ level }) => level)).toEqual([4, 1, 1, 2, 3]);
  });
});
