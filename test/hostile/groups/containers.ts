/** Group c: packs, commit files and index runs whose fields lie, under right tags and right names. */
import {
  COMPRESSION,
  FILE_HEADER_FIELDS,
  FILE_TYPE,
  FRAME_HEADER_FIELDS,
  FRAME_KIND,
  type LayoutField,
  TRAILER_FIELDS,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, equalBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  FOOTER_FRAME_FIELDS,
  FOOTER_HEAD_FIELDS,
  PACK_FILE_TYPES,
  checkPack,
  openPack,
} from '../../../src-main/engine/pack/index.ts';
import { createBlobHasher } from '../../../src-main/engine/codec/index.ts';
import { parsePackId } from '../../../src-shared/ids.ts';
import { encrypted, repositoryId } from '../../support/packs.ts';
import { type CaseGroup, type HostileCase, equal, fail, isTrue, outcomeOf, refuses, refusesAsDamage } from '../case.ts';
import { probes } from '../probe.ts';
import { u16, u32, u64, u8 } from '../raw.ts';
import {
  type FooterFrame,
  type Patch,
  type RawFile,
  type RawFrame,
  type SealedBytes,
  rawPackFooter,
  sealRaw,
  zstd,
} from '../sealed.ts';
import { Workshop } from '../workshop.ts';

const KEYS = { secrets: encrypted, repositoryIdBytes: repositoryId };
const hasher = createBlobHasher(new Uint8Array(32).fill(9));

type Content = { readonly plain: Uint8Array; readonly payload: Uint8Array; readonly compression: number };
const contentOf = (text: string): Content => {
  const plain = utf8(text.repeat(30));
  return { plain, ...zstd(plain) };
};
const CONTENTS = [contentOf('the first segment '), contentOf('the second one ')];

type PackOptions = {
  readonly header?: readonly Patch[];
  readonly frameHeader?: readonly Patch[];
  readonly footer?: readonly Patch[];
  readonly trailer?: readonly Patch[];
  readonly footerFrame?: Partial<RawFrame>;
  readonly records?: (frames: readonly FooterFrame[]) => readonly FooterFrame[];
  readonly frames?: (frames: readonly RawFrame[]) => readonly RawFrame[];
  readonly file?: Partial<RawFile>;
};

/** An honest pack of two segments, changed where a case says so. */
function buildPack(options: PackOptions = {}): SealedBytes {
  const frames = CONTENTS.map(({ plain, payload, compression }, index) => ({
    kind: FRAME_KIND.segment,
    compression,
    payload,
    plainLength: plain.length,
    ...(index === 0 && options.frameHeader !== undefined ? { header: options.frameHeader } : {}),
  }));
  const records = CONTENTS.map(({ plain, payload, compression }) => ({
    kind: FRAME_KIND.segment,
    compression,
    frameLength: payload.length + 40,
    plainLength: plain.length,
    blobs: [{ id: hasher.idOf(1, plain), type: 1, length: plain.length }],
  }));
  const fileType = FILE_TYPE.dataPack;
  const patches = options.footer ?? [];
  const footer = rawPackFooter({ fileType, frames: options.records?.(records) ?? records, patches });
  return sealRaw(KEYS, {
    fileType,
    frames: options.frames?.(frames) ?? frames,
    footer,
    ...(options.header === undefined ? {} : { header: options.header }),
    ...(options.trailer === undefined ? {} : { trailer: options.trailer }),
    ...(options.footerFrame === undefined ? {} : { footerFrame: options.footerFrame }),
    ...options.file,
  });
}

const noBase = (): Promise<Uint8Array> => fail('no delta is expected here');

