/** Pages that someone made to do harm, or that a bad disk made, end in a typed error: never in a bad name or a loop. */
import { describe, expect, it } from 'vitest';
import { CairnError } from '../../../src-shared/errors.ts';
import { concatBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  createFolderPageBuilder,
  decodeChunkListPage,
  decodeFolderPage,
  encodeChunkListPage,
  encodeFolderPage,
  type Entry,
  findEntry,
  type FolderPage,
  iterateChunks,
  iterateFolder,
  type PageFetch,
} from '../../../src-main/engine/merkle/index.ts';
import type { PageId } from '../../../src-shared/ids.ts';
import { buildFolder, collect, createPageStore, fileEntry, idOf, type PageStore } from '../../support/merkle.ts';

const malformed = { code: 'integrity/malformed' };

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** The bytes of a leaf page whose only entry has this name, made without the encoder's checks. */
function pageWithName(name: Uint8Array): Uint8Array {
  const marker = utf8('#'.repeat(Math.max(name.length, 1)));
  const good = encodeFolderPage({ kind: 'leaf', entries: [fileEntry(marker)] });
  const at = Buffer.from(good).indexOf(Buffer.from(marker));
  if (name.length > 0) return concatBytes([good.subarray(0, at), name, good.subarray(at + name.length)]);
  return concatBytes([good.subarray(0, at - 1), Uint8Array.of(0), good.subarray(at + 1)]);
}

function put(store: PageStore, page: FolderPage): PageId {
  return store.sink(2, encodeFolderPage(page));
}

describe('a folder page', () => {
  it.each(['.', '..', '', 'a/b', '/', '../up', 'nul\0byte'])('with the name “%s” is refused', (name) => {
    expect(errorOf(() => decodeFolderPage(pageWithName(utf8(name))))).toMatchObject(malformed);
    expect(() => encodeFolderPage({ kind: 'leaf', entries: [fileEntry(name)] })).toThrow();
  });

  it.each(['...', '..a', ' ', '-rf', 'C:', '\\', 'con', '\ufeff'])('with the odd name “%s” is read', (name) => {
    expect(decodeFolderPage(pageWithName(utf8(name)))).toMatchObject({ kind: 'leaf' });
  });

  it('with names that do not rise is refused, leaf and inner', () => {
    const page = idOf('page');
    for (const names of [
      ['b', 'a'],
      ['a', 'a'],
    ]) {
      const entries = names.map((name) => fileEntry(name));
      expect(errorOf(() => decodeFolderPage(encodeFolderPage({ kind: 'leaf', entries })))).toMatchObject(malformed);
      const children = names.map((name) => ({ firstName: utf8(name), page, entryCount: 1 }));
      const inner = encodeFolderPage({ kind: 'inner', level: 1, children });
      expect(errorOf(() => decodeFolderPage(inner))).toMatchObject(malformed);
    }
  });

  it('of a later version is newer, not damaged', () => {
    const bytes = encodeFolderPage({ kind: 'leaf', entries: [] });
    bytes[4] = 2;
    expect(errorOf(() => decodeFolderPage(bytes))).toMatchObject({ code: 'repository/newer-format' });
    bytes[4] = 0;
    expect(errorOf(() => decodeFolderPage(bytes))).toMatchObject(malformed);
  });

  it('with bytes behind its end, a count beyond its bytes, or of another kind is refused', () => {
    const good = encodeFolderPage({ kind: 'leaf', entries: [fileEntry('a')] });
    expect(errorOf(() => decodeFolderPage(concatBytes([good, Uint8Array.of(0)])))).toMatchObject(malformed);
    const counted = concatBytes([good.subarray(0, 8), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x7f), good.subarray(9)]);
    expect(errorOf(() => decodeFolderPage(counted))).toMatchObject(malformed);
    expect(errorOf(() => decodeChunkListPage(good))).toMatchObject(malformed);
  });

  it('longer than any page is refused before it is read', () => {
    const bytes = new Uint8Array(2 * 1024 * 1024);
    bytes.set(encodeFolderPage({ kind: 'leaf', entries: [] }));
    expect(errorOf(() => decodeFolderPage(bytes))).toMatchObject({ code: 'limit/exceeded' });
  });

  it('with a file whose chunks do not add up to its size, or with one chunk of two lengths, is refused', () => {
    const size = (entries: Entry[]): Uint8Array => encodeFolderPage({ kind: 'leaf', entries });
    expect(() => size([fileEntry('a', 'four', { size: 5 })])).toThrow(/add up/);
    const good = size([fileEntry('a', 'four')]);
    // The size is the varint behind type, mask, name, mode (2 bytes), uid (2), gid (2) and mtime (8).
    const at = 9 + 2 + 2 + 2 + 2 + 2 + 8;
    expect(good[at]).toBe(4);
    good[at] = 5;
    expect(errorOf(() => decodeFolderPage(good))).toMatchObject(malformed);
    const chunks = [1, 2].map((length) => ({ id: idOf('one id'), length }));
    const twice = size([fileEntry('a', 'abc', { content: { kind: 'inline', chunks } })]);
    expect(errorOf(() => decodeFolderPage(twice))).toMatchObject(malformed);
  });
});

