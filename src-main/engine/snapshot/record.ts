/**
 * The snapshot record: one state of the sources, the only commit point of a backup, and at the same time an event in
 * its writer's log.
 *
 * Invariants: the id is the hash of exactly the record's bytes and does not depend on where or how the record is
 * stored; both roots are in it (the page root finds the data, the node root proves it); the signature is over the id.
 * Order comes from `order`, a number that only rises, never from the clock.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import {
  type BlobId,
  type ChainId,
  ID_BYTES,
  type NodeId,
  type PageId,
  type RepositoryId,
  type SnapshotId,
  type WriterId,
  asBlobId,
  asNodeId,
  parseChainId,
  parseRepositoryId,
  parseSnapshotId,
  parseWriterId,
} from '../../../src-shared/ids.ts';
import type { SnapshotKind, SnapshotStats } from '../../../src-shared/model/index.ts';
import { OBJECT_TYPE, type Signer, decodeMessagePack, encodeMessagePack } from '../codec/index.ts';
import { RecordReader, fromHex, toHex, utf8 } from '../kernel/index.ts';
import { type LogHead, readLogHead } from './event-log.ts';
import { type SignedKind, decodeSigned, encodeSigned } from './signed-record.ts';

export const SNAPSHOT_SCHEMA = 1;
/** Problems beyond this many go into a blob of their own, so that the record stays small. */
export const PROBLEMS_INLINE_MAX = 200;
/** Characters of each text of a problem; the rest is cut off. A path may be as long as a disk is deep. */
export const PROBLEM_TEXT_LENGTH_MAX = 4096;
/** Texts of the problems in a blob: with what MessagePack adds they stay under the largest blob. */
export const PROBLEM_LIST_BYTES_MAX = 6 * 1024 * 1024;
/** What a reader takes of a text (kernel/record-reader.ts). */
export const NOTE_LENGTH_MAX = 65_536;
/** What MessagePack adds to a problem's texts, and a floor that bounds their number. */
const PROBLEM_OVERHEAD_BYTES = 64;
/** The last moment that a Date can hold, in ms since 1970. */
export const DATE_MS_MAX = 8_640_000_000_000_000;
/** A drive, or a share. */
const WINDOWS_ROOT = /^([A-Za-z]:[\\/]|\\\\)/;
const ID_DOMAIN = utf8('cairn/snapshot/v1');
const SNAPSHOT_KIND: SignedKind = {
  what: 'a snapshot',
  objectType: OBJECT_TYPE.snapshot,
  schema: SNAPSHOT_SCHEMA,
  domain: ID_DOMAIN,
  compression: { kind: 'zstd', level: 3 },
};

/** Where a page tree begins: its top page and that page's level (0 is a leaf). */
export type PageRef = { readonly page: PageId; readonly level: number };

/** The rules a source was read with, so that a person can see what was left out and why. */
export type SourceRules = {
  readonly excludes: readonly string[];
  readonly excludeLargerThanBytes: number;
  readonly oneFileSystem: boolean;
  readonly symlinks: 'store' | 'follow';
  /** Absent: not. */
  readonly cairnignore?: boolean;
  readonly gitignore?: boolean;
  readonly excludeCaches?: boolean;
  /** Names that mark folders. Absent: none. */
  readonly excludeIfPresent?: readonly string[];
};

export type SnapshotSourceRecord = {
  /** Raw bytes of the absolute path. */
  readonly path: Uint8Array;
  /** The name of the source's entry in the top page. */
  readonly name: string;
  readonly rootNodeId: NodeId;
  readonly rules: SourceRules;
};

export type SnapshotRecord = {
  readonly repositoryId: RepositoryId;
  readonly writerId: WriterId;
  /** Position in this writer's log, from 0. */
  readonly writerSequence: number;
  /** The log before this event. */
  readonly log: LogHead;
  /** Rises with each snapshot of the repository: the order of history. */
  readonly order: number;
  readonly parentId?: SnapshotId;
  readonly chainId: ChainId;
  /** 0 for the base. */
  readonly sequence: number;
  readonly kind: SnapshotKind;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly host: string;
  readonly user: string;
  readonly sources: readonly SnapshotSourceRecord[];
  /** Top page: one entry per source. */
  readonly rootPage: PageRef;
  /** Seal page of the top page; absent where no source is a folder. */
  readonly sealPage?: PageRef;
  readonly rootNodeId: NodeId;
  /** The node root this backup began from. */
  readonly baseRootNodeId?: NodeId;
  /** Root of the Merkle set of the earlier snapshots of this chain. */
  readonly chainSetRoot: Uint8Array;
  /** Root of the Merkle set of the packs this backup added, and how many. */
  readonly packSetRoot: Uint8Array;
  readonly packCount: number;
  readonly tags: readonly string[];
  readonly note: string;
  readonly pinned: boolean;
  readonly stats: SnapshotStats;
  readonly problemCount: number;
  readonly problems: readonly Problem[];
  /** A blob with all problems (or as many as fit into it), where they are more than PROBLEMS_INLINE_MAX. */
  readonly problemBlob?: BlobId;
  /** Fields of a later schema, kept as they came. */
  readonly extra: Readonly<Record<string, unknown>>;
};

