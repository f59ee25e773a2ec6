/**
 * `npm run bench catalog`: the catalog of 1,000,000 entries and 200 snapshots (`--quick`: 50,000 and 40): what taking
 * snapshots in costs, how large it is, and how fast it answers, against the design's bars. Questions are timed where they
 * are asked, the way to the thread and back included. Then a real repository of 56,000 files.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BACKUP_DEFAULTS, backup } from '../../src-main/engine/backup/index.ts';
import { findEntries, listVersions, splitPath } from '../../src-main/engine/browse/index.ts';
import { type Catalog, openCatalog } from '../../src-main/engine/catalog/index.ts';
import { silentLog } from '../../src-main/engine/kernel/index.ts';
import { listSnapshots } from '../../src-main/engine/snapshot/index.ts';
import { parseWriterId } from '../../src-shared/ids.ts';
import { seeded } from '../support/seed.ts';
import { CatalogData, INSTANCE_ID, REPOSITORY_ID } from './support/catalog-data.ts';
import { writeTiny } from './support/data-tiny.ts';
import { createRepository } from './support/files.ts';
import { benchFlags, writeResult } from './support/flags.ts';
import { exitOnSignals, memoryFolder, temporaryFolder } from './support/folders.ts';
import { describeMachine, machineText } from './support/machine.ts';
import { type Lap, median, startLap } from './support/measure.ts';
import { formatCount, formatMegabytes, formatMs, printTable, threeDigits } from './support/table.ts';

const SIZES = {
  full: { files: 1_000_000, snapshots: 200, real: 56_000 },
  quick: { files: 50_000, snapshots: 40, real: 5_000 },
} as const;
const CHANGES = 60;
const QUESTIONS = 101;
const BYTES_BAR = 300;
const MEMORY_NEEDED = 3e9;
/** Set for the process whose memory is measured: the home of the catalog. */
const MEMORY_HOME = 'CAIRN_BENCH_CATALOG_HOME';

type Row = readonly [work: string, median: string, slowest: string, cpu: string, bar: string, verdict: string];

/** What was measured, for --json. */
const results: Record<string, number> = {};

function questionRow(work: string, laps: readonly Lap[], barMs: number): Row {
  const wallMs = laps.map((lap) => lap.wallMs);
  const middle = median(wallMs);
  results[`${work} ms`] = middle;
  const verdict = middle > barMs ? 'missed' : middle > barMs / 2 ? 'met' : 'met, goal too';
  const cpuMs = median(laps.map((lap) => lap.cpuMs));
  return [work, formatMs(middle), formatMs(Math.max(...wallMs)), formatMs(cpuMs), `≤ ${barMs} ms`, verdict];
}

function plainRow(work: string, { wallMs, cpuMs }: Lap): Row {
  results[`${work} ms`] = wallMs;
  return [work, formatMs(wallMs), '', formatMs(cpuMs), '', ''];
}

async function ask(count: number, question: (index: number) => Promise<unknown>): Promise<Lap[]> {
  const laps: Lap[] = [];
  for (let index = -3; index < count; index++) {
    const stop = startLap();
    if ((await question(Math.max(0, index))) === undefined) throw new Error('the catalog does not know');
    if (index >= 0) laps.push(stop());
  }
  return laps;
}

function catalogBytes(home: string): number {
  const folder = path.join(home, 'catalog');
  const files = fs.readdirSync(folder).filter((name) => /\.db(-wal)?$/.test(name) && !name.startsWith('metrics'));
  return files.reduce((sum, name) => sum + fs.statSync(path.join(folder, name)).size, 0);
}

