/** Group d: what is read before a key is known, and folders full of what does not belong there. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  ENVELOPE_FORMAT,
  FILE_TYPE,
  FRAME_KIND,
  OBJECT_TYPE,
  createPasswordSlot,
  encodeEnvelope,
  encodeMessagePack,
  hash,
  openSlot,
  parseRecoveryKey,
  readSlot,
} from '../../../src-main/engine/codec/index.ts';
import { fromHex, systemRandom, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { decodeConfig, encodeConfig } from '../../../src-main/engine/repository/index.ts';
import { createLocalStore } from '../../../src-main/engine/store/index.ts';
import { WRITER } from '../../support/engine-lab.ts';
import { type CaseGroup, type CaseRoom, type HostileCase, equal, isTrue, outcomeOf, refuses } from '../case.ts';
import { probes } from '../probe.ts';
import { sealRaw } from '../sealed.ts';
import { type Fields, PASSWORD, Workshop } from '../workshop.ts';
import { changedEnvelope } from './bombs.ts';

const REPOSITORY_ID = new Uint8Array(16);
const slotFields = (changes: Fields = {}, kdf: Fields = {}): Fields => ({
  slotId: new Uint8Array(16),
  type: 'password',
  label: 'label',
  createdAtMs: 1,
  kdf: { name: 'scrypt', N: 16, r: 8, p: 1, salt: new Uint8Array(32), ...kdf },
  commitment: new Uint8Array(32),
  wrappedKey: new Uint8Array(48),
  ...changes,
});

function slotOf(payload: unknown): Uint8Array {
  return encodeEnvelope({
    objectType: OBJECT_TYPE.keySlot,
    schemaVersion: 1,
    readerVersionMin: 1,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: 1,
    payload,
  });
}

const open = (payload: unknown): Promise<Uint8Array> =>
  openSlot(slotOf(payload), { kind: 'password', password: PASSWORD }, REPOSITORY_ID);

const KDFS: readonly (readonly [string, Fields])[] = [
  ['N = 2^40', { N: 2 ** 40 }],
  ['N = 2^53', { N: 2 ** 53 }],
  ['N = 2^31', { N: 2 ** 31 }],
  ['N = 0', { N: 0 }],
  ['N = 1', { N: 1 }],
  ['N = −2', { N: -2 }],
  ['N = 2.5', { N: 2.5 }],
  ['N = 1,000, no power of two', { N: 1000 }],
  ['r = 0', { r: 0 }],
  ['r = 65', { r: 65 }],
  ['r = 2^32', { r: 2 ** 32 }],
  ['p = 0', { p: 0 }],
  ['p = 17', { p: 17 }],
  ['p = 2^53', { p: 2 ** 53 }],
  ['2 GiB of memory', { N: 2 ** 18, r: 64 }],
  ['a work of 2^25', { N: 2 ** 20, r: 8, p: 4 }],
  ['argon2id', { name: 'argon2id' }],
  ['a name of its own', { name: '__proto__' }],
];

const SLOTS: readonly HostileCase[] = [
  ...KDFS.map(([label, kdf]): HostileCase => ({
    name: `a key slot that asks for ${label} is refused before anything is spent`,
    run: (room) =>
      room.attack(() => refuses(() => open(slotFields({}, kdf)), 'key/refused-parameters', 'key/slot-damaged')),
  })),
  ...(
    [
      ['N as text', slotFields({}, { N: '16' })],
      ['a salt of 31 bytes', slotFields({}, { salt: new Uint8Array(31) })],
      ['no salt', slotFields({}, { salt: null })],
      ['a commitment of 33 bytes', slotFields({ commitment: new Uint8Array(33) })],
      ['a wrapped key of 47 bytes', slotFields({ wrappedKey: new Uint8Array(47) })],
      ['a wrapped key that is text', slotFields({ wrappedKey: 'x'.repeat(48) })],
      ['a slot id of 15 bytes', slotFields({ slotId: new Uint8Array(15) })],
      ['a label of 257 characters', slotFields({ label: 'x'.repeat(257) })],
      ['a type of its own', slotFields({ type: 'backdoor' })],
      ['a password slot with hkdf', slotFields({}, { name: 'hkdf' })],
      ['a recovery slot with scrypt', slotFields({ type: 'recovery' })],
      ['a list for a record', []],
      ['nothing', null],
    ] as const
  ).map(([label, payload]): HostileCase => ({
    name: `a key slot with ${label} is damaged`,
    run: (room) => room.attack(() => refuses(() => open(payload), 'key/slot-damaged')),
  })),
  {
    name: 'a key slot with a right commitment and another wrapped key is damaged, not opened',
    run: async (room) => {
      const options = {
        masterKey: new Uint8Array(32),
        repositoryId: REPOSITORY_ID,
        label: '',
        createdAtMs: 1,
        random: systemRandom,
      };
      const { bytes } = await createPasswordSlot({ ...options, password: PASSWORD, cost: { N: 2, r: 1, p: 1 } });
      const changed = new Uint8Array(bytes);
      // The wrapped key is the last field: keys are sorted.
      changed[changed.length - 5] = (changed[changed.length - 5] ?? 0) ^ 1;
      const secret = { kind: 'password', password: PASSWORD } as const;
      await room.attack(() =>
        refuses(() => openSlot(changedEnvelope(changed), secret, REPOSITORY_ID), 'key/slot-damaged'),
      );
      await refuses(() => openSlot(bytes, secret, new Uint8Array(16).fill(1)), 'key/slot-damaged');
    },
  },
  ...[-(2 ** 53) + 1, Number.MAX_SAFE_INTEGER].map((createdAtMs): HostileCase => ({
    name: `a key slot made at ${createdAtMs} ms is listed with a time or refused`,
    run: async () => {
      const outcome = await outcomeOf(() => readSlot(slotOf(slotFields({ createdAtMs }))));
      isTrue(outcome !== 'ok', 'a time that no clock shows was taken');
    },
  })),
  {
    name: 'a recovery key of a megabyte is refused',
    run: (room) => room.attack(() => refuses(() => parseRecoveryKey('0'.repeat(1_000_000)), 'key/wrong-password')),
  },
  {
    name: 'one key slot with refused parameters does not lock out a good password',
    run: async (room) => {
      const workshop = await Workshop.open();
      const slot = slotOf(slotFields({ createdAtMs: 0 }, { N: 2 ** 40 }));
      for (const copy of ['a', 'b']) await workshop.put(`keys/${toHex(hash(slot))}.${copy}`, slot);
      await room.attack(async () => equal(await outcomeOf(() => workshop.reopen()), 'ok', 'opening'));
    },
  },
  {
    name: 'a hundred thousand key files are refused before one is read',
    run: async (room) => {
      const workshop = await Workshop.open();
      for (let index = 0; index < 100_000; index++)
        await workshop.put(`keys/${index.toString(16).padStart(64, '0')}.a`, new Uint8Array(1));
      await room.attack(() => refuses(() => workshop.reopen(), 'limit/exceeded'));
    },
  },
  {
    name: 'a key file of a megabyte is damaged, and the others open',
    run: async (room) => {
      const workshop = await Workshop.open();
      const bytes = new Uint8Array(1_000_000);
      await workshop.put(`keys/${toHex(hash(bytes))}.a`, bytes);
      await room.attack(async () => equal(await outcomeOf(() => workshop.reopen()), 'ok', 'opening'));
    },
  },
];

/** The configuration with other fields, under a right mac; in a repository that is not encrypted anyone can do so. */
function configCase(name: string, changes: Fields, expected: 'refused' | 'any'): HostileCase {
  return {
    name,
    run: async (room) => {
      const workshop = await Workshop.open();
      const { config } = decodeConfig(await workshop.store.read('config'));
      const masterKey = workshop.repository.masterKey;
      const bytes = encodeConfig({ ...config, ...changes }, masterKey);
      for (const file of ['config', 'config.copy']) await workshop.put(file, bytes);
      await room.attack(async () => {
        const outcome = await outcomeOf(() => workshop.reopen());
        if (expected === 'refused') isTrue(outcome !== 'ok', 'it was opened');
      });
    },
  };
}