/**
 * The envelope bytes of a signed snapshot, and its id. Read back before anyone gets them: a snapshot that is
 * acknowledged and can't be read would be a backup that was never made.
 */
export function encodeSnapshot(record: SnapshotRecord, signer: Signer): { id: SnapshotId; bytes: Uint8Array } {
  if (record.note.length > NOTE_LENGTH_MAX) {
    throw new CairnError('usage/invalid', `A note has at most ${NOTE_LENGTH_MAX} characters.`);
  }
  const createdAtMs = record.finishedAtMs;
  const { digest, envelope } = encodeSigned(SNAPSHOT_KIND, toFields(record), { createdAtMs, signer });
  decodeSnapshot(envelope, signer.publicKey);
  return { id: parseSnapshotId(toHex(digest)), bytes: envelope };
}

/** Reads a snapshot and checks its signature against the repository's public key. */
export function decodeSnapshot(bytes: Uint8Array, publicKey: Uint8Array): { id: SnapshotId; record: SnapshotRecord } {
  const { digest, fields } = decodeSigned(SNAPSHOT_KIND, bytes, publicKey);
  return { id: parseSnapshotId(toHex(digest)), record: fromFields(fields) };
}

function toFields(record: SnapshotRecord): Record<string, unknown> {
  const { extra, repositoryId, writerId, parentId, chainId, sources, problems, ...plain } = record;
  return {
    ...extra,
    ...plain,
    repositoryId: fromHex(repositoryId),
    writerId: fromHex(writerId),
    chainId: fromHex(chainId),
    ...(parentId === undefined ? {} : { parentId: fromHex(parentId) }),
    sources: sources.map((source) => ({ ...source, rules: { ...source.rules } })),
    problems: problems.map(boundedProblem),
  };
}

function fromFields(value: unknown): SnapshotRecord {
  const fields = new RecordReader(value, 'snapshot');
  const parentId = fields.optionalBytes('parentId', ID_BYTES);
  const sealPage = fields.has('sealPage') ? readPageRef(fields.record('sealPage')) : undefined;
  const baseRoot = fields.optionalBytes('baseRootNodeId', ID_BYTES);
  const problemBlob = fields.optionalBytes('problemBlob', ID_BYTES);
  const log = readLogHead(fields.record('log'));
  const kindText = fields.text('kind');
  const kind = kindText === 'base' || kindText === 'incremental' ? kindText : fields.fail('kind');
  return {
    repositoryId: parseRepositoryId(toHex(fields.bytes('repositoryId'))),
    writerId: parseWriterId(toHex(fields.bytes('writerId'))),
    writerSequence: fields.count('writerSequence'),
    log,
    order: fields.count('order'),
    ...(parentId === undefined ? {} : { parentId: parseSnapshotId(toHex(parentId)) }),
    chainId: parseChainId(toHex(fields.bytes('chainId'))),
    sequence: fields.count('sequence'),
    kind,
    startedAtMs: readTime(fields, 'startedAtMs'),
    finishedAtMs: readTime(fields, 'finishedAtMs'),
    host: fields.text('host'),
    user: fields.text('user'),
    sources: fields.list('sources', readSource),
    rootPage: readPageRef(fields.record('rootPage')),
    ...(sealPage === undefined ? {} : { sealPage }),
    rootNodeId: asNodeId(fields.bytes('rootNodeId')),
    ...(baseRoot === undefined ? {} : { baseRootNodeId: asNodeId(baseRoot) }),
    chainSetRoot: fields.bytes('chainSetRoot', ID_BYTES),
    packSetRoot: fields.bytes('packSetRoot', ID_BYTES),
    packCount: fields.count('packCount'),
    tags: fields.texts('tags'),
    note: fields.text('note'),
    pinned: fields.flag('pinned'),
    stats: readStats(fields.record('stats')),
    problemCount: fields.count('problemCount'),
    problems: fields.list('problems', readProblem),
    ...(problemBlob === undefined ? {} : { problemBlob: asBlobId(problemBlob) }),
    extra: fields.rest(),
  };
}

