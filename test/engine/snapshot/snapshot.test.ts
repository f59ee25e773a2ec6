/** The snapshot record: what comes back, what survives, and what is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asBlobId, asNodeId, parseSnapshotId } from '../../../src-shared/ids.ts';
import {
  ENVELOPE_FORMAT,
  OBJECT_TYPE,
  createSigner,
  decodeEnvelope,
  decodeMessagePack,
  encodeEnvelope,
  encodeMessagePack,
  hash,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  decodeProblems,
  decodeSnapshot,
  encodeProblems,
  encodeSnapshot,
  summariseSnapshot,
} from '../../../src-main/engine/snapshot/index.ts';
import { bytesOf, recordOf, signer, snapshotOf } from '../../support/lab-snapshots.ts';

/** The record’s own fields, changed, and sealed in an envelope again; signed anew only where a signer is given. */
function resealed(
  bytes: Uint8Array,
  change: (fields: Record<string, unknown>) => void,
  newSigner?: typeof signer,
): Uint8Array {
  const { value } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.snapshot, schemaVersionMax: 1 });
  const outer = value as { record: Uint8Array; signature: Uint8Array };
  const fields = decodeMessagePack(outer.record) as Record<string, unknown>;
  change(fields);
  const record = encodeMessagePack(fields);
  const digest = hash(concatBytes([utf8('cairn/snapshot/v1'), record]));
  return encodeEnvelope({
    objectType: OBJECT_TYPE.snapshot,
    schemaVersion: 1,
    readerVersionMin: 1,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: 1,
    payload: { record, signature: newSigner === undefined ? outer.signature : newSigner.sign(digest) },
  });
}

describe('a snapshot record', () => {
  test('comes back as it was, with everything that may be absent present or absent', () => {
    const optional = fc.record(
      {
        parentId: fc.constant(parseSnapshotId('e'.repeat(64))),
        sealPage: fc.constant({ page: asBlobId(bytesOf(6)), level: 2 }),
        baseRootNodeId: fc.constant(asNodeId(bytesOf(7))),
        problemBlob: fc.constant(asBlobId(bytesOf(8))),
        note: fc.string({ unit: 'grapheme' }),
        tags: fc.array(fc.string()),
        startedAtMs: fc.constantFrom(0, 1, 4_102_444_800_000, 8_640_000_000_000_000),
        writerSequence: fc.maxSafeNat(),
        kind: fc.constantFrom('base' as const, 'incremental' as const),
        pinned: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(optional, (changes) => {
        const record = recordOf(changes);
        const { id, bytes } = encodeSnapshot(record, signer);
        const back = decodeSnapshot(bytes, signer.publicKey);
        expect(back.id).toBe(id);
        expect(back.record).toEqual({
          ...record,
          sources: record.sources.map((source) => ({ ...source, path: new Uint8Array(source.path) })),
        });
      }),
      { numRuns: 50 },
    );
  });

  test('written by a later Cairn keeps the fields this one does not know, when it is written again, and keeps its id', () => {
    const { bytes } = encodeSnapshot(recordOf(), signer);
    const later = resealed(
      bytes,
      (fields) => Object.assign(fields, { later: { deep: [1, 'two', new Uint8Array([3])] }, another: true }),
      signer,
    );
    const { id, record } = decodeSnapshot(later, signer.publicKey);
    expect(record.extra).toEqual({ later: { deep: [1, 'two', new Uint8Array([3])] }, another: true });
    const again = decodeSnapshot(encodeSnapshot(record, signer).bytes, signer.publicKey);
    expect(again.record).toEqual(record);
    expect(again.record.extra).toEqual(record.extra);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  test('has an id that depends on the record only: not on the envelope around it, and on every field in it', () => {
    const { id, bytes } = encodeSnapshot(recordOf(), signer);
    expect(
      decodeSnapshot(
        resealed(bytes, () => undefined),
        signer.publicKey,
      ).id,
    ).toBe(id);
    expect(encodeSnapshot(recordOf(), signer).id).toBe(id);
    const ids = new Set(
      [{ note: 'other' }, { order: 2 }, { host: 'x' }, { pinned: true }, { extra: { later: 1 } }].map(
        (change) => encodeSnapshot(recordOf(change), signer).id,
      ),
    );
    ids.add(id);
    expect(ids.size).toBe(6);
  });

  test.each([
    ['a changed note', (fields: Record<string, unknown>) => void (fields['note'] = 'forged')],
    ['another root', (fields: Record<string, unknown>) => void (fields['rootNodeId'] = bytesOf(99))],
    ['a field more', (fields: Record<string, unknown>) => void (fields['later'] = 1)],
  ])('with %s and its old signature is refused', (_what, change) => {
    const { bytes } = encodeSnapshot(recordOf(), signer);
    expect(() => decodeSnapshot(resealed(bytes, change), signer.publicKey)).toThrow(
      expect.objectContaining({ code: 'integrity/damaged' }),
    );
  });

  test('signed by someone else is refused', () => {
    const stranger = createSigner(new Uint8Array(32).fill(8));
    const { bytes } = encodeSnapshot(recordOf(), stranger);
    expect(() => decodeSnapshot(bytes, signer.publicKey)).toThrow(
      expect.objectContaining({ code: 'integrity/damaged' }),
    );
  });

  test.each([
    [
      'without a host',
      (fields: Record<string, unknown>) => {
        delete fields['host'];
      },
    ],
    [
      'with a log that does not fit its size',
      (fields: Record<string, unknown>) => void (fields['log'] = { size: 3, frontier: [bytesOf(1)] }),
    ],
    [
      'with a frontier of short hashes',
      (fields: Record<string, unknown>) => void (fields['log'] = { size: 1, frontier: [bytesOf(1, 31)] }),
    ],
    ['with a negative order', (fields: Record<string, unknown>) => void (fields['order'] = -1)],
    ['of an unknown kind', (fields: Record<string, unknown>) => void (fields['kind'] = 'differential')],
    ['with a short root', (fields: Record<string, unknown>) => void (fields['rootNodeId'] = bytesOf(1, 16))],
    ['with a source that is a number', (fields: Record<string, unknown>) => void (fields['sources'] = [1])],
  ])('%s is malformed, although its signature is right', (_what, change) => {
    const { bytes } = encodeSnapshot(recordOf(), signer);
    expect(() => decodeSnapshot(resealed(bytes, change, signer), signer.publicKey)).toThrow(
      expect.objectContaining({ code: 'integrity/malformed' }),
    );
  });

  test('with any byte changed is refused with a typed error', () => {
    const { bytes } = encodeSnapshot(recordOf(), signer);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      let thrown: unknown;
      try {
        decodeSnapshot(damaged, signer.publicKey);
      } catch (error) {
        thrown = error;
      }
      expect(thrown, `byte ${at}`).toMatchObject({ name: 'CairnError' });
    }
  });

  test('has a list of problems of its own that comes back as it was', () => {
    const problems = [{ path: 'a\\xff', code: 'EIO', message: 'm' }];
    expect(decodeProblems(encodeProblems(problems))).toEqual(problems);
    expect(decodeProblems(encodeProblems([]))).toEqual([]);
  });

  test('is shown with its raw path escaped and its time in UTC', () => {
    const summary = summariseSnapshot(snapshotOf(1));
    expect(summary).toMatchObject({
      parentId: null,
      time: '2023-11-14T22:13:21.000Z',
      sources: [{ path: '/home/caf\\xe9' }],
    });
  });
});
