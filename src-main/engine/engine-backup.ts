/**
 * What a host asks of a backup or a dry run, as the flow in backup/ takes it: defaults, exclude files, and what is kept
 * outside of the flow: limits, the claim of a writer's id, what this computer remembers.
 */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { CairnError, isCairnError } from '../../src-shared/errors.ts';
import { displayPath, escapePath } from '../../src-shared/format/index.ts';
import { parseSnapshotId } from '../../src-shared/ids.ts';
import type { BackupPlan } from '../../src-shared/model/index.ts';
import type { BackupRequest, OpenRepository, PlanRequest } from './api.ts';
import {
  BACKUP_DEFAULTS,
  type BackupOptions,
  type FolderNotes,
  type PlanOptions,
  backUpChanges,
  backup,
  planBackup,
} from './backup/index.ts';
import type { Ports } from './kernel/index.ts';
import { lowerPriority } from './low-priority.ts';
import { type Repository, assertSameInstance } from './repository/index.ts';
import { type FigureSink, FolderMemory, claimWriter, noted, rememberHeads, sweepTemporaries } from './service/index.ts';
import { type Snapshot, listSnapshots } from './snapshot/index.ts';
import type { LocalStore, WriteThrottle } from './store/index.ts';

const MEMORIES_MAX = 32;
const EXCLUDE_FILE_BYTES_MAX = 4 * 1024 * 1024;

type Host = { readonly ports: Ports; readonly home: string; readonly figure: FigureSink | undefined };

/** What this computer remembers of the folders of an open repository's sources: loaded once, kept while it is open. */
class FolderMemories {
  readonly #options: Host & { readonly repositoryId: string };
  readonly #memories = new Map<string, Promise<FolderMemory>>();

  constructor(host: Host, { config }: Repository) {
    this.#options = { ...host, repositoryId: config.repositoryId };
  }

