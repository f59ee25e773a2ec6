/** Key slots: several passwords and recovery keys for one repository, none of which can lock a person out. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPasswordSlot, createRecoverySlot, parseRecoveryKey } from '../../../src-main/engine/codec/index.ts';
import { fromHex } from '../../../src-main/engine/kernel/index.ts';
import {
  KEY_SLOTS_MAX,
  type Repository,
  kdfCostOf,
  listSlots,
  openRepository,
  removeSlot,
  storeSlot,
} from '../../../src-main/engine/repository/index.ts';
import type { KeySlotId } from '../../../src-shared/ids.ts';
import { Lab, SELF } from '../../support/engine-lab.ts';
import { filesIn, flipIn, noise, removeIn, writeIn } from '../../support/lab-files.ts';

let lab: Lab;
let recoveryKey: string;
beforeEach(async () => {
  lab = new Lab();
  recoveryKey = (await lab.init({ password: 'first' })).recoveryKey ?? '';
});
afterEach(() => lab.dispose());

async function addPassword(repository: Repository, password: string): Promise<KeySlotId> {
  const slot = await createPasswordSlot({
    masterKey: repository.masterKey,
    repositoryId: fromHex(repository.config.repositoryId),
    label: password,
    createdAtMs: lab.clock.nowMs(),
    random: lab.ports.random,
    password,
    cost: kdfCostOf(4),
  });
  return storeSlot(lab.store, slot.bytes);
}

const openWithRecovery = (text: string): Promise<Repository> =>
  openRepository({
    store: lab.store,
    ports: lab.ports,
    self: SELF,
    secret: () => Promise.resolve({ kind: 'recovery', recoveryKey: parseRecoveryKey(text) }),
  });

describe('a repository', () => {
  test('opens with any of its passwords and with its recovery key, to the same master key', async () => {
    const first = await lab.open('first');
    await addPassword(first, 'second');
    await addPassword(first, 'dritte Tür – ünïcode');
    const others = [
      await lab.open('second'),
      await lab.open('dritte Tür – ünïcode'),
      await openWithRecovery(recoveryKey),
      await openWithRecovery(recoveryKey.toLowerCase().replaceAll('-', ' ')),
    ];
    for (const other of others) expect(other.masterKey).toEqual(first.masterKey);
    expect(new Set([first, ...others].map(({ openedWith }) => openedWith)).size).toBe(4);
  });

  test('refuses a wrong password, a recovery key as a password, and another repository’s recovery key', async () => {
    const wrong = { code: 'key/wrong-password' };
    await expect(lab.open('First')).rejects.toMatchObject(wrong);
    await expect(lab.open(recoveryKey)).rejects.toMatchObject(wrong);
    const other = new Lab(2);
    try {
      const { recoveryKey: theirs = '' } = await other.init({ password: 'first' });
      await expect(openWithRecovery(theirs)).rejects.toMatchObject(wrong);
      // A key file of another repository, put in by hand, opens nothing here, although its password is right.
      for (const name of filesIn(lab, 'keys')) removeIn(lab, name);
      for (const { id, bytes } of (await listSlots(other.store)).slots) writeIn(lab, `keys/${id}.a`, bytes);
      await expect(lab.open('first')).rejects.toMatchObject({ name: 'CairnError' });
    } finally {
      other.dispose();
    }
  });

  test('no longer opens with a key that was removed, and keeps the last one', async () => {
    const repository = await lab.open('first');
    const second = await addPassword(repository, 'second');
    await removeSlot(lab.store, second);
    await expect(lab.open('second')).rejects.toMatchObject({ code: 'key/wrong-password' });
    await expect(removeSlot(lab.store, second)).rejects.toMatchObject({ code: 'key/not-found' });
    const { slots } = await listSlots(lab.store);
    expect(slots.map(({ type }) => type).sort()).toEqual(['password', 'recovery']);
    const [password, recovery] = ['password', 'recovery'].map((type) => slots.find((slot) => slot.type === type)?.id);
    if (password === undefined || recovery === undefined) throw new Error('two slots were expected');
    await removeSlot(lab.store, password);
    await expect(removeSlot(lab.store, recovery)).rejects.toMatchObject({ code: 'key/last-slot' });
    await openWithRecovery(recoveryKey);
    expect(filesIn(lab, 'keys')).toHaveLength(2);
  });

  test('opens with one damaged copy of each key, and says “damaged”, not “wrong”, where both are', async () => {
    const { slots } = await listSlots(lab.store);
    for (const { id } of slots) flipIn(lab, `keys/${id}.a`, 50);
    await lab.open('first');
    expect((await listSlots(lab.store)).damaged).toHaveLength(2);
    for (const { id } of slots) flipIn(lab, `keys/${id}.b`, 50);
    await expect(lab.open('first')).rejects.toMatchObject({ code: 'key/slot-damaged' });
  });

  test('does not count a key as the last one’s spare when it is damaged', async () => {
    const { slots } = await listSlots(lab.store);
    const [one, other] = slots;
    if (one === undefined || other === undefined) throw new Error('two slots were expected');
    flipIn(lab, `keys/${one.id}.a`, 50);
    removeIn(lab, `keys/${one.id}.b`);
    await expect(removeSlot(lab.store, other.id)).rejects.toMatchObject({ code: 'key/last-slot' });
  });

  test('never takes more keys than it could open with afterwards', async () => {
    const repository = await lab.open('first');
    for (let count = 2; count < KEY_SLOTS_MAX; count++) await addPassword(repository, `password ${count}`);
    expect((await listSlots(lab.store)).slots).toHaveLength(KEY_SLOTS_MAX);
    await expect(addPassword(repository, 'one too many')).rejects.toMatchObject({ code: 'usage/invalid' });
    await lab.open('first');
    await openWithRecovery(recoveryKey);
  });

  test('is not kept from opening by a folder full of foreign files', async () => {
    for (let index = 0; index < 20; index++) writeIn(lab, `keys/note-${index}`, noise(index, 100));
    writeIn(lab, 'keys/huge', new Uint8Array(100_000));
    await lab.open('first');
  });

  test('lists its keys oldest first, with type and label', async () => {
    const repository = await lab.open('first');
    lab.clock.advance(1000);
    await addPassword(repository, 'newest');
    const { slots, damaged } = await listSlots(lab.store);
    expect(damaged).toEqual([]);
    expect(slots.at(-1)).toMatchObject({ label: 'newest', type: 'password' });
    expect(slots.map(({ label }) => label).sort()).toEqual(['newest', 'password', 'recovery key']);
  });
});

describe('a repository without encryption', () => {
  test('asks nobody for a password and has no keys', async () => {
    const plain = new Lab(3);
    try {
      await plain.init();
      const repository = await openRepository({
        store: plain.store,
        ports: plain.ports,
        self: SELF,
        secret: () => Promise.reject(new Error('nobody is to be asked')),
      });
      expect(repository.openedWith).toBeUndefined();
      expect((await listSlots(plain.store)).slots).toEqual([]);
    } finally {
      plain.dispose();
    }
  });
});

test('a recovery slot made later opens the repository too', async () => {
  const repository = await lab.open('first');
  const key = lab.ports.random.bytes(32);
  const slot = createRecoverySlot({
    masterKey: repository.masterKey,
    repositoryId: fromHex(repository.config.repositoryId),
    label: 'paper',
    createdAtMs: 1,
    random: lab.ports.random,
    recoveryKey: key,
  });
  await storeSlot(lab.store, slot.bytes);
  const opened = await openRepository({
    store: lab.store,
    ports: lab.ports,
    self: SELF,
    secret: () => Promise.resolve({ kind: 'recovery', recoveryKey: key }),
  });
  expect(opened.masterKey).toEqual(repository.masterKey);
});
