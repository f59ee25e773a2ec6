/**
 * Thousands of live snapshots, one after the other, as a year of continuous backup makes them: the files of the repository
 * stay bounded all the while, and what each snapshot holds comes back.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { OpenRepository } from '../../src-main/engine/api.ts';
import { openEngine } from '../../src-main/engine/index.ts';
import { silentLog } from '../../src-main/engine/kernel/index.ts';
import { finishedFilesBelow } from './listing.ts';
import { type Seeded, seeded } from './seed.ts';
import { buildTree } from './tree-builder.ts';
import { type WalkRecord, compareTrees, walkTree } from './walker.ts';

const PASSWORD = 'correct horse';
const CHANGES_MAX = 3;
const WRITE_BYTES_MAX = 3000;
const PROGRESS_EVERY = 250;

export type LiveChainOptions = {
  readonly seed: number;
  readonly snapshots: number;
  readonly files: number;
  /** Restores of the first and of the newest snapshot, in turn. */
  readonly restores: number;
  /** Told after every PROGRESS_EVERY snapshots: how many there are, and what each of the latest took. */
  readonly progress?: (made: number, latestMs: readonly number[]) => void;
};

export type LiveChainFigures = {
  readonly snapshots: number;
  readonly commitFilesMax: number;
  readonly indexRunsMax: number;
  /** Of each restore. */
  readonly firstMs: readonly number[];
  readonly newestMs: readonly number[];
  readonly differences: readonly string[];
};

export async function runLiveChain(options: LiveChainOptions): Promise<LiveChainFigures> {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-live-chain-'));
  const engine = openEngine({ home: path.join(folder, 'home'), log: silentLog });
  try {
    const at = path.join(folder, 'repository');
    await engine.init({ repository: at, password: PASSWORD, compression: 'zstd:3', kdfCost: 10 });
    const repository = await engine.open(at, () => Promise.resolve({ kind: 'password', password: PASSWORD }));
    try {
      return await new LiveChain(folder, repository, options).run();
    } finally {
      await repository.close();
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

class LiveChain {
  readonly #folder: string;
  readonly #source: string;
  readonly #repository: OpenRepository;
  readonly #options: LiveChainOptions;
  readonly #random: Seeded;
  readonly #most = { commits: 0, index: 0 };

  constructor(folder: string, repository: OpenRepository, options: LiveChainOptions) {
    this.#folder = folder;
    this.#source = path.join(folder, 'source');
    this.#repository = repository;
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  async run(): Promise<LiveChainFigures> {
    const { seed, files, snapshots, restores } = this.#options;
    buildTree(this.#source, { seed, files, folders: Math.ceil(files / 20), fileBytesMax: 8000 });
    const all = walkTree(this.#source)
      .filter(({ type }) => type === 'file')
      .map(({ path: below }) => Buffer.concat([Buffer.from(`${this.#source}/`), Buffer.from(below, 'hex')]));
    const sources = [Buffer.from(this.#source)];
    const firstTree = walkTree(this.#source);
    let since = (await this.#repository.backup({ sources })).snapshotId;
    const first = since;
    let latestMs: number[] = [];
    for (let made = 1; made < snapshots; made++) {
      const folders = Array.from({ length: this.#random.between(1, CHANGES_MAX) }, () => this.#change(all));
      const startMs = performance.now();
      const { report, wasFull } = await this.#repository.backUpChanges({ sources }, { since, folders });
      if (report === undefined || wasFull) throw new Error(`live backup ${made} was none`);
      since = report.snapshotId;
      latestMs.push(performance.now() - startMs);
      this.#count();
      if (made % PROGRESS_EVERY === 0) {
        this.#options.progress?.(made, latestMs);
        latestMs = [];
      }
    }
    const newestTree = walkTree(this.#source);
    const differences: string[] = [];
    const timed = async (snapshot: string, expected: readonly WalkRecord[]): Promise<number> => {
      const { ms, differs } = await this.#restore(snapshot, expected);
      differences.push(...differs);
      return ms;
    };
    const [firstMs, newestMs]: [number[], number[]] = [[], []];
    for (let round = 0; round < restores; round++) {
      firstMs.push(await timed(first, firstTree));
      newestMs.push(await timed(since, newestTree));
    }
    const listed = await this.#repository.snapshots();
    return {
      snapshots: listed.length,
      commitFilesMax: this.#most.commits,
      indexRunsMax: this.#most.index,
      firstMs,
      newestMs,
      differences,
    };
  }

  /** Gives the folder of the file. */
  #change(all: readonly Buffer[]): Buffer {
    const file = this.#random.pick(all);
    fs.chmodSync(file, 0o644);
    fs.writeFileSync(file, this.#random.bytes(this.#random.between(1, WRITE_BYTES_MAX)));
    return file.subarray(0, file.lastIndexOf('/'));
  }

  #count(): void {
    for (const name of ['commits', 'index'] as const) {
      const files = finishedFilesBelow(path.join(this.#folder, 'repository', name)).length;
      this.#most[name] = Math.max(this.#most[name], files);
    }
  }

  async #restore(
    snapshot: string,
    expected: readonly WalkRecord[],
  ): Promise<{ readonly ms: number; readonly differs: readonly string[] }> {
    const target = path.join(this.#folder, 'target');
    const startMs = performance.now();
    await this.#repository.restore({ from: { snapshot, path: new Uint8Array() }, target: Buffer.from(target) });
    const ms = performance.now() - startMs;
    const differs = compareTrees(expected, target);
    fs.rmSync(target, { recursive: true });
    return { ms, differs };
  }
}
