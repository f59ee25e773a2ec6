/**
 * What snapshots and events have in common: a record in MessagePack, its signature, and an id that is the hash of exactly
 * the record's bytes behind the domain of its kind. The signature is over the id, so a record of one kind can't pass for
 * one of another.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import {
  type CompressionSpec,
  ENVELOPE_FORMAT,
  type ObjectType,
  SIGNATURE_BYTES,
  type Signer,
  decodeEnvelope,
  decodeMessagePack,
  encodeEnvelope,
  encodeMessagePack,
  hash,
  verifySignature,
} from '../codec/index.ts';
import { RecordReader, concatBytes } from '../kernel/index.ts';

export type SignedKind = {
  /** For messages: “a snapshot”. */
  readonly what: string;
  readonly objectType: ObjectType;
  readonly schema: number;
  readonly domain: Uint8Array;
  readonly compression: CompressionSpec;
};

/** The envelope bytes of a signed record, and the digest its id is made of. */
export function encodeSigned(
  kind: SignedKind,
  fields: Record<string, unknown>,
  options: { readonly createdAtMs: number; readonly signer: Signer },
): { readonly digest: Uint8Array; readonly envelope: Uint8Array } {
  const record = encodeMessagePack(fields);
  const digest = digestOf(kind, record);
  const envelope = encodeEnvelope({
    objectType: kind.objectType,
    schemaVersion: kind.schema,
    readerVersionMin: kind.schema,
    format: ENVELOPE_FORMAT.messagePack,
    compression: kind.compression,
    createdAtMs: options.createdAtMs,
    payload: { record, signature: options.signer.sign(digest) },
  });
  return { digest, envelope };
}

/** Checks the signature and gives the record's decoded fields. @throws CairnError integrity/…, repository/newer-format */
export function decodeSigned(
  kind: SignedKind,
  bytes: Uint8Array,
  publicKey: Uint8Array,
): { readonly digest: Uint8Array; readonly fields: unknown } {
  const { value } = decodeEnvelope(bytes, { objectType: kind.objectType, schemaVersionMax: kind.schema });
  const outer = new RecordReader(value, kind.what.replace(/^an? /, ''));
  const record = outer.bytes('record');
  const digest = digestOf(kind, record);
  if (!verifySignature(publicKey, digest, outer.bytes('signature', SIGNATURE_BYTES))) {
    throw new CairnError('integrity/damaged', `The signature of ${kind.what} does not match.`);
  }
  return { digest, fields: decodeMessagePack(record) };
}

function digestOf({ domain }: SignedKind, record: Uint8Array): Uint8Array {
  return hash(concatBytes([domain, record]));
}