async function takeInAll(catalog: Catalog, data: CatalogData, snapshots: number): Promise<Row[]> {
  const { repository } = data;
  data.commit();
  let stop = startLap();
  await catalog.takeIn(repository, data.snapshots, { isWhole: true });
  const rows = [plainRow(`take in the first snapshot, ${formatCount(data.entries)} entries`, stop())];
  const laps: Lap[] = [];
  for (let index = 1; index < snapshots; index++) {
    data.change(CHANGES);
    data.commit();
    stop = startLap();
    const taken = await catalog.takeIn(repository, data.snapshots, { isWhole: true });
    laps.push(stop());
    if (taken?.taken !== 1) throw new Error('a snapshot was not taken in');
  }
  const lap = { wallMs: median(laps.map(({ wallMs }) => wallMs)), cpuMs: median(laps.map(({ cpuMs }) => cpuMs)) };
  rows.push(plainRow(`take in a snapshot with ${CHANGES} changes`, lap));
  data.change(1);
  data.commit();
  stop = startLap();
  await catalog.takeIn(repository, data.snapshots, { isWhole: true });
  rows.push(plainRow('take in a snapshot with one change', stop()));
  return rows;
}

async function questions(catalog: Catalog, data: CatalogData, seed: number): Promise<Row[]> {
  const { repository, snapshots } = data;
  const random = seeded(seed);
  const { repositoryId } = repository.config;
  const folders = data.folderPaths();
  const names = (text: string): readonly Uint8Array[] => splitPath(Buffer.from(text));
  const anySnapshot = (): string => random.pick(snapshots).id;
  const folder = (text: string): Promise<unknown> => catalog.folder(repositoryId, anySnapshot(), names(text));
  const copy = { repositoryId, instanceId: repository.context.instance.instanceId };
  const search = (text: string): Promise<unknown> => catalog.search(copy, { text, offset: 0, limit: 100 });
  const file = (): string => random.pick(data.filePaths(random.pick(folders)));
  const rows: Row[] = [];
  rows.push(
    questionRow('folder of 48 files, any snapshot', await ask(QUESTIONS, () => folder(random.pick(folders))), 50),
  );
  rows.push(
    questionRow('folder of 250 folders', await ask(QUESTIONS, () => folder(`group-${random.between(1, 50)}`)), 50),
  );
  rows.push(questionRow('folder of 10,000 files, all of it', await ask(21, () => folder('many')), 50));
  rows.push(
    questionRow(
      'versions of one file',
      await ask(QUESTIONS, () => catalog.versions(repository, snapshots, names(file()))),
      20,
    ),
  );
  rows.push(
    questionRow(
      'versions of the folder that changes most',
      await ask(QUESTIONS, () => catalog.versions(repository, snapshots, names('many'))),
      20,
    ),
  );
  for (const [work, text] of [
    ['part of a name, few', () => `harbour${random.between(0, 9999)}`],
    ['part of a name, hundreds', () => `window-garden${random.between(0, 9)}`],
    ['part of a name, more than are counted', () => 'report'],
    ['one letter', () => 'e'],
    ['a name that is nowhere', () => 'zebra'],
    ['a pattern', () => `photo-*${random.between(0, 99)}.jpg`],
    ['a folder and a name', () => 'group-7/'.concat(random.pick(['photo', 'note']))],
  ] as const)
    rows.push(questionRow(`search: ${work}`, await ask(41, () => search(text())), 200));
  rows.push(
    questionRow(
      'find, all versions',
      await ask(21, () => catalog.find(repository, snapshots, `harbour-*${random.between(0, 999)}.pdf`)),
      200,
    ),
  );
  return rows;
}

