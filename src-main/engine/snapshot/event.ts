/**
 * Events that are no snapshot: what was decided later about snapshots that never change. A forget, an undelete, a
 * consolidation, a new tag or note is a record of its own, signed, in the same log of its writer as the snapshots.
 *
 * Invariants: the id is the hash of exactly the record's bytes and says nothing of where it is stored; the domain in
 * front of it keeps an event from ever passing for a snapshot. A kind that this version doesn't know keeps its place
 * in the log and has no effect; one that must not be overlooked is written with a higher readerVersionMin.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import {
  type EventId,
  ID_BYTES,
  type InstanceId,
  type RepositoryId,
  type SnapshotId,
  type WriterId,
  parseEventId,
  parseInstanceId,
  parseRepositoryId,
  parseSnapshotId,
  parseWriterId,
} from '../../../src-shared/ids.ts';
import {
  FILE_TYPE,
  type FileSecrets,
  FRAME_KIND,
  OBJECT_TYPE,
  type Signer,
  hash,
  openObjectFile,
  sealObjectFile,
} from '../codec/index.ts';
import { RecordReader, fromHex, toHex, utf8 } from '../kernel/index.ts';
import { FOLDERS } from '../repository/index.ts';
import { type LogHead, readLogHead } from './event-log.ts';
import { type SignedKind, decodeSigned, encodeSigned } from './signed-record.ts';

export const EVENT_SCHEMA = 1;
/** Snapshots one event is about; a retention run over more writes several events. */
export const EVENT_SUBJECTS_MAX = 4096;
const ID_DOMAIN = utf8('cairn/event/v1');
const EVENT_KIND: SignedKind = {
  what: 'an event',
  objectType: OBJECT_TYPE.event,
  schema: EVENT_SCHEMA,
  domain: ID_DOMAIN,
  compression: { kind: 'none' },
};

export const EVENT_KINDS = ['forget', 'undelete', 'consolidate', 'annotate'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export type EventRecord = {
  readonly repositoryId: RepositoryId;
  readonly writerId: WriterId;
  /** Position in this writer's log, from 0: the size of `log`. */
  readonly writerSequence: number;
  /** The log before this event. */
  readonly log: LogHead;
  /** One of EVENT_KINDS, or the kind of a later version. */
  readonly kind: string;
  /** The snapshots it is about, each once. */
  readonly subjects: readonly SnapshotId[];
  /** The only copy of the repository it holds for; absent: it holds for every copy. */
  readonly instanceId?: InstanceId;
  readonly createdAtMs: number;
  readonly host: string;
  readonly user: string;
  /** What a kind says besides: plain values, named in FORMAT.md. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Fields of a later schema, kept as they came. */
  readonly extra: Readonly<Record<string, unknown>>;
};

export function isEventKind(kind: string): kind is EventKind {
  return EVENT_KINDS.some((known) => known === kind);
}

/** The envelope bytes of a signed event, and its id; read back before anyone gets them, like a snapshot's. */
export function encodeEvent(record: EventRecord, signer: Signer): { readonly id: EventId; readonly bytes: Uint8Array } {
  const { createdAtMs } = record;
  const { digest, envelope } = encodeSigned(EVENT_KIND, toFields(record), { createdAtMs, signer });
  decodeEvent(envelope, signer.publicKey);
  return { id: parseEventId(toHex(digest)), bytes: envelope };
}

/** Reads an event and checks its signature against the repository's public key. */
export function decodeEvent(
  bytes: Uint8Array,
  publicKey: Uint8Array,
): { readonly id: EventId; readonly record: EventRecord } {
  const { digest, fields } = decodeSigned(EVENT_KIND, bytes, publicKey);
  return { id: parseEventId(toHex(digest)), record: fromFields(fields) };
}

export type EventFileOptions = {
  /** 16 bytes. */
  readonly repositoryId: Uint8Array;
  readonly secrets: FileSecrets;
};

/** The file of an event: its name in the repository and its bytes. `salt` is 32 fresh random bytes. */
export function sealEventFile(
  envelope: Uint8Array,
  options: EventFileOptions & { readonly salt: Uint8Array },
): { readonly name: string; readonly bytes: Uint8Array } {
  const frames = [{ kind: FRAME_KIND.object, plain: envelope, compression: { kind: 'none' } }] as const;
  const bytes = sealObjectFile({ ...options, fileType: FILE_TYPE.event, frames });
  return { name: `${FOLDERS.events}/${toHex(hash(bytes))}`, bytes };
}

/** The envelope in an event's file. */
export function openEventFile(bytes: Uint8Array, options: EventFileOptions): Uint8Array {
  const { frames } = openObjectFile(bytes, { ...options, fileTypes: [FILE_TYPE.event] });
  const [only] = frames;
  if (only?.kind !== FRAME_KIND.object || frames.length !== 1) {
    throw new CairnError('integrity/malformed', 'An event file does not hold exactly one event.');
  }
  return only.plain;
}

function toFields(record: EventRecord): Record<string, unknown> {
  const { extra, repositoryId, writerId, instanceId, subjects, ...plain } = record;
  const sorted = subjects.toSorted();
  assert(sorted.length <= EVENT_SUBJECTS_MAX, 'an event is about a bounded number of snapshots');
  assert(
    sorted.every((id, index) => id !== sorted[index - 1]),
    'an event names a snapshot once',
  );
  assert(record.writerSequence === record.log.size, 'an event stands at the end of the log it names');
  return {
    ...extra,
    ...plain,
    repositoryId: fromHex(repositoryId),
    writerId: fromHex(writerId),
    subjects: sorted.map(fromHex),
    ...(instanceId === undefined ? {} : { instanceId: fromHex(instanceId) }),
  };
}

function fromFields(value: unknown): EventRecord {
  const fields = new RecordReader(value, 'event');
  const log = readLogHead(fields.record('log'));
  const writerSequence = fields.count('writerSequence');
  if (writerSequence !== log.size) fields.fail('writerSequence');
  const instanceId = fields.optionalBytes('instanceId');
  return {
    repositoryId: parseRepositoryId(toHex(fields.bytes('repositoryId'))),
    writerId: parseWriterId(toHex(fields.bytes('writerId'))),
    writerSequence,
    log,
    kind: fields.text('kind', 64),
    subjects: readSubjects(fields),
    ...(instanceId === undefined ? {} : { instanceId: parseInstanceId(toHex(instanceId)) }),
    createdAtMs: fields.count('createdAtMs'),
    host: fields.text('host'),
    user: fields.text('user'),
    fields: fields.record('fields').rest(),
    extra: fields.rest(),
  };
}

/** Strictly rising: one set of snapshots, one encoding. */
function readSubjects(fields: RecordReader): readonly SnapshotId[] {
  const subjects = fields.list('subjects', (item) =>
    item instanceof Uint8Array && item.length === ID_BYTES ? parseSnapshotId(toHex(item)) : fields.fail('subjects'),
  );
  const isRising = subjects.every((id, index) => index === 0 || (subjects[index - 1] ?? '') < id);
  return isRising && subjects.length <= EVENT_SUBJECTS_MAX ? subjects : fields.fail('subjects');
}
