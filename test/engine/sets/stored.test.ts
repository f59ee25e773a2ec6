/** A set that comes from another computer: where its folders are here, and what of it is not believed. */
import { describe, expect, it } from 'vitest';
import type { StoredSet } from '../../../src-shared/model/index.ts';
import { SCHEDULE_DEFAULTS } from '../../../src-main/engine/schedule/index.ts';
import {
  type AdoptHost,
  RULES_DEFAULTS,
  SET_DEFAULTS,
  adoptSet,
  setsToAdopt,
  storedSetOf,
} from '../../../src-main/engine/sets/index.ts';
import { heldClock, seededRandom } from '../../support/engine-lab.ts';

const STORED: StoredSet = {
  setId: '11'.repeat(16),
  name: 'Laptop',
  host: 'old-laptop',
  userHome: '/home/ann',
  sources: [
    '/home/ann',
    '/home/ann/Documents',
    '/home/ann/Gone',
    '/home/anna/Other',
    '/srv/data',
    '/home/ann/odd\\xff',
  ],
  rules: { ...RULES_DEFAULTS, excludes: ['*.tmp'] },
  schedule: { ...SCHEDULE_DEFAULTS, timing: { kind: 'daily', at: '21:00' } },
  createdAt: '2026-01-01T00:00:00.000Z',
};

const THERE = ['/Users/anne', '/Users/anne/Documents', '/Users/anne/odd'];
const host = (change: Partial<AdoptHost> = {}): AdoptHost => ({
  hostName: 'new-laptop',
  userHome: '/Users/anne',
  ports: { clock: heldClock(Date.parse('2026-06-15T12:00:00Z')), random: seededRandom(3), log: () => undefined },
  destinationId: '22'.repeat(16),
  known: new Set(),
  isThere: (path) => Promise.resolve(THERE.some((one) => path.toString('latin1').replace('\xff', '') === one)),
  ...change,
});

describe('a set of another computer', () => {
  it('has its folders in this person’s home where they are there, and else where they were', async () => {
    expect((await adoptSet(STORED, host()))?.sources).toEqual([
      '/Users/anne',
      '/Users/anne/Documents',
      '/home/ann/Gone',
      '/home/anna/Other',
      '/srv/data',
      '/Users/anne/odd\\xff',
    ]);
  });

  it('keeps its name, rules and schedule, is made now, and runs nothing', async () => {
    expect(await adoptSet(STORED, host())).toMatchObject({
      ...SET_DEFAULTS,
      name: 'Laptop',
      rules: STORED.rules,
      schedule: STORED.schedule,
      destinationId: '22'.repeat(16),
      createdAt: '2026-06-15T12:00:00.000Z',
    });
  });

  it('is a set of its own, for the old computer may go on; on the same computer it is the same set', async () => {
    expect((await adoptSet(STORED, host()))?.setId).not.toBe(STORED.setId);
    const same = { hostName: 'old-laptop', userHome: '/home/ann' };
    expect(await adoptSet(STORED, host(same))).toMatchObject({ setId: STORED.setId, sources: STORED.sources });
    const taken = await adoptSet(STORED, host({ ...same, known: new Set([STORED.setId]) }));
    expect(taken?.setId).not.toBe(STORED.setId);
  });

  it('loses a schedule that makes no sense, and is not taken over with rules that make none', async () => {
    const odd = { ...STORED, schedule: { ...STORED.schedule, timing: { kind: 'cron', text: '0 6 31 2 *' } as const } };
    expect((await adoptSet(odd, host()))?.schedule).toEqual(SCHEDULE_DEFAULTS);
    const never = { ...STORED, schedule: { ...STORED.schedule, staleAfterDays: 2 ** 40 } };
    expect((await adoptSet(never, host()))?.schedule).toEqual(SCHEDULE_DEFAULTS);
    const rules = { ...STORED.rules, excludes: Array.from({ length: 5000 }, () => '*') };
    expect(await adoptSet({ ...STORED, rules }, host())).toBeUndefined();
    expect(await adoptSet({ ...STORED, name: 'x'.repeat(5000) }, host())).toBeUndefined();
  });

  it('moves nothing where the old home is unknown', async () => {
    expect((await adoptSet({ ...STORED, userHome: '' }, host()))?.sources).toEqual(STORED.sources);
  });

  it('comes out as it went in', async () => {
    const record = await adoptSet(STORED, host({ hostName: 'old-laptop', userHome: '/home/ann' }));
    const stored = storedSetOf(record!, { hostName: 'old-laptop', userHome: '/home/ann' });
    expect(stored).toEqual({ ...STORED, createdAt: '2026-06-15T12:00:00.000Z' });
  });
});

describe('the sets to adopt', () => {
  const of = (name: string, on: string): StoredSet => ({ ...STORED, name, host: on });

  it('are those of this computer, else those of the one that saved last', () => {
    const stored = [of('a', 'desk'), of('b', 'laptop'), of('c', 'desk')];
    const names = (hostName: string) => setsToAdopt(stored, hostName).map(({ name }) => name);
    expect([names('laptop'), names('desk'), names('new')]).toEqual([['b'], ['a', 'c'], ['a', 'c']]);
    expect(setsToAdopt([], 'new')).toEqual([]);
  });
});