const CONFIGS: readonly HostileCase[] = [
  configCase('a configuration that says it is not encrypted is refused', { encrypted: false }, 'refused'),
  configCase('a configuration of another public key is refused', { publicKey: new Uint8Array(32) }, 'refused'),
  configCase('a configuration of format 1 is newer', { formatVersion: 1 }, 'refused'),
  configCase('a configuration that requires an unknown feature is newer', { featuresRequired: ['quantum'] }, 'refused'),
  configCase('a configuration with another id algorithm is newer', { idAlgorithm: 2 }, 'refused'),
  configCase('a configuration with an unknown compression ends in a typed error', { compression: 'brotli' }, 'any'),
  configCase(
    'a configuration with a hundred thousand unknown features to write is read',
    { featuresToWrite: Array.from({ length: 1000 }, (_, i) => `f${i}`) },
    'any',
  ),
  configCase(
    'a configuration whose chains have 2^53 − 1 incrementals is read',
    { chainIncrementalsMax: Number.MAX_SAFE_INTEGER },
    'any',
  ),
  {
    name: 'a configuration with a wrong mac is refused',
    run: async (room) => {
      const workshop = await Workshop.open();
      const { record } = decodeConfig(await workshop.store.read('config'));
      const payload = { record, mac: new Uint8Array(32) };
      const bytes = encodeEnvelope({
        objectType: OBJECT_TYPE.config,
        schemaVersion: 1,
        readerVersionMin: 1,
        format: ENVELOPE_FORMAT.messagePack,
        compression: { kind: 'none' },
        createdAtMs: 1,
        payload,
      });
      for (const file of ['config', 'config.copy']) await workshop.put(file, bytes);
      await room.attack(() => refuses(() => workshop.reopen(), 'integrity/damaged'));
    },
  },
];

