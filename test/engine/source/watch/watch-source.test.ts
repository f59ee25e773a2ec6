/** One source under supervision, with real watchers and quick times: why everything is looked at, and when nothing is. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { afterDelay, systemClock } from '../../../../src-main/engine/kernel/index.ts';
import {
  type Batch,
  type DirtyNote,
  type WatchSource,
  type WatchSourceOptions,
  type WatchState,
  watchSource,
} from '../../../../src-main/engine/source/index.ts';
import { queueEvents } from '../../../../src-main/engine/source/watch/turn-meter.ts';

const TIMES = {
  quietMs: 50,
  ceilingMs: 300,
  rootPollMs: 100,
  backOffMs: 50,
  backOffMaxMs: 200,
  retryMs: 100,
  restFactor: 0,
};
const WAIT = { timeout: 60_000, interval: 20 };

let folder: string;
let root: string;
let source: WatchSource | undefined;
let batches: Batch[];
let notes: DirtyNote[];
let states: WatchState[];
let messages: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[];
beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-watched-')));
  root = path.join(folder, 'root');
  fs.mkdirSync(path.join(root, 'docs'), { recursive: true });
  [batches, notes, states, messages] = [[], [], [], []];
});
afterEach(async () => {
  await source?.close();
  source = undefined;
  fs.rmSync(folder, { recursive: true, force: true });
});

function start(more: Partial<WatchSourceOptions> = {}): WatchSource {
  return (source = watchSource({
    root: Buffer.from(root),
    isIgnored: () => false,
    folders: 0,
    mountPoint: undefined,
    canary: Buffer.from(path.join(folder, 'home', 'canary')),
    ports: { clock: systemClock, log: (_level, message, fields = {}) => void messages.push({ message, fields }) },
    after: afterDelay,
    deliver: async (batch) => void batches.push(batch),
    note: (note) => void notes.push(note),
    stateChanged: (state) => void states.push(state),
    times: TIMES,
    ...more,
  }));
}

const isDelivered = (name: string): boolean =>
  batches.some((batch) => batch.kind === 'folders' && batch.folders.some((one) => one.toString() === name));
const reasons = (): readonly string[] =>
  batches.flatMap((batch) => (batch.kind === 'everything' ? [batch.reason] : []));
const delivered = (name: string): Promise<void> => expect.poll(() => isDelivered(name), WAIT).toBe(true);
const looked = (reason: string): Promise<void> => expect.poll(reasons, WAIT).toContain(reason);

describe('a source that is watched', () => {
  test('is looked at as a whole first, then folder by folder', async () => {
    start();
    await looked('started');
    expect(source?.state).toMatchObject({ kind: 'watching', folders: 2 });
    fs.writeFileSync(path.join(root, 'docs', 'file'), '');
    await delivered(path.join(root, 'docs'));
    expect(reasons()).toEqual(['started']);
    // What was noted before it was handed over is what a journal needs.
    expect(notes.map((note) => (note.kind === 'folder' ? note.folder.toString() : note.reason))).toEqual([
      'started',
      path.join(root, 'docs'),
    ]);
  });

  test('says in the log why everything is looked at, each time', async () => {
    start();
    await looked('started');
    source?.resumed();
    await looked('resumed');
    source?.rulesChanged();
    await looked('rules-changed');
    const said = messages.filter(({ message }) => message === 'everything will be looked at');
    expect(said.map(({ fields }) => [fields['source'], fields['reason']])).toEqual(
      ['started', 'resumed', 'rules-changed'].map((reason) => [root, reason]),
    );
  });

  test('goes by the new rules after they changed', async () => {
    const left = new Set<string>();
    fs.mkdirSync(path.join(root, 'build'));
    start({ isIgnored: (one) => left.has(one.toString()) });
    await looked('started');
    left.add(path.join(root, 'build'));
    source?.rulesChanged();
    await looked('rules-changed');
    expect(source?.state).toMatchObject({ kind: 'watching', folders: 2 });
    left.clear();
    source?.rulesChanged();
    await expect.poll(() => source?.state, WAIT).toMatchObject({ kind: 'watching', folders: 3 });
  });

  test('is named as the person named it, also where that is a link', async () => {
    fs.renameSync(root, path.join(folder, 'real'));
    fs.symlinkSync('real', root);
    const asked: string[] = [];
    start({ isIgnored: (one) => (asked.push(one.toString()), false) });
    await looked('started');
    fs.writeFileSync(path.join(root, 'docs', 'file'), '');
    await delivered(path.join(root, 'docs'));
    expect(new Set(asked)).toEqual(new Set([path.join(root, 'docs')]));
  });

  test('may be a single file', async () => {
    const file = path.join(root, 'letter');
    fs.writeFileSync(file, 'Dear');
    start({ root: Buffer.from(file) });
    await looked('started');
    expect(source?.state).toMatchObject({ folders: 1 });
    fs.writeFileSync(`${file}.new`, 'Dear Ada');
    fs.renameSync(`${file}.new`, file);
    await delivered(file);
    fs.appendFileSync(file, ', love');
    batches = [];
    await delivered(file);
    expect(reasons()).toEqual([]);
  });

  test('hands a refused batch over again', async () => {
    let refusals = 3;
    start({
      deliver: async (batch) => {
        if (batch.kind === 'folders' && refusals-- > 0) throw new Error('no');
        batches.push(batch);
      },
    });
    await looked('started');
    fs.writeFileSync(path.join(root, 'docs', 'file'), '');
    await delivered(path.join(root, 'docs'));
    expect(refusals).toBeLessThan(0);
  });

  test('closes at once, whatever it is doing, and leaves nothing behind that keeps the process alive', async () => {
    for (const waitMs of [0, 1, 20, 200]) {
      start();
      await delay(waitMs);
      await source?.close();
      expect(source?.state).toEqual({ kind: 'closed' });
    }
    const count = batches.length;
    await delay(300);
    expect(batches).toHaveLength(count);
  });
});

describe('a root that goes away', () => {
  test('is no reason to hand anything over, and is looked at when it is there again', async () => {
    start();
    await looked('started');
    fs.writeFileSync(path.join(root, 'docs', 'file'), 'just before');
    fs.renameSync(root, `${root}-away`);
    await expect.poll(() => source?.state.kind, WAIT).toBe('gone');
    expect(await source?.isPresent()).toBe(false);
    const count = batches.length;
    await delay(500);
    expect(batches).toHaveLength(count);
    fs.renameSync(`${root}-away`, root);
    await looked('remounted');
    expect(await source?.isPresent()).toBe(true);
    batches = [];
    fs.writeFileSync(path.join(root, 'docs', 'file'), 'after');
    await delivered(path.join(root, 'docs'));
  });

  test('and is another folder when it comes back is looked at too', async () => {
    start();
    await looked('started');
    fs.renameSync(root, `${root}-away`);
    fs.mkdirSync(root);
    // The watcher says it by itself, or the look at the root does: whichever comes first.
    await expect.poll(() => reasons().some((reason) => ['remounted', 'root-moved'].includes(reason)), WAIT).toBe(true);
    fs.writeFileSync(path.join(root, 'new'), '');
    await delivered(root);
  });

  test('while a batch is worked on is told to whoever asks before the commit', async () => {
    const seen: (boolean | undefined)[] = [];
    start({
      deliver: async (batch) => {
        batches.push(batch);
        if (batch.kind === 'everything') return;
        seen.push(await source?.isPresent());
        fs.renameSync(root, `${root}-away`);
        seen.push(await source?.isPresent());
        throw new Error('the source went away');
      },
    });
    await looked('started');
    fs.writeFileSync(path.join(root, 'docs', 'file'), '');
    await expect.poll(() => seen, WAIT).toEqual([true, false]);
  });
});

describe('a watcher that fails', () => {
  test('is begun anew, with a look at everything', async () => {
    start({ kinds: ['chokidar'] });
    await looked('started');
    // More at once than it takes for certain that the system's queue was never full.
    const events = await queueEvents();
    for (let index = 0; index < events / 3; index++) fs.writeFileSync(path.join(root, 'docs', String(index)), '');
    await looked('event-rate');
    await expect.poll(() => source?.state.kind, WAIT).toBe('watching');
    batches = [];
    fs.writeFileSync(path.join(root, 'docs', 'file'), '');
    await delivered(path.join(root, 'docs'));
    expect(states.filter(({ kind }) => kind === 'watching').length).toBeGreaterThan(1);
  });

  test('that can’t be had leaves the source to scheduled looks, and is tried again', async () => {
    // @parcel/watcher can't be given such a path; then the folder gets another name.
    const raw = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff])]);
    fs.renameSync(root, raw);
    fs.symlinkSync(raw, root);
    start({ kinds: ['parcel'], times: { ...TIMES, scanOnlyRetryMs: 300 } });
    await expect.poll(() => source?.state, WAIT).toMatchObject({ kind: 'scan-only', reason: 'names' });
    expect(source?.state).toMatchObject({ message: expect.stringContaining('Nothing is lost') as string });
    await looked('started');
    // Tries that fail are no reason to look at everything again.
    await delay(1500);
    expect(reasons()).toEqual(['started']);
    fs.unlinkSync(root);
    fs.renameSync(raw, root);
    await expect.poll(() => source?.state.kind, WAIT).toBe('watching');
    await expect.poll(() => reasons().length, WAIT).toBeGreaterThan(1);
  });
});

test('more dirty folders than are worth naming are everything', async () => {
  start({ times: { ...TIMES, foldersMax: 50, quietMs: 500, ceilingMs: 5000 } });
  await looked('started');
  for (let index = 0; index < 200; index++) fs.mkdirSync(path.join(root, String(index)));
  await looked('many-folders');
  expect(source?.pending).toBe(0);
});