/** Opens a pack, reads all blobs and checks it: refused, or the very contents that were put in. */
async function readPack({ bytes, name }: SealedBytes): Promise<void> {
  const identity = { repositoryId, secrets: encrypted, fileTypes: PACK_FILE_TYPES };
  const reader = await openPack({
    ...identity,
    read: ({ offset, length }) => Promise.resolve(bytes.subarray(offset, offset + length)),
    sizeBytes: bytes.length,
  });
  for (const segment of reader.footer.segments) {
    const plain = await reader.readSegment(segment, noBase);
    for (const { id, type, offset, length } of reader.footer.blobsOf(segment)) {
      const blob = plain.subarray(offset, offset + length);
      const isRight = equalBytes(hasher.idOf(type, blob), id);
      if (isRight && !CONTENTS.some((one) => equalBytes(one.plain, blob))) fail('other bytes than were put in');
    }
  }
  for (const object of reader.footer.objects) await reader.readObject(object);
  const check = await checkPack({
    ...identity,
    bytes,
    expectedPackId: parsePackId(name),
    blobHasher: hasher,
    baseOf: noBase,
  });
  isTrue(check.damage.length === 0 || check.damage.every(({ message }) => message !== ''), 'damage without a message');
}

/** Damage is reported by checkPack, and thrown by it only where the format is newer. */
async function checked({ bytes, name }: SealedBytes): Promise<boolean> {
  const identity = { repositoryId, secrets: encrypted, fileTypes: PACK_FILE_TYPES };
  const { damage } = await checkPack({
    ...identity,
    bytes,
    expectedPackId: parsePackId(name),
    blobHasher: hasher,
    baseOf: noBase,
  });
  return damage.length === 0;
}

const BITS = { u8: 8, u16: 16, u32: 32, u64: 64 } as const;

/** A field with every value that numbers go wrong at. The honest value is left out. */
export function edgePatches(
  structure: Uint8Array,
  field: LayoutField,
): readonly { readonly label: string; readonly patch: Patch }[] {
  const { offset: at, size, type } = field;
  const honest = structure.subarray(at, at + size);
  if (type === 'bytes') {
    const flipped = new Uint8Array(honest);
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    const values = [flipped, new Uint8Array(size), new Uint8Array(size).fill(0xff)];
    return values
      .filter((bytes) => !equalBytes(bytes, honest))
      .map((bytes) => ({ label: toHex(bytes), patch: { at, bytes } }));
  }
  const bits = BigInt(BITS[type]);
  const write = { u8, u16: (value: bigint) => u16(Number(value)), u32: (value: bigint) => u32(Number(value)), u64 }[
    type
  ];
  const own = [...honest].reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
  const max = 2n ** bits - 1n;
  const edges = new Set([
    0n,
    1n,
    max,
    max - 1n,
    2n ** (bits - 1n),
    2n ** (bits - 1n) - 1n,
    own + 1n,
    own - 1n,
    own * 2n,
  ]);
  return [...edges]
    .filter((value) => value >= 0n && value <= max && value !== own)
    .map((value) => ({
      label: value.toString(),
      patch: { at, bytes: type === 'u8' ? u8(Number(value)) : (write as (value: bigint) => Uint8Array)(value) },
    }));
}

/** One case for each field of a structure. `lenient`: values other than the honest one that change nothing. */
function fieldCases(
  what: string,
  fields: readonly LayoutField[],
  structure: () => Uint8Array,
  build: (patch: Patch) => SealedBytes,
  lenient: readonly string[] = [],
): HostileCase[] {
  return fields.map((field) => ({
    name: `${what}: ${field.name} at byte ${field.offset} is refused with any other value`,
    run: async (room) => {
      const patches = edgePatches(structure(), field);
      await room.attack(async () => {
        for (const { label, patch } of patches) {
          const pack = build(patch);
          const outcome = await outcomeOf(() => readPack(pack));
          const sound = await outcomeOf(async () => isTrue(!(await checked(pack)), 'sound')).catch(() => 'sound');
          if (lenient.includes(field.name)) continue;
          if (outcome === 'ok') fail(`${field.name} = ${label} is taken`);
          if (sound === 'sound') fail(`${field.name} = ${label} is sound for checkPack`);
        }
      });
    },
  }));
}

