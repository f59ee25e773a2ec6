/**
 * The catalog's thread: the entry of a worker. All of SQLite happens here. Questions are answered as they come, also while
 * a walk takes snapshots in: it hands the thread back every few hundred entries.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert, assertNever } from '../../../src-shared/assert.ts';
import { isCairnError } from '../../../src-shared/errors.ts';
import { systemClock } from '../kernel/index.ts';
import { CatalogFiles, type Trees } from './catalog-files.ts';
import { CatalogUnavailable } from './database-file.ts';
import { findEntries } from './find.ts';
import {
  type AnyAsk,
  type AskKind,
  type Asks,
  type CatalogSetup,
  type FromCatalog,
  type TakeInAsk,
  type TakenIn,
  type ToCatalog,
  failureOf,
} from './messages.ts';
import { PageCalls, PageSource } from './page-requests.ts';
import { listFolder, listVersions } from './questions.ts';
import { search } from './search.ts';
import { takeIn } from './take-in.ts';
import type { View } from './view.ts';

const port = parentPort;
assert(port !== null, 'this module runs in a worker thread');
const { folder } = workerData as CatalogSetup;
const tell = (message: FromCatalog): void => port.postMessage(message);
const files = new CatalogFiles({
  folder,
  log: (level, message, reason) => tell({ kind: 'log', level, message, reason }),
  nowMs: systemClock.nowMs,
  monotonicMs: systemClock.monotonicMs,
});
const calls = new PageCalls();
/** Walks under way, by the number of their question. */
const walks = new Map<number, AbortController>();
/** One walk of a repository at a time. */
const turns = new Map<string, Promise<unknown>>();

type Answer<Kind extends AskKind = AskKind> = Promise<Asks[Kind]['answer'] | undefined>;

/** Only where every one of the snapshots is known, and whole. */
function inView<Result>(trees: Trees, ids: readonly string[], work: (view: View) => Result): Result | undefined {
  const view = trees.views.whole(ids);
  return view === undefined ? undefined : work(view);
}

function answer(number: number, ask: AnyAsk): Answer {
  switch (ask.kind) {
    case 'missing':
      return files.trees(
        ask.repositoryId,
        false,
        ({ reads }) => ask.snapshots.filter((id) => reads.snapshot(id) === undefined).length,
      );
    case 'take-in':
      return inTurn(ask.repositoryId, () => walk(number, ask));
    case 'folder':
      return files.trees(ask.repositoryId, false, (trees) =>
        inView(trees, [ask.snapshot], (view) => listFolder(trees.reads, view, ask.names)),
      );
    case 'versions':
      return files.trees(ask.repositoryId, false, (trees) =>
        inView(trees, ask.snapshots, (view) => listVersions(trees.reads, view, ask.names)),
      );
    case 'find':
      return files.trees(ask.repositoryId, false, (trees) =>
        inView(trees, ask.snapshots, (view) => findEntries(trees.reads, view, ask.pattern)),
      );
    case 'search':
      return files.trees(ask.repositoryId, false, ({ reads, views }) => search(reads, views.held(ask.instanceId), ask));
    case 'remove':
      return inTurn(ask.repositoryId, async () => {
        files.remove(ask.repositoryId);
        return null;
      });
    case 'record':
      return files.metrics(true, (metrics) => {
        metrics.record(ask.figures, ask.nowMs);
        return null;
      });
    case 'series':
      return files.metrics(false, (metrics) => metrics.series(ask));
    case 'series-names':
      return files.metrics(false, (metrics) => metrics.names());
    default:
      return assertNever(ask);
  }
}

async function inTurn<Result>(repositoryId: string, work: () => Promise<Result>): Promise<Result> {
  const before = turns.get(repositoryId) ?? Promise.resolve();
  const turn = before.then(work, work);
  turns.set(repositoryId, turn);
  try {
    return await turn;
  } finally {
    if (turns.get(repositoryId) === turn) turns.delete(repositoryId);
  }
}

async function walk(number: number, ask: TakeInAsk): Promise<TakenIn | undefined> {
  const control = walks.get(number) ?? new AbortController();
  const pages = new PageSource({
    calls,
    owner: number,
    signal: control.signal,
    send: (wanted) => tell({ kind: 'pages', number, calls: wanted }),
  });
  return files.trees(ask.repositoryId, true, ({ database, reads }) =>
    takeIn(ask, {
      database,
      reads,
      pages,
      nowMs: systemClock.nowMs,
      signal: control.signal,
      onProgress: (done, total) => tell({ kind: 'progress', number, done, total }),
    }),
  );
}

async function handle(number: number, ask: AnyAsk): Promise<void> {
  if (ask.kind === 'take-in') walks.set(number, new AbortController());
  try {
    const found = await answer(number, ask);
    tell(found === undefined ? { kind: 'none', number } : { kind: 'answer', number, answer: found });
  } catch (error) {
    if (isCairnError(error)) {
      tell({ kind: 'failed', number, failure: failureOf(error) });
      return;
    }
    if (!(error instanceof CatalogUnavailable)) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      tell({ kind: 'log', level: 'error', message: 'a defect of the catalog', reason });
    }
    tell({ kind: 'none', number });
  } finally {
    walks.delete(number);
  }
}

port.on('message', (message: ToCatalog) => {
  switch (message.kind) {
    case 'ask':
      // Never rejects: what fails is an answer.
      handle(message.number, message.ask).catch(() => tell({ kind: 'none', number: message.number }));
      return;
    case 'page':
      calls.answer(message.call, message.bytes);
      return;
    case 'no-page':
      calls.fail(message.call, message.failure);
      return;
    case 'cancel':
      walks.get(message.number)?.abort();
      return;
    case 'stop':
      stop().catch(() => undefined);
  }
});

/** What is under way comes to its end, so that whoever writes next need not wait. */
async function stop(): Promise<void> {
  for (const control of walks.values()) control.abort();
  await Promise.allSettled(turns.values());
  files.close();
  port?.close();
}