/** Milliseconds since 1970 that are a date. */
function readTime(fields: RecordReader, name: string): number {
  const timeMs = fields.count(name);
  return timeMs <= DATE_MS_MAX ? timeMs : fields.fail(name);
}

/** The path of a source: where a restore without a target goes, so it has to be one from a root, without detours. */
function readPath(fields: RecordReader): Uint8Array {
  const path = fields.bytes('path');
  const text = Buffer.from(path.buffer, path.byteOffset, path.length).toString('latin1');
  const isWindows = WINDOWS_ROOT.test(text);
  if (!isWindows && !text.startsWith('/')) return fields.fail('path');
  const parts = text.split(isWindows ? /[\\/]/ : '/');
  return text.includes('\0') || parts.includes('..') || parts.includes('.') ? fields.fail('path') : path;
}

function readPageRef(fields: RecordReader): PageRef {
  const level = fields.count('level');
  return { page: asBlobId(fields.bytes('page')), level };
}

function readSource(value: unknown): SnapshotSourceRecord {
  const fields = new RecordReader(value, 'snapshot source');
  const rules = fields.record('rules');
  const symlinks = rules.text('symlinks');
  return {
    path: readPath(fields),
    name: fields.text('name'),
    rootNodeId: asNodeId(fields.bytes('rootNodeId')),
    rules: {
      excludes: rules.texts('excludes'),
      excludeLargerThanBytes: rules.count('excludeLargerThanBytes'),
      oneFileSystem: rules.flag('oneFileSystem'),
      symlinks: symlinks === 'follow' ? 'follow' : 'store',
      ...(rules.has('cairnignore') ? { cairnignore: rules.flag('cairnignore') } : {}),
      ...(rules.has('gitignore') ? { gitignore: rules.flag('gitignore') } : {}),
      ...(rules.has('excludeCaches') ? { excludeCaches: rules.flag('excludeCaches') } : {}),
      ...(rules.has('excludeIfPresent') ? { excludeIfPresent: rules.texts('excludeIfPresent') } : {}),
    },
  };
}

function readStats(fields: RecordReader): SnapshotStats {
  return {
    filesNew: fields.count('filesNew'),
    filesChanged: fields.count('filesChanged'),
    filesUnmodified: fields.count('filesUnmodified'),
    filesRemoved: fields.count('filesRemoved'),
    folders: fields.count('folders'),
    metadataChanges: fields.count('metadataChanges'),
    bytesScanned: fields.count('bytesScanned'),
    bytesRead: fields.count('bytesRead'),
    bytesAdded: fields.count('bytesAdded'),
    bytesStored: fields.count('bytesStored'),
  };
}

function readProblem(value: unknown): Problem {
  const fields = new RecordReader(value, 'problem');
  return { path: fields.text('path'), code: fields.text('code'), message: fields.text('message') };
}

/** A list of problems as the content of a blob, for backups with very many: the first ones, as many as fit. */
export function encodeProblems(problems: readonly Problem[]): Uint8Array {
  const kept: Problem[] = [];
  let sizeBytes = 0;
  for (const problem of problems) {
    const { path, code, message } = boundedProblem(problem);
    sizeBytes += PROBLEM_OVERHEAD_BYTES + utf8(path + code + message).length;
    if (sizeBytes > PROBLEM_LIST_BYTES_MAX) break;
    kept.push({ path, code, message });
  }
  return encodeMessagePack({ problems: kept });
}

function boundedProblem({ path, code, message }: Problem): Problem {
  return { path: boundedText(path), code: boundedText(code), message: boundedText(message) };
}

function boundedText(text: string): string {
  if (text.length <= PROBLEM_TEXT_LENGTH_MAX) return text;
  return `${text.slice(0, PROBLEM_TEXT_LENGTH_MAX - 1).toWellFormed()}…`;
}

export function decodeProblems(bytes: Uint8Array): readonly Problem[] {
  return new RecordReader(decodeMessagePack(bytes), 'problem list').list('problems', readProblem);
}
