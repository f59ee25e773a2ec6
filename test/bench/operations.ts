/**
 * `npm run bench operations`: what single operations cost, against the targets of the design, and how that grows with
 * nodes, bytes and threads. `--quick` leaves out the largest sizes. A missed target is a line in a table and never a
 * failure: the status says only whether everything ran.
 */
import fs from 'node:fs';
import path from 'node:path';
import {
  type CompressionSpec,
  DEFAULT_COMPRESSION,
  formatCompression,
  hash,
} from '../../src-main/engine/codec/index.ts';
import { MerkleSet } from '../../src-main/engine/merkle/index.ts';
import { makeText } from './support/data.ts';
import { backUpFile, createRepository, hashFile, hashPieces, makeTextFile, storeOnce } from './support/files.ts';
import { benchFlags } from './support/flags.ts';
import { exitOnSignals, memoryFolder, temporaryFolder } from './support/folders.ts';
import { describeMachine, machineText } from './support/machine.ts';
import { EFFORT, type Effort, type Measured, measureCall, measureLong, measureRuns } from './support/measure.ts';
import {
  buildTree,
  childrenOf,
  contentHashAt,
  fileEntry,
  flatFolder,
  FOLDER_ENTRIES,
  hashedSet,
  nodeOfFile,
  nodeOfFolder,
  randomIds,
  treeOfFolders,
  updateTree,
} from './support/nodes.ts';
import { formatCount, formatMegabytes, formatMs, formatRate, printTable, threeDigits } from './support/table.ts';
import { measureThreads } from './support/threads.ts';

const MB = 1_000_000;
const HASH_BYTES = 100 * MB;
/** For each size the file and, for a backup, a repository as large; two of both are never there at once. */
const ROOM_FACTOR = 2.5;

type Sizes = {
  readonly effort: Effort;
  readonly nodes: readonly number[];
  readonly fileBytes: readonly number[];
  readonly threadBytes: number;
};

const SIZES = {
  full: {
    effort: EFFORT.full,
    nodes: [10, 100, 1000, 10_000, 1_000_000],
    fileBytes: [MB, 10 * MB, 100 * MB, 1000 * MB],
    threadBytes: 128 * MB,
  },
  quick: { effort: EFFORT.quick, nodes: [10, 100, 1000, 10_000], fileBytes: [MB, 10 * MB], threadBytes: 32 * MB },
} as const satisfies Record<string, Sizes>;

/** Above this many, one run is seconds long: it is its own warm-up after the smaller sizes. */
const NODES_LONG_FROM = 100_000;
const FILE_LONG_BYTES_FROM = 500 * MB;
const FILE_WORKERS_BYTES_FROM = 10 * MB;
/** From this size on fewer runs are enough: each is long enough to even out by itself. */
const FILE_FEW_RUNS_BYTES_FROM = 50 * MB;
const LONG_RUNS = 5;

// ---------------------------------------------------------------------------------------------------------- targets

type Target = { readonly name: string; readonly targetMs: number; readonly measured: Measured };

const KNOWN_PATH = 'projects/engine/source/some-module/file-0000017.ts';
const SMALL_FILE_BYTES = 4096;
const SET_MEMBERS = 100;
const SET_REBUILT = 1000;
const FRESH_IDS = 64;

function measureNodeTargets({ effort }: Sizes): Target[] {
  const entry = fileEntry('file-0000017.ts', 17);
  const content = makeText(1, SMALL_FILE_BYTES);
  const children = childrenOf(100);
  const ids = randomIds(SET_REBUILT);
  const fresh = randomIds(FRESH_IDS);
  const set = hashedSet(ids.slice(0, SET_MEMBERS));
  const add = (index: number): Uint8Array => set.add(fresh[index % FRESH_IDS] ?? fresh[0] ?? new Uint8Array()).root;
  const small = (): unknown => nodeOfFile(KNOWN_PATH, { ...entry, contentHash: contentHashAt(hash(content)[0] ?? 0) });
  return [
    {
      name: 'NodeId of a file, content hash known',
      targetMs: 0.01,
      measured: measureCall(effort, () => nodeOfFile(KNOWN_PATH, entry)),
    },
    { name: 'NodeId of a file of 4 KiB, content hashed too', targetMs: 0.01, measured: measureCall(effort, small) },
    {
      name: 'NodeId of a folder with 100 children',
      targetMs: 0.1,
      measured: measureCall(effort, () => nodeOfFolder('projects/engine', children)),
    },
    { name: 'Merkle set: add at 100 members, new root', targetMs: 1, measured: measureCall(effort, add) },
    {
      name: 'Merkle set: rebuild of 1,000, root',
      targetMs: 10,
      measured: measureCall(effort, () => MerkleSet.fromIds(ids).root),
    },
  ];
}

