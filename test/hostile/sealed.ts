/**
 * Sealed files as an attacker with the key writes them: any header, any frame, any footer and trailer, under a right
 * tag and a right commitment. Written from FORMAT.md §6 and not with the engine's sealer, which refuses to.
 */
import { createCipheriv, hkdfSync } from 'node:crypto';
import { COMPRESSION, FILE_TYPE, FRAME_KIND, compress, hash } from '../../src-main/engine/codec/index.ts';
import { concatBytes, toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import type { RepositoryContext } from '../../src-main/engine/repository/index.ts';
import { u16, u32, u64, u8 } from './raw.ts';

/** Bytes written over a structure at an offset, before it is sealed. */
export type Patch = { readonly at: number; readonly bytes: Uint8Array };

export function patched(bytes: Uint8Array, patches: readonly Patch[] = []): Uint8Array {
  const result = new Uint8Array(bytes);
  for (const patch of patches) result.set(patch.bytes, patch.at);
  return result;
}

export type RawFrame = {
  readonly kind?: number;
  readonly compression?: number;
  /** As it stands in the file, compressed or not. */
  readonly payload: Uint8Array;
  readonly plainLength?: number;
  readonly counter?: number;
  readonly header?: readonly Patch[];
};

export type RawFile = {
  readonly fileType: number;
  readonly frames: readonly RawFrame[];
  readonly header?: readonly Patch[];
  /** Footer plaintext; absent: no footer and no trailer. */
  readonly footer?: Uint8Array;
  readonly footerFrame?: Partial<RawFrame>;
  readonly trailer?: readonly Patch[];
  /** Bytes at the very end. */
  readonly trailing?: Uint8Array;
};

export type SealKeys = Pick<RepositoryContext, 'secrets' | 'repositoryIdBytes'>;

export type SealedBytes = {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly frameLengths: readonly number[];
};

const DATA_TYPES: readonly number[] = [FILE_TYPE.dataPack, FILE_TYPE.treePack, FILE_TYPE.commitFile];
let saltCount = 0;

type Key = { readonly encrypted: boolean; readonly key: Uint8Array; readonly header: Uint8Array };

function sealFrame(frame: RawFrame, index: number, { encrypted, key, header: fileHeader }: Key): Uint8Array {
  const { kind = FRAME_KIND.segment, compression = COMPRESSION.none, payload, counter = index } = frame;
  const plain = concatBytes([
    utf8('CrnF'),
    u8(kind),
    u8(compression),
    u16(0),
    u32(counter),
    u32(frame.plainLength ?? payload.length),
    u32(payload.length + 16),
    u32(0),
  ]);
  const header = patched(plain, frame.header);
  if (!encrypted)
    return concatBytes([header, payload, hash(concatBytes([fileHeader, header, payload])).subarray(0, 16)]);
  const cipher = createCipheriv('aes-256-gcm', key, concatBytes([header.subarray(8, 12), new Uint8Array(8)]));
  cipher.setAAD(concatBytes([fileHeader, header]));
  const sealed = cipher.update(payload);
  cipher.final();
  return concatBytes([header, sealed, cipher.getAuthTag()]);
}

/** The bytes of a sealed file, and its name: the hash of them. */
export function sealRaw(context: SealKeys, file: RawFile): SealedBytes {
  const { secrets, repositoryIdBytes } = context;
  const encrypted = secrets.cipher !== 0;
  const salt = hash(utf8(`hostile salt ${saltCount++}`));
  const parent = DATA_TYPES.includes(file.fileType) ? secrets.dataKey : secrets.metaKey;
  const info = concatBytes([utf8('cairn/v1/file'), u8(file.fileType)]);
  const derived = new Uint8Array(hkdfSync('sha256', parent, salt, info, 64));
  const commitment = encrypted ? derived.subarray(32) : new Uint8Array(32);
  const head = [utf8('CAIRNBAK'), u16(1), u8(file.fileType), u8(secrets.cipher), u32(0), repositoryIdBytes, salt];
  const header = patched(concatBytes([...head, commitment, u64(0)]), file.header);
  const key: Key = { encrypted, key: derived.subarray(0, 32), header };
  const frames = file.frames.map((frame, index) => sealFrame(frame, index, key));
  const parts = [header, ...frames];
  if (file.footer !== undefined) {
    const footerOffset = parts.reduce((sum, part) => sum + part.length, 0);
    const frame = { kind: FRAME_KIND.footer, payload: file.footer, ...file.footerFrame };
    const footer = sealFrame(frame, frames.length, key);
    const trailer = [u64(footerOffset), u32(footer.length), u32(frames.length + 1), utf8('CrnEND\r\n')];
    parts.push(footer, patched(concatBytes(trailer), file.trailer));
  }
  if (file.trailing !== undefined) parts.push(file.trailing);
  const bytes = concatBytes(parts);
  return { bytes, name: toHex(hash(bytes)), frameLengths: frames.map(({ length }) => length) };
}

export type RawBlob = { readonly id: Uint8Array; readonly type: number; readonly length: number };
export type FooterFrame = {
  readonly kind: number;
  readonly compression?: number;
  readonly objectType?: number;
  readonly frameLength: number;
  readonly plainLength: number;
  readonly blobs: readonly RawBlob[];
  readonly blobCount?: number;
  readonly baseId?: Uint8Array;
};

/** Plaintext of a pack footer; honest but for what is patched. */
export function rawPackFooter(options: {
  readonly fileType: number;
  readonly frames: readonly FooterFrame[];
  readonly extension?: Uint8Array;
  readonly patches?: readonly Patch[];
}): Uint8Array {
  const { fileType, frames, extension = new Uint8Array(0) } = options;
  const blobs = frames.flatMap((frame) => frame.blobs);
  const bases = frames.flatMap(({ baseId }) => (baseId === undefined ? [] : [baseId]));
  const head = [
    u8(1),
    u8(fileType),
    u16(0),
    u32(frames.length),
    u32(bases.length),
    u32(blobs.length),
    u64(blobs.reduce((sum, { length }) => sum + length, 0)),
    u32(extension.length),
    u32(0),
  ];
  const records = frames.flatMap((frame) => [
    u8(frame.kind),
    u8(frame.compression ?? COMPRESSION.none),
    u16(frame.objectType ?? 0),
    u32(frame.frameLength),
    u32(frame.plainLength),
    u32(frame.blobCount ?? frame.blobs.length),
  ]);
  const columns = [
    ...blobs.map(({ id }) => id),
    Uint8Array.from(blobs.map(({ type }) => type)),
    ...blobs.map(({ length }) => u32(length)),
  ];
  return patched(concatBytes([...head, ...records, ...bases, ...columns, extension]), options.patches);
}

/** A payload that shrinks: zstd of the plaintext, as the engine would make it. */
export function zstd(plain: Uint8Array): { readonly compression: number; readonly payload: Uint8Array } {
  const { compression, bytes } = compress({ kind: 'zstd', level: 3 }, plain);
  return { compression, payload: new Uint8Array(bytes) };
}

/** Parts of an index run of one pack, one entry and one filter block; what is left out is honest. */
export type RawRun = {
  readonly head?: readonly Patch[];
  readonly packs?: Uint8Array;
  readonly page?: Uint8Array;
  readonly filter?: Uint8Array;
  /** The whole plaintext of the footer. */
  readonly footer?: (honest: Uint8Array) => Uint8Array;
  readonly counts?: { readonly packs?: number; readonly blocks?: number; readonly entries?: number };
};

export const RUN_BLOB: Uint8Array = hash(utf8('a blob'));
export const RUN_PACKS: Uint8Array = concatBytes([hash(utf8('a pack')), u8(1), u64(10_000), u32(1)]);
export const RUN_PAGE: Uint8Array = concatBytes([
  ...[u8(1), u8(0), u16(0), u32(1), RUN_BLOB],
  ...[u32(0), u32(104), u32(500), u32(0), u32(100), u8(1), u8(0)],
]);

export function rawIndexRun(context: SealKeys, options: RawRun = {}): SealedBytes {
  const { packs = RUN_PACKS, page = RUN_PAGE, filter = new Uint8Array(64).fill(0xff), counts = {} } = options;
  const frames = [
    { kind: FRAME_KIND.indexPacks, payload: packs },
    { kind: FRAME_KIND.indexPage, payload: page },
    { kind: FRAME_KIND.indexFilter, payload: filter },
  ];
  const honest = concatBytes([
    ...[u8(1), u8(0), u16(0), u32(1), u32(1), u32(1)],
    ...[u32(counts.packs ?? packs.length / 45), u32(counts.blocks ?? filter.length / 64)],
    ...[u64(counts.entries ?? 1), u64(1), u32(0), u32(0)],
  ]);
  const [packsLength = 0, pageLength = 0, filterLength = 0] = frames.map(({ payload }) => payload.length + 40);
  const tables = [u32(packsLength), RUN_BLOB, u32(pageLength), u32(counts.entries ?? 1), u32(filterLength)];
  const footer = concatBytes([patched(honest, options.head), ...tables]);
  return sealRaw(context, { fileType: FILE_TYPE.indexRun, frames, footer: options.footer?.(footer) ?? footer });
}