/** A backup of many small files: taken in, changed, taken in again, and what the same questions cost by walking. */
async function realRepository(folder: string, files: number, seed: number): Promise<Row[]> {
  const source = path.join(folder, 'source');
  await writeTiny(source, { seed, files });
  const repository = await createRepository(path.join(folder, 'repository'), { kind: 'zstd', level: 3 });
  const back = (): Promise<unknown> =>
    backup(repository, {
      ...BACKUP_DEFAULTS,
      sources: [Buffer.from(source)],
      host: 'bench',
      user: 'bench',
      writerId: parseWriterId('be0c'.repeat(8)),
    });
  const home = path.join(folder, 'real-home');
  const catalog = openCatalog({ home, log: silentLog });
  const rows: Row[] = [];
  const takeIn = async (work: string): Promise<void> => {
    const { snapshots } = await listSnapshots(repository);
    const stop = startLap();
    const taken = await catalog.takeIn(repository, snapshots, { isWhole: true });
    rows.push(plainRow(work, stop()));
    if (taken?.taken !== 1) throw new Error('a snapshot was not taken in');
  };
  await back();
  await takeIn(`real repository: first snapshot, ${formatCount(files)} files`);
  const changed = path.join(source, 'group-0', 'folder-1', 'entry-3.json');
  for (const work of ['one change', 'one more change']) {
    fs.appendFileSync(changed, 'changed\n');
    await back();
    await takeIn(`real repository: ${work}`);
  }
  const { snapshots } = await listSnapshots(repository);
  const asked = Buffer.from('group-0/folder-1/entry-3.json');
  const timed = async (work: string, question: () => Promise<unknown>): Promise<void> => {
    const stop = startLap();
    await question();
    rows.push(plainRow(work, stop()));
  };
  await timed('real repository: versions by walking 3 snapshots', () => listVersions(repository, snapshots, asked));
  await timed('real repository: versions', () => catalog.versions(repository, snapshots, splitPath(asked)));
  await timed('real repository: find by walking 3 snapshots', () => findEntries(repository, snapshots, 'entry-3.json'));
  await timed('real repository: find', () => catalog.find(repository, snapshots, 'entry-3.json'));
  await catalog.close();
  return rows;
}

/** A process of its own that asks for a while: what it takes more than before it asked. */
async function askForMemory(home: string): Promise<void> {
  const catalog = openCatalog({ home, log: silentLog });
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const copy = { repositoryId: REPOSITORY_ID, instanceId: INSTANCE_ID };
  for (let index = 0; index < 200; index++) {
    await catalog.search(copy, { text: index % 2 === 0 ? 'report' : `photo${index}`, offset: 0, limit: 100 });
    await catalog.series('nothing', { fromMs: 0, toMs: 1, buckets: 1 });
  }
  console.log(process.memoryUsage.rss() - before);
  await catalog.close();
}

function memoryRow(home: string): Row {
  const env = { ...process.env, [MEMORY_HOME]: home };
  const args = ['--expose-gc', import.meta.filename];
  const bytes = Number(execFileSync(process.execPath, args, { env, encoding: 'utf8' }));
  results['memory of the thread, bytes'] = bytes;
  return ['memory of the thread after 200 searches', formatMegabytes(bytes), '', '', '', ''];
}

async function run(): Promise<void> {
  const { quick, seed, json } = benchFlags();
  const sizes = quick ? SIZES.quick : SIZES.full;
  exitOnSignals();
  const folder = temporaryFolder(memoryFolder(MEMORY_NEEDED));
  console.log(machineText(describeMachine()));
  const data = new CatalogData(seed, sizes.files);
  const home = path.join(folder, 'home');
  let catalog = openCatalog({ home, log: silentLog });
  const head = ['work', 'median', 'slowest', 'CPU', 'bar', 'verdict'];
  const rows = await takeInAll(catalog, data, sizes.snapshots);
  await catalog.close();
  const bytesEach = catalogBytes(home) / data.entries;
  results['bytes an entry'] = bytesEach;
  catalog = openCatalog({ home, log: silentLog });
  const asked = await questions(catalog, data, seed + 1);
  await catalog.close();
  const bytesVerdict = bytesEach > BYTES_BAR ? 'missed' : bytesEach > BYTES_BAR / 2 ? 'met' : 'met, goal too';
  asked.push([
    'size on disk, an entry',
    `${threeDigits(bytesEach)} bytes`,
    '',
    '',
    `≤ ${BYTES_BAR} bytes`,
    bytesVerdict,
  ]);
  asked.push(memoryRow(home));
  printTable(`The catalog of ${formatCount(data.entries)} entries and ${data.snapshots.length} snapshots`, head, [
    ...rows,
    ...asked,
  ]);
  printTable('The catalog of a real repository', head, await realRepository(folder, sizes.real, seed));
  writeResult(json, 'catalog', results);
}

const memoryHome = process.env[MEMORY_HOME];
if (memoryHome === undefined) await run();
else await askForMemory(memoryHome);
