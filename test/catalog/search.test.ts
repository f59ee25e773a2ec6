/** Searching as a person types: what is found, in which order, page by page. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CatalogPage } from '../../src-shared/model/index.ts';
import { CatalogLab } from '../support/catalog-lab.ts';
import type { Item, Tree } from '../support/history-lab.ts';
import { testSeed } from '../support/seed.ts';

let lab: CatalogLab;
beforeEach(() => {
  lab = new CatalogLab(testSeed('catalog search'));
});
afterEach(() => lab.dispose());

const file = (changedS: number, content = 'x'): Item => ({
  kind: 'file',
  content,
  mtimeNs: BigInt(changedS) * 1_000_000_000n,
  mode: 0o644,
});
const folder = (items: Readonly<Record<string, Item>>): Item => {
  const tree: Tree = new Map(Object.entries(items).map(([name, item]) => [Buffer.from(name).toString('latin1'), item]));
  return { kind: 'folder', tree, mtimeNs: 0n };
};

function commit(items: Readonly<Record<string, Item>>, more: Readonly<Record<string, Item>> = {}): string {
  const sources = [{ path: '/home/ada', name: 'ada', item: folder(items) }];
  for (const [name, item] of Object.entries(more)) sources.push({ path: `/${name}`, name, item });
  return lab.history.commit(sources).id;
}

async function search(text: string, offset = 0, limit = 100): Promise<CatalogPage> {
  await lab.takeIn();
  const { config, context } = lab.history.repository;
  const copy = { repositoryId: config.repositoryId, instanceId: context.instance.instanceId };
  const page = await lab.catalog.search(copy, { text, offset, limit });
  if (page === undefined) throw new Error('the catalog does not know');
  return page;
}
const paths = async (text: string): Promise<string[]> => (await search(text)).hits.map(({ path }) => path);

describe('a search', () => {
  test('finds part of a name in any case, and in letters composed or not', async () => {
    commit({
      'Report.TXT': file(1),
      'my report 2.txt': file(3),
      other: file(2),
      'Cafe\u0301.md': file(4),
      straße: file(5),
      ΟΔΟΣ: file(6),
    });
    expect(await paths('report')).toEqual(['my report 2.txt', 'Report.TXT']);
    expect(await paths('REPORT')).toEqual(['my report 2.txt', 'Report.TXT']);
    expect(await paths('café')).toEqual(['Cafe\u0301.md']);
    expect(await paths('CAFE\u0301')).toEqual(['Cafe\u0301.md']);
    expect(await paths('STRASSE')).toEqual(['straße']);
    expect(await paths('οδος')).toEqual(['ΟΔΟΣ']);
    expect(await paths('cafe')).toEqual([]);
    expect(await paths('  ')).toEqual([]);
  });

  test('takes stars for a pattern of the whole name, and a slash for the folders before it', async () => {
    commit({
      a: folder({ docs: folder({ 'one.pdf': file(1), 'one.txt': file(2) }) }),
      b: folder({ docs: folder({ 'one.pdf': file(3) }) }),
      'one.pdf.bak': file(4),
    });
    expect(await paths('*.pdf')).toEqual(['b/docs/one.pdf', 'a/docs/one.pdf']);
    expect(await paths('docs/one')).toEqual(['b/docs/one.pdf', 'a/docs/one.txt', 'a/docs/one.pdf']);
    expect(await paths('A/docs/*.pdf')).toEqual(['a/docs/one.pdf']);
    expect(await paths('ocs/one.p')).toEqual(['b/docs/one.pdf', 'a/docs/one.pdf']);
    expect(await paths('docs/ne')).toEqual([]);
    await expect(search('a*b*c*d*e*f*')).rejects.toMatchObject({ code: 'usage/invalid' });
  });

  test('finds what is gone, and says of each where it was last and in how many versions', async () => {
    const first = commit({ plan: file(1), kept: file(9) });
    const second = commit({ plan: file(2, 'yy'), kept: file(9) });
    const third = commit({ kept: file(9) });
    const { hits } = await search('plan');
    expect(hits).toMatchObject([{ path: 'plan', size: 2, firstSnapshot: second, lastSnapshot: second, versions: 2 }]);
    expect((await search('kept')).hits).toMatchObject([{ firstSnapshot: first, lastSnapshot: third, versions: 1 }]);
  });

  test('finds sources where there are several, and gives each path as its last snapshot shows it', async () => {
    commit({ 'in one': file(1) });
    const last = commit({ 'in one': file(1) }, { photos: folder({ 'in two': file(2) }) });
    expect(await paths('photos')).toEqual(['photos']);
    expect((await search('in ')).hits).toMatchObject([
      { path: 'photos/in two', lastSnapshot: last },
      { path: 'ada/in one', lastSnapshot: last },
    ]);
    expect(await paths('ada/in')).toEqual(['ada/in one']);
  });

  test('comes page by page, the newest first, and counts all', async () => {
    const items = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`photo-${index}`, file(index)]));
    commit(items);
    const pages = [await search('photo', 0, 100), await search('photo', 100, 100), await search('photo', 200, 100)];
    expect(pages.map(({ total, isCapped }) => [total, isCapped])).toEqual(Array(3).fill([250, false]));
    const found = pages.flatMap(({ hits }) => hits.map(({ path }) => path));
    expect(found).toEqual(Array.from({ length: 250 }, (_, index) => `photo-${249 - index}`));
    expect((await search('photo', 400, 100)).hits).toEqual([]);
  });

  test('of very many says that there are more than it counted', async () => {
    commit(Object.fromEntries(Array.from({ length: 12_000 }, (_, index) => [`entry ${index}`, file(index % 100)])));
    expect(await search('entry', 0, 5)).toMatchObject({ total: 10_000, isCapped: true, hits: { length: 5 } });
    expect(await search('entry 11', 0, 5)).toMatchObject({ isCapped: false });
  });
});
