/**
 * Carries plans out: batches of small files as tasks for the threads, large files one after the other, and what the fast
 * way could not do once more in the careful one, which tries every copy of every chunk and finds the words for what is
 * wrong.
 *
 * Bounds: as many tasks are under way as the threads take, each with its frames in memory. Where the system has no
 * descriptors for folders (target-folder.ts) everything goes the careful way.
 */
import { CairnError, type Problem, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { assert } from '../../../src-shared/assert.ts';
import { ByteWriter, toHex } from '../kernel/index.ts';
import { FILE_FLAG } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import { joinPath } from '../source/index.ts';
import { type PlannedTask, planBatch } from './batch.ts';
import { descriptorCalls } from './descriptor-calls.ts';
import { writeFileOrder } from './file-order.ts';
import { FILE_STATUS } from './file-writer.ts';
import { writeLargeFile } from './large-file.ts';
import type { RestoreTuning } from './options.ts';
import { PackReads } from './pack-reads.ts';
import type { FileEvents, PlannedFile } from './planned-file.ts';
import { cancelled, isAborted, putFile } from './put.ts';
import { exists, targetProblem } from './target-place.ts';
import type { FilesResult, WriterSetup } from './write-task.ts';
import { type TaskExecutor, WriterPool, createInProcess, defaultWorkers } from './writer-pool.ts';

export type FlowOptions = {
  readonly repository: Repository;
  readonly tuning: RestoreTuning;
  readonly events: FileEvents;
  readonly keepSetId: boolean;
  readonly onProblem: (problem: Problem) => void;
  readonly leaveOutAttribute: (path: Uint8Array, kind: string, code: string, count: number) => void;
  readonly signal: AbortSignal | undefined;
};

const UNIQUE_BYTES = 8;

export class FileFlow {
  readonly #options: FlowOptions;
  readonly #reads: PackReads;
  #own: TaskExecutor | undefined;
  #pool: TaskExecutor | undefined;
  #files = 0;
  #bytes = 0;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.#reads = new PackReads(options.repository);
  }

  /** Starts threads where so much is to come: they are ready when the first batch is. */
  expect(files: number, bytes: number): void {
    const { workers = defaultWorkers(), workersFromFiles, workersFromBytes } = this.#options.tuning;
    if (this.#pool !== undefined || workers === 0 || descriptorCalls() === undefined) return;
    if (files < workersFromFiles && bytes < workersFromBytes) return;
    this.#pool = new WriterPool(Array.from({ length: workers }, () => this.#setup()));
  }

  /**
   * Writes files, and tells of each what became of it. Empties the list: what is done need not stay in memory.
   * @throws CairnError engine/cancelled, restore/target, destination/…
   */
  async write(files: PlannedFile[]): Promise<void> {
    this.#files += files.length;
    for (const { entry } of files) this.#bytes += entry.size;
    this.expect(this.#files, this.#bytes);
    const executor = this.#executor();
    const isFast = ({ folder }: PlannedFile): boolean => executor !== undefined && folder.descriptor !== undefined;
    const isLarge = ({ entry }: PlannedFile): boolean =>
      entry.content.kind === 'pages' || entry.size > this.#options.tuning.largeFromBytes;
    const again = files.filter((file) => !isFast(file));
    const large = files.filter((file) => isFast(file) && isLarge(file));
    if (executor !== undefined) {
      const { tasks, unplanned } = await planBatch(
        this.#options.repository,
        files.filter((file) => isFast(file) && !isLarge(file)),
      );
      files.length = 0;
      again.push(...unplanned);
      await this.#runAll(executor, tasks, again);
      for (const file of large) await this.#large(executor, file, again);
    }
    for (const file of again) await this.#carefully(file);
  }

  /** Waits until nothing is under way. Before this no folder may be closed. Never throws. */
  async idle(): Promise<void> {
    await this.#pool?.idle();
  }

  async close(): Promise<void> {
    await this.idle();
    await this.#pool?.close();
    this.#pool = undefined;
  }

  #executor(): TaskExecutor | undefined {
    if (this.#pool !== undefined) return this.#pool;
    const calls = descriptorCalls();
    if (calls === undefined) return undefined;
    return (this.#own ??= createInProcess(calls, this.#setup()));
  }

  #setup(): WriterSetup {
    const { repository, keepSetId } = this.#options;
    const { secrets, repositoryIdBytes, idKey, ports } = repository.context;
    const unique = toHex(ports.random.bytes(UNIQUE_BYTES));
    return { secrets, repositoryId: repositoryIdBytes, idKey, unique, keepSetId };
  }

  async #runAll(executor: TaskExecutor, tasks: PlannedTask[], again: PlannedFile[]): Promise<void> {
    const running = new Set<Promise<void>>();
    let failure: { readonly error: unknown } | undefined;
    // Taken out one by one: what is done need not be in memory until the last one is.
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      // One more than the threads take: its frames are read meanwhile.
      while (running.size > executor.slots) await Promise.race(running);
      if (failure !== undefined || isAborted(this.#options.signal)) break;
      const one: Promise<void> = this.#runTask(executor, task, again)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => running.delete(one));
      running.add(one);
    }
    await Promise.all(running);
    if (failure !== undefined) throw failure.error;
    if (isAborted(this.#options.signal)) throw cancelled();
  }

  async #runTask(executor: TaskExecutor, task: PlannedTask, again: PlannedFile[]): Promise<void> {
    const writer = new ByteWriter(task.files.length * 160);
    for (const [index, file] of task.files.entries()) this.#writeOrder(writer, file, task.pieces[index] ?? []);
    const segments = await this.#reads.read(task.needs);
    if (isAborted(this.#options.signal)) return;
    const orders = writer.view();
    const result = await executor.run({ kind: 'files', ...segments, orders, count: task.files.length });
    if (result.kind !== 'files') throw new CairnError('engine/internal', 'A task was answered with another’s result.');
    this.#tell(task.files, result, again);
  }

  #writeOrder(writer: ByteWriter, file: PlannedFile, pieces: PlannedTask['pieces'][number]): void {
    const { entry, folder, replace, xattrs, group } = file;
    const { mode, mtimeNs, uid, gid } = this.#options.events.metadata(file);
    const { descriptor } = folder;
    assert(descriptor !== undefined, 'a file of a task goes into a folder with a descriptor');
    writeFileOrder(writer, {
      folder: descriptor,
      name: entry.name,
      replace,
      sparse: ((entry.fileFlags ?? 0) & FILE_FLAG.sparse) !== 0,
      identify: group !== undefined,
      inheritsAcl: folder.hasDefaultAcl,
      mode,
      mtimeNs,
      owner: uid === undefined || gid === undefined ? undefined : { uid, gid },
      xattrs,
      size: entry.size,
      contentHash: entry.contentHash,
      pieces,
    });
  }

  /** Says of each file what became of it. Problems first: a file that is told may let its folder go. */
  #tell(files: readonly PlannedFile[], result: FilesResult, again: PlannedFile[]): void {
    const { onProblem, leaveOutAttribute, events } = this.#options;
    const pathOf = (file: number): Buffer => {
      const planned = files[file];
      assert(planned !== undefined, 'a task is answered about its own files');
      return joinPath(planned.folder.path, planned.entry.name);
    };
    let stopping: CairnError | undefined;
    for (const { file, what, code } of result.troubles) {
      try {
        onProblem(targetProblem(pathOf(file), what, Object.assign(new Error(what), { code })));
      } catch (error) {
        // The target is full: the rest is told all the same, and then everything ends.
        if (!isCairnError(error)) throw error;
        stopping ??= error;
      }
    }
    for (const { file, kind, code, count } of result.leftOut) leaveOutAttribute(pathOf(file), kind, code, count);
    const identities = new Map(result.identities.map((one) => [one.file, one]));
    for (const [index, file] of files.entries()) {
      const status = result.statuses[index];
      if (status === FILE_STATUS.placed) events.placed(file, identities.get(index));
      else if (status === FILE_STATUS.again && stopping === undefined) again.push(file);
      else {
        if (status === FILE_STATUS.exists) this.#tellExists(file);
        events.failed(file);
      }
    }
    if (stopping !== undefined) throw stopping;
  }

  #tellExists({ folder, entry }: PlannedFile): void {
    const result = exists(joinPath(folder.path, entry.name));
    if (result.kind === 'exists') this.#options.onProblem(result.problem);
  }

  async #large(executor: TaskExecutor, file: PlannedFile, again: PlannedFile[]): Promise<void> {
    const { repository, events, signal } = this.#options;
    const result = await writeLargeFile(file, {
      repository,
      reads: this.#reads,
      executor,
      metadata: { ...events.metadata(file), xattrs: file.xattrs },
      onBytes: () => events.progress(file),
      signal,
    }).catch((error: unknown) => {
      // The careful way says it in the same words as for a small file.
      if (isIntegrityError(error)) return { kind: 'again' } as const;
      throw error;
    });
    if (result.kind === 'again') again.push(file);
    else this.#tellPlaced(file, result);
  }

  async #carefully(file: PlannedFile): Promise<void> {
    const { repository, events, signal } = this.#options;
    const { entry, folder, replace, node } = file;
    const result = await putFile(entry, {
      repository,
      folder,
      path: node.pathOf(entry.name),
      options: { ...events.metadata(file), xattrs: file.xattrs, replace },
      makeWay: () => undefined,
      onBytes: () => events.progress(file),
      signal,
    });
    this.#tellPlaced(file, result);
  }

  #tellPlaced(file: PlannedFile, result: Awaited<ReturnType<typeof putFile>>): void {
    const { onProblem, events } = this.#options;
    if (result.kind === 'placed') {
      for (const problem of result.problems) onProblem(problem);
      events.placed(file, result.identity);
    } else {
      onProblem(result.problem);
      events.failed(file);
    }
  }
}
