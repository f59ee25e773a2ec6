/**
 * The configuration of a repository: written once by init, in two equal copies, and never changed by a backup.
 *
 * Its payload is {record, mac}: `record` is the MessagePack of the fields, `mac` is keyed BLAKE3 over exactly those
 * bytes with K_config, so that whoever holds the storage can't weaken a setting unseen. An unencrypted repository
 * keeps its master key here in the clear: ids and chunking then work the same, and nothing is secret.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { ID_BYTES, type RepositoryId, parseRepositoryId } from '../../../src-shared/ids.ts';
import {
  ENVELOPE_FORMAT,
  OBJECT_TYPE,
  createKeyedHasher,
  decodeEnvelope,
  decodeMessagePack,
  deriveKey,
  encodeEnvelope,
  encodeMessagePack,
} from '../codec/index.ts';
import { RecordReader, equalBytes, fromHex, toHex } from '../kernel/index.ts';

/** Draft 0: the format may still change. Version 1 freezes it. */
export const FORMAT_VERSION = 0;
export const CONFIG_SCHEMA = 1;

/** Features a reader has to know before it may read (or write). None yet; the names are stable strings. */
const KNOWN_FEATURES: ReadonlySet<string> = new Set();

export type RepositoryConfig = {
  readonly formatVersion: number;
  readonly repositoryId: RepositoryId;
  readonly createdAtMs: number;
  readonly encrypted: boolean;
  /** Only where `encrypted` is false. */
  readonly masterKey?: Uint8Array;
  /** 1 = keyed BLAKE3. A stand-in (2 = HMAC-SHA-256) has its number reserved. */
  readonly idAlgorithm: number;
  /** As `cairn init --compression` takes it: “zstd:3”. */
  readonly compression: string;
  /** Incrementals in a chain before the next base. */
  readonly chainIncrementalsMax: number;
  /** Ed25519 public key of the event log. */
  readonly publicKey: Uint8Array;
  /** A reader that doesn't know one of these must stop. */
  readonly featuresRequired: readonly string[];
  /** A writer that doesn't know one of these must not write; readers may ignore them. */
  readonly featuresToWrite: readonly string[];
  /** Fields of a later schema: kept as they came. */
  readonly extra: Readonly<Record<string, unknown>>;
};

/** The envelope bytes of a configuration. `masterKey` is the repository's, also where it is not stored. */
export function encodeConfig(config: RepositoryConfig, masterKey: Uint8Array): Uint8Array {
  const { extra, repositoryId, ...fields } = config;
  const record = encodeMessagePack({ ...extra, ...fields, repositoryId: fromHex(repositoryId) });
  return encodeEnvelope({
    objectType: OBJECT_TYPE.config,
    schemaVersion: CONFIG_SCHEMA,
    readerVersionMin: CONFIG_SCHEMA,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: config.createdAtMs,
    payload: { record, mac: configMac(record, masterKey, repositoryId) },
  });
}

export type DecodedConfig = {
  readonly config: RepositoryConfig;
  readonly record: Uint8Array;
  readonly mac: Uint8Array;
};

/** Reads a configuration; its mac is checked by `checkConfigMac` once the master key is known. */
export function decodeConfig(bytes: Uint8Array): DecodedConfig {
  const { value } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.config, schemaVersionMax: CONFIG_SCHEMA });
  const outer = new RecordReader(value, 'configuration');
  const record = outer.bytes('record');
  const mac = outer.bytes('mac', ID_BYTES);
  const fields = new RecordReader(decodeMessagePack(record), 'configuration');
  const featuresRequired = fields.texts('featuresRequired');
  const formatVersion = fields.count('formatVersion');
  refuseNewer(formatVersion, featuresRequired);
  const encrypted = fields.flag('encrypted');
  const idAlgorithm = fields.count('idAlgorithm');
  if (idAlgorithm !== 1) {
    throw new CairnError(
      'repository/newer-format',
      `This repository uses id algorithm ${idAlgorithm}, which this Cairn doesn’t know.`,
    );
  }
  const config: RepositoryConfig = {
    formatVersion,
    repositoryId: parseRepositoryId(toHex(fields.bytes('repositoryId'))),
    createdAtMs: fields.count('createdAtMs'),
    encrypted,
    ...(encrypted ? {} : { masterKey: fields.bytes('masterKey', ID_BYTES) }),
    idAlgorithm,
    compression: fields.text('compression', 64),
    chainIncrementalsMax: fields.count('chainIncrementalsMax'),
    publicKey: fields.bytes('publicKey', ID_BYTES),
    featuresRequired,
    featuresToWrite: fields.texts('featuresToWrite'),
    extra: fields.rest(),
  };
  return { config, record, mac };
}

/**
 * Stops a writer at a repository in which a later Cairn keeps rules this one doesn't know; reading it is safe.
 * @throws CairnError repository/newer-format
 */
export function refuseToWrite(config: RepositoryConfig): void {
  const unknown = config.featuresToWrite.filter((feature) => !KNOWN_FEATURES.has(feature));
  if (unknown.length === 0) return;
  throw new CairnError(
    'repository/newer-format',
    `Writing to this repository needs the features ${unknown.join(', ')}; this Cairn can only read it.`,
  );
}

function refuseNewer(formatVersion: number, featuresRequired: readonly string[]): void {
  const unknown = featuresRequired.filter((feature) => !KNOWN_FEATURES.has(feature));
  if (formatVersion <= FORMAT_VERSION && unknown.length === 0) return;
  const what = unknown.length > 0 ? `needs the features ${unknown.join(', ')}` : `has format ${formatVersion}`;
  throw new CairnError(
    'repository/newer-format',
    `This repository ${what}; this Cairn reads up to format ${FORMAT_VERSION}.`,
  );
}

/** Refuses a configuration that was changed by someone without the key. */
export function checkConfigMac(decoded: DecodedConfig, masterKey: Uint8Array): void {
  const expected = configMac(decoded.record, masterKey, decoded.config.repositoryId);
  if (!equalBytes(expected, decoded.mac)) {
    throw new CairnError(
      'integrity/damaged',
      'The configuration of this repository was altered: its seal does not match.',
    );
  }
}

function configMac(record: Uint8Array, masterKey: Uint8Array, repositoryId: RepositoryId): Uint8Array {
  const hasher = createKeyedHasher(deriveKey(masterKey, fromHex(repositoryId), 'config'));
  hasher.update(record);
  return hasher.digest();
}