/** A repository on a disk, with something strange in the place of one of its files. */
function diskCase(
  name: string,
  change: (root: string, room: CaseRoom, workshop: Workshop) => void | Promise<void>,
  expected: readonly string[],
  more: Pick<HostileCase, 'skip' | 'defect'> = {},
): HostileCase {
  return {
    name,
    ...more,
    run: async (room) => {
      const root = mkdtempSync(path.join(room.folder, 'repository-'));
      const workshop = await Workshop.open({ store: createLocalStore({ root, random: systemRandom }) });
      await change(root, room, workshop);
      await room.attack(async () => {
        const outcome = await outcomeOf(() => workshop.reopen());
        isTrue(expected.includes(outcome), `${outcome} instead of ${expected.join(' or ')}`);
        if (outcome === 'ok') await probes(workshop.repository, room, {});
      });
    },
  };
}

const BOTH = ['config', 'config.copy'];
const replace = (root: string, names: readonly string[], make: (file: string) => void): void => {
  for (const name of names) {
    const file = path.join(root, name);
    rmSync(file, { recursive: true, force: true });
    make(file);
  }
};
const TYPED = [
  'integrity/damaged',
  'integrity/malformed',
  'limit/exceeded',
  'repository/not-found',
  'destination/io',
  'destination/denied',
];
const fifo = (file: string): void => void execFileSync('mkfifo', [file]);
const isRoot = process.getuid?.() === 0;

