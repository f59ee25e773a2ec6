/**
 * A small repository with a file of every type the format has, made anew from a seed, and what every snapshot in it must
 * give back. It lies in memory as a map of names to bytes, so that thousands of damaged copies cost little.
 */
import { lutimesSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type SnapshotId, parsePackId, parseSessionId, parseSnapshotId, parseWriterId } from '../../src-shared/ids.ts';
import type { StoredSet } from '../../src-shared/model/index.ts';
import { BACKUP_DEFAULTS, backup } from '../../src-main/engine/backup/index.ts';
import {
  FILE_TYPE,
  FRAME_KIND,
  type SlotSecret,
  hash,
  parseCompression,
  parseRecoveryKey,
  sealObjectFile,
} from '../../src-main/engine/codec/index.ts';
import { type Ports, silentLog, toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  FOLDERS,
  PACK_FOLDERS,
  type ProcessIdentity,
  type Repository,
  encodeCondemnation,
  encodeLease,
  initRepository,
  openRepository,
  writeStoredSet,
} from '../../src-main/engine/repository/index.ts';
import { decodeSnapshot } from '../../src-main/engine/snapshot/index.ts';
import { type Store, createMemoryStore, writeWhole } from '../../src-main/engine/store/index.ts';
import { type Seeded, seeded } from './seed.ts';

/** A repository as bytes: name → content. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** What lies at a path of a snapshot: the bytes of a file, a folder, or the target of a link. */
export type ExpectedEntry =
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  | { readonly kind: 'directory' }
  | { readonly kind: 'symlink'; readonly target: string };

export type ExpectedSnapshot = { readonly id: SnapshotId; readonly entries: ReadonlyMap<string, ExpectedEntry> };

export type SmallRepository = {
  readonly files: Files;
  readonly encrypted: boolean;
  /** Oldest first. */
  readonly snapshots: readonly ExpectedSnapshot[];
  /** The file each snapshot lies in. */
  readonly fileOf: ReadonlyMap<SnapshotId, string>;
  readonly password: SlotSecret;
  readonly recovery: SlotSecret;
};

const PASSWORD = 'correct horse';
const MTIME_S = 1_600_000_000;
export const WRITER = parseWriterId('77'.repeat(16));
const HOST = 'test-host';

export const SELF: ProcessIdentity = { host: HOST, bootId: 'boot', processId: 1, isAlive: () => true };

/** Ports that hold still: seeded randomness and a clock that rises by a second with each look. */
export function stillPorts(random: Seeded): Ports {
  let nowMs = 1_800_000_000_000;
  return {
    clock: { nowMs: () => (nowMs += 1000), monotonicMs: () => nowMs },
    random: { bytes: (count) => new Uint8Array(random.bytes(count)) },
    log: silentLog,
  };
}

/** A store in memory that holds exactly these files. */
export async function storeOf(files: Files): Promise<Store> {
  const store = createMemoryStore();
  for (const [name, bytes] of files) await writeWhole(store, name, bytes);
  return store;
}

/** Every file of a store. */
export async function filesOf(store: Store): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const folder of ['', ...Object.values(FOLDERS), ...PACK_FOLDERS]) {
    for (const { name } of await store.list(folder)) files.set(name, await store.read(name));
  }
  return files;
}

/** Opens a repository as a fresh process would. */
export function openFresh(store: Store, secret: SlotSecret, random: Seeded): Promise<Repository> {
  return openRepository({ store, ports: stillPorts(random), self: SELF, secret: () => Promise.resolve(secret) });
}

/** Threads list and read, and are started however little there is to do. Their order is not that of the next run. */
export const LANES = { workers: 2, lanesFromFiles: 0 } as const;

/** Backs a folder up; returns the id of the snapshot. */
export async function backUp(
  repository: Repository,
  source: string,
  threads: Partial<typeof LANES> = {},
): Promise<SnapshotId> {
  const { snapshotId } = await backup(repository, {
    ...BACKUP_DEFAULTS,
    ...threads,
    sources: [Buffer.from(source)],
    host: HOST,
    user: 'tester',
    writerId: WRITER,
  });
  return parseSnapshotId(snapshotId);
}

