/** A writer's store, which looks where it is before it changes anything. */
import { beforeEach, describe, expect, test } from 'vitest';
import { CairnError } from '../../../src-shared/errors.ts';
import { guardedStore } from '../../../src-main/engine/repository/guarded-store.ts';
import { type Store, createMemoryStore, writeWhole } from '../../../src-main/engine/store/index.ts';

const OURS = Uint8Array.of(1);
const bytes = (text: string): Uint8Array => Buffer.from(text);
let inner: Store;
let store: Store;
beforeEach(async () => {
  inner = createMemoryStore();
  await writeWhole(inner, 'marker', OURS);
  await writeWhole(inner, 'old', bytes('old'));
  store = guardedStore(inner, async (place) => {
    const marker = await place.read('marker').catch(() => undefined);
    if (marker?.[0] !== OURS[0]) throw new CairnError('destination/gone', `gone from ${place.description}`);
  });
});

const names = async (): Promise<string[]> => (await inner.list('')).map(({ name }) => name);
/** As if the drive were another one from now on. */
const swap = (): Promise<void> => inner.remove(['marker']);

describe('a guarded store', () => {
  test('does everything that the store does, where it stands', async () => {
    await writeWhole(store, 'new', bytes('new'));
    await store.move('new', 'moved');
    await store.remove(['old']);
    expect(await names()).toEqual(['marker', 'moved']);
    expect(await store.stat('moved')).toEqual({ sizeBytes: 3 });
    expect(Buffer.from(await store.read('moved')).toString()).toBe('new');
    expect(store.description).toBe(inner.description);
  });

  test('begins, names, moves and removes nothing where it does not', async () => {
    const begun = await store.create('');
    await begun.append(bytes('begun'));
    await swap();
    const before = await names();
    await expect(begun.finish('named')).rejects.toMatchObject({ code: 'destination/gone' });
    await begun.abort();
    await expect(store.create('')).rejects.toMatchObject({ code: 'destination/gone' });
    await expect(store.create('folder')).rejects.toMatchObject({ code: 'destination/gone' });
    await expect(store.move('old', 'moved')).rejects.toMatchObject({ code: 'destination/gone' });
    await expect(store.remove(['old'])).rejects.toMatchObject({ code: 'destination/gone' });
    expect(await names()).toEqual(before);
    // Looking is free.
    expect(await store.list('')).toHaveLength(1);
  });

  test('calls a failure by its true name where the drive was swapped under it', async () => {
    const failing: Store = {
      ...inner,
      move: async () => {
        await swap();
        throw new CairnError('integrity/missing', 'not found');
      },
    };
    const guarded = guardedStore(failing, async (place) => {
      await place.read('marker').catch(() => {
        throw new CairnError('repository/wrong-identity', 'another one');
      });
    });
    await expect(guarded.move('old', 'moved')).rejects.toMatchObject({ code: 'repository/wrong-identity' });
  });

  test('leaves every other failure as it is', async () => {
    await expect(store.move('absent', 'moved')).rejects.toMatchObject({ code: 'integrity/missing' });
  });

  test('passes on the check of whoever is above it', async () => {
    const refuse = (): Promise<void> => Promise.reject(new CairnError('destination/denied', 'not here'));
    await expect(store.create('', refuse)).rejects.toMatchObject({ code: 'destination/denied' });
  });

  test('asks for the time of the destination only where it stands', async () => {
    let asked = 0;
    const clock = { nowMs: () => Promise.resolve(++asked), modifiedAtMs: () => Promise.resolve(undefined) };
    const guarded = guardedStore({ ...inner, clock }, async (place) => {
      await place.read('marker');
    });
    expect(await guarded.clock?.nowMs()).toBe(1);
    await swap();
    await expect(guarded.clock?.nowMs()).rejects.toMatchObject({ code: 'integrity/missing' });
    expect(asked).toBe(1);
  });
});
