/**
 * What has to hold whatever happened to a file of a repository, checked against what was stored: damage is found and put
 * down to the right file and snapshots; no reader ever gives a wrong byte; what is not affected stays readable; and
 * whatever goes wrong is a typed error.
 */
import type { SnapshotId } from '../../src-shared/ids.ts';
import { isCairnError, isIntegrityError } from '../../src-shared/errors.ts';
import { escapePath } from '../../src-shared/format/index.ts';
import type { Damage, DamageKind, VerifyReport } from '../../src-shared/model/index.ts';
import { fetchPages, readContent, topFolder } from '../../src-main/engine/browse/index.ts';
import { type Entry, type FolderRef, iterateFolder } from '../../src-main/engine/merkle/index.ts';
import { Repository } from '../../src-main/engine/repository/index.ts';
import { type Snapshot, listSnapshots } from '../../src-main/engine/snapshot/index.ts';
import type { Store } from '../../src-main/engine/store/index.ts';
import { type VerifyDepth, type VerifyOptions, verify } from '../../src-main/engine/verify/index.ts';
import { ClaimError, claim } from './claim.ts';
import type { DamageCase } from './damage-cases.ts';
import {
  type ExpectedEntry,
  type ExpectedSnapshot,
  type SmallRepository,
  openFresh,
  storeOf,
} from './damage-repository.ts';
import { type Seeded, seeded } from './seed.ts';

export type LostPath = { readonly snapshot: SnapshotId; readonly path: string };

export type Reading = {
  /** Files and folders of listed snapshots that an integrity error kept back. */
  readonly lost: readonly LostPath[];
  readonly lostSnapshots: readonly SnapshotId[];
};

/** Reads every byte of every snapshot, compares it with what was stored, and says what could not be read. */
export async function readEverything(repository: Repository, expected: readonly ExpectedSnapshot[]): Promise<Reading> {
  const { snapshots } = await listSnapshots(repository);
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  for (const { id } of snapshots)
    claim(
      expected.some((one) => one.id === id),
      () => `snapshot ${id} was never made`,
    );
  const lost: LostPath[] = [];
  for (const { id, entries } of expected) {
    const snapshot = byId.get(id);
    if (snapshot === undefined) continue;
    const read = new Set<string>();
    await readSnapshot(repository, snapshot, entries, read);
    for (const path of entries.keys()) if (!read.has(path)) lost.push({ snapshot: id, path });
  }
  return { lost, lostSnapshots: expected.map(({ id }) => id).filter((id) => !byId.has(id)) };
}

async function readSnapshot(
  repository: Repository,
  snapshot: Snapshot,
  expected: ReadonlyMap<string, ExpectedEntry>,
  read: Set<string>,
): Promise<void> {
  const walk = async (folder: FolderRef, prefix: string): Promise<void> => {
    await tolerate(async () => {
      for await (const entry of iterateFolder(fetchPages(repository), folder.page, folder.level)) {
        const path = prefix + escapePath(entry.name);
        const known = expected.get(path);
        claim(known !== undefined, () => `snapshot ${snapshot.id} has ${path}, which was never backed up`);
        claim(known.kind === entry.nodeType, () => `${path} is a ${entry.nodeType}, and was a ${known.kind}`);
        if (await readEntry(repository, entry, known, path)) read.add(path);
        if (entry.nodeType === 'directory') await walk({ page: entry.page, level: entry.pageLevel }, `${path}/`);
      }
    });
  };
  await tolerate(async () => {
    const top = topFolder(snapshot);
    for await (const source of iterateFolder(fetchPages(repository), top.page, top.level)) {
      claim(source.nodeType === 'directory', () => 'the source is not a folder');
      await walk({ page: source.page, level: source.pageLevel }, '');
    }
  });
}

/** True when the entry is whole, false when an integrity error kept it back. */
async function readEntry(
  repository: Repository,
  entry: Entry,
  expected: ExpectedEntry,
  path: string,
): Promise<boolean> {
  if (entry.nodeType === 'symlink' && expected.kind === 'symlink') {
    claim(Buffer.from(entry.target).toString() === expected.target, () => `the link ${path} leads elsewhere`);
  }
  if (entry.nodeType !== 'file' || expected.kind !== 'file') return true;
  let at = 0;
  const isWhole = await tolerate(async () => {
    for await (const bytes of readContent(repository, entry)) {
      const isRight = Buffer.compare(bytes, expected.bytes.subarray(at, at + bytes.length)) === 0;
      claim(isRight, () => `WRONG BYTES in ${path}`);
      at += bytes.length;
    }
  });
  if (isWhole) claim(at === expected.bytes.length, () => `${path} has ${at} bytes and had ${expected.bytes.length}`);
  return isWhole;
}

