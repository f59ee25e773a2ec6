/**
 * Key slots in the repository: each slot wraps the same master key for one password or recovery key, and lies there
 * twice (`.a` and `.b`), so that one bad sector can't lock a person out.
 *
 * Changing a password writes the new slot, makes it durable, reads it back and opens it, and only then removes the
 * old one. Data is never rewritten.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { type KeySlotId, type RepositoryId, parseKeySlotId } from '../../../src-shared/ids.ts';
import { type SlotSecret, hash, openSlot, readSlot } from '../codec/index.ts';
import { equalBytes, fromHex, toHex } from '../kernel/index.ts';
import { type Store, writeWhole } from '../store/index.ts';
import { FOLDERS, baseName, keySlotNames } from './names.ts';

/** More slots than any family needs; bounds the time a wrong password takes. */
export const KEY_SLOTS_MAX = 32;
/** While a password is changed, the new slot stands beside the old one. */
const KEY_FILES_MAX = (KEY_SLOTS_MAX + 1) * 2;
const KEY_SLOT_BYTES_MAX = 16_384;

export type StoredSlot = {
  readonly id: KeySlotId;
  readonly bytes: Uint8Array;
  readonly type: 'password' | 'recovery';
  readonly label: string;
  readonly createdAtMs: number;
};

export type SlotListing = { readonly slots: readonly StoredSlot[]; readonly damaged: readonly string[] };

/** All slots of which at least one copy is whole, and the names of the copies that are not. */
export async function listSlots(store: Store): Promise<SlotListing> {
  const slots = new Map<KeySlotId, StoredSlot>();
  const damaged: string[] = [];
  const files = await store.list(FOLDERS.keys);
  if (files.length > KEY_FILES_MAX) {
    throw new CairnError(
      'limit/exceeded',
      `The repository has ${files.length} key files; at most ${KEY_FILES_MAX} are possible.`,
    );
  }
  for (const { name, sizeBytes } of files) {
    try {
      if (sizeBytes > KEY_SLOT_BYTES_MAX)
        throw new CairnError('limit/exceeded', `${name} is too large for a key file.`);
      const slot = readStoredSlot(name, await store.read(name));
      slots.set(slot.id, slot);
    } catch (error) {
      if (!isCairnError(error) || error.code.startsWith('destination/')) throw error;
      if (error.code === 'repository/newer-format') throw error;
      damaged.push(name);
    }
  }
  return {
    slots: [...slots.values()].toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1)),
    damaged,
  };
}

function readStoredSlot(name: string, bytes: Uint8Array): StoredSlot {
  const id = parseKeySlotId(baseName(name).replace(/\.[ab]$/, ''));
  if (!equalBytes(hash(bytes), fromHex(id)))
    throw new CairnError('key/slot-damaged', `The key file ${name} is damaged.`);
  const { type, label, createdAtMs } = readSlot(bytes);
  return { id, bytes, type, label, createdAtMs };
}

/**
 * Writes both copies of a slot, each durable before the next, and returns its id. `replaces`: another slot is removed
 * right after.
 * @throws CairnError usage/invalid where there are KEY_SLOTS_MAX already: with more the repository would not open
 */
export async function storeSlot(
  store: Store,
  bytes: Uint8Array,
  options: { readonly replaces?: boolean } = {},
): Promise<KeySlotId> {
  const count = (await store.list(FOLDERS.keys)).length;
  const countMax = options.replaces === true ? KEY_FILES_MAX - 2 : KEY_SLOTS_MAX * 2 - 2;
  if (count > countMax) {
    throw new CairnError(
      'usage/invalid',
      `There are ${KEY_SLOTS_MAX} keys, as many as a repository may have. Remove one first.`,
    );
  }
  const digest = hash(bytes);
  const id = parseKeySlotId(toHex(digest));
  for (const name of keySlotNames(id)) await writeWhole(store, name, bytes, { hash: digest });
  return id;
}

export type Unlocked = { readonly masterKey: Uint8Array; readonly slot: StoredSlot };

/**
 * Opens the repository with a password or recovery key by trying every slot of that kind.
 * @throws CairnError key/wrong-password, or key/slot-damaged where a damaged slot may be the reason.
 */
export async function unlock(store: Store, repositoryId: RepositoryId, secret: SlotSecret): Promise<Unlocked> {
  const { slots, damaged } = await listSlots(store);
  let refused: CairnError | undefined;
  for (const slot of slots) {
    if (slot.type !== secret.kind) continue;
    try {
      return { masterKey: await openSlot(slot.bytes, secret, fromHex(repositoryId)), slot };
    } catch (error) {
      // One that asks for too much keeps nobody from using another.
      if (isCairnError(error, 'key/refused-parameters')) refused ??= error;
      else if (!isCairnError(error, 'key/wrong-password')) throw error;
    }
  }
  if (refused !== undefined) throw refused;
  const lost = damaged.filter((name) => !slots.some((slot) => name.includes(slot.id)));
  if (lost.length > 0) {
    throw new CairnError(
      'key/slot-damaged',
      `No key file opens with this ${secret.kind === 'password' ? 'password' : 'recovery key'}, and ${lost.join(', ')} can’t be read.`,
    );
  }
  throw new CairnError(
    'key/wrong-password',
    secret.kind === 'password'
      ? 'This is not the password of this repository.'
      : 'This is not a recovery key of this repository.',
  );
}

/** Removes both copies of a slot; refuses to remove the last one. */
export async function removeSlot(store: Store, id: KeySlotId): Promise<void> {
  const { slots } = await listSlots(store);
  if (!slots.some((slot) => slot.id === id))
    throw new CairnError('key/not-found', `There is no key ${id.slice(0, 8)}.`);
  if (slots.length === 1) throw new CairnError('key/last-slot', 'This is the only key of this repository.');
  await store.remove(keySlotNames(id));
}