async function measureHashTargets({ effort }: Sizes, folder: string): Promise<Target[]> {
  const counts = { runs: effort.runs, warmUpRuns: 1 };
  const bytes = makeText(2, HASH_BYTES);
  const file = path.join(folder, 'hashed');
  fs.writeFileSync(file, bytes);
  const known = await storeOnce(file, path.join(folder, 'repository'));
  try {
    return [
      {
        name: 'hash of 100 MB in memory, streamed',
        targetMs: 100,
        measured: await measureRuns(counts, () => hashPieces(bytes)),
      },
      {
        name: 'hash of a 100 MB file, read and streamed',
        targetMs: 100,
        measured: await measureRuns(counts, () => hashFile(file)),
      },
      {
        name: 'the same in the storer: cut, each chunk addressed',
        targetMs: 100,
        measured: await measureRuns(counts, known.storeAgain),
      },
    ];
  } finally {
    await known.end();
    fs.rmSync(file);
  }
}

/** The verdict is on the median of wall time; where only waiting for a core made it miss, it says that. */
function verdictOf({ measured, targetMs }: Target): string {
  if (measured.medianMs < targetMs) return 'met';
  return measured.cpuMs < targetMs ? 'missed (CPU met)' : 'missed';
}

function printTargets(targets: readonly Target[]): void {
  const rows = targets.map((target) => {
    const { name, targetMs, measured } = target;
    const times = [measured.medianMs, measured.lowestMs, measured.cpuMs].map(formatMs);
    return [name, ...times, `< ${formatMs(targetMs)}`, threeDigits(measured.medianMs / targetMs), verdictOf(target)];
  });
  const head = ['operation', 'median', 'lowest', 'CPU', 'target', 'of target', 'verdict'];
  printTable('Operation targets', head, rows);
}

// ------------------------------------------------------------------------------------------------------------- grid

/** One line: what was done to how much, and what came of it for each unit or each second. */
type Row = { readonly size: string; readonly work: string; readonly measured: Measured; readonly pace: string };

function printRows(title: string, rows: readonly Row[]): void {
  const cells = rows.map(({ size, work, measured, pace }) => {
    const times = [measured.medianMs, measured.lowestMs, measured.cpuMs].map(formatMs);
    return [size, work, ...times, pace, formatCount(measured.runs)];
  });
  printTable(title, ['size', 'work', 'median', 'lowest', 'CPU', 'pace', 'runs'], cells);
}

const each = (measured: Measured, count: number): string => `${formatMs(measured.medianMs / count)} each`;

/** A call repeated many times, or a run of seconds. */
function measureEither(effort: Effort, isLong: boolean, call: (index: number) => unknown): Promise<Measured> {
  if (isLong) return measureRuns({ runs: LONG_RUNS, warmUpRuns: 0 }, () => call(0));
  return Promise.resolve(measureCall(effort, call));
}

async function measureTrees({ effort, nodes }: Sizes): Promise<void> {
  const rows: Row[] = [];
  for (const count of nodes) {
    const size = `${formatCount(count)} files`;
    const isLong = count >= NODES_LONG_FROM;
    const tree = treeOfFolders(count);
    const built = await measureEither(effort, isLong, () => buildTree(tree));
    const updated = measureCall(effort, (index) => updateTree(tree, index));
    rows.push({ size, work: 'tree built', measured: built, pace: each(built, count) });
    rows.push({ size, work: 'one file of it updated', measured: updated, pace: '' });
    // A small tree is one folder; a million names in one folder would take as long as all the rest of this program.
    if (count <= FOLDER_ENTRIES || isLong) continue;
    const flat = flatFolder(count);
    const flatBuilt = measureCall(effort, () => buildTree(flat));
    rows.push({ size, work: 'all in one folder, built', measured: flatBuilt, pace: each(flatBuilt, count) });
  }
  printRows('Trees in folders of 100 entries: pages, PageIds, NodeIds, seals', rows);
}

