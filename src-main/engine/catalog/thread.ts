/**
 * The engine's side of the catalog's thread: asks, hands out pages to walks, and hears answers. The thread is started by
 * the first question and does not keep the process alive by itself.
 *
 * Nothing here ever fails because of the catalog: a thread that dies, that does not start, that has too much to do or too
 * slow a drive is an answer of “not known”. Bounds: WAITING_MAX questions wait; a thread that died is started again
 * STARTS_MAX times an hour.
 */
import { Worker } from 'node:worker_threads';
import { assertNever } from '../../../src-shared/assert.ts';
import type { PageId } from '../../../src-shared/ids.ts';
import { type Clock, type Log, workerUrl } from '../kernel/index.ts';
import {
  type AnyAsk,
  type AskKind,
  type Asks,
  type CatalogSetup,
  type Failure,
  type FromCatalog,
  type PageCall,
  type ToCatalog,
  errorOf,
  failureOf,
} from './messages.ts';

const WAITING_MAX = 256;
const STARTS_MAX = 5;
const HOUR_MS = 60 * 60 * 1000;
const CLOSE_TIMEOUT_MS = 3000;
/** What a walk makes is short-lived and small. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 16 };

/** What a walk needs from whoever asked for it. */
export type WalkSupport = {
  /** A page, decrypted and checked. */
  readonly readPage: (page: PageId) => Promise<Uint8Array>;
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal | undefined;
};

type Waiting = {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly support: WalkSupport | undefined;
};
type Host = { readonly log: Log; readonly clock: Clock };
type Running = { readonly worker: Worker; readonly hasEnded: Promise<void> };

export class CatalogThread {
  readonly #setup: CatalogSetup;
  readonly #host: Host;
  readonly #waiting = new Map<number, Waiting>();
  readonly #startsMs: number[] = [];
  #running: Running | undefined;
  #count = 0;
  #isClosed = false;

  constructor(setup: CatalogSetup, host: Host) {
    this.#setup = setup;
    this.#host = host;
  }

  /** Undefined where the catalog does not know. @throws CairnError where what is asked makes no sense, or a walk ended */
  ask<Kind extends AskKind>(
    kind: Kind,
    question: Asks[Kind]['ask'],
    support?: WalkSupport,
  ): Promise<Asks[Kind]['answer'] | undefined> {
    const worker = this.#worker();
    if (worker === undefined || this.#waiting.size >= WAITING_MAX) return Promise.resolve(undefined);
    const number = this.#count++;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#post({ kind: 'cancel', number });
      support?.signal?.addEventListener('abort', onAbort, { once: true });
      const settled = (): void => {
        support?.signal?.removeEventListener('abort', onAbort);
        if (this.#waiting.size === 0) worker.unref();
      };
      this.#waiting.set(number, {
        resolve: (answer) => {
          settled();
          // The thread answers what it was asked: both sides share one table of questions.
          resolve(answer as Asks[Kind]['answer'] | undefined);
        },
        reject: (error) => {
          settled();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
        support,
      });
      worker.ref();
      this.#post({ kind: 'ask', number, ask: { kind, ...question } as AnyAsk });
      if (support?.signal?.aborted === true) onAbort();
    });
  }

  /** Ends the thread; walks are left where they are. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = this.#running;
    if (running === undefined) return;
    running.worker.ref();
    // Asked to, not terminated: a thread that is stopped while it loads a native module takes the process with it.
    running.worker.postMessage({ kind: 'stop' } satisfies ToCatalog);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([running.hasEnded, timeout]);
    clearTimeout(timer);
    running.worker.unref();
  }

  #worker(): Worker | undefined {
    if (this.#isClosed) return undefined;
    if (this.#running !== undefined) return this.#running.worker;
    const nowMs = this.#host.clock.monotonicMs();
    while (this.#startsMs.length > 0 && nowMs - (this.#startsMs[0] ?? 0) > HOUR_MS) this.#startsMs.shift();
    if (this.#startsMs.length >= STARTS_MAX) return undefined;
    this.#startsMs.push(nowMs);
    const worker = new Worker(workerUrl(import.meta.url, 'catalog-worker'), {
      workerData: this.#setup,
      resourceLimits: WORKER_LIMITS,
    });
    const hasEnded = new Promise<void>((resolve) => void worker.once('exit', () => resolve()));
    this.#running = { worker, hasEnded };
    worker.on('message', (message: FromCatalog) => this.#receive(message));
    worker.on('error', (error: unknown) => this.#ended(worker, String(error)));
    worker.on('exit', (code) => this.#ended(worker, `it ended with ${code}`));
    worker.unref();
    return worker;
  }

  /** Whatever the reason, those who wait look for themselves. */
  #ended(worker: Worker, reason: string): void {
    if (this.#running?.worker !== worker) return;
    this.#running = undefined;
    if (!this.#isClosed) this.#host.log('warn', 'the thread of the catalog has ended', { reason });
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { resolve } of waiting) resolve(undefined);
  }

  #post(message: ToCatalog, transfer: readonly ArrayBuffer[] = []): void {
    this.#running?.worker.postMessage(message, transfer);
  }

  #receive(message: FromCatalog): void {
    switch (message.kind) {
      case 'answer':
        this.#take(message.number)?.resolve(message.answer);
        return;
      case 'none':
        this.#take(message.number)?.resolve(undefined);
        return;
      case 'failed':
        this.#take(message.number)?.reject(errorOf(message.failure));
        return;
      case 'pages':
        for (const call of message.calls) this.#hand(call, this.#waiting.get(message.number)?.support);
        return;
      case 'progress':
        this.#waiting.get(message.number)?.support?.onProgress(message.done, message.total);
        return;
      case 'log':
        this.#host.log(message.level, message.message, { reason: message.reason });
        return;
      default:
        assertNever(message);
    }
  }

  #take(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    return waiting;
  }

  #hand({ call, page }: PageCall, support: WalkSupport | undefined): void {
    const fail = (failure: Failure): void => this.#post({ kind: 'no-page', call, failure });
    if (support === undefined) return fail({ code: 'engine/cancelled', message: 'Nobody waits for this walk.' });
    support.readPage(page as PageId).then(
      (bytes) => {
        // A copy: what was read may be a view of what the reader of blobs keeps.
        const copy = bytes.slice();
        this.#post({ kind: 'page', call, bytes: copy }, [copy.buffer]);
      },
      (error: unknown) => fail(failureOf(error)),
    );
  }
}
