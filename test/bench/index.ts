/**
 * `npm run bench index`: what the index costs where there are many blobs. Runs with random ids are written by the real writer
 * into a repository that also holds one real small backup; of that a process that begins from nothing reads one file.
 * `--quick`: 200,000 blobs instead of five million. Figures are reported and never a failure; a wrong answer is one.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { asBlobId, type BlobId, ID_BYTES, parsePackId } from '../../src-shared/ids.ts';
import { locate, readContent } from '../../src-main/engine/browse/index.ts';
import { BLOB_TYPE, COMPRESSION, FILE_TYPE } from '../../src-main/engine/codec/index.ts';
import { IdTable, systemPorts } from '../../src-main/engine/kernel/index.ts';
import { decodeFooter } from '../../src-main/engine/pack/index.ts';
import { FooterColumns } from '../../src-main/engine/pack/footer.ts';
import type { LoosePack, Repository } from '../../src-main/engine/repository/index.ts';
import { openBlobIndex } from '../../src-main/engine/repository/blob-index.ts';
import { writeIndexRun, writeMergedRun } from '../../src-main/engine/repository/index-writer.ts';
import { indexRunName, openRepository, REPOSITORY_LIMITS } from '../../src-main/engine/repository/index.ts';
import { listSnapshots, resolveSnapshot } from '../../src-main/engine/snapshot/index.ts';
import { createLocalStore } from '../../src-main/engine/store/index.ts';
import { backUpFile, createRepository } from './support/files.ts';
import { benchFlags } from './support/flags.ts';
import { exitOnSignals, memoryFolder, temporaryFolder } from './support/folders.ts';
import { describeMachine, machineText } from './support/machine.ts';
import { type Lap, median, startLap } from './support/measure.ts';
import { formatCount, formatMs, printTable, threeDigits } from './support/table.ts';

const BLOBS = { full: 5_000_000, quick: 200_000 } as const;
/** Of all blobs, in runs as merging leaves them: each much larger than the ones before. */
const RUN_PARTS = [0.8, 0.15, 0.05] as const;
const BLOBS_PER_SEGMENT = 1400;
const SEGMENTS_PER_PACK = 40;
const FRAME_BYTES = 400_000;
const FIRST_FRAME_AT = 104;
const BLOB_BYTES_MIN = 200;
const BLOB_BYTES_SPREAD = 1000;
const ASKED = 200_000;
const CAT_RUNS = 5;
const CAT_TARGET_MS = 300;
const RUN_BYTES_EACH = 60;

const CONTENT = Buffer.from('what one file of a large repository holds');
/** Set for the process that reads one file: the folder of the repository. */
const CAT_ROOT = 'CAIRN_BENCH_CAT_ROOT';

type Row = readonly [work: string, wall: string, cpu: string, each: string];

const row = (work: string, { wallMs, cpuMs }: Lap, count: number): Row => [
  work,
  formatMs(wallMs),
  formatMs(cpuMs),
  formatMs(cpuMs / count),
];

function idAt(ids: Buffer, index: number): BlobId {
  return asBlobId(ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES));
}

/** Packs that are nowhere, with footers as a backup of tiny files has them, over the ids from `from` on. */
function packsOver(ids: Buffer, from: number, to: number): LoosePack[] {
  const packs: LoosePack[] = [];
  for (let at = from; at < to;) {
    const columns = new FooterColumns();
    let framesEnd = FIRST_FRAME_AT;
    for (let segment = 0; segment < SEGMENTS_PER_PACK && at < to; segment++) {
      let plainLength = 0;
      const count = Math.min(BLOBS_PER_SEGMENT, to - at);
      const blobs = Array.from({ length: count }, (_, place) => {
        const length = BLOB_BYTES_MIN + (((at + place) * 7919) % BLOB_BYTES_SPREAD);
        const blob = { id: idAt(ids, at + place), type: BLOB_TYPE.fileChunk, offset: plainLength, length };
        plainLength += length;
        return blob;
      });
      columns.addSegment({ kind: 'segment', compression: COMPRESSION.zstd, plainLength, blobs }, FRAME_BYTES);
      framesEnd += FRAME_BYTES;
      at += count;
    }
    const footer = decodeFooter(columns.encode(FILE_TYPE.dataPack), { fileType: FILE_TYPE.dataPack, framesEnd });
    packs.push({ packId: parsePackId(randomBytes(ID_BYTES).toString('hex')), sizeBytes: framesEnd + 10_000, footer });
  }
  return packs;
}

async function writeRuns(repository: Repository, ids: Buffer, blobs: number): Promise<Row[]> {
  const rows: Row[] = [];
  let from = 0;
  for (const [place, part] of RUN_PARTS.entries()) {
    const to = place === RUN_PARTS.length - 1 ? blobs : from + Math.round(blobs * part);
    const packs = packsOver(ids, from, to);
    const stop = startLap();
    await writeIndexRun(repository.context, packs, place + 1);
    rows.push(row(`write a run of ${formatCount(to - from)}`, stop(), to - from));
    from = to;
  }
  return rows;
}

