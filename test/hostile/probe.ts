/**
 * Every way of reading a repository, tried one after the other. Each has to end in a value or a typed error; what it
 * came to is handed back, so that a case can say what must have been noticed.
 */
import { mkdirSync } from 'node:fs';
import {
  fetchPages,
  findEntries,
  listEntries,
  listVersions,
  locateMaybe,
  readContent,
  topFolder,
} from '../../src-main/engine/browse/index.ts';
import { utf8 } from '../../src-main/engine/kernel/index.ts';
import { diffFolders } from '../../src-main/engine/merkle/index.ts';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { RESTORE_DEFAULTS, restore } from '../../src-main/engine/restore/index.ts';
import {
  type Snapshot,
  listSnapshots,
  summariseChains,
  summariseSnapshot,
} from '../../src-main/engine/snapshot/index.ts';
import { gatherStats } from '../../src-main/engine/service/index.ts';
import { verify } from '../../src-main/engine/verify/index.ts';
import type { ErrorCode } from '../../src-shared/errors.ts';
import { type CaseRoom, equal, fail, outcomeOf } from './case.ts';

/** What a reader came to: `problems` of a restore, `damage` of a verify, `none` where there is no snapshot to read. */
export type Outcome = 'ok' | 'problems' | 'damage' | 'none' | ErrorCode;

export type Probe = Record<
  | 'snapshots'
  | 'chains'
  | 'stats'
  | 'list'
  | 'find'
  | 'versions'
  | 'cat'
  | 'diff'
  | 'dryRun'
  | 'restore'
  | 'quick'
  | 'deep',
  Outcome
>;

/** More entries than any case's tree really has: a listing that goes on is a loop. */
const ENTRIES_MAX = 200_000;
/** More bytes than any case's file really has. */
const CONTENT_BYTES_MAX = 64 * 1024 * 1024;

async function listAll(repository: Repository, snapshot: Snapshot): Promise<void> {
  let count = 0;
  for await (const entry of listEntries(repository, snapshot, new Uint8Array(0), { recursive: true })) {
    JSON.stringify(entry);
    if (++count > ENTRIES_MAX) fail(`a listing goes on after ${ENTRIES_MAX} entries`);
  }
}

async function readFile(repository: Repository, snapshot: Snapshot, path: string): Promise<void> {
  const located = await locateMaybe(repository, snapshot, utf8(path));
  if (located?.kind !== 'entry' || located.entry.nodeType !== 'file') return;
  let bytes = 0;
  for await (const piece of readContent(repository, located.entry)) {
    bytes += piece.length;
    if (bytes > CONTENT_BYTES_MAX) fail('a file goes on and on');
  }
}

async function restoreAll(
  repository: Repository,
  snapshot: Snapshot,
  target: string,
  dryRun: boolean,
): Promise<Outcome> {
  let outcome: Outcome = 'ok';
  const code = await outcomeOf(async () => {
    const options = { ...RESTORE_DEFAULTS, restoreOwner: false, target: Buffer.from(target), dryRun };
    const report = await restore(repository, snapshot, options);
    JSON.stringify(report);
    if (report.problems.length > 0) outcome = 'problems';
  });
  return code === 'ok' ? outcome : code;
}

export async function verifyAll(repository: Repository, kind: 'quick' | 'deep'): Promise<Outcome> {
  let outcome: Outcome = 'ok';
  const code = await outcomeOf(async () => {
    const report = await verify(repository, {
      depth: { kind },
      knownSnapshots: [],
      onProgress: () => undefined,
      signal: undefined,
    });
    JSON.stringify(report);
    if (!report.ok) outcome = 'damage';
  });
  return code === 'ok' ? outcome : code;
}

const TREE_READERS = ['list', 'find', 'versions', 'cat', 'diff', 'dryRun', 'restore'] as const;

const NONE: Probe = {
  snapshots: 'none',
  chains: 'none',
  stats: 'none',
  list: 'none',
  find: 'none',
  versions: 'none',
  cat: 'none',
  diff: 'none',
  dryRun: 'none',
  restore: 'none',
  quick: 'none',
  deep: 'none',
};

