/** Signed events: what they keep, what they refuse, and that nobody without the key can make or change one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import {
  parseInstanceId,
  parseRepositoryId,
  parseSnapshotId,
  parseWriterId,
  type SnapshotId,
} from '../../../src-shared/ids.ts';
import {
  createSigner,
  decodeEnvelope,
  decodeMessagePack,
  encodeEnvelope,
  encodeMessagePack,
  ENVELOPE_FORMAT,
  FILE_TYPE,
  FRAME_KIND,
  hash,
  OBJECT_TYPE,
  sealObjectFile,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  appendEvent,
  decodeEvent,
  decodeSnapshot,
  EMPTY_LOG,
  encodeEvent,
  EVENT_KINDS,
  EVENT_SUBJECTS_MAX,
  type EventRecord,
  isEventKind,
  logRoot,
  openEventFile,
  sealEventFile,
} from '../../../src-main/engine/snapshot/index.ts';
import { BOTH_CIPHERS, errorOf, flippedBits, REPOSITORY_ID, secretsFor } from '../../support/codec.ts';

const signer = createSigner(new Uint8Array(32).fill(5));
const { publicKey } = signer;
const snapshotId = (fill: string): SnapshotId => parseSnapshotId(fill.repeat(64));
const SALT = new Uint8Array(32).fill(9);

function eventOf(fields: Partial<EventRecord> = {}): EventRecord {
  return {
    repositoryId: parseRepositoryId(toHex(REPOSITORY_ID)),
    writerId: parseWriterId('ab'.repeat(16)),
    writerSequence: 0,
    log: EMPTY_LOG,
    kind: 'forget',
    subjects: [snapshotId('1'), snapshotId('2')],
    createdAtMs: 1_700_000_000_000,
    host: 'lab',
    user: 'ann',
    fields: { reason: 'retention', graceMs: 604_800_000 },
    extra: {},
    ...fields,
  };
}

/** A signed event whose record holds whatever is given: what a later Cairn, or a careless one, would write. */
function signedRecord(record: Readonly<Record<string, unknown>>, readerVersionMin = 1): Uint8Array {
  const bytes = encodeMessagePack(record);
  return encodeEnvelope({
    objectType: OBJECT_TYPE.event,
    schemaVersion: 2,
    readerVersionMin,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: 0,
    payload: { record: bytes, signature: signer.sign(hash(concatBytes([utf8('cairn/event/v1'), bytes]))) },
  });
}

function recordIn(envelope: Uint8Array): Record<string, unknown> {
  const { value } = decodeEnvelope(envelope, { objectType: OBJECT_TYPE.event, schemaVersionMax: 1 });
  return decodeMessagePack((value as { record: Uint8Array }).record) as Record<string, unknown>;
}