const DISK: readonly HostileCase[] = [
  diskCase(
    'both configurations of a gigabyte of nothing are refused before they are read',
    (root) => {
      replace(root, BOTH, (file) => {
        writeFileSync(file, '');
        truncateSync(file, 2 ** 30);
      });
    },
    TYPED,
  ),
  diskCase(
    'both configurations that are pipes are refused without waiting',
    (root) => replace(root, BOTH, fifo),
    TYPED,
  ),
  diskCase(
    'both configurations that are folders are refused',
    (root) => replace(root, BOTH, (file) => mkdirSync(file)),
    TYPED,
  ),
  diskCase(
    'both configurations that are links to a file outside are not read',
    (root, room) => replace(root, BOTH, (file) => symlinkSync(path.join(room.outside, 'file'), file)),
    TYPED,
  ),
  diskCase(
    'both configurations that are links to themselves are refused',
    (root) => replace(root, BOTH, (file) => symlinkSync(path.basename(file), file)),
    TYPED,
  ),
  diskCase(
    'both configurations that are devices without an end are refused',
    (root) => replace(root, BOTH, (file) => void execFileSync('mknod', [file, 'c', '1', '5'])),
    TYPED,
    {
      skip: () => (isRoot ? undefined : 'only root makes devices'),
    },
  ),
  diskCase(
    'a configuration that is a pipe is read from its copy or refused, without waiting',
    (root) => replace(root, ['config'], fifo),
    ['ok', ...TYPED],
  ),
  diskCase('a marker that is a pipe does not stop a reader for ever', (root) => replace(root, ['instance'], fifo), [
    'ok',
    ...TYPED,
  ]),
  diskCase(
    'a marker of a gigabyte is refused or read past',
    (root) => {
      replace(root, ['instance'], (file) => {
        writeFileSync(file, '');
        truncateSync(file, 2 ** 30);
      });
    },
    ['ok', ...TYPED],
  ),
  diskCase('a reserve that is a pipe does not stop verify for ever', (root) => replace(root, ['reserve'], fifo), [
    'ok',
  ]),
  diskCase('a reserve of a gigabyte is damage', (root) => truncateSync(path.join(root, 'reserve'), 2 ** 30), ['ok']),
  ...['packs', 'commits', 'index', 'snapshots', 'keys', 'sessions', 'condemned', 'events', 'sets'].map((folder) =>
    diskCase(
      `${folder} that is a link to a folder outside ends in a value or a typed error, and nothing outside is written`,
      (root, room) => replace(root, [folder], (file) => symlinkSync(room.outside, file)),
      ['ok', ...TYPED, 'key/wrong-password', 'key/slot-damaged'],
    ),
  ),
  ...['packs', 'commits', 'snapshots', 'keys'].map((folder) =>
    diskCase(
      `${folder} that is a file ends in a value or a typed error`,
      (root) => replace(root, [folder], (file) => writeFileSync(file, 'x')),
      ['ok', ...TYPED, 'key/wrong-password', 'key/slot-damaged', 'destination/gone'],
    ),
  ),
  diskCase(
    'a pack folder that is a link to a folder outside is not written through',
    (root, room) => {
      mkdirSync(path.join(root, 'packs'), { recursive: true });
      symlinkSync(room.outside, path.join(root, 'packs', '00'));
    },
    ['ok'],
  ),
  diskCase(
    'a commit file that is a pipe does not stop a reader for ever',
    (root) => {
      mkdirSync(path.join(root, 'commits'), { recursive: true });
      fifo(path.join(root, 'commits', 'a'.repeat(64)));
    },
    ['ok'],
  ),
  diskCase(
    'a sparse pack of 300 GiB is damage',
    (root) => {
      const folder = path.join(root, 'packs', 'aa');
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'a'.repeat(64)), '');
      truncateSync(path.join(folder, 'a'.repeat(64)), 300 * 2 ** 30);
    },
    ['ok'],
  ),
  diskCase(
    'a sparse snapshot file of 300 GiB is damage',
    (root) => {
      mkdirSync(path.join(root, 'snapshots'), { recursive: true });
      const file = path.join(root, 'snapshots', 'a'.repeat(64));
      writeFileSync(file, '');
      truncateSync(file, 300 * 2 ** 30);
    },
    ['ok'],
  ),
  diskCase(
    'names that are not hex, in another case, hidden, with ESC and too long are no packs',
    (root) => {
      for (const folder of [
        'commits',
        'index',
        'snapshots',
        'events',
        'condemned',
        'sets',
        'keys',
        'sessions',
        'packs/aa',
      ]) {
        mkdirSync(path.join(root, folder), { recursive: true });
        for (const name of [
          'A'.repeat(64),
          'g'.repeat(64),
          '.hidden',
          'a'.repeat(255),
          'x\u001b[2J',
          '__proto__',
          'constructor',
        ])
          writeFileSync(path.join(root, folder, name), 'x');
      }
    },
    ['ok'],
  ),
];

