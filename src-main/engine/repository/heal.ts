/**
 * The small files every repository has twice or can make again: configuration, key slots, marker. A writer looks at
 * them when it begins and writes back what is damaged or missing, always from a copy it has just checked.
 */
import { CairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { parseInstanceId, parseKeySlotId } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { equalBytes, fromHex, toHex } from '../kernel/index.ts';
import { type Store, writeWhole } from '../store/index.ts';
import { checkConfigMac, decodeConfig } from './config.ts';
import type { RepositoryContext } from './context.ts';
import { type Place, guardedStore } from './guarded-store.ts';
import { type Instance, NO_INSTANCE, assertSameInstance, encodeInstance, readInstance } from './identity.ts';
import { CONFIG, CONFIG_COPY, FOLDERS, INSTANCE, baseName } from './names.ts';

/**
 * Writes back what is damaged, and returns the marker as it stands now.
 * @throws CairnError destination/gone where neither marker nor configuration is there, repository/wrong-identity where
 * they are another repository's or another copy's: nothing is written then
 */
export async function healSmallFiles(context: RepositoryContext, masterKey: Uint8Array): Promise<Instance> {
  const instance = await readOwnInstance(context);
  const store = guardedStore(context.store, (place) =>
    instance === undefined ? assertOwnConfig(place, masterKey) : assertSameInstance(place, instance),
  );
  const placed = { ...context, store };
  const hasConfig = await healConfig(placed, masterKey);
  if (instance === undefined && !hasConfig) throw goneFrom(store);
  await healKeyCopies(placed);
  return instance ?? writeInstance(placed);
}

/** Where no marker says what this place is, a whole configuration of this repository does. */
async function assertOwnConfig(place: Place, masterKey: Uint8Array): Promise<void> {
  for (const name of [CONFIG, CONFIG_COPY]) {
    const bytes = await readOrUndefined(place, name);
    if (bytes !== undefined && isOwnConfig(bytes, masterKey)) return;
  }
  throw goneFrom(place);
}

function isOwnConfig(bytes: Uint8Array, masterKey: Uint8Array): boolean {
  try {
    checkConfigMac(decodeConfig(bytes), masterKey);
    return true;
  } catch (error) {
    if (isIntegrityError(error)) return false;
    throw error;
  }
}

function goneFrom({ description }: Pick<Place, 'description'>): CairnError {
  return new CairnError(
    'destination/gone',
    `The repository in ${description} is no longer there: its configuration and its marker are missing.`,
  );
}

/** The marker, or undefined where it is missing or damaged. */
async function readOwnInstance({
  store,
  config,
  instance: expected,
}: RepositoryContext): Promise<Instance | undefined> {
  const found = await readInstance(store).catch((error: unknown) => {
    if (isIntegrityError(error)) return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  // A repository that was opened without a marker can't know which copy it is; any of the same repository will do.
  const isSameCopy = expected.instanceId === NO_INSTANCE || found.instanceId === expected.instanceId;
  if (found.repositoryId === config.repositoryId && isSameCopy) return found;
  throw new CairnError(
    'repository/wrong-identity',
    `Another repository, or another copy of this one, now stands in ${store.description}.`,
  );
}

async function readOrUndefined(store: Pick<Store, 'read'>, name: string): Promise<Uint8Array | undefined> {
  try {
    return await store.read(name);
  } catch (error) {
    if (isIntegrityError(error)) return undefined;
    throw error;
  }
}

/** Whether a whole configuration of this repository is there, in both copies by now. */
async function healConfig(context: RepositoryContext, masterKey: Uint8Array): Promise<boolean> {
  const { store } = context;
  const [first, second] = await Promise.all([readOrUndefined(store, CONFIG), readOrUndefined(store, CONFIG_COPY)]);
  const good = [first, second].find((bytes) => bytes !== undefined && isOwnConfig(bytes, masterKey));
  if (good === undefined) return false;
  if (first !== undefined && second !== undefined && equalBytes(first, second)) return true;
  if (first !== good) await writeWhole(store, CONFIG, good);
  if (second !== good) await writeWhole(store, CONFIG_COPY, good);
  context.ports.log('warn', 'a copy of the configuration was damaged and has been written again');
  return true;
}

async function healKeyCopies(context: RepositoryContext): Promise<void> {
  const { store } = context;
  const good = new Map<string, Uint8Array>();
  for (const { name } of await store.list(FOLDERS.keys)) {
    const id = baseName(name).replace(/\.[ab]$/, '');
    const bytes = await readOrUndefined(store, name);
    if (bytes !== undefined && toHex(hash(bytes)) === id) good.set(name, bytes);
  }
  for (const [name, bytes] of [...good]) {
    const twin = name.endsWith('.a') ? name.replace(/\.a$/, '.b') : name.replace(/\.b$/, '.a');
    if (good.has(twin) || !/\.[ab]$/.test(name)) continue;
    await writeWhole(store, twin, bytes, { hash: fromHex(parseKeySlotId(baseName(name).replace(/\.[ab]$/, ''))) });
    context.ports.log('warn', 'a copy of a key file was damaged and has been written again', { file: twin });
  }
}

/** A marker that is gone or damaged gets a new instance id: this copy can no longer prove which one it was. */
async function writeInstance({ store, ports, config, self }: RepositoryContext): Promise<Instance> {
  const instance: Instance = {
    repositoryId: config.repositoryId,
    instanceId: parseInstanceId(toHex(ports.random.bytes(16))),
    createdAtMs: ports.clock.nowMs(),
    host: self.host,
  };
  await writeWhole(store, INSTANCE, encodeInstance(instance));
  ports.log('warn', 'the instance marker was missing or damaged and has been written again');
  return instance;
}