/** One reader on the newest snapshot; `none` where there is none. */
export async function readOne(repository: Repository, room: CaseRoom, reader: keyof Probe): Promise<Outcome> {
  const { snapshots } = await listSnapshots(repository);
  const snapshot = snapshots.at(-1);
  if (snapshot === undefined) return 'none';
  return read(repository, room, { snapshots, snapshot, reader });
}

type Wanted = { readonly snapshots: readonly Snapshot[]; readonly snapshot: Snapshot; readonly reader: keyof Probe };

async function read(repository: Repository, room: CaseRoom, { snapshots, snapshot, reader }: Wanted): Promise<Outcome> {
  const target = room.path('target');
  switch (reader) {
    case 'snapshots':
      return outcomeOf(() => JSON.stringify(snapshots.map(summariseSnapshot)));
    case 'chains':
      return outcomeOf(() => JSON.stringify(summariseChains(snapshots)));
    case 'stats':
      return outcomeOf(() => gatherStats(repository, snapshots));
    case 'list':
      return outcomeOf(() => listAll(repository, snapshot));
    case 'find':
      return outcomeOf(() => findEntries(repository, snapshots, '*'));
    case 'versions':
      return outcomeOf(() => listVersions(repository, snapshots, utf8('file')));
    case 'cat':
      return outcomeOf(() => readFile(repository, snapshot, 'file'));
    case 'diff':
      return outcomeOf(() => compare(repository, snapshot));
    case 'dryRun':
      return restoreAll(repository, snapshot, target, true);
    case 'restore':
      return restoreAll(repository, snapshot, target, false);
    case 'quick':
      return verifyAll(repository, 'quick');
    case 'deep':
      return verifyAll(repository, 'deep');
  }
}

/** Everything is added: the whole tree is walked. */
async function compare(repository: Repository, snapshot: Snapshot): Promise<void> {
  const fetch = fetchPages(repository);
  let count = 0;
  for await (const event of diffFolders(fetch, undefined, fetch, topFolder(snapshot))) {
    if (event.path.length > 0 && ++count > ENTRIES_MAX) fail(`a comparison goes on after ${ENTRIES_MAX} entries`);
  }
}

/** Reads everything in every way. The newest snapshot is the one that is listed, read and restored. */
export async function probe(repository: Repository, room: CaseRoom): Promise<Probe> {
  const found: Probe = { ...NONE };
  let snapshots: readonly Snapshot[] = [];
  found.snapshots = await outcomeOf(async () => {
    const listing = await listSnapshots(repository);
    snapshots = listing.snapshots;
    JSON.stringify(snapshots.map(summariseSnapshot));
    if (listing.damaged.length > 0) found.snapshots = 'damage';
  }).then((code) => (code === 'ok' && found.snapshots === 'damage' ? 'damage' : code));
  found.chains = await outcomeOf(() => JSON.stringify(summariseChains(snapshots)));
  found.stats = await outcomeOf(() => gatherStats(repository, snapshots));
  const snapshot = snapshots.at(-1);
  if (snapshot !== undefined) {
    mkdirSync(room.path('target'), { recursive: true });
    for (const reader of TREE_READERS) found[reader] = await read(repository, room, { snapshots, snapshot, reader });
  }
  found.quick = await verifyAll(repository, 'quick');
  found.deep = await verifyAll(repository, 'deep');
  return found;
}

/** Probes under attack, and holds what was found against what must be noticed. */
export async function probes(
  repository: Repository,
  room: CaseRoom,
  expected: Partial<Record<keyof Probe, Outcome | readonly Outcome[]>>,
): Promise<Probe> {
  const found = await room.attack(() => probe(repository, room));
  for (const [reader, wanted] of Object.entries(expected)) {
    const outcome = found[reader as keyof Probe];
    if (typeof wanted === 'string') equal(outcome, wanted, `${reader} of ${JSON.stringify(found)}`);
    else if (!wanted.includes(outcome)) fail(`${reader}: ${outcome} instead of ${wanted.join(' or ')}`);
  }
  return found;
}

/** What damage to the tree shows as: nobody hands it on as if it were whole. */
export const TREE_REFUSED = {
  list: ['integrity/malformed', 'integrity/damaged', 'integrity/missing', 'limit/exceeded'],
  restore: ['problems', 'integrity/malformed', 'integrity/damaged', 'integrity/missing', 'limit/exceeded'],
  deep: ['damage'],
} as const satisfies Partial<Record<keyof Probe, readonly Outcome[]>>;
