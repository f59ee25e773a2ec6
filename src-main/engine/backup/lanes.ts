/**
 * The backup's side of its lanes: hands out work to whichever has least to do, and gives results back as promises.
 *
 * What is asked for at a time is bounded by whoever asks (folder-scans.ts, small-files.ts); what is being read, by the
 * slots for contents. A lane that dies fails everything that waits, and
 * so the backup.
 */
import { Worker } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { workerUrl } from '../kernel/index.ts';
import { type ListedAs, type SourceFolder, adoptFolder, exact, folderHandle } from '../source/index.ts';
import type { CutFile, FilePart } from './cut-file.ts';
import { type CutRequest, CutsUnderWay } from './lane-cuts.ts';
import type { FromLane, LaneSetup, ListRequest, ToLane } from './lane-messages.ts';
import type { ReadRequest } from './read-files.ts';
import type { ReadBuffers } from './read-results.ts';
import type { ListedResult } from './scan-folder.ts';

/** What listing a folder counts for beside a byte to read. */
const LIST_WEIGHT = 64 * 1024;
/** The same for opening a file. */
const FILE_WEIGHT = 4096;

/** The same for a large file: whoever cuts it has enough to do. */
const CUT_WEIGHT = 8 * 1024 * 1024;
/** Memory for contents that are being read, in batches. */
const SLOTS = 8;

type ListWaiter = {
  readonly resolve: (result: ListedResult) => void;
  readonly reject: (error: unknown) => void;
  readonly lane: Lane;
  readonly parent: SourceFolder;
};
type Read = {
  readonly request: ReadRequest;
  readonly receive: (result: ReadBuffers, contents: Uint8Array) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};
type ReadUnderWay = Read & { readonly lane: Lane; readonly slot: number; readonly weight: number };
type Lane = { readonly worker: Worker; readonly hasEnded: Promise<void>; load: number };

type LaneKeys = Pick<LaneSetup, 'idKey' | 'chunkKey'>;

export type FolderToList = Omit<ListRequest, 'id' | 'parent'> & { readonly parent: SourceFolder };

export class Lanes {
  readonly #lanes: readonly Lane[];
  readonly #lists = new Map<number, ListWaiter>();
  readonly #reads = new Map<number, ReadUnderWay>();
  /** Reads that wait for a slot. */
  readonly #queue: Read[] = [];
  readonly #slots: readonly Uint8Array[];
  readonly #free: number[];
  readonly #cuts = new CutsUnderWay();
  #count = 0;
  #failure: Error | undefined;
  #isClosed = false;

  /** `slotBytes`: the most that one request reads. */
  constructor(count: number, { slotBytes, ...keys }: LaneKeys & { readonly slotBytes: number }) {
    assert(count > 0, 'there is at least one lane');
    const slots = Array.from({ length: SLOTS }, () => new SharedArrayBuffer(slotBytes));
    this.#slots = slots.map((slot) => new Uint8Array(slot));
    this.#free = [...slots.keys()];
    this.#lanes = Array.from({ length: count }, () => this.#start({ ...keys, slots }));
  }

  /** Opens and lists folders; one message for all of them. */
  list(folders: readonly FolderToList[]): Promise<ListedResult>[] {
    const lane = this.#idlest();
    const requests: ListRequest[] = [];
    const results = folders.map(
      ({ parent, name, expected }) =>
        new Promise<ListedResult>((resolve, reject) => {
          const id = this.#count++;
          requests.push({ id, parent: folderHandle(parent), name: exact(name), expected: withoutRest(expected) });
          lane.load += LIST_WEIGHT;
          this.#lists.set(id, { resolve, reject, lane, parent });
        }),
    );
    this.#post(lane, { kind: 'list', requests });
    return results;
  }

  /** Reads files; `receive` gets what became of them, and their contents for the time of the call. */
  read(request: ReadRequest, receive: Read['receive']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, receive, resolve, reject });
      this.#readNext();
    });
  }

  /** Reads and cuts a large file; one at a time. `onPart` gets part after part. */
  async cut(
    request: CutRequest,
    onPart: (part: Omit<FilePart, 'isLast'>) => Promise<void>,
  ): Promise<CutFile | Problem> {
    const lane = this.#idlest();
    lane.load += CUT_WEIGHT;
    try {
      return await this.#cuts.begin(this.#count++, request, { post: (message) => this.#post(lane, message), onPart });
    } finally {
      lane.load -= CUT_WEIGHT;
    }
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
    this.#cuts.fail(new CairnError('engine/cancelled', 'The backup has ended.'));
  }

  /** Begins the next reads, as far as there are slots. */
  #readNext(): void {
    while (this.#queue.length > 0 && this.#free.length > 0) {
      const read = this.#queue.shift();
      const slot = this.#free.pop();
      if (read === undefined || slot === undefined) return;
      const id = this.#count++;
      const lane = this.#idlest();
      const weight = read.request.bytes + read.request.files * FILE_WEIGHT;
      lane.load += weight;
      this.#reads.set(id, { ...read, lane, slot, weight });
      this.#post(lane, { kind: 'read', id, slot, request: read.request });
    }
  }

  #idlest(): Lane {
    let idlest = this.#lanes[0];
    for (const lane of this.#lanes) if (idlest === undefined || lane.load < idlest.load) idlest = lane;
    assert(idlest !== undefined, 'there is at least one lane');
    return idlest;
  }

  #start(setup: LaneSetup): Lane {
    // Folders that a lane opens stay open when it ends: they belong to the backup.
    const worker = new Worker(workerUrl(import.meta.url, 'lane-worker'), {
      workerData: setup,
      trackUnmanagedFds: false,
    });
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
          waiter.lane.load -= LIST_WEIGHT;
          if ('failed' in reply) waiter.resolve({ failed: reply.failed });
          else waiter.resolve({ folder: adoptFolder(reply.folder, waiter.parent), data: reply.data });
        }
        return;
      case 'cut':
        this.#cuts.receive(message);
        return;
      case 'read': {
        const read = this.#reads.get(message.id);
        assert(read !== undefined, 'a lane answers what it was asked');
        this.#reads.delete(message.id);
        read.lane.load -= read.weight;
        this.#received(read, message.result);
        this.#readNext();
      }
    }
  }

  #received({ slot, receive, resolve, reject }: ReadUnderWay, result: ReadBuffers): void {
    try {
      receive(result, this.#slots[slot] ?? new Uint8Array(0));
      resolve();
    } catch (error) {
      reject(error);
    } finally {
      this.#free.push(slot);
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of [...this.#lists.values(), ...this.#reads.values(), ...this.#queue]) reject(this.#failure);
    this.#cuts.fail(this.#failure);
    this.#lists.clear();
    this.#reads.clear();
    this.#queue.length = 0;
  }
}

/** Without what the answer does not depend on: each field of a message costs. */
function withoutRest({ nodeType, inode, device, size }: ListedAs): ListedAs {
  return { nodeType, inode, device, size };
}
