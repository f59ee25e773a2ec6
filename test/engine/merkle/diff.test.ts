/** A comparison of two folder trees lists every difference once, in order, and nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../src-main/engine/kernel/index.ts';
import { type DiffEvent, diffFolders, type Entry, type FolderRoot } from '../../../src-main/engine/merkle/index.ts';
import {
  buildFolder,
  collect,
  createPageStore,
  directoryEntry,
  fileEntry,
  type PageStore,
} from '../../support/merkle.ts';

/** A tree in short: a text is a file's content, an object is a folder. */
type Tree = { readonly [name: string]: string | Tree };

function build(store: PageStore, tree: Tree): FolderRoot {
  const entries = Object.entries(tree).map(([name, value]): Entry =>
    typeof value === 'string' ? fileEntry(name, value) : directoryEntry(name, build(store, value)),
  );
  return buildFolder(store.sink, entries);
}

const show = (event: DiffEvent): string =>
  `${event.kind} ${event.path.map((name) => Buffer.from(name).toString()).join('/')}`;

async function differences(before: Tree, after: Tree): Promise<string[]> {
  const store = createPageStore();
  const [a, b] = [build(store, before), build(store, after)];
  return (await collect(diffFolders(store.fetch, a, store.fetch, b))).map(show);
}

/** The same by looking at every path. */
function expected(before: Tree | undefined, after: Tree | undefined, path = ''): string[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const sorted = [...names].sort((left, right) => Buffer.compare(utf8(left), utf8(right)));
  return sorted.flatMap((name) => {
    const [old, now] = [before?.[name], after?.[name]];
    const place = path === '' ? name : `${path}/${name}`;
    const below = (value: string | Tree | undefined): Tree | undefined =>
      typeof value === 'object' ? value : undefined;
    if (old === undefined) return [`added ${place}`, ...expected(undefined, below(now), place)];
    if (now === undefined) return [`removed ${place}`, ...expected(below(old), undefined, place)];
    if (typeof old !== typeof now) {
      return [
        ...[`removed ${place}`, ...expected(below(old), undefined, place)],
        ...[`added ${place}`, ...expected(undefined, below(now), place)],
      ];
    }
    if (typeof old === 'string') return old === now ? [] : [`changed ${place}`];
    return expected(below(old), below(now), place);
  });
}