const FULL: readonly HostileCase[] = [
  {
    name: 'ten thousand leases do not stop a writer',
    run: async (room) => {
      const workshop = await Workshop.open();
      for (let index = 0; index < 10_000; index++)
        await workshop.put(`sessions/${index.toString(16).padStart(32, '0')}`, utf8('no lease'));
      await room.attack(async () => {
        const outcome = await outcomeOf(async () => {
          const session = await workshop.repository.beginWrite(WRITER);
          await session.abort();
        });
        equal(outcome, 'ok', 'beginning to write');
      });
    },
  },
  {
    name: 'four hundred thousand condemned packs are read in bounded memory',
    run: async (room) => {
      const workshop = await Workshop.open();
      const packs: Uint8Array[] = [];
      for (let index = 0; index < 400_000; index++) packs.push(fromHex(index.toString(16).padStart(64, '0')));
      const envelope = encodeEnvelope({
        objectType: OBJECT_TYPE.condemnation,
        schemaVersion: 1,
        readerVersionMin: 1,
        format: ENVELOPE_FORMAT.messagePack,
        compression: { kind: 'none' },
        createdAtMs: 1,
        payload: { generation: Number.MAX_SAFE_INTEGER, createdAtMs: 1, packs },
      });
      packs.length = 0;
      const { bytes, name } = sealRaw(workshop.context, {
        fileType: FILE_TYPE.condemnation,
        frames: [{ kind: FRAME_KIND.object, payload: envelope }],
      });
      await workshop.put(`condemned/${name}`, bytes);
      await room.attack(() =>
        outcomeOf(async () => {
          const session = await workshop.repository.beginWrite(WRITER);
          await session.abort();
        }),
      );
    },
  },
  {
    name: 'five thousand condemnation files stop a writer with a typed error',
    run: async (room) => {
      const workshop = await Workshop.open();
      for (let index = 0; index < 5000; index++)
        await workshop.put(`condemned/${index.toString(16).padStart(64, '0')}`, new Uint8Array(1));
      await room.attack(async () => {
        const outcome = await outcomeOf(() => workshop.repository.beginWrite(WRITER));
        isTrue(outcome !== 'ok', 'a writer began without knowing what to avoid');
      });
    },
  },
  {
    name: 'twenty thousand unknown files in the root are listed by verify and by nobody else',
    run: async (room) => {
      const workshop = await Workshop.open();
      for (let index = 0; index < 20_000; index++) await workshop.put(`stray${index}`, new Uint8Array(0));
      await probes(await workshop.reopen(), room, { snapshots: 'ok', quick: 'damage' });
    },
  },
  {
    name: 'a record of 2^20 fields is refused or read in bounded memory',
    run: async (room) => {
      const workshop = await Workshop.open();
      const extra = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`field${index}`, index]));
      const record = encodeMessagePack(workshop.snapshotFields(extra));
      await workshop.putSnapshotEnvelope(workshop.signed(record));
      await probes(await workshop.reopen(), room, { snapshots: 'ok' });
    },
  },
];

export const KEYS: CaseGroup = { name: 'keys', cases: [...SLOTS, ...CONFIGS, ...DISK, ...FULL] };
