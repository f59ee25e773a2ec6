/**
 * A laboratory for the engine: a real repository in a temporary folder, a clock that the test holds, randomness from a
 * seed, and one way to back up, restore and compare.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseWriterId } from '../../src-shared/ids.ts';
import type { BackupReport, RestoreReport, VerifyReport } from '../../src-shared/model/index.ts';
import {
  BACKUP_DEFAULTS,
  type BackupOptions,
  type LiveReport,
  type LiveScope,
  backUpChanges,
  backup,
} from '../../src-main/engine/backup/index.ts';
import type { Clock, Log, Ports, Random } from '../../src-main/engine/kernel/index.ts';
import {
  type OpenOptions,
  type ProcessIdentity,
  type Repository,
  initRepository,
  openRepository,
} from '../../src-main/engine/repository/index.ts';
import { RESTORE_DEFAULTS, type RestoreOptions, restore } from '../../src-main/engine/restore/index.ts';
import { listSnapshots, resolveSnapshot } from '../../src-main/engine/snapshot/index.ts';
import { type LocalStore, createLocalStore, createRoot } from '../../src-main/engine/store/index.ts';
import { type VerifyDepth, verify } from '../../src-main/engine/verify/index.ts';
import { seeded } from './seed.ts';

/** scrypt with N = 2^4: a test of anything but the key derivation itself. */
const KDF_COST_TEST = 4;
export const WRITER = parseWriterId('5eed5eed5eed5eed5eed5eed5eed5eed');

export const SELF: ProcessIdentity = { host: 'lab', bootId: 'boot', processId: 1, isAlive: () => true };

/** Time stands still until a test moves it. It begins a day ahead, so that no file looks freshly written. */
export function heldClock(startMs = Date.now() + 86_400_000): Clock & { advance(ms: number): void } {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

export function seededRandom(seed: number): Random {
  const source = seeded(seed);
  return { bytes: (count) => Uint8Array.from({ length: count }, () => source.between(0, 255)) };
}

export type Logged = { readonly level: string; readonly message: string };

export class Lab {
  readonly folder: string;
  readonly source: string;
  readonly repositoryPath: string;
  readonly clock: ReturnType<typeof heldClock>;
  readonly ports: Ports;
  readonly logged: Logged[] = [];
  readonly store: LocalStore;

  constructor(seed = 1, clock = heldClock()) {
    this.clock = clock;
    this.folder = mkdtempSync(path.join(tmpdir(), 'cairn-lab-'));
    this.source = path.join(this.folder, 'source');
    this.repositoryPath = path.join(this.folder, 'repository');
    const log: Log = (level, message) => void this.logged.push({ level, message });
    this.ports = { clock: this.clock, random: seededRandom(seed), log };
    this.store = createLocalStore({ root: this.repositoryPath, random: this.ports.random });
  }

  async init(
    options: { readonly password?: string; readonly compression?: 'zstd' | 'none' } = {},
  ): Promise<{ readonly recoveryKey?: string }> {
    await createRoot(this.repositoryPath);
    return initRepository({
      store: this.store,
      ports: this.ports,
      host: 'lab',
      compression: options.compression === 'none' ? { kind: 'none' } : { kind: 'zstd', level: 1 },
      kdfCost: KDF_COST_TEST,
      reserveBytes: 1024,
      ...(options.password === undefined ? {} : { password: options.password }),
    });
  }

  /** `options` stand in for the lab's own: another process, another host, lower limits. */
  open(password = 'correct horse', options: Partial<OpenOptions> = {}): Promise<Repository> {
    return openRepository({
      store: this.store,
      ports: this.ports,
      self: SELF,
      secret: () => Promise.resolve({ kind: 'password', password }),
      ...options,
    });
  }

  /** Backs the lab's source up; a minute passes before. */
  async backup(repository: Repository, options: Partial<BackupOptions> = {}): Promise<BackupReport> {
    this.clock.advance(60_000);
    return backup(repository, { ...BACKUP_DEFAULTS, ...this.#shared(), ...options });
  }

  /** The same where only these folders may have changed since a snapshot. No time passes before. */
  backUpChanges(repository: Repository, scope: LiveScope, options: Partial<BackupOptions> = {}): Promise<LiveReport> {
    return backUpChanges(repository, { ...BACKUP_DEFAULTS, ...this.#shared(), ...options }, scope);
  }

  #shared(): Pick<BackupOptions, 'sources' | 'host' | 'user' | 'writerId'> {
    return { sources: [Buffer.from(this.source)], host: 'lab', user: 'tester', writerId: WRITER };
  }

  async restore(
    repository: Repository,
    snapshot: string,
    target: string | undefined,
    options: Partial<RestoreOptions> = {},
  ): Promise<RestoreReport> {
    const { snapshots } = await listSnapshots(repository);
    return restore(repository, resolveSnapshot(snapshots, snapshot), {
      ...RESTORE_DEFAULTS,
      restoreOwner: process.geteuid?.() === 0,
      ownFolders: [this.repositoryPath],
      ...options,
      target: target === undefined ? undefined : Buffer.from(target),
    });
  }

  verify(repository: Repository, depth: VerifyDepth = { kind: 'deep' }): Promise<VerifyReport> {
    return verify(repository, { depth, knownSnapshots: [], onProgress: () => undefined, signal: undefined });
  }

  path(...names: readonly string[]): string {
    return path.join(this.folder, ...names);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
