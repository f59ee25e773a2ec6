/**
 * The backup's side of its lanes: hands out work to whichever has least to do, and gives results back as promises.
 *
 * Bounds are kept by whoever asks (folder-scans.ts, small-files.ts). A lane that dies fails everything that waits, and
 * so the backup.
 */
import { Worker } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { type SourceFolder, adoptFolder, exact, folderHandle } from '../source/index.ts';
import type { FromLane, LaneSetup, ListRequest, ToLane } from './lane-messages.ts';
import type { ReadRequest, ReadResult } from './read-files.ts';
import type { ListedResult } from './scan-folder.ts';

/** What listing a folder counts for beside a byte to read. */
const LIST_WEIGHT = 64 * 1024;

type Waiter<Result> = {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  readonly lane: Lane;
  readonly weight: number;
};
type ListWaiter = Waiter<ListedResult> & { readonly parent: SourceFolder };
type Lane = { readonly worker: Worker; readonly hasEnded: Promise<void>; load: number };

export type FolderToList = Omit<ListRequest, 'id' | 'parent'> & { readonly parent: SourceFolder };

export class Lanes {
  readonly #lanes: readonly Lane[];
  readonly #lists = new Map<number, ListWaiter>();
  readonly #reads = new Map<number, Waiter<ReadResult>>();
  #count = 0;
  #failure: Error | undefined;
  #isClosed = false;

  constructor(count: number, setup: LaneSetup) {
    assert(count > 0, 'there is at least one lane');
    this.#lanes = Array.from({ length: count }, () => this.#start(setup));
  }

  /** Opens and lists folders; one message for all of them. */
  list(folders: readonly FolderToList[]): Promise<ListedResult>[] {
    const lane = this.#idlest();
    const requests: ListRequest[] = [];
    const results = folders.map(
      ({ parent, name, expected }) =>
        new Promise<ListedResult>((resolve, reject) => {
          const id = this.#count++;
          requests.push({ id, parent: folderHandle(parent), name: exact(name), expected });
          lane.load += LIST_WEIGHT;
          this.#lists.set(id, { resolve, reject, lane, weight: LIST_WEIGHT, parent });
        }),
    );
    this.#post(lane, { kind: 'list', requests });
    return results;
  }

  read(request: ReadRequest): Promise<ReadResult> {
    const lane = this.#idlest();
    const id = this.#count++;
    const weight = request.bytes + request.files * 4096;
    lane.load += weight;
    return new Promise((resolve, reject) => {
      this.#reads.set(id, { resolve, reject, lane, weight });
      this.#post(lane, { kind: 'read', id, request });
    });
  }

  /** Stops the lanes; nothing they were asked is answered any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // Asked to, not terminated: a thread that is stopped while it loads a native module takes the process with it.
    await Promise.all(
      this.#lanes.map(async ({ worker, hasEnded }) => {
        worker.postMessage({ kind: 'stop' } satisfies ToLane);
        await hasEnded;
      }),
    );
  }

  #idlest(): Lane {
    let idlest = this.#lanes[0];
    for (const lane of this.#lanes) if (idlest === undefined || lane.load < idlest.load) idlest = lane;
    assert(idlest !== undefined, 'there is at least one lane');
    return idlest;
  }

  #start(setup: LaneSetup): Lane {
    // Folders that a lane opens stay open when it ends: they belong to the backup.
    const worker = new Worker(workerUrl(), { workerData: setup, trackUnmanagedFds: false });
    const hasEnded = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const lane: Lane = { worker, hasEnded, load: 0 };
    worker.on('message', (message: FromLane) => this.#receive(message));
    worker.on('error', (error: unknown) => {
      this.#fail(error instanceof Error ? error : new CairnError('engine/internal', String(error)));
    });
    worker.on('exit', (code) => {
      if (!this.#isClosed) this.#fail(new CairnError('engine/internal', `A thread of the backup stopped (${code}).`));
    });
    return lane;
  }

  #post(lane: Lane, message: ToLane): void {
    if (this.#failure !== undefined) this.#fail(this.#failure);
    else lane.worker.postMessage(message);
  }

  #receive(message: FromLane): void {
    switch (message.kind) {
      case 'listed':
        for (const reply of message.replies) {
          const waiter = this.#lists.get(reply.id);
          assert(waiter !== undefined, 'a lane answers what it was asked');
          this.#lists.delete(reply.id);
          waiter.lane.load -= waiter.weight;
          if ('failed' in reply) waiter.resolve({ failed: reply.failed });
          else waiter.resolve({ folder: adoptFolder(reply.folder, waiter.parent), data: reply.data });
        }
        return;
      case 'read': {
        const waiter = this.#reads.get(message.id);
        assert(waiter !== undefined, 'a lane answers what it was asked');
        this.#reads.delete(message.id);
        waiter.lane.load -= waiter.weight;
        waiter.resolve(message.result);
      }
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of [...this.#lists.values(), ...this.#reads.values()]) reject(this.#failure);
    this.#lists.clear();
    this.#reads.clear();
  }
}

/** The lane's module: beside this one as TypeScript in a checkout, a file of its own in a build. */
function workerUrl(): URL {
  if (import.meta.url.endsWith('.ts')) return new URL('./lane-worker.ts', import.meta.url);
  return new URL(import.meta.url.includes('/parts/') ? '../lane-worker.js' : './lane-worker.js', import.meta.url);
}
