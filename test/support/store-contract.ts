/** What every store promises, as tests: run by each store's own test file. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type CairnError, isCairnError } from '../../src-shared/errors.ts';
import { hash } from '../../src-main/engine/codec/index.ts';
import { type Store, writeWhole } from '../../src-main/engine/store/index.ts';

export type StoreFactory = () => Promise<{ readonly store: Store; readonly dispose?: () => Promise<void> }>;

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** The CairnError a promise is rejected with; fails the test for anything else. */
export async function failureOf(promise: Promise<unknown>): Promise<CairnError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isCairnError(error)) return error;
  throw new Error(error === undefined ? 'it succeeded' : 'it failed with something else than a CairnError', {
    cause: error,
  });
}

export const HOSTILE_NAMES: readonly string[] = [
  '',
  '.',
  '..',
  '../config',
  'packs/../../etc/passwd',
  '/etc/passwd',
  'packs//ab',
  'packs/',
  'packs/.',
  'packs\\ab',
  'packs/a b',
  'packs/a\0b',
  'packs/é',
  'C:config',
  'config\n',
  'a/b/c/d/e/f/g',
  'n'.repeat(256),
];

export function describeStore(name: string, factory: StoreFactory): void {
  describe(name, () => {
    let store: Store;
    let dispose: (() => Promise<void>) | undefined;
    beforeEach(async () => {
      ({ store, dispose } = await factory());
    });
    afterEach(async () => {
      await dispose?.();
    });

    describeReading(() => store);
    describeWriting(() => store);
    describeMovingAndRemoving(() => store);
    describeModel(factory);
  });
}

function describeReading(get: () => Store): void {
  it('reads back what was written, whole and by range', async () => {
    const store = get();
    await writeWhole(store, 'packs/ab/abcd', bytesOf('0123456789'));
    expect(await store.read('packs/ab/abcd')).toEqual(bytesOf('0123456789'));
    expect(await store.read('packs/ab/abcd', { offset: 3, length: 4 })).toEqual(bytesOf('3456'));
    expect(await store.read('packs/ab/abcd', { offset: 10, length: 0 })).toEqual(new Uint8Array(0));
    expect(await store.stat('packs/ab/abcd')).toEqual({ sizeBytes: 10 });
  });

  it('keeps an empty file', async () => {
    await writeWhole(get(), 'empty', new Uint8Array(0));
    expect(await get().read('empty')).toEqual(new Uint8Array(0));
    expect(await get().list('')).toEqual([{ name: 'empty', sizeBytes: 0 }]);
  });

  it('says that an absent file is missing, and that a short one is damaged', async () => {
    await writeWhole(get(), 'packs/short', bytesOf('12345'));
    expect((await failureOf(get().read('packs/absent'))).code).toBe('integrity/missing');
    expect((await failureOf(get().read('absent/absent'))).code).toBe('integrity/missing');
    expect((await failureOf(get().read('packs/short', { offset: 3, length: 3 }))).code).toBe('integrity/damaged');
    expect((await failureOf(get().read('packs/short', { offset: 9, length: 1 }))).code).toBe('integrity/damaged');
    expect(await get().stat('packs/absent')).toBeUndefined();
    expect(await get().stat('absent/absent')).toBeUndefined();
  });

  it('reads no more than the caller allows, whatever a file or a range claims', async () => {
    await writeWhole(get(), 'large', new Uint8Array(1000));
    expect((await failureOf(get().read('large', undefined, { sizeBytesMax: 999 }))).code).toBe('limit/exceeded');
    expect((await failureOf(get().read('large', { offset: 0, length: 2 ** 50 }))).code).toBe('limit/exceeded');
    expect(await get().read('large', { offset: 0, length: 10 }, { sizeBytesMax: 10 })).toHaveLength(10);
  });

  it('lists the files directly in a folder by name, and neither folders nor unfinished files', async () => {
    const store = get();
    for (const name of ['index/b', 'index/a', 'index/deep/c', 'config', 'index/B'])
      await writeWhole(store, name, bytesOf(name));
    const writer = await store.create('index');
    await writer.append(bytesOf('unfinished'));
    expect((await store.list('index')).map((entry) => entry.name)).toEqual(['index/B', 'index/a', 'index/b']);
    expect(await store.list('')).toEqual([{ name: 'config', sizeBytes: 6 }]);
    expect(await store.list('absent')).toEqual([]);
    expect(await store.list('absent/deeper')).toEqual([]);
    for (const folder of ['index', '', 'absent', 'absent/deeper'])
      expect(await store.listNames(folder)).toEqual((await store.list(folder)).map((entry) => entry.name));
    await writer.abort();
  });

  it('refuses names that could lead anywhere else', async () => {
    const store = get();
    for (const name of HOSTILE_NAMES) {
      expect((await failureOf(store.read(name))).code, name).toBe('integrity/malformed');
      expect((await failureOf(store.stat(name))).code, name).toBe('integrity/malformed');
      expect((await failureOf(writeWhole(store, name, bytesOf('x')))).code, name).toBe('integrity/malformed');
      expect((await failureOf(store.move(name, 'fine'))).code, name).toBe('integrity/malformed');
      expect((await failureOf(store.move('fine', name))).code, name).toBe('integrity/malformed');
      expect((await failureOf(store.remove(['fine', name]))).code, name).toBe('integrity/malformed');
      if (name === '') continue;
      expect((await failureOf(store.list(name))).code, name).toBe('integrity/malformed');
      expect((await failureOf(store.create(name))).code, name).toBe('integrity/malformed');
    }
    expect((await failureOf(writeWhole(store, 'a/tmp-0123456789abcdef', bytesOf('x')))).code).toBe(
      'integrity/malformed',
    );
  });
}