const honestHeader = (): Uint8Array => buildPack().bytes.subarray(0, 104);
const honestFrame = (): Uint8Array => buildPack().bytes.subarray(104, 128);
const honestTrailer = (): Uint8Array => buildPack().bytes.subarray(-24);
const honestFooter = (): Uint8Array =>
  rawPackFooter({
    fileType: FILE_TYPE.dataPack,
    frames: CONTENTS.map(({ plain, payload, compression }) => ({
      kind: FRAME_KIND.segment,
      compression,
      frameLength: payload.length + 40,
      plainLength: plain.length,
      blobs: [{ id: hasher.idOf(1, plain), type: 1, length: plain.length }],
    })),
  });

const FIELDS: readonly HostileCase[] = [
  ...fieldCases('file header', FILE_HEADER_FIELDS, honestHeader, (patch) => buildPack({ header: [patch] })),
  ...fieldCases('frame header', FRAME_HEADER_FIELDS, honestFrame, (patch) => buildPack({ frameHeader: [patch] })),
  ...fieldCases('trailer', TRAILER_FIELDS, honestTrailer, (patch) => buildPack({ trailer: [patch] })),
  ...fieldCases('pack footer head', FOOTER_HEAD_FIELDS, honestFooter, (patch) => buildPack({ footer: [patch] })),
  ...fieldCases(
    'pack footer frame record',
    FOOTER_FRAME_FIELDS,
    () => honestFooter().subarray(32),
    ({ at, bytes }) => buildPack({ footer: [{ at: at + 32, bytes }] }),
    // The frame's own header says how it is compressed; the footer only repeats it.
    ['compression'],
  ),
  ...['blob id', 'blob type', 'blob length'].map((column, index): HostileCase => ({
    name: `pack footer columns: a ${column} that is another is refused`,
    run: async (room) => {
      const at = [32 + 2 * 16, 32 + 2 * 16 + 64, 32 + 2 * 16 + 64 + 2][index] ?? 0;
      await room.attack(async () => {
        for (const value of [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff]) {
          if (honestFooter()[at] === value) continue;
          const pack = buildPack({ footer: [{ at, bytes: u8(value) }] });
          equal(await outcomeOf(async () => isTrue(!(await checked(pack)), `${value} is taken`)), 'ok', column);
        }
      });
    },
  })),
];

function packCase(
  name: string,
  options: () => PackOptions,
  codes?: readonly Parameters<typeof refuses>[1][],
): HostileCase {
  return {
    name,
    run: async (room) => {
      const pack = buildPack(options());
      await room.attack(async () => {
        if (codes === undefined) await refusesAsDamage(() => readPack(pack));
        else await refuses(() => readPack(pack), ...codes);
      });
    },
  };
}

const swap = <Item>(items: readonly Item[]): readonly Item[] => items.toReversed();
const last = CONTENTS.at(-1)?.payload.length ?? 0;