describe('reading a folder', () => {
  /** A store with two leaves, and an inner page over them that may lie. */
  function lyingTree(change: (page: Extract<FolderPage, { kind: 'inner' }>) => FolderPage): {
    store: PageStore;
    root: PageId;
  } {
    const store = createPageStore();
    const first = put(store, { kind: 'leaf', entries: [fileEntry('a'), fileEntry('c')] });
    const second = put(store, { kind: 'leaf', entries: [fileEntry('m'), fileEntry('z')] });
    const children = [
      { firstName: utf8('a'), page: first, entryCount: 2 },
      { firstName: utf8('m'), page: second, entryCount: 2 },
    ];
    return { store, root: put(store, change({ kind: 'inner', level: 1, children })) };
  }
  const withChild =
    (index: number, fields: object) =>
    (page: Extract<FolderPage, { kind: 'inner' }>): FolderPage => ({
      ...page,
      children: page.children.map((child, place) => (place === index ? { ...child, ...fields } : child)),
    });

  it('whose inner page tells the truth lists it', async () => {
    const { store, root } = lyingTree((page) => page);
    const names = (await collect(iterateFolder(store.fetch, root, 1))).map((entry) =>
      Buffer.from(entry.name).toString(),
    );
    expect(names).toEqual(['a', 'c', 'm', 'z']);
  });

  it.each([
    ['first name', withChild(0, { firstName: utf8('aa') })],
    ['count', withChild(1, { entryCount: 3 })],
    ['first name, so that a page reaches into its sibling', withChild(1, { firstName: utf8('b') })],
    ['level', (page: FolderPage): FolderPage => ({ ...page, level: 2 }) as FolderPage],
  ])('whose inner page gives a wrong %s is refused, by listing and by lookup', async (_claim, change) => {
    const { store, root } = lyingTree(change);
    const level = decodeFolderPage(await store.fetch(root, 2));
    const rootLevel = level.kind === 'inner' ? level.level : 0;
    await expect(collect(iterateFolder(store.fetch, root, rootLevel))).rejects.toMatchObject(malformed);
    const lookups = ['a', 'c', 'm', 'z'].map((name) => findEntry(store.fetch, root, rootLevel, utf8(name)));
    const ended = await Promise.allSettled(lookups);
    expect(ended.some((end) => end.status === 'rejected')).toBe(true);
  });

  it('whose page reaches into its sibling is refused, though every first name and count is right', async () => {
    const store = createPageStore();
    const leaves = [
      [fileEntry('a'), fileEntry('n')],
      [fileEntry('m'), fileEntry('z')],
    ];
    const children = leaves.map((entries) => ({
      firstName: entries[0]?.name ?? utf8('?'),
      page: put(store, { kind: 'leaf', entries }),
      entryCount: entries.length,
    }));
    const root = put(store, { kind: 'inner', level: 1, children });
    await expect(collect(iterateFolder(store.fetch, root, 1))).rejects.toMatchObject(malformed);
    await expect(findEntry(store.fetch, root, 1, utf8('b'))).rejects.toMatchObject(malformed);
  });

  it('whose root has another level than its entry says is refused', async () => {
    const { store, root } = lyingTree((page) => page);
    await expect(collect(iterateFolder(store.fetch, root, 2))).rejects.toMatchObject(malformed);
    await expect(findEntry(store.fetch, root, 0, utf8('a'))).rejects.toMatchObject(malformed);
  });

  it('whose page refers to itself ends in an error', async () => {
    const children = [{ firstName: utf8('a'), page: idOf('loop'), entryCount: 1 }];
    for (const level of [1, 8]) {
      const loop: PageFetch = () => encodeFolderPage({ kind: 'inner', level, children });
      await expect(collect(iterateFolder(loop, idOf('loop'), level))).rejects.toMatchObject(malformed);
      await expect(findEntry(loop, idOf('loop'), level, utf8('a'))).rejects.toMatchObject(malformed);
    }
  });

  it('passes on that a page is missing', async () => {
    const store = createPageStore();
    await expect(collect(iterateFolder(store.fetch, idOf('gone'), 0))).rejects.toMatchObject({
      code: 'integrity/missing',
    });
  });
});

