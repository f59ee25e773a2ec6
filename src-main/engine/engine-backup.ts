/**
 * What a host asks of a backup or a dry run, as the flow in backup/ takes it: defaults, exclude files, and the limits
 * that are kept outside of the flow.
 */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { CairnError, isCairnError } from '../../src-shared/errors.ts';
import { displayPath, escapePath } from '../../src-shared/format/index.ts';
import type { BackupPlan } from '../../src-shared/model/index.ts';
import type { BackupRequest, PlanRequest } from './api.ts';
import { BACKUP_DEFAULTS, type FolderNotes, type PlanOptions, planBackup } from './backup/index.ts';
import type { Ports } from './kernel/index.ts';
import { lowerPriority } from './low-priority.ts';
import type { Repository } from './repository/index.ts';
import { FolderMemory } from './service/index.ts';
import type { WriteThrottle } from './store/index.ts';

const MEMORIES_MAX = 32;
const EXCLUDE_FILE_BYTES_MAX = 4 * 1024 * 1024;

type Host = { readonly ports: Ports; readonly home: string };

/** What this computer remembers of the folders of an open repository's sources: loaded once, kept while it is open. */
export class FolderMemories {
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
export async function throttled<Result>(
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
export async function planOptionsOf(host: Host, root: string | undefined, request: PlanRequest): Promise<PlanOptions> {
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
