/** The keys of an open repository behind the engine's door: adding, removing and changing them. */
import { CairnError } from '../../src-shared/errors.ts';
import type { KeySlotId } from '../../src-shared/ids.ts';
import type { KeyInfo } from '../../src-shared/model/index.ts';
import type { OpenRepository } from './api.ts';
import { createPasswordSlot, createRecoveryKey, createRecoverySlot, formatRecoveryKey } from './codec/index.ts';
import { type Ports, fromHex } from './kernel/index.ts';
import { type Repository, kdfCostOf, listSlots, openRepository, removeSlot, storeSlot } from './repository/index.ts';
import type { Store } from './store/index.ts';

const KEY_PREFIX_LENGTH_MIN = 4;

type KeyApi = Pick<OpenRepository, 'keys' | 'addPassword' | 'addRecoveryKey' | 'removeKey' | 'changePassword'>;

/** What a host may do with the keys of an open repository. */
export function keyApi({ random, clock }: Ports, repository: Repository): KeyApi {
  const { store } = repository.context;
  const toWrite = (): Store => repository.storeToWrite;
  const slotOptions = (label: string) => {
    if (!repository.config.encrypted)
      throw new CairnError('usage/invalid', 'This repository is not encrypted; it has no keys.');
    return {
      masterKey: repository.masterKey,
      repositoryId: fromHex(repository.config.repositoryId),
      label,
      createdAtMs: clock.nowMs(),
      random,
    };
  };
  // Changing the password changes what counts as the key this repository was opened with.
  let openedWith = repository.openedWith;
  const addPassword = async (
    password: string,
    label: string,
    kdfCost?: number,
    replaces = false,
  ): Promise<KeySlotId> => {
    const slot = await createPasswordSlot({ ...slotOptions(label), password, cost: kdfCostOf(kdfCost) });
    return storeSlot(toWrite(), slot.bytes, { replaces });
  };
  return {
    keys: async () => {
      const { slots } = await listSlots(store);
      return slots.map((slot): KeyInfo => ({
        id: slot.id,
        type: slot.type,
        label: slot.label,
        createdAt: new Date(slot.createdAtMs).toISOString(),
        current: slot.id === openedWith,
      }));
    },
    addPassword: (password, label, kdfCost) => addPassword(password, label, kdfCost),
    addRecoveryKey: async (label) => {
      const recoveryKey = createRecoveryKey(random);
      const id = await storeSlot(toWrite(), createRecoverySlot({ ...slotOptions(label), recoveryKey }).bytes);
      return { id, recoveryKey: formatRecoveryKey(recoveryKey) };
    },
    removeKey: async (prefix) => {
      const { slots } = await listSlots(store);
      const matches = slots.filter(
        ({ id }) => prefix.length >= KEY_PREFIX_LENGTH_MIN && id.startsWith(prefix.toLowerCase()),
      );
      const [only] = matches;
      if (only === undefined || matches.length > 1) {
        throw new CairnError(
          'key/not-found',
          matches.length > 1 ? `${matches.length} keys begin with ${prefix}.` : `No key begins with ${prefix}.`,
        );
      }
      await removeSlot(toWrite(), only.id);
    },
    changePassword: async (password, kdfCost) => {
      const { slots } = await listSlots(store);
      const old = slots.find(({ id, type }) => id === openedWith && type === 'password');
      const id = await addPassword(password, old?.label ?? 'password', kdfCost, old !== undefined);
      // Opened once from the file before the old one goes: the new password is known to work.
      await openRepository({ ...repository.context, secret: () => Promise.resolve({ kind: 'password', password }) });
      if (old !== undefined) {
        await removeSlot(toWrite(), old.id);
        openedWith = id;
      }
      return id;
    },
  };
}