describe('reading a chunk list', () => {
  it('whose inner page lies about counts or bytes, or refers to itself, is refused', async () => {
    const store = createPageStore();
    const chunks = Array.from({ length: 40 }, (_, index) => ({ id: idOf(`${index}`), length: 10 }));
    const leaf = store.sink(3, encodeChunkListPage({ kind: 'leaf', chunks }));
    const inner = (chunkCount: number, bytes: number): PageId =>
      store.sink(3, encodeChunkListPage({ kind: 'inner', level: 1, children: [{ page: leaf, chunkCount, bytes }] }));
    const read = (root: PageId): Promise<unknown[]> =>
      collect(iterateChunks(store.fetch, { kind: 'pages', root, level: 1, chunkCount: 40 }));
    expect(await read(inner(40, 400))).toHaveLength(40);
    await expect(read(inner(41, 400))).rejects.toMatchObject(malformed);
    await expect(read(inner(40, 401))).rejects.toMatchObject(malformed);
    const loop: PageFetch = () =>
      encodeChunkListPage({ kind: 'inner', level: 1, children: [{ page: leaf, chunkCount: 40, bytes: 400 }] });
    const content = { kind: 'pages', root: leaf, level: 1, chunkCount: 40 } as const;
    await expect(collect(iterateChunks(loop, content))).rejects.toMatchObject(malformed);
  });
});

describe('building a folder', () => {
  it('stops when one id stands for two contents', () => {
    const weak = createPageStore(() => idOf('always the same'));
    buildFolder(weak.sink, [fileEntry('a')]);
    expect(errorOf(() => buildFolder(weak.sink, [fileEntry('b')]))).toMatchObject({ code: 'integrity/collision' });
  });

  it('of no entries gives one empty page', async () => {
    const store = createPageStore();
    const root = createFolderPageBuilder(store.sink).finish();
    expect(root).toMatchObject({ level: 0, entryCount: 0, totalEntries: 0, totalBytes: 0 });
    expect(store.pages.size).toBe(1);
    expect(await collect(iterateFolder(store.fetch, root.page, root.level))).toEqual([]);
    expect(await findEntry(store.fetch, root.page, root.level, utf8('a'))).toBeUndefined();
  });

  it('refuses entries out of order: they would be a page nobody can read', () => {
    const builder = createFolderPageBuilder(createPageStore().sink);
    builder.add(fileEntry('b'));
    expect(() => builder.add(fileEntry('a'))).toThrow(/rise/);
    expect(() => builder.add(fileEntry('b'))).toThrow(/rise/);
  });
});

describe('reading on past damage', () => {
  const entries = Array.from({ length: 3000 }, (_, index) => fileEntry(`file ${String(index).padStart(5, '0')}`));
  const namesOf = (found: readonly Entry[]): string[] => found.map(({ name }) => Buffer.from(name).toString());

  it('leaves out one page of many and tells of it; not asked to go on, it ends with the error', async () => {
    const store = createPageStore();
    const root = buildFolder(store.sink, entries);
    const rootPage = decodeFolderPage(await store.fetch(root.page, 2));
    if (rootPage.kind !== 'inner') throw new Error('3,000 entries stand in several pages');
    const [first, lost] = rootPage.children;
    expect(rootPage.children.length).toBeGreaterThan(2);
    store.pages.delete(toHex(lost!.page));
    const told: string[] = [];
    const found = await collect(iterateFolder(store.fetch, root.page, root.level, ({ code }) => void told.push(code)));
    const [from, to] = [first!.entryCount, first!.entryCount + lost!.entryCount];
    expect(namesOf(found)).toEqual(namesOf(entries.filter((_, index) => index < from || index >= to)));
    expect(told).toEqual(['integrity/missing']);
    await expect(collect(iterateFolder(store.fetch, root.page, root.level))).rejects.toMatchObject({
      code: 'integrity/missing',
    });
    store.pages.delete(toHex(root.page));
    expect(
      await collect(iterateFolder(store.fetch, root.page, root.level, ({ code }) => void told.push(code))),
    ).toEqual([]);
    expect(told).toEqual(['integrity/missing', 'integrity/missing']);
  });

  it('takes nothing but damage for damage', async () => {
    const store = createPageStore();
    const root = buildFolder(store.sink, entries.slice(0, 3));
    const gone: PageFetch = () => Promise.reject(new CairnError('destination/gone', 'the drive was pulled out'));
    const told: string[] = [];
    const walk = collect(iterateFolder(gone, root.page, root.level, ({ code }) => void told.push(code)));
    await expect(walk).rejects.toMatchObject({ code: 'destination/gone' });
    expect(told).toEqual([]);
  });
});
