/**
 * Opening a repository: configuration (or its copy), marker, key.
 *
 * A missing configuration means no repository here; a damaged one is read from its copy. Nothing is written.
 */
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import type { Ports } from '../kernel/index.ts';
import type { Store } from '../store/index.ts';
import { type DecodedConfig, checkConfigMac, decodeConfig } from './config.ts';
import { compressionOf, deriveSecrets } from './context.ts';
import { type Instance, NO_INSTANCE, readInstance } from './identity.ts';
import type { LoosePack } from './loose-pack.ts';
import { OpenRuns } from './index-runs.ts';
import { KeptFiles } from './kept-files.ts';
import { unlock } from './key-slots.ts';
import type { ProcessIdentity } from './lease-rules.ts';
import { REPOSITORY_LIMITS, type RepositoryLimits } from './limits.ts';
import { CONFIG, CONFIG_COPY } from './names.ts';
import { Repository, type SecretSource } from './repository.ts';
import { equalBytes } from '../kernel/index.ts';

const CONFIG_BYTES_MAX = 65_536;
/** What is kept of small files that were read before. Five thousand snapshots take about ten megabytes. */
const SNAPSHOTS_KEPT_BYTES = 32 * 1024 * 1024;
const COMMITS_KEPT_BYTES = 16 * 1024 * 1024;
/** A row of a footer: id, segment, offset, length. */
const BLOB_KEPT_BYTES = 64;

export type OpenOptions = {
  readonly store: Store;
  readonly ports: Ports;
  readonly self: ProcessIdentity;
  readonly secret: SecretSource;
  /** Default REPOSITORY_LIMITS; lowered for tests only. */
  readonly limits?: RepositoryLimits;
};

/** @throws CairnError repository/not-found, repository/newer-format, key/…, integrity/…, destination/… */
export async function openRepository(options: OpenOptions): Promise<Repository> {
  const { store, ports, self, limits = REPOSITORY_LIMITS } = options;
  const decoded = await readConfig(store);
  const { config } = decoded;
  const instance = await readInstanceOrStandIn(store, decoded);
  const unlocked =
    config.masterKey === undefined ? await unlock(store, config.repositoryId, await options.secret()) : undefined;
  const masterKey = unlocked?.masterKey ?? config.masterKey;
  if (masterKey === undefined) throw new CairnError('engine/internal', 'A repository was opened without a key.');
  checkConfigMac(decoded, masterKey);
  const secrets = deriveSecrets(masterKey, config.repositoryId, config.encrypted);
  if (!equalBytes(secrets.signer.publicKey, config.publicKey)) {
    throw new CairnError('integrity/damaged', 'The public key in the configuration is not that of this repository.');
  }
  const compression = compressionOf(config);
  const indexRuns = new OpenRuns();
  const kept = {
    commits: new KeptFiles<LoosePack>(COMMITS_KEPT_BYTES, ({ footer }) => footer.blobCount * BLOB_KEPT_BYTES),
    snapshots: new KeptFiles<readonly Uint8Array[]>(SNAPSHOTS_KEPT_BYTES, (envelopes) =>
      envelopes.reduce((sum, { length }) => sum + 2 * length, 0),
    ),
  };
  const context = { store, ports, self, config, instance, compression, limits, indexRuns, kept, ...secrets };
  return new Repository(context, masterKey, unlocked?.slot.id);
}

/**
 * The configuration, from its copy where the first is missing, damaged, or of another repository than the marker and the
 * copy: someone put it there.
 */
export async function readConfig(store: Store): Promise<DecodedConfig> {
  let failure: CairnError | undefined;
  let foreign: DecodedConfig | undefined;
  for (const name of [CONFIG, CONFIG_COPY]) {
    try {
      if ((await store.stat(name)) === undefined) continue;
      const decoded = decodeConfig(await store.read(name, undefined, { sizeBytesMax: CONFIG_BYTES_MAX }));
      if (await isOfMarker(store, decoded)) return decoded;
      foreign ??= decoded;
    } catch (error) {
      if (isCairnError(error, 'repository/newer-format') || !isIntegrityError(error)) throw error;
      failure = error;
    }
  }
  if (foreign !== undefined) return foreign;
  if (failure !== undefined) {
    throw new CairnError(
      'integrity/damaged',
      `The configuration of the repository in ${store.description} is damaged, and so is its copy.`,
      {
        hint: 'Copy the file “config” from another copy of this repository; the data itself may be whole.',
        cause: failure,
      },
    );
  }
  throw new CairnError('repository/not-found', `There is no Cairn repository in ${store.description}.`);
}

/** Whether a configuration belongs to the instance marker beside it; true where there is none to tell. */
async function isOfMarker(store: Store, { config }: DecodedConfig): Promise<boolean> {
  try {
    const instance = await readInstance(store);
    return instance === undefined || instance.repositoryId === config.repositoryId;
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    return true;
  }
}

/** Reading needs no marker, nor that it is the right one; a writer will look for it again and stop (heal.ts). */
async function readInstanceOrStandIn(store: Store, { config }: DecodedConfig): Promise<Instance> {
  try {
    const instance = await readInstance(store);
    if (instance?.repositoryId === config.repositoryId) return instance;
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
  }
  const { repositoryId, createdAtMs } = config;
  return { repositoryId, instanceId: NO_INSTANCE, createdAtMs, host: '' };
}