function measureSets({ effort, nodes }: Sizes): void {
  const fresh = randomIds(FRESH_IDS);
  const rows = nodes.flatMap((count): Row[] => {
    const size = `${formatCount(count)} ids`;
    const ids = randomIds(count);
    // A million is built once, to be there: the target is for a thousand.
    const counted = count >= NODES_LONG_FROM ? { ...effort, runs: 1, runMsMin: 0, warmUpMs: 0 } : effort;
    let set = MerkleSet.empty;
    const built = measureCall(counted, () => (set = hashedSet(ids)));
    const at = (list: readonly Uint8Array[], index: number): Uint8Array =>
      list[index % list.length] ?? new Uint8Array();
    const added = measureCall(effort, (index) => set.add(at(fresh, index)).root);
    const removed = measureCall(effort, (index) => set.remove(at(ids, index)).root);
    return [
      { size, work: 'set built', measured: built, pace: each(built, count) },
      { size, work: 'one added', measured: added, pace: '' },
      { size, work: 'one removed', measured: removed, pace: '' },
    ];
  });
  printRows('Merkle sets, each with its new root', rows);
}

// ------------------------------------------------------------------------------------------------------------ files

const BACKUPS: readonly { readonly compression: CompressionSpec; readonly workers: number }[] = [
  { compression: { kind: 'none' }, workers: 0 },
  { compression: DEFAULT_COMPRESSION, workers: 0 },
  { compression: DEFAULT_COMPRESSION, workers: 2 },
];

async function measureFile({ effort }: Sizes, folder: string, bytes: number): Promise<Row[]> {
  const isLong = bytes >= FILE_LONG_BYTES_FROM;
  const counts = { runs: bytes >= FILE_FEW_RUNS_BYTES_FROM ? LONG_RUNS : effort.runs, warmUpRuns: isLong ? 0 : 1 };
  const file = makeTextFile(folder, bytes);
  const root = path.join(folder, 'repository');
  const row = (work: string, measured: Measured): Row => {
    return { size: formatMegabytes(bytes), work, measured, pace: formatRate(bytes, measured.medianMs) };
  };
  const rows = [row('read, hash', await measureRuns(counts, () => hashFile(file)))];
  const known = await storeOnce(file, root);
  rows.push(row('read, hash, cut, address', await measureRuns(counts, known.storeAgain)));
  await known.end();
  for (const { compression, workers } of BACKUPS) {
    // What a second thread gains is seen at a tenth of this, in a tenth of the time.
    if (isLong && compression.kind === 'zstd' && workers === 0) continue;
    // A backup as small as this starts no workers.
    if (bytes < FILE_WORKERS_BYTES_FROM && workers > 0) continue;
    const measured = await measureLong(counts, {
      prepare: () => createRepository(root, compression),
      run: (repository) => backUpFile(repository, { file, workers }),
      cleanUp: async () => fs.rmSync(root, { recursive: true }),
    });
    const threads = workers === 0 ? '1 thread' : `${workers} workers`;
    rows.push(row(`whole backup, ${formatCompression(compression)}, ${threads}`, measured));
  }
  fs.rmSync(file);
  return rows;
}

async function measureFiles(sizes: Sizes, folder: string): Promise<void> {
  const rows: Row[] = [];
  for (const bytes of sizes.fileBytes) rows.push(...(await measureFile(sizes, folder, bytes)));
  printRows('Files of text; backups encrypted', rows);
}

// ---------------------------------------------------------------------------------------------------------- threads

async function compareThreads({ effort, threadBytes }: Sizes): Promise<void> {
  const rows: Row[] = [];
  for (const work of ['hash', 'compress'] as const) {
    for (const threads of [1, 2]) {
      const measured = await measureThreads(threads, {
        work,
        bytes: threadBytes,
        runs: Math.min(effort.runs, LONG_RUNS),
      });
      const name = `${work}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
      const pace = formatRate(threadBytes, measured.medianMs);
      rows.push({ size: formatMegabytes(threadBytes), work: name, measured, pace });
    }
  }
  printRows('Threads: the same bytes, 1 MiB at a time', rows);
}

// -------------------------------------------------------------------------------------------------------------- run

const { quick: isQuick } = benchFlags();
const sizes: Sizes = isQuick ? SIZES.quick : SIZES.full;
exitOnSignals();
const startedAtMs = performance.now();
const folder = temporaryFolder(memoryFolder(Math.max(HASH_BYTES, ...sizes.fileBytes) * ROOM_FACTOR));
// Workers of a backup begin from the sources here. Compiled once, they begin about as quickly as the built ones.
process.env['NODE_COMPILE_CACHE'] = path.join(folder, 'compiled');
console.log(machineText(describeMachine()));
printTargets([...measureNodeTargets(sizes), ...(await measureHashTargets(sizes, folder))]);
await measureTrees(sizes);
measureSets(sizes);
await measureFiles(sizes, folder);
await compareThreads(sizes);
const left = isQuick ? ' --quick left out 1,000,000 nodes and files of 100 MB and 1 GB.' : '';
console.log(`\nMeasured in ${formatMs(performance.now() - startedAtMs)}.${left}`);