async function tolerate(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isIntegrityError(error)) return false;
    throw error;
  }
}

type VerifyThreads = Pick<VerifyOptions, 'workers' | 'threadsFromBytes'>;
/** Threads decode packs, however small these are. */
export const CHECKED_BY_THREADS = { workers: 2, threadsFromBytes: 0 } as const satisfies VerifyThreads;

export function verifyAt(
  repository: Repository,
  kind: VerifyDepth['kind'],
  known: readonly SnapshotId[] = [],
  threads: VerifyThreads = {},
): Promise<VerifyReport> {
  const depth: VerifyDepth = kind === 'sample' ? { kind, percent: 50 } : { kind };
  const silent = { onProgress: () => undefined, signal: undefined };
  return verify(repository, { depth, knownSnapshots: known, ...silent, ...threads });
}

const KINDS: readonly (readonly [RegExp, DamageKind])[] = [
  [/^config(\.copy)?$/, 'config'],
  [/^instance$/, 'instance'],
  [/^reserve$/, 'reserve'],
  [/^keys\//, 'key'],
  [/^packs\//, 'pack'],
  [/^commits\//, 'commit'],
  [/^index\//, 'index'],
  [/^snapshots\//, 'snapshot'],
  [/^events\//, 'event'],
  [/^condemned\//, 'condemnation'],
  [/^sessions\//, 'session'],
  [/^sets\//, 'set'],
];

export function kindOf(name: string): DamageKind {
  return KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? 'unknown-file';
}

/** Whether the report names a damaged file as it should: by its own name, or, where it is gone, by what went with it. */
function isNamed(repository: SmallRepository, damage: readonly Damage[], name: string, gone: boolean): boolean {
  const has = (file: string, kind: DamageKind): boolean => damage.some((row) => row.file === file && row.kind === kind);
  if (has(name, kindOf(name))) return true;
  // A session's file holds no data. One that is torn, by a power cut for example, is nobody's: the next writer removes it.
  if (kindOf(name) === 'session') return true;
  if (!gone) return false;
  // Nothing in a repository lists these by name; what is missing shows in what needs it.
  if (kindOf(name) === 'index') return has('index', 'index');
  const snapshots = [...repository.fileOf].filter(([, file]) => file === name).map(([id]) => id);
  return snapshots.length > 0 && snapshots.every((id) => has(`snapshot ${id}`, 'snapshot'));
}

/** Whether a report names a path of a snapshot, itself or by a folder above it. */
function isBlamed(damage: readonly Damage[], { snapshot, path }: LostPath): boolean {
  const isAbove = (reported: string): boolean =>
    reported === '/' || reported === path || path.startsWith(`${reported}/`);
  return damage.some((row) => row.snapshots.includes(snapshot) && row.paths.some(isAbove));
}

/** Reading and checking all of a repository reads it a few times over, however it is damaged. */
const READ_FACTOR_MAX = 32;

function counting(store: Store): { readonly store: Store; bytesRead: () => number } {
  let bytesRead = 0;
  const read: Store['read'] = async (name, range, options) => {
    const bytes = await store.read(name, range, options);
    bytesRead += bytes.length;
    return bytes;
  };
  return { store: { ...store, read }, bytesRead: () => bytesRead };
}

/** The full set of claims about one damaged repository. */
export async function checkCase(
  small: SmallRepository,
  damaged: DamageCase,
  random: Seeded,
  threads?: VerifyThreads,
): Promise<void> {
  const { store, bytesRead } = counting(await storeOf(damaged.files));
  const secret = random.chance(0.1) ? small.password : small.recovery;
  const repository = await openFresh(store, secret, seeded(1));
  const report = await verifyAt(
    repository,
    'deep',
    small.snapshots.slice(-1).map(({ id }) => id),
    threads,
  );
  // A session file that can't be read is nobody's: a power cut leaves such, and the next backup removes them.
  const relevant = damaged.touched.filter((name) => kindOf(name) !== 'session');
  claim(report.ok === (relevant.length === 0), () => `verify --deep says of it: ${tell(report)}`);
  for (const name of relevant) {
    claim(
      isNamed(small, report.damage, name, damaged.gone),
      () => `verify --deep does not name ${name}: ${tell(report)}`,
    );
  }
  // A reader that knows nothing of what verify has seen.
  const reader = new Repository(repository.context, repository.masterKey, repository.openedWith);
  const reading = await readEverything(reader, small.snapshots);
  for (const one of reading.lost) {
    claim(
      isBlamed(report.damage, one),
      () => `verify --deep does not say that ${one.path} of ${one.snapshot} is lost: ${tell(report)}`,
    );
  }
  for (const [index, { id }] of small.snapshots.entries()) {
    if (!reading.lostSnapshots.includes(id)) continue;
    // The id of a lost snapshot stands in the next one: where that is lost too, only its file can be named.
    const next = small.snapshots[index + 1];
    if (next !== undefined && reading.lostSnapshots.includes(next.id)) continue;
    const isToldOf = report.damage.some(({ snapshots }) => snapshots.includes(id));
    claim(isToldOf, () => `verify --deep does not say that snapshot ${id} is lost: ${tell(report)}`);
  }
  for (const { snapshots, paths } of report.damage) {
    if (paths.length === 0) continue;
    const isReal = reading.lost.some(
      ({ snapshot, path }) =>
        snapshots.includes(snapshot) &&
        paths.some((told) => told === '/' || path === told || path.startsWith(`${told}/`)),
    );
    claim(isReal, () => `verify --deep calls ${paths.join(', ')} lost, and it can be read: ${tell(report)}`);
  }
  checkReach(small, damaged, reading);
  const size = [...damaged.files.values()].reduce((sum, { length }) => sum + length, 0);
  claim(bytesRead() < READ_FACTOR_MAX * size, () => `${bytesRead()} bytes were read of a repository of ${size}`);
}

/** Damage reaches no further than it must: what a repository has twice, or does not need, costs no data at all. */
function checkReach(small: SmallRepository, { touched }: DamageCase, reading: Reading): void {
  const kinds = new Set(touched.map(kindOf));
  if (![...kinds].some((kind) => kind === 'pack' || kind === 'commit')) {
    claim(reading.lost.length === 0, () => `${reading.lost.length} paths can't be read, and no data was damaged`);
  }
  const lostAtMost = [...small.fileOf].filter(([, file]) => touched.includes(file)).map(([id]) => id);
  for (const id of reading.lostSnapshots) {
    claim(lostAtMost.includes(id), () => `snapshot ${id} can't be read, and its file was not touched`);
  }
}

function tell(report: VerifyReport): string {
  const rows = report.damage.map(
    ({ file, kind, message, snapshots, paths }) =>
      `[${kind}] ${file}: ${message} (${snapshots.map((id) => id.slice(0, 6)).join()}; ${paths.join()})`,
  );
  return rows.length === 0 ? 'no damage' : rows.join('\n    ');
}

export type Outcome = {
  readonly count: number;
  readonly failures: readonly { readonly what: string; readonly reason: string }[];
  readonly slowestMs: number;
};

export type CheckOptions = { readonly failuresMax?: number; readonly threads?: VerifyThreads };

/** Checks cases until `failuresMax` (5) of them have failed. */
export async function checkCases(
  small: SmallRepository,
  cases: Iterable<DamageCase>,
  random: Seeded,
  { failuresMax = 5, threads }: CheckOptions = {},
): Promise<Outcome> {
  const failures: { what: string; reason: string }[] = [];
  let count = 0;
  let slowestMs = 0;
  for (const damaged of cases) {
    count++;
    const startedMs = performance.now();
    try {
      await checkCase(small, damaged, random, threads);
    } catch (error) {
      failures.push({ what: damaged.what, reason: describe(error) });
      if (failures.length >= failuresMax) break;
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return { count, failures, slowestMs };
}

function describe(error: unknown): string {
  if (error instanceof ClaimError) return error.message;
  if (isCairnError(error)) return `${error.code}: ${error.message} ${at(error)}`;
  return `UNTYPED ${String(error)} ${error instanceof Error ? at(error) : ''}`;
}

const at = (error: Error): string =>
  (error.stack ?? '')
    .split('\n')
    .slice(1, 6)
    .join(' < ')
    .replace(/\s+at /g, ' ');
