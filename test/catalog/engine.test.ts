/** The catalog behind the engine's door: real repositories, real damage, and answers that do not change. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Catalog, openCatalog } from '../../src-main/engine/catalog/index.ts';
import { type OpenRepository, openEngine } from '../../src-main/engine/index.ts';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { isCairnError } from '../../src-shared/errors.ts';
import type { FileVersion, UnreadableFolder } from '../../src-shared/model/index.ts';
import { unescapePath } from '../../src-shared/format/index.ts';
import { Lab } from '../support/engine-lab.ts';
import { LOW_LIMITS, filesIn, flipIn, put } from '../support/lab-files.ts';
import { testSeed } from '../support/seed.ts';
import { buildTree, mutateTree } from '../support/tree-builder.ts';

const PASSWORD = 'correct horse';
const PATTERNS = ['*', '*.txt', 'note*', '**/*.jpg', 'source/**', '*é*', 'Report-?*', 'nothing at all'];
const seed = testSeed('catalog behind the engine');

let lab: Lab;
let repository: Repository;
let catalog: Catalog;
let withCatalog: OpenRepository;
let withoutCatalog: OpenRepository;

/** Opened anew: nothing that was read before is remembered. */
function openAgain(own: Catalog | undefined): Promise<OpenRepository> {
  const { log, clock } = lab.ports;
  const engine = openEngine({ home: lab.path('home'), log, clock, ...(own === undefined ? {} : { catalog: own }) });
  return engine.open(lab.repositoryPath, async () => ({ kind: 'password', password: PASSWORD }));
}

beforeEach(async () => {
  lab = new Lab(seed);
  await lab.init({ password: PASSWORD });
  repository = await lab.open(PASSWORD, { limits: LOW_LIMITS });
  buildTree(lab.source, { seed, files: 400, folders: 30, fileBytesMax: 200, symlinks: 8, fifos: 1 });
  const { clock } = lab.ports;
  catalog = openCatalog({ home: lab.path('home'), log: lab.ports.log, clock });
  withCatalog = await openAgain(catalog);
  withoutCatalog = await openAgain(undefined);
});
afterEach(async () => {
  await catalog.close();
  lab.dispose();
});

/** One after another, by two computers, of one and of two sources, with changes between. */
async function backUp(count: number): Promise<void> {
  fs.mkdirSync(lab.path('second'), { recursive: true });
  for (let index = 0; index < count; index++) {
    mutateTree(lab.source, { seed: seed + index, count: 8, fileBytesMax: 300 });
    fs.writeFileSync(lab.path('second', `note-${index}.txt`), `note ${index}`);
    const sources = (index % 3 === 1 ? [lab.source, lab.path('second')] : [lab.source]).map((source) =>
      Buffer.from(source),
    );
    await lab.backup(repository, { sources, host: index % 4 === 2 ? 'other' : 'lab' });
  }
}

type Told = { readonly found: readonly FileVersion[]; readonly unreadable: readonly UnreadableFolder[] };

async function find(from: OpenRepository, pattern: string): Promise<Told> {
  const unreadable: UnreadableFolder[] = [];
  const found = await from.find(pattern, (folder) => unreadable.push(folder));
  return { found, unreadable };
}

/** What a question comes to: an answer and the damage that was told, or an error. */
async function told(ask: (note: (folder: UnreadableFolder) => void) => Promise<unknown>): Promise<unknown> {
  const unreadable: UnreadableFolder[] = [];
  try {
    return { found: await ask((folder) => unreadable.push(folder)), unreadable };
  } catch (error) {
    if (!isCairnError(error)) throw error;
    return { code: error.code, message: error.message };
  }
}

async function expectSame(): Promise<void> {
  for (const pattern of PATTERNS)
    expect(await find(withCatalog, pattern), pattern).toEqual(await find(withoutCatalog, pattern));
  const { found } = await find(withoutCatalog, '*');
  for (const { path: shown } of found.filter((_, index) => index % 17 === 0)) {
    const bytes = unescapePath(shown);
    const versions = (from: OpenRepository) => told((note) => from.versions(bytes, note));
    expect(await versions(withCatalog), shown).toEqual(await versions(withoutCatalog));
  }
}

describe('find and versions', { timeout: 240_000 }, () => {
  test('are the same with a catalog as without, over two computers and several sources', async () => {
    await backUp(7);
    expect(await withCatalog.updateCatalog()).toMatchObject({ taken: 7, damaged: 0 });
    await expectSame();
    // A few more that the catalog hears of only when it is asked.
    await backUp(2);
    await expectSame();
    expect(await catalog.missing(repository, [])).toBe(0);
    expect(await withCatalog.updateCatalog()).toMatchObject({ taken: 0 });
  });

  test('make no catalog by being asked, and none is needed', async () => {
    await backUp(2);
    await expectSame();
    expect(fs.existsSync(lab.path('home', 'catalog'))).toBe(false);
  });

  test('fail in the same words', async () => {
    await backUp(2);
    await withCatalog.updateCatalog();
    const asked = [
      (from: OpenRepository) => from.find(''),
      (from: OpenRepository) => from.find('a*b*c*d*e*f'),
      (from: OpenRepository) => from.versions(Buffer.from('never')),
      (from: OpenRepository) => from.versions(Buffer.from('../x')),
    ];
    for (const ask of asked) expect(await told(() => ask(withCatalog))).toEqual(await told(() => ask(withoutCatalog)));
  });

  test('are the same where stored trees are damaged, damage told too', async () => {
    await backUp(5);
    for (const [index, file] of [...filesIn(lab, 'packs'), ...filesIn(lab, 'commits')].entries())
      if (index % 2 === 0) flipIn(lab, file, Math.floor(fs.statSync(path.join(lab.repositoryPath, file)).size / 2));
    withCatalog = await openAgain(catalog);
    withoutCatalog = await openAgain(undefined);
    expect(await withCatalog.updateCatalog()).toBeDefined();
    await expectSame();
  });

  test('come from the catalog: they are the same when every stored tree is gone', async () => {
    await backUp(5);
    const before = await Promise.all(PATTERNS.map((pattern) => find(withoutCatalog, pattern)));
    await withCatalog.updateCatalog();
    for (const file of filesIn(lab, 'packs')) fs.rmSync(path.join(lab.repositoryPath, file));
    const again = await openAgain(catalog);
    expect(await Promise.all(PATTERNS.map((pattern) => find(again, pattern)))).toEqual(before);
    expect((await find(await openAgain(undefined), '*')).unreadable.length).toBeGreaterThan(0);
  });
});

test('a backup and everything else goes on when the catalog is broken', { timeout: 240_000 }, async () => {
  await backUp(2);
  await withCatalog.updateCatalog();
  await catalog.close();
  await expectSame();
  expect(await withCatalog.updateCatalog()).toBeUndefined();
  expect(await withCatalog.search({ text: 'note', offset: 0, limit: 10 })).toBeUndefined();
  const report = await withCatalog.backup({ sources: [Buffer.from(lab.source)] });
  expect(report.problems).toEqual([]);
});

test('search finds over the engine what was put there', { timeout: 240_000 }, async () => {
  put(lab, 'letters/To Ada.txt', 'dear Ada');
  await backUp(1);
  await withCatalog.updateCatalog();
  const page = await withCatalog.search({ text: 'to ada', offset: 0, limit: 10 });
  expect(page).toMatchObject({
    total: 1,
    isCapped: false,
    hits: [{ path: 'letters/To Ada.txt', size: 8, type: 'file', versions: 1 }],
  });
});