const SHAPES: readonly HostileCase[] = [
  packCase('bytes after the trailer are refused', () => ({ file: { trailing: u8(0) } })),
  packCase('a second trailer after the first is refused', () => ({
    file: { trailing: buildPack().bytes.subarray(-24) },
  })),
  packCase('a pack without a footer is refused', () => ({ file: { footer: undefined as never } })),
  packCase('frames that changed places are refused', () => ({ frames: swap })),
  packCase('frames that say they changed places are refused', () => ({
    frames: (frames) => frames.map((frame, index) => ({ ...frame, counter: 1 - index })),
  })),
  packCase('two frames with one counter are refused', () => ({
    frames: (frames) => frames.map((frame) => ({ ...frame, counter: 0 })),
  })),
  packCase('a footer frame in the middle is refused', () => ({
    frames: ([first, second]) => [first!, { ...second!, kind: FRAME_KIND.footer }],
  })),
  packCase('an index page in a pack is refused', () => ({
    frames: (frames) => frames.map((frame) => ({ ...frame, kind: FRAME_KIND.indexPage })),
  })),
  packCase('a footer that names one frame twice is refused', () => ({ records: ([first]) => [first!, first!] })),
  packCase('a footer that leaves a frame out is refused', () => ({ records: ([first]) => [first!] })),
  packCase('a frame between the listed ones and the footer that nobody lists is refused', () => ({
    records: ([first]) => [first!],
    footerFrame: { counter: 1 },
    trailer: [{ at: 12, bytes: u32(2) }],
  })),
  packCase('a footer with a frame that overlaps the next is refused', () => ({
    records: ([first, second]) => [
      { ...first!, frameLength: first!.frameLength + 10 },
      { ...second!, frameLength: second!.frameLength - 10 },
    ],
  })),
  packCase('a footer whose last frame reaches over the footer is refused', () => ({
    records: ([first, second]) => [first!, { ...second!, frameLength: second!.frameLength + 40 }],
  })),
  packCase('a footer whose frames end before it is refused', () => ({
    records: ([first, second]) => [first!, { ...second!, frameLength: last + 39 }],
  })),
  packCase('a segment of no blobs is refused', () => ({
    records: ([first, second]) => [{ ...first!, blobs: [], blobCount: 0 }, second!],
  })),
  packCase('a segment of 8,193 blobs is refused', () => ({
    records: ([first, second]) => [
      { ...first!, blobs: Array.from({ length: 8193 }, () => ({ id: new Uint8Array(32), type: 1, length: 0 })) },
      second!,
    ],
  })),
  packCase('a blob of 8 MiB in a segment of 500 bytes is refused', () => ({
    records: ([first, second]) => [
      { ...first!, blobs: [{ id: new Uint8Array(32), type: 1, length: 2 ** 23 }] },
      second!,
    ],
  })),
  packCase('blobs whose lengths overflow 32 bits to the right sum are refused', () => ({
    records: ([first, second]) => [
      {
        ...first!,
        blobs: [
          { id: new Uint8Array(32), type: 1, length: 2 ** 32 - 1 },
          { id: new Uint8Array(32), type: 1, length: first!.plainLength + 1 },
        ],
      },
      second!,
    ],
  })),
  packCase('a delta with two blobs is refused', () => ({
    records: ([first, second]) => [
      {
        ...first!,
        kind: FRAME_KIND.deltaSegment,
        baseId: new Uint8Array(32),
        blobs: [...first!.blobs, { id: new Uint8Array(32), type: 1, length: 0 }],
      },
      second!,
    ],
  })),
  packCase('a segment that the footer calls a delta is refused', () => ({
    records: ([first, second]) => [{ ...first!, kind: FRAME_KIND.deltaSegment, baseId: new Uint8Array(32) }, second!],
  })),
  packCase('a delta payload shorter than an id is refused', () => ({
    frames: ([first, second]) => [{ ...first!, kind: FRAME_KIND.deltaSegment, payload: new Uint8Array(31) }, second!],
    records: ([first, second]) => [
      { ...first!, kind: FRAME_KIND.deltaSegment, baseId: new Uint8Array(32), frameLength: 71, compression: 0 },
      second!,
    ],
  })),
  packCase('an object of 8 MiB and a byte is refused', () => ({
    records: ([first, second]) => [
      { ...first!, kind: FRAME_KIND.object, plainLength: 2 ** 23 + 1, blobs: [] },
      second!,
    ],
  })),
  packCase('an object frame in a place where the footer has a segment is refused', () => ({
    frames: (frames) => frames.map((frame) => ({ ...frame, kind: FRAME_KIND.object })),
  })),
  packCase('an extension that is longer than allowed is refused', () => ({ footer: [{ at: 24, bytes: u32(65_537) }] })),
  packCase('a footer of another file type than the header is refused', () => ({
    footer: [{ at: 1, bytes: u8(FILE_TYPE.treePack) }],
  })),
  packCase('a compression that does not exist is refused', () => ({
    frames: (frames) => frames.map((frame) => ({ ...frame, compression: 4 })),
  })),
  packCase('a payload that is not what its compression says is refused', () => ({
    frames: (frames) => frames.map((frame) => ({ ...frame, compression: COMPRESSION.gzip })),
  })),
  packCase('a plain length of one byte less than there is is refused', () => ({
    frames: ([first, second]) => [{ ...first!, plainLength: first!.plainLength! - 1 }, second!],
    records: ([first, second]) => [
      {
        ...first!,
        plainLength: first!.plainLength - 1,
        blobs: [{ ...first!.blobs[0]!, length: first!.plainLength - 1 }],
      },
      second!,
    ],
  })),
  packCase('a plain length of one byte more than there is is refused', () => ({
    frames: ([first, second]) => [{ ...first!, plainLength: first!.plainLength! + 1 }, second!],
    records: ([first, second]) => [
      {
        ...first!,
        plainLength: first!.plainLength + 1,
        blobs: [{ ...first!.blobs[0]!, length: first!.plainLength + 1 }],
      },
      second!,
    ],
  })),
  packCase('a payload cut off before its end is refused', () => ({
    frames: ([first, second]) => [{ ...first!, payload: first!.payload.subarray(0, -3) }, second!],
    records: ([first, second]) => [{ ...first!, frameLength: first!.frameLength - 3 }, second!],
  })),
  packCase('a payload of no bytes for a segment of some is refused', () => ({
    frames: ([first, second]) => [{ ...first!, payload: new Uint8Array(0) }, second!],
    records: ([first, second]) => [{ ...first!, frameLength: 40 }, second!],
  })),
  packCase('8,209 frames in a footer are refused', () => ({ footer: [{ at: 4, bytes: u32(8209) }] })),
  {
    name: 'a commit file of 20,000 frames without a footer is refused and scanned in bounded time',
    run: async (room) => {
      const frames = Array.from({ length: 20_000 }, () => ({ payload: u8(1), plainLength: 1 }));
      const { bytes, name } = sealRaw(KEYS, { fileType: FILE_TYPE.dataPack, frames });
      await room.attack(async () => {
        isTrue(!(await checked({ bytes, name, frameLengths: [] })), 'it is sound');
        await refusesAsDamage(() => readPack({ bytes, name, frameLengths: [] }));
      });
    },
  },
  {
    name: 'a pack of a million frame magics and nothing else is scanned in bounded time',
    run: async (room) => {
      const header = buildPack().bytes.subarray(0, 104);
      const bytes = concatBytes([header, utf8('CrnF'.repeat(1_000_000))]);
      const { hash } = await import('../../../src-main/engine/codec/index.ts');
      await room.attack(async () => {
        isTrue(!(await checked({ bytes, name: toHex(hash(bytes)), frameLengths: [] })), 'it is sound');
      });
    },
  },
  {
    name: 'a segment of 8,192 blobs of which each is the whole segment can’t be described',
    run: async (room) => {
      const records = (frames: readonly FooterFrame[]): readonly FooterFrame[] =>
        frames.map((frame) => ({ ...frame, blobs: Array.from({ length: 8192 }, () => frame.blobs[0]!) }));
      await room.attack(() => refusesAsDamage(() => readPack(buildPack({ records }))));
    },
  },
  {
    name: 'a repository whose packs are all broken in other ways is verified to the end',
    run: async (room) => {
      const workshop = await Workshop.open();
      const damages: PackOptions[] = [
        { trailer: [{ at: 0, bytes: u64(2n ** 63n) }] },
        { header: [{ at: 10, bytes: u8(9) }] },
        { frames: swap },
        { file: { trailing: u8(7) } },
      ];
      for (const options of damages) await workshop.putPack(buildPack(options));
      await probes(await workshop.reopen(), room, { quick: ['ok', 'damage'], deep: 'damage' });
    },
  },
];

export const CONTAINERS: CaseGroup = {
  name: 'containers',
  cases: [
    {
      name: 'an honest pack of the workshop is read to its end and found sound',
      run: async () => {
        const pack = buildPack();
        equal(await outcomeOf(() => readPack(pack)), 'ok', 'reading');
        isTrue(await checked(pack), 'it is not sound');
      },
    },
    ...FIELDS,
    ...SHAPES,
  ],
};