/** A snapshot holds the path of its source: the same seed gets the same folder, unless another test has it just now. */
function makeFolder(seed: number | undefined): string {
  const fixed = path.join(tmpdir(), `cairn-damage-${seed}`);
  try {
    if (seed !== undefined) return mkdirSync(fixed, { recursive: false }) ?? fixed;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return mkdtempSync(path.join(tmpdir(), 'cairn-damage-'));
}

/** The tree on disk that is backed up, and its state as a snapshot must give it back. */
export class SmallTree {
  readonly root: string;
  readonly #entries = new Map<string, ExpectedEntry>();

  constructor(seed?: number) {
    this.root = path.join(makeFolder(seed), 'source');
    mkdirSync(this.root);
  }

  file(name: string, bytes: Uint8Array, mtimeS = MTIME_S): void {
    const place = path.join(this.root, name);
    writeFileSync(place, bytes);
    utimesSync(place, mtimeS, mtimeS);
    this.#entries.set(name, { kind: 'file', bytes });
  }

  folder(name: string): void {
    mkdirSync(path.join(this.root, name));
    this.#entries.set(name, { kind: 'directory' });
  }

  link(name: string, target: string): void {
    symlinkSync(target, path.join(this.root, name));
    this.#entries.set(name, { kind: 'symlink', target });
  }

  remove(name: string): void {
    rmSync(path.join(this.root, name), { recursive: true });
    for (const known of [...this.#entries.keys()]) {
      if (known === name || known.startsWith(`${name}/`)) this.#entries.delete(known);
    }
  }

  /** What a backup made now must give back. Folders and links get a fixed time: the same seed makes the same bytes. */
  state(): ReadonlyMap<string, ExpectedEntry> {
    for (const [name, { kind }] of this.#entries) {
      if (kind !== 'file') lutimesSync(path.join(this.root, name), MTIME_S, MTIME_S);
    }
    utimesSync(this.root, MTIME_S, MTIME_S);
    return new Map(this.#entries);
  }

  dispose(): void {
    rmSync(path.dirname(this.root), { recursive: true });
  }
}

type BuildOptions = { readonly seed: number; readonly encrypted: boolean; readonly threads?: typeof LANES };
type Fill = (
  repository: Repository,
  tree: SmallTree,
  random: Seeded,
  threads?: typeof LANES,
) => Promise<readonly ExpectedSnapshot[]>;

/**
 * Builds the repository: three snapshots in packs under two index runs (one of them only for a tree pack), two in commit
 * files, both copies of two keys, a session, an event, a condemnation and two saved sets.
 */
export function buildSmallRepository(options: BuildOptions): Promise<SmallRepository> {
  return build(options, async (repository, tree, random, threads) => {
    const snapshots = await fillWithEverything(repository, tree, random, threads);
    await addRareFiles(repository, random);
    return snapshots;
  });
}

/** A repository with two data packs of the same shape: every frame of one fits where one of the other is expected. */
export function buildTwinRepository(options: BuildOptions): Promise<SmallRepository> {
  return build(options, async (repository, tree, random) => {
    const snapshots: ExpectedSnapshot[] = [];
    for (const mtimeS of [MTIME_S, MTIME_S + 10]) {
      tree.file('same-size.bin', random.bytes(200), mtimeS);
      const entries = tree.state();
      snapshots.push({ id: await backUp(repository, tree.root), entries });
      await repository.tidy({ commitFiles: 0, indexRuns: 8 });
    }
    return snapshots;
  });
}

async function build(options: BuildOptions, fill: Fill): Promise<SmallRepository> {
  const random = seeded(options.seed);
  const ports = stillPorts(random);
  const store = createMemoryStore();
  const made = await initRepository({
    store,
    ports,
    host: HOST,
    compression: parseCompression('zstd:3'),
    reserveBytes: 100,
    kdfCost: 4,
    ...(options.encrypted ? { password: PASSWORD } : {}),
  });
  const password: SlotSecret = { kind: 'password', password: PASSWORD };
  const recovery: SlotSecret =
    made.recoveryKey === undefined ? password : { kind: 'recovery', recoveryKey: parseRecoveryKey(made.recoveryKey) };
  const repository = await openRepository({ store, ports, self: SELF, secret: () => Promise.resolve(password) });
  const tree = new SmallTree(options.seed);
  try {
    const snapshots = await fill(repository, tree, random, options.threads);
    const fileOf = new Map<SnapshotId, string>();
    const { objects } = await repository.snapshotObjects();
    for (const { file, bytes } of objects) fileOf.set(decodeSnapshot(bytes, repository.config.publicKey).id, file);
    return { files: await filesOf(store), encrypted: options.encrypted, snapshots, fileOf, password, recovery };
  } finally {
    tree.dispose();
  }
}

async function fillWithEverything(
  repository: Repository,
  tree: SmallTree,
  random: Seeded,
  threads?: typeof LANES,
): Promise<readonly ExpectedSnapshot[]> {
  const snapshots: ExpectedSnapshot[] = [];
  const snap = async (): Promise<void> => {
    const entries = tree.state();
    snapshots.push({ id: await backUp(repository, tree.root, threads), entries });
  };
  const intoPacks = (): Promise<void> => repository.tidy({ commitFiles: 0, indexRuns: 8 });
  tree.file('a.txt', Buffer.from('the first file, a text\n'.repeat(20)));
  tree.file('b.bin', random.bytes(250));
  tree.file('empty', new Uint8Array());
  tree.folder('docs');
  tree.file('docs/one.bin', random.bytes(150));
  tree.file('docs/two.txt', Buffer.from('two\n'));
  tree.folder('docs/deep');
  tree.file('docs/deep/three.bin', random.bytes(90));
  tree.link('link', 'docs/one.bin');
  tree.folder('hollow');
  await snap();
  tree.file('b.bin', random.bytes(240), MTIME_S + 10);
  tree.file('new.bin', random.bytes(70));
  await snap();
  await intoPacks();
  // Only names change: the next pack is a tree pack alone.
  tree.folder('hollow/inner');
  await snap();
  await intoPacks();
  tree.file('docs/one.bin', random.bytes(160), MTIME_S + 20);
  tree.remove('new.bin');
  await snap();
  tree.file('docs/deep/four.bin', random.bytes(80));
  await snap();
  return snapshots;
}

const STORED_SET: StoredSet = {
  setId: '5e'.repeat(16),
  name: 'Small things',
  host: HOST,
  userHome: '/home/ann',
  sources: ['/home/ann/things'],
  rules: {
    excludes: ['*.tmp'],
    excludeLargerThanBytes: null,
    oneFileSystem: false,
    cairnignore: true,
    gitignore: false,
    excludeCaches: false,
    excludeIfPresent: [],
  },
  schedule: {
    timing: { kind: 'daily', at: '21:00' },
    whenDriveConnected: false,
    conditions: { onlyOnMainsPower: false, notOnMetered: false, onlyWhenIdleMinutes: null },
    staleAfterDays: 7,
  },
  createdAt: '2023-11-14T22:13:20.000Z',
};

/** Files that not every backup leaves behind: a running session, an event, a condemnation, two saved sets. */
async function addRareFiles(repository: Repository, random: Seeded): Promise<void> {
  await writeStoredSet(repository.context, STORED_SET);
  await writeStoredSet(repository.context, { ...STORED_SET, setId: '5f'.repeat(16) });
  const { store, repositoryIdBytes, secrets } = repository.context;
  const sessionId = parseSessionId(toHex(random.bytes(16)));
  const lease = encodeLease({
    sessionId,
    writerId: WRITER,
    kind: 'writer',
    host: HOST,
    machineId: '',
    bootId: 'boot',
    processSpace: '',
    processId: 1,
    processStart: '',
    temporaryTag: '',
    startedAtMs: 1,
    heartbeatAtMs: 1,
    leaseMs: 1,
    generation: 0,
  });
  await writeWhole(store, `${FOLDERS.sessions}/${sessionId}`, lease);
  const condemnation = encodeCondemnation({
    generation: 1,
    createdAtMs: 1,
    packs: [parsePackId(toHex(random.bytes(32)))],
  });
  const sealed = [
    { folder: FOLDERS.condemned, fileType: FILE_TYPE.condemnation, plain: condemnation },
    { folder: FOLDERS.events, fileType: FILE_TYPE.event, plain: utf8('an event of a later version') },
  ] as const;
  for (const { folder, fileType, plain } of sealed) {
    const frames = [{ kind: FRAME_KIND.object, plain, compression: { kind: 'none' } as const }];
    const salt = new Uint8Array(random.bytes(32));
    const bytes = sealObjectFile({ fileType, repositoryId: repositoryIdBytes, secrets, salt, frames });
    await writeWhole(store, `${folder}/${toHex(hash(bytes))}`, bytes);
  }
}
