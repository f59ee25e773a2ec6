/** Group c, continued: what grows when it is opened, envelopes, index runs, and what a newer Cairn would write. */
import { createGzip, createZstdCompress } from 'node:zlib';
import {
  COMPRESSION,
  ENVELOPE_FIELDS,
  ENVELOPE_FORMAT,
  FILE_TYPE,
  FRAME_KIND,
  OBJECT_TYPE,
  decodeEnvelope,
  decompress,
  encodeEnvelope,
  encodeMessagePack,
  hash,
  openObjectFile,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { FOLDERS } from '../../../src-main/engine/repository/index.ts';
import { encrypted, repositoryId } from '../../support/packs.ts';
import { type CaseGroup, type HostileCase, equal, fail, isTrue, outcomeOf, refuses, refusesAsDamage } from '../case.ts';
import { probes } from '../probe.ts';
import { u16, u32, u64, u8 } from '../raw.ts';
import {
  type Patch,
  type RawFrame,
  type RawRun,
  patched,
  rawIndexRun,
  rawPackFooter,
  sealRaw,
  zstd,
} from '../sealed.ts';
import { Workshop } from '../workshop.ts';
import { edgePatches } from './containers.ts';

const KEYS = { secrets: encrypted, repositoryIdBytes: repositoryId };
const MIB = 2 ** 20;

/** So many MiB of zeros, compressed piece by piece: never in memory as a whole. */
async function zeros(megabytes: number, kind: 'zstd' | 'gzip'): Promise<Uint8Array> {
  const stream = kind === 'zstd' ? createZstdCompress() : createGzip({ level: 1 });
  const parts: Buffer[] = [];
  stream.on('data', (bytes: Buffer) => parts.push(bytes));
  const ended = new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
  const piece = Buffer.alloc(4 * MIB);
  for (let done = 0; done < megabytes; done += 4) {
    if (!stream.write(piece)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
  await ended;
  return new Uint8Array(Buffer.concat(parts));
}

/** An LZ4 block by hand: one zero, then a match of itself of almost any length. */
function lz4Zeros(claimed: number, real: number): Uint8Array {
  const extra = Math.max(0, real - 1 - 19 - 5);
  const run = new Uint8Array(Math.floor(extra / 255)).fill(255);
  return concatBytes([
    u32(claimed),
    Uint8Array.of(0x1f, 0, 1, 0),
    run,
    Uint8Array.of(extra % 255, 0x50, 0, 0, 0, 0, 0),
  ]);
}

const DECOMPRESSION: readonly HostileCase[] = [
  ...(['zstd', 'gzip'] as const).flatMap((kind) =>
    [
      ['a gigabyte in a frame that says 16 MiB', 1024, 16 * MIB],
      ['64 MiB in a frame that says one byte', 64, 1],
      ['64 MiB in a frame that says nothing', 64, 0],
      ['16 MiB and 4 in a frame that says 16 MiB', 20, 16 * MIB],
    ].map(([label, megabytes, plainLength]): HostileCase => ({
      name: `${kind}: ${label as string} stop at the bound`,
      run: async (room) => {
        const bytes = await zeros(megabytes as number, kind);
        await room.attack(() => refusesAsDamage(() => decompress(COMPRESSION[kind], bytes, plainLength as number)));
      },
    })),
  ),
  ...(
    [
      ['claims 4 GiB and 16 MiB are expected', 2 ** 32 - 1, 16 * MIB, 16 * MIB],
      ['claims what is expected and holds 16 times as much', MIB, 16 * MIB, MIB],
      ['claims what is expected and holds less', 16 * MIB, MIB, 16 * MIB],
      ['claims nothing', 0, MIB, MIB],
    ] as const
  ).map(([label, claimed, real, expected]): HostileCase => ({
    name: `lz4: a block that ${label} is refused`,
    run: (room) =>
      room.attack(() => refusesAsDamage(() => decompress(COMPRESSION.lz4, lz4Zeros(claimed, real), expected))),
  })),
  {
    name: 'lz4: a block of no bytes, of one and of four is refused',
    run: async () => {
      for (const length of [0, 1, 3, 4])
        await refusesAsDamage(() => decompress(COMPRESSION.lz4, new Uint8Array(length).fill(1), 0x01010101));
    },
  },
  {
    name: 'a plain length of 16 MiB and a byte is refused before anything is opened',
    run: () => refuses(() => decompress(COMPRESSION.zstd, new Uint8Array(4), 16 * MIB + 1), 'limit/exceeded'),
  },
  {
    name: 'zstd: a window of 2 GiB is refused before it is allocated',
    run: async (room) => {
      // Magic, a frame header descriptor without a single segment, and the window descriptor of 2^31; then one empty block.
      const bytes = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00);
      await room.attack(() => refusesAsDamage(() => decompress(COMPRESSION.zstd, bytes, 100)));
    },
  },
  {
    name: 'zstd: a hundred frames behind each other are one plaintext of the right length or refused',
    run: async (room) => {
      const one = zstd(new Uint8Array(1000)).payload;
      const many = concatBytes(Array.from({ length: 100 }, () => one));
      await room.attack(async () => {
        await refusesAsDamage(() => decompress(COMPRESSION.zstd, many, 1000));
        await outcomeOf(() => decompress(COMPRESSION.zstd, many, 100_000));
      });
    },
  },
  {
    name: 'zstd: a skippable frame of 4 GiB that is not there is refused',
    run: (room) =>
      room.attack(() =>
        refusesAsDamage(() =>
          decompress(COMPRESSION.zstd, concatBytes([u32(0x184d2a50), u32(2 ** 32 - 1), new Uint8Array(8)]), 100),
        ),
      ),
  },
];

const objectFrame = (payload: Uint8Array, more: Partial<RawFrame> = {}): RawFrame => ({
  kind: FRAME_KIND.object,
  payload,
  ...more,
});

const NESTED: readonly HostileCase[] = [
  {
    // One snapshot file of 1 MB made the reader hold 16 MiB for each of its frames, until the process died.
    name: 'a snapshot file of 1,500 frames of 16 MiB each takes no more than one of them',
    run: async (room) => {
      const payload = zstd(new Uint8Array(16 * MIB)).payload;
      const frames = Array.from({ length: 1500 }, () =>
        objectFrame(payload, { compression: 1, plainLength: 16 * MIB }),
      );
      const { bytes } = sealRaw(KEYS, { fileType: FILE_TYPE.snapshot, frames });
      const options = { fileTypes: [FILE_TYPE.snapshot], repositoryId, secrets: encrypted };
      await room.attack(() => refusesAsDamage(() => openObjectFile(bytes, options)));
    },
  },
  {
    name: 'a snapshot file of 50,000 empty frames is refused',
    run: async (room) => {
      const frames = Array.from({ length: 50_000 }, () => objectFrame(new Uint8Array(0)));
      const { bytes } = sealRaw(KEYS, { fileType: FILE_TYPE.snapshot, frames });
      const options = { fileTypes: [FILE_TYPE.snapshot], repositoryId, secrets: encrypted };
      await room.attack(() => refusesAsDamage(() => openObjectFile(bytes, options)));
    },
  },
  {
    name: 'an envelope in an envelope in a frame, each of them compressed, is a bounded malformed record',
    run: async (room) => {
      const inner = encodeEnvelope({ ...ENVELOPE, payload: new Uint8Array(15 * MIB) });
      const outer = encodeEnvelope({ ...ENVELOPE, payload: inner });
      const workshop = await Workshop.open();
      await workshop.putSnapshotEnvelope(outer);
      await probes(await workshop.reopen(), room, { snapshots: 'damage', quick: 'damage', deep: 'damage' });
    },
  },
  ...[1, 4].map((count): HostileCase => ({
    name: `${count} commit files of 16 objects of 8 MiB of zeros are listed in bounded memory`,
    run: async (room) => {
      const workshop = await Workshop.open();
      const payload = zstd(new Uint8Array(8 * MIB)).payload;
      const shape = { kind: FRAME_KIND.object, compression: 1, plainLength: 8 * MIB };
      const frames = Array.from({ length: 16 }, () => ({ ...shape, payload }));
      const records = frames.map(() => ({
        ...shape,
        objectType: OBJECT_TYPE.snapshot,
        frameLength: payload.length + 40,
        blobs: [],
      }));
      const footer = rawPackFooter({ fileType: FILE_TYPE.commitFile, frames: records });
      for (let index = 0; index < count; index++)
        await workshop.putCommit(sealRaw(workshop.context, { fileType: FILE_TYPE.commitFile, frames, footer }));
      await probes(await workshop.reopen(), room, { snapshots: 'damage' });
    },
  })),
  {
    name: 'a pack of 200 segments of 8 MiB of zeros is verified in bounded memory',
    run: async (room) => {
      const workshop = await Workshop.open();
      const plain = new Uint8Array(8 * MIB);
      const { payload, compression } = zstd(plain);
      const shape = { kind: FRAME_KIND.segment, compression, plainLength: plain.length };
      const frames = Array.from({ length: 200 }, () => ({ ...shape, payload }));
      const id = new Uint8Array(workshop.context.blobHasher.idOf(1, plain));
      const records = frames.map(() => ({
        ...shape,
        frameLength: payload.length + 40,
        blobs: [{ id, type: 1, length: plain.length }],
      }));
      const footer = rawPackFooter({ fileType: FILE_TYPE.dataPack, frames: records });
      await workshop.putPack(sealRaw(workshop.context, { fileType: FILE_TYPE.dataPack, frames, footer }));
      await probes(await workshop.reopen(), room, { quick: ['ok', 'damage'], deep: ['ok', 'damage'] });
    },
  },
  {
    name: 'a footer of 8 MiB and a byte is refused',
    run: async (room) => {
      const plain = new Uint8Array(8 * MIB + 1);
      const { payload, compression } = zstd(plain);
      const footerFrame = { compression, plainLength: plain.length };
      const workshop = await Workshop.open();
      await workshop.putPack(
        sealRaw(workshop.context, { fileType: FILE_TYPE.dataPack, frames: [], footer: payload, footerFrame }),
      );
      await probes(await workshop.reopen(), room, { deep: 'damage' });
    },
  },
];

const ENVELOPE = {
  objectType: OBJECT_TYPE.snapshot,
  schemaVersion: 1,
  readerVersionMin: 1,
  format: ENVELOPE_FORMAT.binary,
  compression: { kind: 'zstd', level: 1 },
  createdAtMs: 1_700_000_000_000,
} as const;

const honestEnvelope = (): Uint8Array =>
  encodeEnvelope({ ...ENVELOPE, format: ENVELOPE_FORMAT.messagePack, payload: { a: 'value'.repeat(50) } });

/** An envelope with these bytes written over it and a right checksum. */
export function changedEnvelope(envelope: Uint8Array, ...patches: readonly Patch[]): Uint8Array {
  const changed = patched(envelope, patches);
  changed.set(hash(concatBytes([changed.subarray(0, 48), changed.subarray(80)])), 48);
  return changed;
}

const read = (bytes: Uint8Array): unknown =>
  decodeEnvelope(bytes, { objectType: OBJECT_TYPE.snapshot, schemaVersionMax: 1 });

/** Fields that say nothing a reader decides by. */
const FREE_FIELDS = ['schemaVersion', 'writerVersion', 'createdAtMs', 'checksum'];

const ENVELOPES: readonly HostileCase[] = [
  ...ENVELOPE_FIELDS.map((field): HostileCase => ({
    name: `envelope: ${field.name} at byte ${field.offset} with any other value is refused, newer or the same value`,
    run: (room) =>
      room.attack(async () => {
        for (const { label, patch } of edgePatches(honestEnvelope(), field)) {
          const outcome = await outcomeOf(() => read(changedEnvelope(honestEnvelope(), patch)));
          const isFree = FREE_FIELDS.includes(field.name) || (field.name === 'readerVersionMin' && label === '0');
          if (outcome === 'ok' && !isFree) fail(`${field.name} = ${label} is taken`);
        }
      }),
  })),
  {
    name: 'envelope: 33 components are refused',
    run: () => {
      const envelope = honestEnvelope();
      const stuffed = concatBytes([envelope.subarray(0, 80), new Uint8Array(33 * 4), envelope.subarray(80)]);
      return refusesAsDamage(() => read(changedEnvelope(stuffed, { at: 14, bytes: u16(33) })));
    },
  },
  {
    name: 'envelope: a time of 2^53 and more is refused, not rounded',
    run: async () => {
      for (const time of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])
        await refusesAsDamage(() => read(changedEnvelope(honestEnvelope(), { at: 24, bytes: u64(time) })));
    },
  },
  {
    name: 'envelope: a payload that says 2^40 bytes is refused before it is allocated',
    run: (room) =>
      room.attack(() =>
        refusesAsDamage(() => read(changedEnvelope(honestEnvelope(), { at: 32, bytes: u64(2n ** 40n) }))),
      ),
  },
];

/** Everything that has a version, with a higher one: newer, never damaged. */
const NEWER: readonly HostileCase[] = [
  ...(
    [
      ['a snapshot file', FILE_TYPE.snapshot, FOLDERS.snapshots],
      ['a commit file', FILE_TYPE.commitFile, FOLDERS.commits],
    ] as const
  ).map(([what, fileType, folder]): HostileCase => ({
    name: `${what} of version 2 is newer, not damaged`,
    run: async (room) => {
      const workshop = await Workshop.open();
      const envelope = workshop.signed(encodeMessagePack(workshop.snapshotFields()));
      const { bytes, name } = sealRaw(workshop.context, {
        fileType,
        header: [{ at: 8, bytes: u16(2) }],
        frames: [objectFrame(envelope)],
        ...(fileType === FILE_TYPE.commitFile ? { footer: new Uint8Array(32) } : {}),
      });
      await workshop.put(`${folder}/${name}`, bytes);
      await probes(await workshop.reopen(), room, {
        snapshots: 'repository/newer-format',
        quick: 'repository/newer-format',
      });
    },
  })),
  ...(['index', 'condemned', 'events', 'packs'] as const).map((folder): HostileCase => ({
    name: `a file of version 2 in ${folder} is newer, not damaged, for verify`,
    run: async (room) => {
      const workshop = await Workshop.open();
      const types = { index: 4, condemned: 7, events: 6, packs: 1 } as const;
      const { bytes, name } = sealRaw(workshop.context, {
        fileType: types[folder],
        header: [{ at: 8, bytes: u16(2) }],
        frames: [objectFrame(new Uint8Array(10))],
        footer: new Uint8Array(48),
      });
      await workshop.put(folder === 'packs' ? `packs/${name.slice(0, 2)}/${name}` : `${folder}/${name}`, bytes);
      await probes(await workshop.reopen(), room, { deep: 'repository/newer-format' });
    },
  })),
  ...(
    [
      ['an envelope of version 2', [{ at: 4, bytes: u16(2) }]],
      ['a schema that needs a newer reader', [{ at: 8, bytes: concatBytes([u16(2), u16(2)]) }]],
      ['a newer schema in an unknown format', [{ at: 8, bytes: concatBytes([u16(9), u16(9), u8(9)]) }]],
      ['a newer schema in an unknown compression', [{ at: 8, bytes: concatBytes([u16(9), u16(9), u8(1), u8(9)]) }]],
    ] as const
  ).flatMap(([what, patches]): readonly HostileCase[] => [
    {
      name: `a snapshot in ${what} is newer, not damaged`,
      run: async (room) => {
        const workshop = await Workshop.open();
        const envelope = workshop.signed(encodeMessagePack(workshop.snapshotFields()));
        await workshop.putSnapshotEnvelope(changedEnvelope(envelope, ...patches));
        await probes(await workshop.reopen(), room, { snapshots: 'repository/newer-format' });
      },
    },
    {
      name: `a configuration in ${what} is newer, not damaged`,
      run: async (room) => {
        const workshop = await Workshop.open();
        const config = await workshop.store.read('config');
        for (const name of ['config', 'config.copy']) await workshop.put(name, changedEnvelope(config, ...patches));
        await room.attack(() => refuses(() => workshop.reopen(), 'repository/newer-format'));
      },
    },
    {
      name: `an instance marker in ${what} is newer, not damaged`,
      run: async (room) => {
        const workshop = await Workshop.open();
        await workshop.put('instance', changedEnvelope(await workshop.store.read('instance'), ...patches));
        await room.attack(() => refuses(() => workshop.reopen(), 'repository/newer-format'));
      },
    },
  ]),
];

function runCase(name: string, options: RawRun): HostileCase {
  return {
    name,
    run: async (room) => {
      const workshop = await Workshop.open();
      const { bytes, name: file } = rawIndexRun(workshop.context, options);
      await workshop.put(`index/${file}`, bytes);
      await probes(await workshop.reopen(), room, { deep: 'damage' });
    },
  };
}

const EDGES = [0, 2, 2 ** 31, 2 ** 32 - 1];
const HEAD_FIELDS = ['packFrameCount', 'pageCount', 'filterFrameCount', 'packCount', 'filterBlockCount'];

const RUNS: readonly HostileCase[] = [
  ...HEAD_FIELDS.flatMap((field, index) =>
    EDGES.map((value) =>
      runCase(`an index run whose ${field} is ${value} is damage`, {
        head: [{ at: 4 + index * 4, bytes: u32(value) }],
      }),
    ),
  ),
  ...[0n, 2n ** 53n, 2n ** 64n - 1n].map((value) =>
    runCase(`an index run whose entryCount is ${value} is damage`, { head: [{ at: 24, bytes: u64(value) }] }),
  ),
  runCase('an index run that supersedes 65,535 others it does not name is damage', {
    head: [{ at: 2, bytes: u16(65_535) }],
  }),
  runCase('an index run with an extension of 4 GiB is damage', { head: [{ at: 40, bytes: u32(2 ** 32 - 1) }] }),
  runCase('an index run whose reserved field is not zero is damage', { head: [{ at: 44, bytes: u32(1) }] }),
  runCase('a pack table of half a record is damage', { packs: new Uint8Array(22), counts: { packs: 1 } }),
  runCase('a pack of 2^63 bytes in a table is damage', {
    packs: concatBytes([hash(utf8('p')), u8(1), u64(2n ** 63n), u32(1)]),
  }),
  runCase('a pack of the file type of an index run in a table is damage', {
    packs: concatBytes([hash(utf8('p')), u8(4), u64(10_000), u32(1)]),
  }),
  ...(
    [
      ['a pack that is not in the table', 0, u32(1)],
      ['a frame before the header’s end', 4, u32(0)],
      ['a frame beyond its pack', 4, u32(9_999)],
      ['a frame of 4 GiB', 8, u32(2 ** 32 - 1)],
      ['a frame of no bytes', 8, u32(0)],
      ['a blob beyond its segment', 12, u32(2 ** 32 - 1)],
      ['a blob of 4 GiB', 16, u32(2 ** 32 - 1)],
      ['a blob of an unknown type', 20, u8(9)],
      ['a flag that does not exist', 21, u8(2)],
    ] as const
  ).map(([label, at, bytes]) => {
    const columns = patched(concatBytes([u32(0), u32(104), u32(500), u32(0), u32(100), u8(1), u8(0)]), [{ at, bytes }]);
    return runCase(`an index entry with ${label} is damage`, {
      page: concatBytes([u8(1), u8(0), u16(0), u32(1), hash(utf8('a blob')), columns]),
    });
  }),
  runCase('an index page of another first id than its footer says is damage', {
    page: concatBytes([
      u8(1),
      u8(0),
      u16(0),
      u32(1),
      hash(utf8('another')),
      u32(0),
      u32(104),
      u32(500),
      u32(0),
      u32(100),
      u8(1),
      u8(0),
    ]),
  }),
  runCase('an index page that counts 2^32 − 1 is damage', {
    page: concatBytes([u8(1), u8(0), u16(0), u32(2 ** 32 - 1)]),
  }),
  runCase('a filter of the wrong size is damage', { filter: new Uint8Array(63), counts: { blocks: 1 } }),
  {
    name: 'an index run that names a pack that is not there is damage, and is no reason to fail',
    run: async (room) => {
      const workshop = await Workshop.open();
      const { bytes, name } = rawIndexRun(workshop.context);
      await workshop.put(`index/${name}`, bytes);
      await probes(await workshop.reopen(), room, { quick: 'damage', deep: 'damage' });
    },
  },
  {
    name: '17 index runs that are one run, and 200 broken ones, are verified to the end',
    run: async (room) => {
      const workshop = await Workshop.open();
      for (let index = 0; index < 200; index++) {
        const { bytes, name } = rawIndexRun(
          workshop.context,
          index < 17 ? {} : { head: [{ at: 24, bytes: u64(index) }] },
        );
        await workshop.put(`index/${name}`, bytes);
      }
      await probes(await workshop.reopen(), room, { deep: 'damage' });
    },
  },
];

export const BOMBS: CaseGroup = {
  name: 'bombs',
  cases: [
    {
      name: 'zeros made for these cases are what they say, where they may be',
      run: async () => {
        const bytes = await zeros(16, 'zstd');
        equal(decompress(COMPRESSION.zstd, bytes, 16 * MIB).length, 16 * MIB, 'plain length');
        equal(decompress(COMPRESSION.lz4, lz4Zeros(MIB, MIB), MIB).length, MIB, 'lz4 length');
        isTrue(read(honestEnvelope()) !== undefined, 'an honest envelope');
      },
    },
    ...DECOMPRESSION,
    ...NESTED,
    ...ENVELOPES,
    ...NEWER,
    ...RUNS,
  ],
};
