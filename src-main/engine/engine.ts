/**
 * The engine behind its door: joins stores, repositories and flows, and turns what a host asks into calls. No flow is
 * decided here.
 */
import { readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { CairnError, isCairnError } from '../../src-shared/errors.ts';
import { displayPath } from '../../src-shared/format/index.ts';
import type { InitReport, RestoreReport, VerifyReport } from '../../src-shared/model/index.ts';
import type {
  Engine,
  EngineOptions,
  InitRequest,
  OpenRepository,
  PathInSnapshot,
  RestoreRequest,
  Secret,
  VerifyDepth,
  Watching,
} from './api.ts';
import { diffLive, diffSnapshots, listEntries, listFolder, locate, readContent } from './browse/index.ts';
import type { Catalog } from './catalog/index.ts';
import { assertSelfTest, parseCompression, parseRecoveryKey, type SlotSecret } from './codec/index.ts';
import { backupApi, remember, runPlan } from './engine-backup.ts';
import { historyApi } from './engine-history.ts';
import { keyApi } from './engine-keys.ts';
import { type Ports, systemPorts } from './kernel/index.ts';
import {
  type FigureSink,
  checkKnownRepository,
  examine,
  figuresOfWeek,
  gatherStats,
  listUndoable,
  loadKnownHeads,
  processIdentity,
  undo,
  undoably,
} from './service/index.ts';
import {
  CONFIG,
  CONFIG_COPY,
  FOLDERS,
  INSTANCE,
  RESERVE,
  type Repository,
  initRepository,
  openRepository,
  readConfig,
} from './repository/index.ts';
import { RESTORE_DEFAULTS, type RestoreOptions, restore } from './restore/index.ts';
import {
  type Snapshot,
  type SnapshotListing,
  listSnapshots,
  resolveSnapshot,
  summariseChains,
  summariseSnapshot,
} from './snapshot/index.ts';
import {
  type LocalStore,
  type WriteThrottle,
  createLocalStore,
  createRoot,
  createWriteThrottle,
  isTemporaryName,
} from './store/index.ts';
import { verify } from './verify/index.ts';

/** Makes an engine. The self-test runs before a repository is made or opened; the doctor runs it by himself. */
export function openEngine(options: EngineOptions): Engine {
  const { home, log, clock = systemPorts.clock, catalog, figure } = options;
  const host: Host = { ports: { ...systemPorts, log, clock }, home, catalog, figure };
  return {
    init: async (request) => {
      assertSelfTest();
      return init(host, request);
    },
    open: async (repository, secret) => {
      assertSelfTest();
      return openAt(host, repository, secret);
    },
    planBackup: (request, repository) =>
      runPlan(host, repository === undefined ? undefined : path.resolve(repository), undefined, request),
    undoableRestores: () => listUndoable(host),
    undoRestore: (undoId, watching = {}) => undo(host, undoId, watching),
    doctor: (place, secret) =>
      examine({
        ports: host.ports,
        home: host.home,
        place,
        openRepository: place === undefined ? undefined : async () => openStored(host, place, secret ?? noSecret),
      }),
  };
}

type Host = {
  readonly ports: Ports;
  readonly home: string;
  readonly catalog: Catalog | undefined;
  readonly figure: FigureSink | undefined;
};

function noSecret(): Promise<Secret> {
  return Promise.reject(
    new CairnError('key/password-needed', 'This repository is encrypted and no password was given.'),
  );
}

async function init(host: Host, request: InitRequest): Promise<InitReport> {
  const root = path.resolve(request.repository);
  const compression = parseCompression(request.compression);
  await createRoot(root);
  await refuseForeignEntries(root);
  const { ports } = host;
  const store = createLocalStore({ root, random: ports.random });
  return initRepository({
    store,
    ports,
    host: os.hostname(),
    compression,
    ...(request.password === undefined ? {} : { password: request.password }),
    ...(request.kdfCost === undefined ? {} : { kdfCost: request.kdfCost }),
  });
}

/** What a store does not even list, a sub-folder or a name that no repository has, is somebody's all the same. */
async function refuseForeignEntries(root: string): Promise<void> {
  const folders = new Set<string>(Object.values(FOLDERS));
  const files = new Set<string>([CONFIG, CONFIG_COPY, INSTANCE, RESERVE]);
  const found = await readdir(root, { withFileTypes: true });
  // That a repository is there already says more, and initRepository says it.
  if (found.some((entry) => entry.isFile() && (entry.name === CONFIG || entry.name === CONFIG_COPY))) return;
  const foreign = found.filter((entry) => {
    if (entry.isFile()) return !files.has(entry.name) && !isTemporaryName(entry.name);
    return !entry.isDirectory() || !folders.has(entry.name);
  });
  if (foreign.length > 0) {
    throw new CairnError(
      'repository/not-empty',
      `${displayPath(root)} is not empty: it holds ${foreign
        .slice(0, 3)
        .map(({ name }) => displayPath(name))
        .join(', ')}.`,
    );
  }
}

async function openStored(
  host: Host,
  place: string,
  secret: () => Promise<Secret>,
  throttle?: WriteThrottle,
): Promise<Repository> {
  const { ports } = host;
  const local = createLocalStore({ root: path.resolve(place), random: ports.random });
  const store = throttle === undefined ? local : throttle.wrap(local);
  const repository = await openRepository({
    store,
    ports,
    self: await processIdentity(host),
    secret: async () => slotSecretOf(await secret()),
  });
  await checkKnownRepository(host.home, repository.config);
  return repository;
}

function slotSecretOf(secret: Secret): SlotSecret {
  return secret.kind === 'password' ? secret : { kind: 'recovery', recoveryKey: parseRecoveryKey(secret.recoveryKey) };
}

async function openAt(host: Host, place: string, secret: () => Promise<Secret>): Promise<OpenRepository> {
  const root = path.resolve(place);
  const store = createLocalStore({ root, random: host.ports.random });
  await refuseNoRepository(store);
  const throttle = createWriteThrottle({ clock: host.ports.clock });
  return openRepositoryApi(host, root, await openStored(host, place, secret, throttle), store, throttle);
}

/** Says “no repository” before it asks anyone for a password. A path that isn't there holds none either. */
async function refuseNoRepository(store: LocalStore): Promise<void> {
  try {
    await readConfig(store);
  } catch (error) {
    if (!isCairnError(error, 'destination/gone')) throw error;
    throw new CairnError(
      'repository/not-found',
      `There is no Cairn repository in ${store.description}: the folder does not exist.`,
      { cause: error },
    );
  }
}

function openRepositoryApi(
  host: Host,
  root: string,
  repository: Repository,
  store: LocalStore,
  throttle: WriteThrottle,
): OpenRepository {
  const { instanceId } = repository.context.instance;
  const listing = async (): Promise<SnapshotListing> => {
    const listed = await listSnapshots(repository);
    for (const { file, error } of listed.damaged)
      host.ports.log('warn', 'a snapshot can’t be read', { file, reason: error.message });
    await remember(host, instanceId, listed.snapshots);
    return listed;
  };
  const snapshotsOf = async (): Promise<readonly Snapshot[]> => (await listing()).snapshots;
  const pick = async (text: string): Promise<Snapshot> => resolveSnapshot(await snapshotsOf(), text);
  return {
    encrypted: repository.config.encrypted,
    ...backupApi(host, root, { repository, store, throttle }),
    planBackup: (request) => runPlan(host, root, repository, request),
    snapshots: async () => (await snapshotsOf()).map(summariseSnapshot),
    chains: async () => summariseChains(await snapshotsOf()),
    list: async function* (from, options) {
      yield* listEntries(repository, await pick(from.snapshot), from.path, options);
    },
    listFolder: async function* (from, onUnreadable) {
      yield* listFolder(repository, await pick(from.snapshot), from.path, onUnreadable);
    },
    cat: async function* (from) {
      yield* catFile(repository, await pick(from.snapshot), from);
    },
    restore: async (request) => {
      const snapshot = await pick(request.from.snapshot);
      const ownFolders = [root, host.home];
      if (request.keepReplaced !== true || request.dryRun === true)
        return runRestore(repository, snapshot, request, { ownFolders });
      return undoably(
        host,
        (undo) => runRestore(repository, snapshot, request, { ownFolders, undo }),
        request.onUndoable ?? (() => undefined),
      );
    },
    verify: (request) => runVerify(host, repository, request),
    diff: async (before, after, below) => {
      const first = await pick(before);
      return after === 'live'
        ? diffLive(repository, first, below, [root, host.home])
        : diffSnapshots(repository, first, await pick(after), below);
    },
    ...historyApi(host, repository, listing),
    stats: async (wanted) => {
      const catalog = wanted?.figures === true ? host.catalog : undefined;
      return gatherStats(repository, await snapshotsOf(), await figuresOfWeek(catalog, host.ports.clock.nowMs()));
    },
    storedSets: () => repository.storedSets(),
    storeSet: (set) => repository.storeSet(set),
    ...keyApi(host.ports, repository),
    close: () => Promise.resolve(),
  };
}

/** Backups within their limits, and what each of them took is noted. */
async function* catFile(repository: Repository, snapshot: Snapshot, from: PathInSnapshot): AsyncGenerator<Uint8Array> {
  const located = await locate(repository, snapshot, from.path);
  if (located.kind === 'root' || located.entry.nodeType !== 'file') {
    throw new CairnError(
      'path/not-found',
      `${from.path.length === 0 ? 'That' : displayPath(from.path)} is not a file.`,
    );
  }
  yield* readContent(repository, located.entry);
}

async function runRestore(
  repository: Repository,
  snapshot: Snapshot,
  request: RestoreRequest,
  own: Partial<RestoreOptions> & Pick<RestoreOptions, 'ownFolders'>,
): Promise<RestoreReport> {
  const { from, target, signal, onProgress, ...rest } = request;
  return restore(repository, snapshot, {
    ...RESTORE_DEFAULTS,
    ...rest,
    path: from.path,
    target,
    ...own,
    restoreOwner: process.geteuid?.() === 0,
    onProgress: onProgress ?? RESTORE_DEFAULTS.onProgress,
    signal,
  });
}

async function runVerify(
  host: Host,
  repository: Repository,
  request: Watching & { readonly depth: VerifyDepth },
): Promise<VerifyReport> {
  const known = await loadKnownHeads(host.home, repository.context.instance.instanceId);
  return verify(repository, {
    depth: request.depth,
    knownSnapshots: known.map(({ snapshotId }) => snapshotId),
    onProgress: request.onProgress ?? (() => undefined),
    signal: request.signal,
  });
}