/** Opened so that a backup, however small, writes packs and a run. */
function openAgain(root: string): Promise<Repository> {
  const ports = systemPorts;
  const store = createLocalStore({ root, random: ports.random });
  const self = { host: 'bench', bootId: 'bench', processId: process.pid, isAlive: () => true };
  const limits = { ...REPOSITORY_LIMITS, commitFileBytesMax: 0 };
  return openRepository({ store, ports, self, limits, secret: async () => ({ kind: 'password', password: 'bench' }) });
}

function arrayBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().arrayBuffers;
}

async function measureIndex(root: string, ids: Buffer, blobs: number): Promise<Row[]> {
  const rows: Row[] = [];
  const index = await openBlobIndex((await openAgain(root)).context, { complete: false });
  const before = arrayBytes();
  let stop = startLap();
  await index.preload();
  rows.push(row('load all ids', stop(), blobs));
  const heldBytes = (arrayBytes() - before) / blobs;
  rows.push(['memory of the index, with the cache of places', '', '', `${threeDigits(heldBytes)} bytes`]);
  const asked = Array.from({ length: ASKED }, (_, place) => idAt(ids, (place * 7919) % blobs));
  stop = startLap();
  for (const id of asked) if ((await index.find(id)) === undefined) throw new Error('a blob is not found');
  rows.push(row('find a place, any order', stop(), ASKED));
  stop = startLap();
  for (const { run } of index.runs) for (const id of asked) run.rowOf(id);
  rows.push(row('has, in each of three runs', stop(), ASKED));
  const table = new IdTable('ids');
  stop = startLap();
  for (let place = 0; place < blobs; place++) table.set(ids, 0, place * ID_BYTES);
  rows.push(row('take in as a session’s own ids', stop(), blobs));
  rows.push(['memory of those', '', '', `${threeDigits(table.sizeBytes / blobs)} bytes`]);
  return rows;
}

async function measureMerge(root: string, blobs: number): Promise<Row> {
  const repository = await openAgain(root);
  const { runs } = await openBlobIndex(repository.context, { complete: false });
  const stop = startLap();
  await writeMergedRun(repository.context, runs);
  const lap = stop();
  await repository.context.store.remove(runs.map(({ id }) => indexRunName(id)));
  return row('merge all runs into one', lap, blobs);
}

/** One file of the newest snapshot, as a process that has just begun reads it: from after the key to the last byte. */
async function catOnce(root: string): Promise<Lap> {
  const repository = await openAgain(root);
  const stop = startLap();
  const { snapshots } = await listSnapshots(repository);
  const located = await locate(repository, resolveSnapshot(snapshots, 'latest'), Buffer.from('file'));
  if (located.kind === 'root' || located.entry.nodeType !== 'file') throw new Error('the file is not found');
  const parts: Uint8Array[] = [];
  for await (const part of readContent(repository, located.entry)) parts.push(part);
  if (!Buffer.concat(parts).equals(CONTENT)) throw new Error('the file has other bytes');
  return stop();
}

function catInAnotherProcess(root: string): Lap {
  const env = { ...process.env, [CAT_ROOT]: root };
  const text = execFileSync(process.execPath, [import.meta.filename], { env, encoding: 'utf8' });
  const [wallMs = 0, cpuMs = 0] = text.split(' ').map(Number);
  return { wallMs, cpuMs };
}

function catRow(root: string, runs: string): Row {
  const laps = Array.from({ length: CAT_RUNS }, () => catInAnotherProcess(root));
  const wallMs = median(laps.map((lap) => lap.wallMs));
  const cpuMs = median(laps.map((lap) => lap.cpuMs));
  return [`cat of one file, new process, ${runs} (≤ ${CAT_TARGET_MS} ms)`, formatMs(wallMs), formatMs(cpuMs), ''];
}

async function run(): Promise<void> {
  const { quick: isQuick } = benchFlags();
  const blobs = isQuick ? BLOBS.quick : BLOBS.full;
  exitOnSignals();
  const folder = temporaryFolder(memoryFolder(blobs * RUN_BYTES_EACH * 2));
  const root = path.join(folder, 'repository');
  const file = path.join(folder, 'file');
  fs.writeFileSync(file, CONTENT);
  const repository = await createRepository(root, { kind: 'zstd', level: 3 });
  await backUpFile(await openAgain(root), { file, workers: 0 });
  const ids = randomBytes(blobs * ID_BYTES);
  console.log(machineText(describeMachine()));
  const rows = [...(await writeRuns(repository, ids, blobs)), ...(await measureIndex(root, ids, blobs))];
  rows.push(catRow(root, 'several runs'));
  rows.push(await measureMerge(root, blobs));
  rows.push(catRow(root, 'one run'));
  printTable(`The index of ${formatCount(blobs)} blobs`, ['work', 'time', 'CPU', 'each'], rows);
}

const catRoot = process.env[CAT_ROOT];
if (catRoot === undefined) await run();
else {
  const { wallMs, cpuMs } = await catOnce(catRoot);
  console.log(`${wallMs} ${cpuMs}`);
}
