/**
 * Collects the files of a walk into batches and has one written while the next is collected. Keeps names of one file
 * together: the first is written, the others wait for it and become links.
 *
 * Bounds: two batches of files; a batch ends early when its extended attributes are large.
 */
import type { FileEntry } from '../merkle/index.ts';
import { FileFlow, type FlowOptions } from './file-flow.ts';
import type { FolderNode } from './folder-node.ts';
import { type LinkGroup, LinkTable, inFolder } from './link-table.ts';
import type { PlannedFile } from './planned-file.ts';
import type { PlaceResult, TargetFolder, TargetIdentity } from './target.ts';

/** The first batch is small, so that the threads have something to do soon; each is twice as large as the one before. */
const FIRST_BATCH_FILES = 512;
const ATTRIBUTE_BYTES_MAX = 4 * 1024 * 1024;

export type CollectorOptions = Omit<FlowOptions, 'events'> & {
  readonly events: Pick<FlowOptions['events'], 'progress' | 'metadata'>;
  /** A file is there under its name, written or linked. */
  readonly onPlaced: (entry: FileEntry, node: FolderNode, replaced: boolean) => void;
};

export class FileCollector {
  readonly #options: CollectorOptions;
  readonly #flow: FileFlow;
  readonly #links = new LinkTable();
  #batch: PlannedFile[] = [];
  #attributeBytes = 0;
  #batchMax: number;
  /** The batch that is being written. Its failure is thrown at the next wait. */
  #writing: Promise<void> = Promise.resolve();

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#batchMax = Math.min(FIRST_BATCH_FILES, options.tuning.batchFiles);
    this.#flow = new FileFlow({
      ...options,
      events: {
        ...options.events,
        placed: (file, identity) => this.#done(file, identity),
        failed: (file) => this.#done(file, undefined, false),
      },
    });
  }

  /** So much is to come: see FileFlow. */
  expect(files: number, bytes: number): void {
    this.#flow.expect(files, bytes);
  }

  /** Takes in a file that is to be written into an open folder. A promise where there is no room for more. */
  add(entry: FileEntry, node: FolderNode, folder: TargetFolder, replace: boolean): Promise<void> | undefined {
    const role = this.#links.roleOf(entry, node);
    if (role.kind === 'link') {
      if (role.group.state === 'pending') this.#wait(role.group, entry, node, folder, replace);
      else if (!this.#link(role.group, entry, node, folder, replace))
        this.#collect(entry, node, folder, replace, undefined);
    } else this.#collect(entry, node, folder, replace, role.kind === 'first' ? role.group : undefined);
    const isFull = this.#batch.length >= this.#batchMax || this.#attributeBytes > ATTRIBUTE_BYTES_MAX;
    return isFull ? this.#begin() : undefined;
  }

  /** Writes all that was collected and waits for it: then every folder that was walked through is complete. */
  async settle(): Promise<void> {
    do {
      await this.#begin();
      await this.#writing;
      // A name that could not become a link was collected as a file.
    } while (this.#batch.length > 0);
  }

  /** Ends in the middle of anything: what was begun is finished or thrown away, the rest is dropped. Never throws. */
  async stop(): Promise<void> {
    this.#batch = [];
    // A batch fails only when none of its tasks is under way any more.
    await this.#writing.catch(() => undefined);
  }

  /** The same, and no thread runs afterwards. */
  async close(): Promise<void> {
    await this.stop();
    await this.#flow.close();
  }

  async #begin(): Promise<void> {
    await this.#writing;
    const files = this.#batch;
    if (files.length === 0) return;
    this.#batch = [];
    this.#attributeBytes = 0;
    this.#batchMax = Math.min(this.#batchMax * 2, this.#options.tuning.batchFiles);
    this.#writing = this.#flow.write(files);
    void this.#writing.catch(() => undefined);
  }

  #collect(
    entry: FileEntry,
    node: FolderNode,
    folder: TargetFolder,
    replace: boolean,
    group: LinkGroup | undefined,
  ): void {
    node.hold();
    const xattrs = entry.xattrs ?? [];
    for (const { name, value } of xattrs) this.#attributeBytes += name.length + value.length;
    this.#batch.push({ entry, node, folder, replace, xattrs, group });
  }

  #wait(group: LinkGroup, entry: FileEntry, node: FolderNode, folder: TargetFolder, replace: boolean): void {
    node.hold();
    group.waiting.push(() => {
      // Where the first could not be written, the next one is the first.
      const role = group.state === 'placed' ? undefined : this.#links.roleOf(entry, node);
      if (role?.kind === 'link') this.#wait(role.group, entry, node, folder, replace);
      else if (role !== undefined || !this.#link(group, entry, node, folder, replace))
        this.#collect(entry, node, folder, replace, role?.kind === 'first' ? role.group : undefined);
      node.release();
    });
  }

  /** False where it can't be a link; then it becomes a file. */
  #link(group: LinkGroup, entry: FileEntry, node: FolderNode, folder: TargetFolder, replace: boolean): boolean {
    const { identity, first } = group;
    if (identity === undefined) return false;
    const result = inFolder<PlaceResult>(group.node, (from) =>
      folder.hardLink(entry.name, { folder: from, name: first.name, identity }, { replace }),
    );
    if (result?.kind === 'exists') this.#options.onProblem(result.problem);
    else if (result?.kind === 'placed') this.#options.onPlaced(entry, node, replace);
    else return false;
    return true;
  }

  #done(file: PlannedFile, identity: TargetIdentity | undefined, isPlaced = true): void {
    const { entry, node, replace, group } = file;
    if (isPlaced) this.#options.onPlaced(entry, node, replace);
    if (group !== undefined) this.#links.settle(group, isPlaced ? identity : undefined);
    node.release();
  }
}
