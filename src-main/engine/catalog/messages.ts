/** What the engine and the catalog's thread say to each other. Plain data; bytes are copied or handed over. */
import { CairnError, type ErrorCode, ERROR_TABLE } from '../../../src-shared/errors.ts';
import type { CatalogEntry, FileVersion, CatalogPage, SeriesBucket } from '../../../src-shared/model/index.ts';
import type { LogLevel } from '../kernel/index.ts';

/** A snapshot as the thread needs it to walk its trees. */
export type SnapshotToTake = {
  readonly id: string;
  readonly order: number;
  readonly finishedAtMs: number;
  readonly host: string;
  readonly topPage: Uint8Array;
  readonly topLevel: number;
  readonly sources: readonly { readonly name: string; readonly path: Uint8Array }[];
};

export type TakeInAsk = {
  readonly repositoryId: string;
  /** The copy that was listed: another copy of the same repository may hold other snapshots. */
  readonly instanceId: string;
  /** All of this copy, oldest first. */
  readonly snapshots: readonly SnapshotToTake[];
  /** Nothing is missing from the list, so that what is not in it is not in this copy any more. */
  readonly isWhole: boolean;
  /** Walk those again that could not be read whole, however short ago it was tried. */
  readonly retries: boolean;
};

export type TakenIn = {
  readonly taken: number;
  readonly forgotten: number;
  /** Snapshots of this copy that could not be read whole. */
  readonly damaged: number;
};

/** Names of a path from the top of what a snapshot shows. */
export type PathNames = readonly Uint8Array[];

export type FolderAnswer =
  | { readonly kind: 'absent' }
  /** One entry where it is no folder. */
  | { readonly kind: 'found'; readonly entries: readonly CatalogEntry[] };

export type FindAnswer =
  { readonly kind: 'found'; readonly versions: readonly FileVersion[] } | { readonly kind: 'too-many' };

export type SearchAsk = {
  readonly repositoryId: string;
  readonly instanceId: string;
  readonly text: string;
  readonly offset: number;
  readonly limit: number;
};

export type Figure = { readonly name: string; readonly value: number; readonly atMs: number };

export type SeriesAsk = {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly buckets: number;
};

/** What can be asked, and what is answered. `snapshots` are ids, oldest first: the answer is about exactly these. */
export type Asks = {
  missing: { ask: { readonly repositoryId: string; readonly snapshots: readonly string[] }; answer: number };
  'take-in': { ask: TakeInAsk; answer: TakenIn };
  folder: {
    ask: { readonly repositoryId: string; readonly snapshot: string; readonly names: PathNames };
    answer: FolderAnswer;
  };
  versions: {
    ask: { readonly repositoryId: string; readonly snapshots: readonly string[]; readonly names: PathNames };
    answer: readonly FileVersion[];
  };
  find: {
    ask: { readonly repositoryId: string; readonly snapshots: readonly string[]; readonly pattern: string };
    answer: FindAnswer;
  };
  search: { ask: SearchAsk; answer: CatalogPage };
  remove: { ask: { readonly repositoryId: string }; answer: null };
  record: { ask: { readonly figures: readonly Figure[]; readonly nowMs: number }; answer: null };
  series: { ask: SeriesAsk; answer: readonly SeriesBucket[] };
  'series-names': { ask: Record<string, never>; answer: readonly string[] };
};
export type AskKind = keyof Asks;
/** Each kind with its own question. */
export type AnyAsk = { [Kind in AskKind]: { readonly kind: Kind } & Asks[Kind]['ask'] }[AskKind];

export type PageCall = { readonly call: number; readonly page: Uint8Array };
export type Failure = { readonly code: string; readonly message: string };

export type ToCatalog =
  | { readonly kind: 'ask'; readonly number: number; readonly ask: AnyAsk }
  | { readonly kind: 'page'; readonly call: number; readonly bytes: Uint8Array }
  | { readonly kind: 'no-page'; readonly call: number; readonly failure: Failure }
  | { readonly kind: 'cancel'; readonly number: number }
  | { readonly kind: 'stop' };

export type FromCatalog =
  | { readonly kind: 'answer'; readonly number: number; readonly answer: unknown }
  /** The catalog does not know: whoever asked looks for himself. */
  | { readonly kind: 'none'; readonly number: number }
  /** What was asked makes no sense, or a walk ended: an error with one of the codes of errors.ts. */
  | { readonly kind: 'failed'; readonly number: number; readonly failure: Failure }
  /** Pages that a walk wants; `number` is that of the question it belongs to. */
  | { readonly kind: 'pages'; readonly number: number; readonly calls: readonly PageCall[] }
  | { readonly kind: 'progress'; readonly number: number; readonly done: number; readonly total: number }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly reason: string };

/** What the thread is started with. */
export type CatalogSetup = { readonly folder: string };

/** An error as a message carries it. */
export function failureOf(error: unknown): Failure {
  const code = error instanceof CairnError ? error.code : 'engine/internal';
  return { code, message: error instanceof Error ? error.message : String(error) };
}

export function errorOf({ code, message }: Failure): CairnError {
  return new CairnError(isErrorCode(code) ? code : 'engine/internal', message);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code);
}