describe('an event', () => {
  test.each(EVENT_KINDS)('of kind %s comes back as it was written', (kind) => {
    const record = eventOf({ kind, instanceId: parseInstanceId('cd'.repeat(16)) });
    const { id, bytes } = encodeEvent(record, signer);
    expect(decodeEvent(bytes, publicKey)).toEqual({ id, record });
    expect(isEventKind(kind)).toBe(true);
  });

  test('has one id, in whatever order its subjects are given', () => {
    const one = encodeEvent(eventOf(), signer);
    const other = encodeEvent(eventOf({ subjects: [snapshotId('2'), snapshotId('1')] }), signer);
    expect(other.id).toBe(one.id);
    expect(encodeEvent(eventOf({ subjects: [snapshotId('1')] }), signer).id).not.toBe(one.id);
  });

  test('goes on where the log ended, and the log goes on with its id', () => {
    const first = encodeEvent(eventOf(), signer);
    const log = appendEvent(EMPTY_LOG, Buffer.from(first.id, 'hex'));
    const { record } = decodeEvent(encodeEvent(eventOf({ log, writerSequence: 1 }), signer).bytes, publicKey);
    expect(toHex(logRoot(record.log))).toBe(toHex(logRoot(log)));
  });

  test('of a kind, with fields and with a schema of a later Cairn is read, and keeps what this one does not know', () => {
    const fields = recordIn(encodeEvent(eventOf(), signer).bytes);
    const later = signedRecord({ ...fields, kind: 'transplant', donor: 'another', fields: { deep: [1, { two: 2 }] } });
    const { record } = decodeEvent(later, publicKey);
    expect(record).toMatchObject({
      kind: 'transplant',
      extra: { donor: 'another' },
      fields: { deep: [1, { two: 2 }] },
    });
    expect(isEventKind(record.kind)).toBe(false);
    expect(recordIn(encodeEvent(record, signer).bytes)).toMatchObject({ kind: 'transplant', donor: 'another' });
  });

  test('that must not be overlooked is newer, not damaged', () => {
    const later = signedRecord(recordIn(encodeEvent(eventOf(), signer).bytes), 2);
    expect(
      isCairnError(
        errorOf(() => decodeEvent(later, publicKey)),
        'repository/newer-format',
      ),
    ).toBe(true);
  });

  test('is refused with any bit changed, or under another key', () => {
    const { bytes } = encodeEvent(eventOf(), signer);
    for (const { bit, changed } of flippedBits(bytes)) {
      expect(isCairnError(errorOf(() => decodeEvent(changed, publicKey))), `bit ${bit}`).toBe(true);
    }
    const other = createSigner(new Uint8Array(32).fill(6)).publicKey;
    expect(
      isCairnError(
        errorOf(() => decodeEvent(bytes, other)),
        'integrity/damaged',
      ),
    ).toBe(true);
  });

  test('is never taken for a snapshot, not even with its envelope made to say so', () => {
    const { bytes } = encodeEvent(eventOf(), signer);
    const { value } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.event, schemaVersionMax: 1 });
    const shared = {
      schemaVersion: 1,
      readerVersionMin: 1,
      format: ENVELOPE_FORMAT.messagePack,
      createdAtMs: 0,
    } as const;
    const disguised = encodeEnvelope({
      objectType: OBJECT_TYPE.snapshot,
      compression: { kind: 'none' },
      payload: value,
      ...shared,
    });
    expect(
      isCairnError(
        errorOf(() => decodeSnapshot(disguised, publicKey)),
        'integrity/damaged',
      ),
    ).toBe(true);
  });

  test.each([
    ['its place is not the size of its log', { writerSequence: 4 }],
    ['its subjects do not rise', { subjects: [new Uint8Array(32).fill(2), new Uint8Array(32).fill(1)] }],
    ['a subject stands there twice', { subjects: [new Uint8Array(32), new Uint8Array(32)] }],
    ['a subject is no id', { subjects: [new Uint8Array(31)] }],
    [
      'it has too many subjects',
      { subjects: Array.from({ length: EVENT_SUBJECTS_MAX + 1 }, (_, index) => idOfNumber(index)) },
    ],
    ['its log has a frontier of another size', { log: { size: 3, frontier: [new Uint8Array(32)] } }],
    ['its kind is no text', { kind: 7 }],
    ['its fields are no map', { fields: [] }],
    ['its repository is no id', { repositoryId: new Uint8Array(15) }],
  ])('is refused where %s, signed or not', (_why, change) => {
    const changed = signedRecord({ ...recordIn(encodeEvent(eventOf(), signer).bytes), ...change });
    expect(
      isCairnError(
        errorOf(() => decodeEvent(changed, publicKey)),
        'integrity/malformed',
      ),
    ).toBe(true);
  });

  test('decodes from any bytes to a value or a CairnError', () => {
    const anyRecord = fc.dictionary(
      fc.constantFrom('repositoryId', 'writerId', 'writerSequence', 'log', 'kind', 'subjects', 'instanceId', 'fields'),
      fc.oneof(
        fc.string(),
        fc.nat(),
        fc.boolean(),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.uint8Array({ maxLength: 40 })),
      ),
    );
    const base = recordIn(encodeEvent(eventOf(), signer).bytes);
    fc.assert(
      fc.property(anyRecord, (fields) => {
        const error = errorOf(() => decodeEvent(signedRecord({ ...base, ...fields }), publicKey));
        expect(error === undefined || isCairnError(error)).toBe(true);
      }),
    );
  });
});

function idOfNumber(index: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, index);
  return id;
}

describe('the file of an event', () => {
  test.each(BOTH_CIPHERS)('is named by its bytes and opens to its envelope (cipher %i)', (cipher) => {
    const options = { repositoryId: REPOSITORY_ID, secrets: secretsFor(cipher) };
    const { bytes: envelope } = encodeEvent(eventOf(), signer);
    const { name, bytes } = sealEventFile(envelope, { ...options, salt: SALT });
    expect(name).toBe(`events/${toHex(hash(bytes))}`);
    expect(toHex(openEventFile(bytes, options))).toBe(toHex(envelope));
  });

  test('is refused as anything but exactly one event', () => {
    const options = { repositoryId: REPOSITORY_ID, secrets: secretsFor(1) };
    const plain = encodeEvent(eventOf(), signer).bytes;
    const frame = { kind: FRAME_KIND.object, plain, compression: { kind: 'none' } } as const;
    const twice = sealObjectFile({ ...options, salt: SALT, fileType: FILE_TYPE.event, frames: [frame, frame] });
    const condemnation = sealObjectFile({ ...options, salt: SALT, fileType: FILE_TYPE.condemnation, frames: [frame] });
    for (const bytes of [twice, condemnation]) {
      expect(
        isCairnError(
          errorOf(() => openEventFile(bytes, options)),
          'integrity/malformed',
        ),
      ).toBe(true);
    }
    const other = { ...options, secrets: secretsFor(1, 0x70) };
    const { bytes } = sealEventFile(plain, { ...options, salt: SALT });
    expect(
      isCairnError(
        errorOf(() => openEventFile(bytes, other)),
        'integrity/damaged',
      ),
    ).toBe(true);
  });
});
