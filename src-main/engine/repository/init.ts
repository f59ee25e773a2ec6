/**
 * Making a repository: in an order in which a crash leaves either nothing that opens or a whole repository.
 *
 * Marker and keys first; then the two copies of the configuration. The first copy to appear is the moment the
 * repository exists, and everything it needs is durable by then. What an interrupted init leaves behind holds no
 * data, so the next init clears it away; anything else in the folder makes init refuse.
 */
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import { type RepositoryId, parseInstanceId, parseRepositoryId } from '../../../src-shared/ids.ts';
import {
  type CompressionSpec,
  KDF_COST_DEFAULT,
  type KdfCost,
  createPasswordSlot,
  createRecoverySlot,
  createSigner,
  deriveKey,
  formatCompression,
  formatRecoveryKey,
  hash,
} from '../codec/index.ts';
import { type Ports, fromHex, toHex } from '../kernel/index.ts';
import { type Store, writeWhole } from '../store/index.ts';
import { FORMAT_VERSION, type RepositoryConfig, encodeConfig } from './config.ts';
import { decodeInstance, encodeInstance } from './identity.ts';
import { storeSlot } from './key-slots.ts';
import { CONFIG, CONFIG_COPY, FOLDERS, INSTANCE, PACK_FOLDERS, RESERVE, baseName } from './names.ts';
import { RESERVE_BYTES, buildReserve, checkReserve } from './reserve.ts';

export const CHAIN_INCREMENTALS_MAX = 50;

export type InitOptions = {
  readonly store: Store;
  readonly ports: Ports;
  readonly host: string;
  /** Absent: the repository is not encrypted. */
  readonly password?: string;
  readonly compression: CompressionSpec;
  /** scrypt’s N as a power of two: 17 by default. Lowered for tests only. */
  readonly kdfCost?: number;
  readonly reserveBytes?: number;
};

export type Initialised = {
  readonly repositoryId: RepositoryId;
  readonly instanceId: string;
  readonly encrypted: boolean;
  readonly recoveryKey?: string;
};

/** Makes a repository in an empty store. @throws CairnError repository/exists, repository/not-empty, destination/… */
export async function initRepository(options: InitOptions): Promise<Initialised> {
  const { store, ports, password } = options;
  await clearUnfinishedInit(store);
  const { random, clock } = ports;
  const masterKey = random.bytes(32);
  const repositoryId = parseRepositoryId(toHex(random.bytes(16)));
  const instanceId = parseInstanceId(toHex(random.bytes(16)));
  const createdAtMs = clock.nowMs();
  const encrypted = password !== undefined;

  await writeWhole(store, INSTANCE, encodeInstance({ repositoryId, instanceId, createdAtMs, host: options.host }));
  const reserve = buildReserve(options.reserveBytes ?? RESERVE_BYTES, random.bytes(48), createdAtMs);
  await writeWhole(store, RESERVE, reserve);
  const recoveryKey = encrypted ? await storeFirstKeys(options, password, masterKey, fromHex(repositoryId)) : undefined;

  const config: RepositoryConfig = {
    formatVersion: FORMAT_VERSION,
    repositoryId,
    createdAtMs,
    encrypted,
    ...(encrypted ? {} : { masterKey }),
    idAlgorithm: 1,
    compression: formatCompression(options.compression),
    chainIncrementalsMax: CHAIN_INCREMENTALS_MAX,
    publicKey: createSigner(deriveKey(masterKey, fromHex(repositoryId), 'sign')).publicKey,
    featuresRequired: [],
    featuresToWrite: [],
    extra: {},
  };
  const bytes = encodeConfig(config, masterKey);
  await writeWhole(store, CONFIG_COPY, bytes);
  await writeWhole(store, CONFIG, bytes);
  return { repositoryId, instanceId, encrypted, ...(recoveryKey === undefined ? {} : { recoveryKey }) };
}

async function storeFirstKeys(
  options: InitOptions,
  password: string,
  masterKey: Uint8Array,
  repositoryId: Uint8Array,
): Promise<string> {
  const { store, ports } = options;
  const shared = { masterKey, repositoryId, random: ports.random, createdAtMs: ports.clock.nowMs() };
  const slot = await createPasswordSlot({ ...shared, password, label: 'password', cost: kdfCostOf(options.kdfCost) });
  await storeSlot(store, slot.bytes);
  const recoveryKey = ports.random.bytes(32);
  await storeSlot(store, createRecoverySlot({ ...shared, recoveryKey, label: 'recovery key' }).bytes);
  return formatRecoveryKey(recoveryKey);
}

/** scrypt parameters from the exponent a test gives, or the default. */
export function kdfCostOf(exponent: number | undefined): KdfCost {
  return exponent === undefined ? KDF_COST_DEFAULT : { ...KDF_COST_DEFAULT, N: 2 ** exponent };
}

/**
 * Refuses a folder in use; removes what an init that never finished left there. Only what is proven to be ours is
 * removed: a person may have a folder called “keys” too.
 */
async function clearUnfinishedInit(store: Store): Promise<void> {
  const root = (await store.list('')).map(({ name }) => name);
  if (root.includes(CONFIG) || root.includes(CONFIG_COPY)) {
    throw new CairnError('repository/exists', `There is a repository in ${store.description} already.`);
  }
  for (const folder of [FOLDERS.commits, FOLDERS.snapshots, FOLDERS.index, ...PACK_FOLDERS]) {
    if ((await store.list(folder)).length > 0) {
      throw new CairnError(
        'integrity/missing',
        `${store.description} holds backups, but both copies of its configuration are missing.`,
        {
          hint: 'Do not make a new repository here. Copy “config” from another copy of this repository, if there is one.',
        },
      );
    }
  }
  const names = [...root];
  for (const folder of Object.values(FOLDERS)) names.push(...(await store.list(folder)).map(({ name }) => name));
  const foreign: string[] = [];
  for (const name of names) if (!(await isLeftOfInit(store, name))) foreign.push(name);
  if (foreign.length > 0) {
    throw new CairnError(
      'repository/not-empty',
      `${store.description} is not empty: it holds ${foreign.slice(0, 3).map(displayPath).join(', ')}.`,
    );
  }
  if (names.length > 0) await store.remove(names);
}

/** Whether a file is one that an init writes before its configuration, by its content. */
async function isLeftOfInit(store: Store, name: string): Promise<boolean> {
  try {
    if (name === INSTANCE) decodeInstance(await store.read(name));
    else if (name === RESERVE) checkReserve(await store.read(name));
    else if (name.startsWith(`${FOLDERS.keys}/`))
      return toHex(hash(await store.read(name))) === baseName(name).replace(/\.[ab]$/, '');
    else return false;
    return true;
  } catch (error) {
    if (isIntegrityError(error) || isCairnError(error, 'repository/newer-format')) return false;
    throw error;
  }
}
