/** Dirty folders are handed over when it is quiet, never too late, one batch at a time, and none is forgotten. */
import { describe, expect, test } from 'vitest';
import {
  type Batch,
  SETTLE_DEFAULTS,
  Settler,
  type SettleTimes,
} from '../../../../src-main/engine/source/watch/settle.ts';
import { FakeTime } from '../../../support/fake-time.ts';
import { seeded, testSeed } from '../../../support/seed.ts';

const folder = (name: string): Buffer => Buffer.from(`/home/ada/${name}`);

class Lab {
  readonly time = new FakeTime();
  readonly batches: Batch[] = [];
  readonly settler: Settler;
  isReady = true;
  /** What the next hand-overs wait for. */
  answer: () => Promise<void> = () => Promise.resolve();

  constructor(times: Partial<SettleTimes> = {}) {
    this.settler = new Settler({
      clock: this.time.clock,
      after: this.time.after,
      times: { ...SETTLE_DEFAULTS, ...times },
      isReady: async () => this.isReady,
      deliver: (batch) => {
        this.batches.push(batch);
        return this.answer();
      },
    });
  }

  get names(): readonly (string | readonly string[])[] {
    return this.batches.map((batch) =>
      batch.kind === 'everything'
        ? batch.reason
        : batch.folders.map((one) => one.toString().slice('/home/ada/'.length)),
    );
  }
}

describe('dirty folders', () => {
  test('are handed over two seconds after the last event, each once', async () => {
    const lab = new Lab();
    expect(lab.settler.dirty(folder('a'))).toBe(true);
    expect(lab.settler.dirty(folder('a'))).toBe(false);
    await lab.time.pass(1900);
    lab.settler.dirty(folder('b'));
    await lab.time.pass(1900);
    expect(lab.names).toEqual([]);
    await lab.time.pass(100);
    expect(lab.names).toEqual([['a', 'b']]);
    await lab.time.pass(100_000);
    expect(lab.names).toHaveLength(1);
  });

  test('that never become quiet are handed over every thirty seconds', async () => {
    const lab = new Lab();
    for (let seconds = 0; seconds < 95; seconds++) {
      lab.settler.dirty(folder('log'));
      await lab.time.pass(1000);
    }
    expect(lab.names).toEqual([['log'], ['log'], ['log']]);
  });

  test('keep their bytes, whatever these are', async () => {
    const lab = new Lab();
    const raw = Buffer.from([0x2f, 0xff, 0x0a, 0xc3, 0x28]);
    lab.settler.dirty(raw);
    await lab.time.pass(3000);
    expect(lab.batches).toEqual([{ kind: 'folders', folders: [raw] }]);
  });

  test('that come while a batch is worked on wait for the next one', async () => {
    const lab = new Lab();
    let finish = (): void => undefined;
    lab.answer = () => new Promise((resolve) => (finish = resolve));
    lab.settler.dirty(folder('a'));
    await lab.time.pass(2000);
    expect(lab.settler.dirty(folder('a'))).toBe(true);
    await lab.time.pass(60_000);
    expect(lab.names).toEqual([['a']]);
    finish();
    await lab.time.pass(0);
    expect(lab.names).toEqual([['a'], ['a']]);
  });

  test('of a batch that was refused come again, with those that came since', async () => {
    const lab = new Lab();
    lab.answer = () => Promise.reject(new Error('the destination is away'));
    lab.settler.dirty(folder('a'));
    await lab.time.pass(2000);
    lab.settler.dirty(folder('b'));
    lab.answer = () => Promise.resolve();
    await lab.time.pass(9000);
    expect(lab.names).toEqual([['a']]);
    await lab.time.pass(1000);
    expect(lab.names.map((names) => Array.from(names).sort())).toEqual([['a'], ['a', 'b']]);
  });

  test('are one word when they are too many', async () => {
    const lab = new Lab({ foldersMax: 100 });
    for (let index = 0; index <= 100; index++) {
      expect(lab.settler.isFull).toBe(false);
      lab.settler.dirty(folder(String(index)));
    }
    expect(lab.settler.isFull).toBe(true);
    lab.settler.everything('many-folders', '');
    expect(lab.settler.dirty(folder('one more'))).toBe(false);
    expect(lab.settler.pending).toBe('everything');
    await lab.time.pass(2000);
    expect(lab.names).toEqual(['many-folders']);
  });

  test('wait while the source is not ready, and while they are held', async () => {
    const lab = new Lab();
    lab.settler.hold();
    lab.settler.dirty(folder('a'));
    await lab.time.pass(100_000);
    lab.isReady = false;
    lab.settler.release();
    await lab.time.pass(100_000);
    expect(lab.names).toEqual([]);
    lab.isReady = true;
    await lab.time.pass(10_000);
    expect(lab.names).toEqual([['a']]);
  });

  test('are nobody’s any more after it was closed, and no timer is left', async () => {
    const lab = new Lab();
    lab.settler.dirty(folder('a'));
    lab.settler.close();
    lab.settler.dirty(folder('b'));
    await lab.time.pass(100_000);
    expect(lab.names).toEqual([]);
    expect(lab.time.waiting).toBe(0);
  });
});

describe('everything', () => {
  test('stands for all folders that wait, with its first reason', async () => {
    const lab = new Lab();
    lab.settler.dirty(folder('a'));
    expect(lab.settler.everything('overflow', 'first')).toBe(true);
    expect(lab.settler.everything('resumed', 'second')).toBe(false);
    await lab.time.pass(2000);
    expect(lab.batches).toEqual([{ kind: 'everything', reason: 'overflow', detail: 'first' }]);
  });

  test('comes after a rest of four times what the last look took, folders do not wait for it', async () => {
    const lab = new Lab();
    lab.answer = () => new Promise((resolve) => void lab.time.after(60_000, resolve));
    lab.settler.everything('started', '');
    await lab.time.pass(62_000);
    lab.answer = () => Promise.resolve();
    lab.settler.dirty(folder('a'));
    await lab.time.pass(2000);
    expect(lab.names).toEqual(['started', ['a']]);
    lab.settler.everything('overflow', '');
    await lab.time.pass(4 * 60_000 - 2001);
    expect(lab.names).toHaveLength(2);
    await lab.time.pass(2);
    expect(lab.names).toEqual(['started', ['a'], 'overflow']);
  });
});

test('whatever the order of things, each folder is handed over after it became dirty for the last time', async () => {
  const random = seeded(testSeed('settle'));
  for (let round = 0; round < 200; round++) {
    const lab = new Lab();
    const owed = new Set<string>();
    lab.answer = () => {
      const batch = lab.batches.at(-1);
      const refused = random.chance(0.3);
      const folders = batch?.kind === 'folders' ? batch.folders.map(String) : [...owed];
      if (!refused) for (const name of folders) owed.delete(name);
      const ms = random.between(0, 5000);
      return new Promise((resolve, reject) => {
        lab.time.after(ms, () => (refused ? reject(new Error('refused')) : resolve()));
      });
    };
    for (let steps = 0; steps < 30; steps++) {
      const name = folder(String(random.between(0, 5)));
      owed.add(name.toString());
      if (random.chance(0.05)) lab.settler.everything('overflow', '');
      else lab.settler.dirty(name);
      await lab.time.pass(random.between(0, 4000));
    }
    await lab.time.pass(1_000_000);
    expect({ round, owed: [...owed], pending: lab.settler.pending }).toEqual({ round, owed: [], pending: 0 });
  }
});
