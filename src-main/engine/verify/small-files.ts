/**
 * Everything in a repository that is not a pack, a run or a snapshot: configuration and its copy, marker, reserve,
 * keys and their copies, sessions, condemnations, saved backup sets, and names that are none of ours.
 */
import { type CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import type { DamageKind } from '../../../src-shared/model/index.ts';
import { FILE_TYPE, hash, openObjectFile, readSlot } from '../codec/index.ts';
import { equalBytes, fromHex, toHex } from '../kernel/index.ts';
import {
  CONFIG,
  CONFIG_COPY,
  FOLDERS,
  INSTANCE,
  PACK_FOLDERS,
  RESERVE,
  type Repository,
  baseName,
  checkConfigMac,
  checkReserve,
  damageOf,
  decodeConfig,
  decodeInstance,
  decodeLease,
  openCondemnationFile,
  openStoredSetFile,
} from '../repository/index.ts';
import type { DamageList } from './damage-list.ts';

const HASH_NAME = /^[0-9a-f]{64}$/;

/** Runs a check; what the bytes are to blame for becomes damage, anything else is thrown. */
export async function noteDamage(
  { context: { store } }: Repository,
  damage: DamageList,
  file: string,
  kind: DamageKind,
  check: () => Promise<void> | void,
): Promise<boolean> {
  try {
    await check();
    return true;
  } catch (error) {
    const found = isDamage(error) ? error : await damageOf(store, file, error);
    if (found === undefined) throw error;
    damage.add(file, kind, found.message);
    return false;
  }
}

export function isDamage(error: unknown): error is CairnError {
  return isIntegrityError(error) || isCairnError(error, 'key/slot-damaged', 'key/refused-parameters');
}

export async function checkSmallFiles(repository: Repository, damage: DamageList): Promise<void> {
  const { store } = repository.context;
  for (const name of [CONFIG, CONFIG_COPY]) {
    await noteDamage(repository, damage, name, 'config', async () =>
      checkConfigMac(decodeConfig(await store.read(name)), repository.masterKey),
    );
  }
  await noteDamage(repository, damage, INSTANCE, 'instance', async () => {
    const instance = decodeInstance(await store.read(INSTANCE));
    if (instance.repositoryId !== repository.config.repositoryId)
      damage.add(INSTANCE, 'instance', 'The marker belongs to another repository.');
  });
  await noteDamage(repository, damage, RESERVE, 'reserve', async () => checkReserve(await store.read(RESERVE)));
  await checkKeys(repository, damage);
  await tellOfTornSessions(repository);
  await checkSealedFolder(repository, damage);
  await checkStoredSets(repository, damage);
  await checkNames(repository, damage);
}

/** Every slot stands twice, each copy named by its hash. */
async function checkKeys(repository: Repository, damage: DamageList): Promise<void> {
  const { store } = repository.context;
  const names = (await store.list(FOLDERS.keys)).map(({ name }) => name);
  for (const name of names) {
    await noteDamage(repository, damage, name, 'key', async () => {
      const bytes = await store.read(name);
      const id = baseName(name).replace(/\.[ab]$/, '');
      if (toHex(hash(bytes)) !== id) damage.add(name, 'key', 'A key file is not what its name says.');
      readSlot(bytes);
    });
    const twin = name.endsWith('.a') ? name.replace(/a$/, 'b') : name.replace(/b$/, 'a');
    if (!names.includes(twin)) damage.add(twin, 'key', 'The second copy of a key file is missing.');
  }
  if (repository.config.encrypted && names.length === 0) damage.add(FOLDERS.keys, 'key', 'Every key file is missing.');
}

/** A lease that can't be read is nobody's (a power cut tore it): harmless, and the next backup removes it. */
async function tellOfTornSessions({ context: { store, ports } }: Repository): Promise<void> {
  for (const { name } of await store.list(FOLDERS.sessions)) {
    try {
      decodeLease(await store.read(name));
    } catch (error) {
      // A session that ended while we looked.
      if (isCairnError(error, 'integrity/missing')) continue;
      if (!isDamage(error)) throw error;
      ports.log('info', 'a session file is torn; it is nobody’s, and the next backup removes it', { file: name });
    }
  }
}

async function checkSealedFolder(repository: Repository, damage: DamageList): Promise<void> {
  const { context } = repository;
  const { store, repositoryIdBytes, secrets } = context;
  for (const { name } of await store.list(FOLDERS.condemned)) {
    await noteDamage(
      repository,
      damage,
      name,
      'condemnation',
      async () => void openCondemnationFile(context, await readNamed(repository, name, damage, 'condemnation')),
    );
  }
  for (const { name } of await store.list(FOLDERS.events)) {
    await noteDamage(repository, damage, name, 'event', async () => {
      const bytes = await readNamed(repository, name, damage, 'event');
      openObjectFile(bytes, { fileTypes: [FILE_TYPE.event], repositoryId: repositoryIdBytes, secrets });
    });
  }
}

/** One that a later Cairn wrote is no damage, and no reason to stop: it holds no data of anyone's. */
async function checkStoredSets(repository: Repository, damage: DamageList): Promise<void> {
  const { context } = repository;
  for (const { name } of await context.store.list(FOLDERS.sets)) {
    await noteDamage(repository, damage, name, 'set', async () => {
      const bytes = await readNamed(repository, name, damage, 'set');
      try {
        openStoredSetFile(context, bytes);
      } catch (error) {
        if (!isCairnError(error, 'repository/newer-format')) throw error;
        context.ports.log('info', 'a saved backup set was written by a newer Cairn', { file: name });
      }
    });
  }
}

/** The bytes of a file that is named by their hash; a wrong name is noted. */
export async function readNamed(
  repository: Repository,
  name: string,
  damage: DamageList,
  kind: DamageKind,
): Promise<Uint8Array> {
  const bytes = await repository.context.store.read(name);
  const id = baseName(name);
  if (!HASH_NAME.test(id) || !equalBytes(hash(bytes), fromHex(id)))
    damage.add(name, kind, 'The file is not what its name says.');
  return bytes;
}

/** Names that no Cairn writes: put there by someone, or a name that was damaged. */
async function checkNames(repository: Repository, damage: DamageList): Promise<void> {
  const { store } = repository.context;
  const known = new Set<string>([CONFIG, CONFIG_COPY, INSTANCE, RESERVE]);
  for (const { name } of await store.list('')) {
    if (!known.has(name)) damage.add(name, 'unknown-file', 'This file is not part of the repository.');
  }
  const named = [
    FOLDERS.commits,
    FOLDERS.index,
    FOLDERS.snapshots,
    FOLDERS.events,
    FOLDERS.condemned,
    FOLDERS.sets,
    ...PACK_FOLDERS,
  ];
  for (const folder of named) {
    for (const { name } of await store.list(folder)) {
      const isRight =
        HASH_NAME.test(baseName(name)) &&
        (!folder.startsWith(`${FOLDERS.packs}/`) || baseName(name).startsWith(baseName(folder)));
      if (!isRight) damage.add(name, 'unknown-file', 'This file is not part of the repository.');
    }
  }
}