describe('a comparison of two folders', () => {
  it('lists added, removed and changed names, and every file below an added or removed folder', async () => {
    const before: Tree = { a: '1', gone: { x: '1', deep: { y: '2' } }, same: { z: '3' }, t: '4' };
    const after: Tree = { a: '2', fresh: { n: '1' }, same: { z: '3' }, t: '4' };
    expect(await differences(before, after)).toEqual([
      'changed a',
      'added fresh',
      'added fresh/n',
      'removed gone',
      'removed gone/deep',
      'removed gone/deep/y',
      'removed gone/x',
    ]);
  });

  it('lists a folder that became a file as one name gone and another come', async () => {
    expect(await differences({ n: { x: '1' } }, { n: 'file' })).toEqual(['removed n', 'removed n/x', 'added n']);
    expect(await differences({ n: 'file' }, { n: { x: '1' } })).toEqual(['removed n', 'added n', 'added n/x']);
  });

  it('lists everything against a folder that is not there', async () => {
    const store = createPageStore();
    const root = build(store, { a: '1', b: { c: '2' } });
    const [added, removed, none] = [
      await collect(diffFolders(store.fetch, undefined, store.fetch, root)),
      await collect(diffFolders(store.fetch, root, store.fetch, undefined)),
      await collect(diffFolders(store.fetch, undefined, store.fetch, undefined)),
    ];
    expect(added.map(show)).toEqual(['added a', 'added b', 'added b/c']);
    expect(removed.map(show)).toEqual(['removed a', 'removed b', 'removed b/c']);
    expect(none).toEqual([]);
  });

  it('tells changed metadata from changed content, and does not count how a file is cut into chunks', async () => {
    const store = createPageStore();
    const root = (entry: Entry): FolderRoot => buildFolder(store.sink, [entry]);
    const before = root(fileEntry('a', 'text', { linkGroup: 1 }));
    const kinds = async (after: FolderRoot): Promise<string[]> =>
      (await collect(diffFolders(store.fetch, before, store.fetch, after))).map(show);
    expect(await kinds(root(fileEntry('a', 'text', { linkGroup: 1, mode: 0o600 })))).toEqual(['metadata a']);
    expect(await kinds(root(fileEntry('a', 'text')))).toEqual(['metadata a']);
    expect(await kinds(root(fileEntry('a', 'texT', { linkGroup: 1 })))).toEqual(['changed a']);
    const one = fileEntry('x', 't').content;
    const other = fileEntry('x', 'ext').content;
    if (one.kind !== 'inline' || other.kind !== 'inline') throw new Error('short files have inline chunks');
    const content = { kind: 'inline', chunks: [...one.chunks, ...other.chunks] } as const;
    expect(await kinds(root(fileEntry('a', 'text', { linkGroup: 2, content })))).toEqual([]);
  });

  it('opens no page of two equal folders, and only the path to a difference in unequal ones', async () => {
    const store = createPageStore();
    const wide = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`folder ${index}`, { file: `${index}` }]),
    );
    const before = build(store, { wide, other: { deep: { x: '1' } } });
    const after = build(store, { wide, other: { deep: { x: '2' } } });
    store.reads.length = 0;
    expect(await collect(diffFolders(store.fetch, before, store.fetch, before))).toEqual([]);
    expect(store.reads).toHaveLength(0);
    expect((await collect(diffFolders(store.fetch, before, store.fetch, after))).map(show)).toEqual([
      'changed other/deep/x',
    ]);
    expect(store.reads).toHaveLength(6);
  });

  it('of folders 3,000 deep does not overflow', async () => {
    const store = createPageStore();
    const nest = (bottom: string): FolderRoot => {
      let root = buildFolder(store.sink, [fileEntry('bottom', bottom)]);
      for (let level = 0; level < 3000; level++) root = buildFolder(store.sink, [directoryEntry('d', root)]);
      return root;
    };
    const events = await collect(diffFolders(store.fetch, nest('1'), store.fetch, nest('2')));
    expect(events).toHaveLength(1);
    expect(events[0]?.path).toHaveLength(3001);
  });

  it('of any two trees is what a look at every path gives', async () => {
    const arbValue = fc.constantFrom('1', '2', '3');
    const level = (depth: number): fc.Arbitrary<Tree> =>
      fc.dictionary(
        fc.constantFrom('a', 'b', 'c', 'd', 'é', 'ab'),
        depth === 0 ? arbValue : fc.oneof(arbValue, level(depth - 1)),
        { maxKeys: 5, noNullPrototype: true },
      );
    await fc.assert(
      fc.asyncProperty(level(3), level(3), async (before, after) => {
        expect(await differences(before, after)).toEqual(expected(before, after));
      }),
      { numRuns: 300 },
    );
  });

  it('of any edits in a folder of many pages lists exactly the edits', async () => {
    const names = Array.from({ length: 6000 }, (_, index) => `n${String(index).padStart(5, '0')}`);
    const before: Tree = Object.fromEntries(names.map((name) => [name, 'old']));
    const arbEdits = fc.array(fc.tuple(fc.nat(5999), fc.constantFrom('old', 'new', 'gone', 'extra')), {
      maxLength: 40,
    });
    const arbRun = fc.option(fc.tuple(fc.nat(5999), fc.nat(3000)));
    await fc.assert(
      fc.asyncProperty(arbEdits, arbRun, async (edits, run) => {
        const changed = new Map(Object.entries(before));
        for (const [index, kind] of edits) {
          const name = names[index] ?? '';
          if (kind === 'gone') changed.delete(name);
          else if (kind === 'extra') changed.set(`${name}x`, 'new');
          else changed.set(name, kind);
        }
        // A long run of names gone, so that whole pages are only on one side.
        if (run !== null) for (const name of names.slice(run[0], run[0] + run[1])) changed.delete(name);
        const after: Tree = Object.fromEntries(changed);
        expect(await differences(before, after)).toEqual(expected(before, after));
        expect(await differences(after, before)).toEqual(expected(after, before));
      }),
      { numRuns: 10 },
    );
  });
});