function describeWriting(get: () => Store): void {
  it('shows a file only once it is finished', async () => {
    const writer = await get().create('packs');
    await writer.append(bytesOf('one '));
    await writer.append(bytesOf('two'));
    expect(writer.sizeBytes).toBe(7);
    expect(await get().stat('packs/ab/x')).toBeUndefined();
    await writer.finish('packs/ab/x');
    expect(await get().read('packs/ab/x')).toEqual(bytesOf('one two'));
    await writer.abort();
    expect(await get().read('packs/ab/x')).toEqual(bytesOf('one two'));
  });

  it('lets the caller reuse its bytes after append', async () => {
    const bytes = bytesOf('first');
    const writer = await get().create('');
    await writer.append(bytes);
    bytes.fill(0);
    await writer.finish('file');
    expect(await get().read('file')).toEqual(bytesOf('first'));
  });

  it('replaces a file as a whole', async () => {
    await writeWhole(get(), 'config', bytesOf('a long old one'));
    await writeWhole(get(), 'config', bytesOf('new'), { durable: false });
    expect(await get().read('config')).toEqual(bytesOf('new'));
    expect(await get().list('')).toEqual([{ name: 'config', sizeBytes: 3 }]);
  });

  it('compares a finished file with its hash and keeps the old one when they differ', async () => {
    await writeWhole(get(), 'config', bytesOf('old'), { hash: hash(bytesOf('old')) });
    const error = await failureOf(writeWhole(get(), 'config', bytesOf('new'), { hash: hash(bytesOf('other')) }));
    expect(error.code).toBe('destination/io');
    expect(await get().read('config')).toEqual(bytesOf('old'));
    expect(await get().list('')).toHaveLength(1);
  });

  it('forgets an aborted file and refuses to go on with it', async () => {
    const writer = await get().create('packs');
    await writer.append(bytesOf('x'));
    await writer.abort();
    await writer.abort();
    await expect(writer.append(bytesOf('y'))).rejects.toThrow();
    await expect(writer.finish('packs/x')).rejects.toThrow();
    expect(await get().list('packs')).toEqual([]);
  });

  it('never lets a file and a folder share a name', async () => {
    await writeWhole(get(), 'a/file', bytesOf('x'));
    await expect(writeWhole(get(), 'a/file/below', bytesOf('y'))).rejects.toThrow();
    await expect(writeWhole(get(), 'a', bytesOf('y'))).rejects.toThrow();
    expect(await get().read('a/file')).toEqual(bytesOf('x'));
  });
}

function describeMovingAndRemoving(get: () => Store): void {
  it('moves a file between folders, replacing what is there', async () => {
    await writeWhole(get(), 'packs/a', bytesOf('a'));
    await writeWhole(get(), 'trash/a', bytesOf('older'));
    await get().move('packs/a', 'trash/a');
    expect(await get().read('trash/a')).toEqual(bytesOf('a'));
    expect(await get().stat('packs/a')).toBeUndefined();
    await get().move('trash/a', 'trash/b');
    expect((await get().list('trash')).map((entry) => entry.name)).toEqual(['trash/b']);
    expect((await failureOf(get().move('trash/a', 'packs/a'))).code).toBe('integrity/missing');
  });

  it('removes what is there and does not mind what is not', async () => {
    await writeWhole(get(), 'packs/a', bytesOf('a'));
    await writeWhole(get(), 'packs/b', bytesOf('b'));
    await get().remove(['packs/a', 'packs/absent', 'absent/absent']);
    expect((await get().list('packs')).map((entry) => entry.name)).toEqual(['packs/b']);
    await get().remove([]);
    await get().remove(['packs/a']);
  });
}

/** Any sequence of calls leaves a store as it leaves a map from names to bytes. */
function describeModel(factory: StoreFactory): void {
  const nameOf = fc.constantFrom('config', 'keys/a', 'keys/b', 'packs/0/a', 'packs/1/b');
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), name: nameOf, bytes: fc.uint8Array({ maxLength: 40 }) }),
    fc.record({ kind: fc.constant('move' as const), name: nameOf, to: nameOf }),
    fc.record({ kind: fc.constant('remove' as const), name: nameOf }),
  );
  it('behaves like a map from names to bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { store, dispose } = await factory();
        try {
          const model = new Map<string, Uint8Array>();
          for (const { kind, name, ...rest } of steps) {
            if (kind === 'write' && 'bytes' in rest) {
              await writeWhole(store, name, rest.bytes);
              model.set(name, rest.bytes);
            } else if (kind === 'move' && 'to' in rest) {
              const bytes = model.get(name);
              if (bytes === undefined) {
                expect((await failureOf(store.move(name, rest.to))).code).toBe('integrity/missing');
                continue;
              }
              await store.move(name, rest.to);
              model.delete(name);
              model.set(rest.to, bytes);
            } else {
              await store.remove([name]);
              model.delete(name);
            }
          }
          await expectSame(store, model);
        } finally {
          await dispose?.();
        }
      }),
      { numRuns: 25 },
    );
  });
}

async function expectSame(store: Store, model: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const found = new Map<string, Uint8Array>();
  for (const folder of ['', 'keys', 'packs', 'packs/0', 'packs/1']) {
    for (const entry of await store.list(folder)) {
      const bytes = await store.read(entry.name);
      expect(entry.sizeBytes).toBe(bytes.length);
      found.set(entry.name, bytes);
    }
  }
  expect(new Map([...found].sort())).toEqual(new Map([...model].sort()));
}