  /** Runs a backup with what is remembered, and keeps what it saw when it was published. */
  async remembering<Report>(
    sources: readonly Uint8Array[],
    run: (folders: FolderNotes) => Promise<Report>,
    wasFull: (report: Report) => boolean,
  ): Promise<Report> {
    const key = sources.map(escapePath).join('\n');
    let memory = this.#memories.get(key);
    if (memory === undefined) {
      memory = FolderMemory.open({ ...this.#options, sources });
      // Sources of one repository are few; whoever asks for others all the time begins anew.
      if (this.#memories.size >= MEMORIES_MAX) this.#memories.clear();
      this.#memories.set(key, memory);
    }
    const notes = (await memory).begin();
    const report = await run(notes);
    await notes.keep(wasFull(report));
    return report;
  }
}

/** Runs a backup within the limits it was given; the next one has its own. */
async function throttled<Result>(
  host: Host,
  throttle: WriteThrottle,
  { writeBytesPerSecondMax, lowPriority, signal }: BackupRequest,
  run: () => Promise<Result>,
): Promise<Result> {
  if (lowPriority === true) await lowerPriority(host.ports.log);
  if (writeBytesPerSecondMax === undefined) return run();
  throttle.limitTo({ bytesPerSecondMax: writeBytesPerSecondMax, signal });
  try {
    return await run();
  } finally {
    throttle.limitTo(undefined);
  }
}

export async function runPlan(
  host: Host,
  root: string | undefined,
  repository: Repository | undefined,
  request: PlanRequest,
): Promise<BackupPlan> {
  return planBackup(repository, host.ports.clock, await planOptionsOf(host, root, request));
}

/** What a backup and its dry run are both told. `root` is the folder of the repository. */
async function planOptionsOf(host: Host, root: string | undefined, request: PlanRequest): Promise<PlanOptions> {
  const { sources, excludes, excludeFiles = [], excludeLargerThanBytes, oneFileSystem, symlinks, reread } = request;
  const { cairnignore, gitignore, excludeCaches, excludeIfPresent, onProgress, signal } = request;
  const defaults = BACKUP_DEFAULTS;
  return {
    sources: sources.map(withoutTrailingSlash),
    excludes: excludes ?? defaults.excludes,
    excludeFiles: await Promise.all(
      excludeFiles.map(async (file) => ({ name: displayPath(file), content: await readExcludeFile(file) })),
    ),
    excludeLargerThanBytes,
    oneFileSystem: oneFileSystem ?? defaults.oneFileSystem,
    cairnignore: cairnignore ?? defaults.cairnignore,
    gitignore: gitignore ?? defaults.gitignore,
    excludeCaches: excludeCaches ?? defaults.excludeCaches,
    excludeIfPresent: excludeIfPresent ?? defaults.excludeIfPresent,
    excludedRealPaths: root === undefined ? [host.home] : [root, host.home],
    symlinks: symlinks ?? defaults.symlinks,
    reread: reread ?? defaults.reread,
    host: os.hostname(),
    onProgress: onProgress ?? defaults.onProgress,
    signal,
  };
}

function withoutTrailingSlash(source: Buffer): Buffer {
  let end = source.length;
  while (end > 1 && source[end - 1] === 0x2f) end--;
  return source.subarray(0, end);
}

async function readExcludeFile(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length > EXCLUDE_FILE_BYTES_MAX)
      throw new CairnError('usage/invalid', `The exclude file ${displayPath(file)} is too large.`);
    return text;
  } catch (error) {
    if (isCairnError(error)) throw error;
    throw new CairnError('usage/invalid', `The exclude file ${displayPath(file)} can’t be read.`, { cause: error });
  }
}

/** Backups as the engine's door has them, each with its limits, its claim, its figures and what is remembered of folders. */
export function backupApi(
  host: Host,
  root: string,
  {
    repository,
    store,
    throttle,
  }: { readonly repository: Repository; readonly store: LocalStore; readonly throttle: WriteThrottle },
): Pick<OpenRepository, 'backup' | 'backUpChanges'> {
  const measuring = { figure: host.figure, clock: host.ports.clock };
  const memories = new FolderMemories(host, repository);
  const sweeper = new Sweeper(host, repository, store);
  const run = <Report>(
    request: BackupRequest,
    sweep: () => Promise<void>,
    flow: (options: BackupOptions) => Promise<Report>,
  ): Promise<Report> =>
    throttled(host, throttle, request, async () => {
      await sweep();
      return runBackup(host, root, repository, request, flow);
    });
  const sweep = (): Promise<void> => sweeper.sweep();
  const sweepNowAndThen = (): Promise<void> => sweeper.sweepNowAndThen();
  return {
    backup: (request) =>
      noted(
        measuring,
        'backup',
        () =>
          run(request, sweep, (options) =>
            memories.remembering(
              options.sources,
              (folders) => backup(repository, { ...options, folders }),
              () => true,
            ),
          ),
        (report) => report,
      ),
    backUpChanges: (request, { since, ...changed }) =>
      noted(
        measuring,
        'live',
        () =>
          run(request, sweepNowAndThen, (options) =>
            memories.remembering(
              options.sources,
              (notes) =>
                backUpChanges(
                  repository,
                  { ...options, folders: notes },
                  { parentId: parseSnapshotId(since), ...changed },
                ),
              ({ wasFull }) => wasFull,
            ),
          ),
        ({ report }) => report,
      ),
  };
}

async function runBackup<Report>(
  host: Host,
  root: string,
  repository: Repository,
  request: BackupRequest,
  run: (options: BackupOptions) => Promise<Report>,
): Promise<Report> {
  const { self } = repository.context;
  // Held from before the snapshots are listed until this one is published: events of one id form one line.
  const claim = await claimWriter({ home: host.home, ports: host.ports, self });
  try {
    const { tags, note, workers, readBytesPerSecondMax, absentSources } = request;
    const report = await run({
      ...BACKUP_DEFAULTS,
      ...(await planOptionsOf(host, root, request)),
      ...(tags === undefined ? {} : { tags }),
      ...(note === undefined ? {} : { note }),
      ...(absentSources === undefined ? {} : { absentSources }),
      ...(workers === undefined ? {} : { workers }),
      readBytesPerSecondMax,
      user: userName(),
      writerId: claim.writerId,
    });
    await remember(host, repository.context.instance.instanceId, (await listSnapshots(repository)).snapshots);
    return report;
  } finally {
    await claim.release();
  }
}

/** A live backup comes every few seconds; to look for old temporary files is to look into every folder of packs. */
const SWEEP_PAUSE_MS = 10 * 60_000;

/** Removes what dead sessions left half written. Its failure fails no backup. */
class Sweeper {
  readonly #ports: Host['ports'];
  readonly #repository: Repository;
  readonly #store: LocalStore;
  #sweptAtMs: number | undefined;

  constructor({ ports }: Host, repository: Repository, store: LocalStore) {
    this.#ports = ports;
    this.#repository = repository;
    this.#store = store;
  }

  /** Nothing is removed where another drive stands now; that ends the backup a moment later. */
  async sweep(): Promise<void> {
    const { context } = this.#repository;
    this.#sweptAtMs = this.#ports.clock.monotonicMs();
    try {
      await assertSameInstance(this.#store, context.instance);
      await sweepTemporaries({ store: this.#store, self: context.self, ports: this.#ports });
    } catch (error) {
      if (!isCairnError(error)) throw error;
      this.#ports.log('warn', 'old temporary files could not be removed', { reason: error.message });
    }
  }

  async sweepNowAndThen(): Promise<void> {
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#sweptAtMs === undefined || nowMs - this.#sweptAtMs >= SWEEP_PAUSE_MS) await this.sweep();
  }
}

function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    // An account without an entry in the user table: containers have them.
    return '';
  }
}

/** What was seen of the repository, so that one that goes back in time is found out. Its failure fails nothing. */
export async function remember(host: Host, instanceId: string, snapshots: readonly Snapshot[]): Promise<void> {
  try {
    await rememberHeads(host.home, instanceId, snapshots);
  } catch (error) {
    host.ports.log('warn', 'what was seen of the repository could not be remembered', { reason: String(error) });
  }
}
