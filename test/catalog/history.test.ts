/** What the catalog answers is what a walk through all snapshots finds, whatever the history. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unescapePath } from '../../src-shared/format/index.ts';
import type { CatalogEntry, FileVersion, ListedEntry } from '../../src-shared/model/index.ts';
import { findEntries, listEntries, listVersions, splitPath } from '../../src-main/engine/browse/index.ts';
import { type Catalog, openCatalog } from '../../src-main/engine/catalog/index.ts';
import type { Snapshot } from '../../src-main/engine/snapshot/index.ts';
import { HistoryLab, type Item, changed, randomItem } from '../support/history-lab.ts';
import { type Seeded, seeded, testSeed } from '../support/seed.ts';

let home: string;
let catalog: Catalog;
let logged: string[];
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-catalog-'));
  logged = [];
  const log = (level: string, message: string, fields?: object): void =>
    void logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
  catalog = openCatalog({ home, log });
});
afterEach(async () => {
  await catalog.close();
  fs.rmSync(home, { recursive: true, force: true });
  expect(logged).toEqual([]);
});

const PATTERNS = [
  '*',
  'note*',
  '*.txt',
  'a',
  'A.TXT',
  'caf*',
  '**/a',
  'a/**',
  '*/*/*',
  '?',
  '[x]',
  'Report?.{jpg,txt}',
  'many-1*',
  'one',
  'two/*',
  '*İ*',
  '*ς*',
  '*\\\\*',
  'back*',
  '**/*.txt',
  '*/note*',
  '{y}',
  '漢*',
];

type Versions = readonly FileVersion[];

function withoutCount({ entries: _, ...entry }: CatalogEntry): object {
  return entry;
}

/** The catalog keeps no owners. */
function withoutOwner(entry: ListedEntry): object {
  return Object.fromEntries(Object.entries(entry).filter(([field]) => field !== 'uid' && field !== 'gid'));
}

async function expectSame(lab: HistoryLab, snapshots: readonly Snapshot[], random: Seeded): Promise<void> {
  const { repository } = lab;
  const paths = new Set<string>(['', 'nothing', 'one', 'two/nothing']);
  for (const pattern of PATTERNS) {
    const walked: Versions = await findEntries(repository, snapshots, pattern);
    expect(await catalog.find(repository, snapshots, pattern), pattern).toEqual(walked);
    for (const { path: found } of walked) paths.add(found);
  }
  const asked = [...paths];
  for (let index = 0; index < Math.min(30, asked.length); index++) {
    const asText = random.pick(asked);
    if (asText === '') continue;
    const bytes = unescapePath(asText);
    const walked = await listVersions(repository, snapshots, bytes).catch(() => []);
    expect(await catalog.versions(repository, snapshots, splitPath(bytes)), asText).toEqual(walked);
  }
  for (const snapshot of snapshots) {
    for (const asText of ['', random.pick(asked), random.pick(asked)]) {
      const bytes = unescapePath(asText);
      const found = await catalog.folder(repository.config.repositoryId, snapshot.id, splitPath(bytes));
      const walked: object[] = [];
      try {
        for await (const entry of listEntries(repository, snapshot, bytes, { recursive: false }))
          walked.push(withoutOwner(entry));
      } catch {
        expect(found, asText).toEqual({ kind: 'absent' });
        continue;
      }
      expect(found?.kind === 'found' && found.entries.map(withoutCount), asText).toEqual(walked);
    }
  }
}

/** A history of two computers, each with one or two sources, sometimes a file. */
class History {
  readonly lab = new HistoryLab();
  readonly #random: Seeded;
  readonly #items = new Map<string, Item>();

  constructor(random: Seeded, large: boolean) {
    this.#random = random;
    for (const source of ['ada:/home/one', 'ada:/data/two', 'bob:/home/one'])
      this.#items.set(source, randomItem(random, 4, large));
  }

  step(): void {
    const random = this.#random;
    const host = random.pick(['ada', 'ada', 'bob']);
    const paths =
      host === 'bob' || random.chance(0.5) ? ['/home/one'] : random.pick([['/data/two', '/home/one'], ['/data/two']]);
    const sources = paths.map((source) => {
      const key = `${host}:${source}`;
      const before = this.#items.get(key) ?? randomItem(random, 3);
      let item = random.chance(0.2) ? before : changed(random, before, random.between(1, 4));
      if (random.chance(0.05) || item.kind !== 'folder') item = randomItem(random, 3);
      this.#items.set(key, item);
      return { path: source, name: path.basename(source), item };
    });
    const last = this.lab.snapshots.at(-1)?.record.order ?? 0;
    this.lab.commit(sources, {
      host,
      order: random.chance(0.15) ? Math.max(1, last - random.between(0, 3)) : last + 1,
    });
  }
}

const seed = testSeed('catalog histories');

describe('over random histories', () => {
  test.each([0, 1, 2, 3])(
    'finds, versions and folders are those of a walk (history %i)',
    { timeout: 300_000 },
    async (round) => {
      const random = seeded(seed + round);
      const history = new History(random, round % 4 === 3);
      const { lab } = history;
      for (let step = 0; step < 14; step++) {
        history.step();
        // Behind by some now and then: several are taken in at once.
        if (random.chance(0.4)) continue;
        // Some are forgotten, any of them.
        if (random.chance(0.3)) lab.snapshots = lab.snapshots.filter(() => !random.chance(0.25));
        const taken = await catalog.takeIn(lab.repository, lab.snapshots, { isWhole: true });
        expect(taken?.damaged).toBe(0);
        await expectSame(lab, lab.snapshots, random);
        // Any of them alone, too.
        await expectSame(
          lab,
          lab.snapshots.filter(() => random.chance(0.5)),
          random,
        );
      }
    },
  );
});
