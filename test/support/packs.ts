/** Packs and index runs in memory, from seeded bytes: what the pack tests are made of. */
import type { BlobId, IndexRunId, PackId } from '../../src-shared/ids.ts';
import {
  BLOB_TYPE,
  CIPHER,
  createBlobHasher,
  FILE_TYPE,
  hash,
  type BlobType,
  type Cipher,
  type CompressionSpec,
  type FileSecrets,
  type FileType,
} from '../../src-main/engine/codec/index.ts';
import { concatBytes, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  buildIndexRun,
  createPackBuilder,
  createPageCache,
  createSegmentBuilder,
  IndexTable,
  openIndexRun,
  openPack,
  PACK_FILE_TYPES,
  type FinishedPack,
  type IndexRun,
  type IndexRunInput,
  type PackReader,
  type PageCache,
  type PendingSegment,
  type ReadRange,
} from '../../src-main/engine/pack/index.ts';

export const repositoryId = new Uint8Array(16).fill(7);
export const blobHasher = createBlobHasher(new Uint8Array(32).fill(9));
export const zstd: CompressionSpec = { kind: 'zstd', level: 3 };

/** A salt that never comes twice, without chance. */
let saltCount = 0;
export function nextSalt(): Uint8Array {
  return hash(utf8(`salt ${saltCount++}`));
}

export function secretsOf(cipher: Cipher): FileSecrets {
  return { cipher, dataKey: new Uint8Array(32).fill(1), metaKey: new Uint8Array(32).fill(2) };
}

export const encrypted = secretsOf(CIPHER.aes256Gcm);

/** Bytes without any pattern, the same for the same seed. */
export function seededBytes(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state >>> 11;
  }
  return bytes;
}

const WORDS =
  'the backup of a folder holds every file as it was when the snapshot began and nothing that came later 0 1 2'.split(
    ' ',
  );

/** Bytes that compress about as well as source text does. */
export function textLikeBytes(seed: number, length: number): Uint8Array {
  const choice = seededBytes(seed, length);
  let text = '';
  for (let index = 0; text.length < length; index++) {
    const byte = choice[index % length] ?? 0;
    text += byte > 200 ? `${byte * index} ` : `${WORDS[byte % WORDS.length] ?? ''} `;
  }
  return utf8(text).slice(0, length);
}

export type TestBlob = { readonly id: BlobId; readonly type: BlobType; readonly plain: Uint8Array };

export function blobOf(plain: Uint8Array, type: BlobType = BLOB_TYPE.fileChunk): TestBlob {
  return { id: blobHasher.idOf(type, plain), type, plain };
}

export function segmentsOf(blobs: readonly TestBlob[], compression: CompressionSpec = zstd): PendingSegment[] {
  const builder = createSegmentBuilder({ compression });
  const segments: PendingSegment[] = [];
  for (const { id, type, plain } of blobs) {
    const completed = builder.add(id, type, plain);
    if (completed !== undefined) segments.push(completed);
  }
  const last = builder.flush();
  return last === undefined ? segments : [...segments, last];
}

export type TestPack = FinishedPack & { readonly bytes: Uint8Array };

export function buildPack(
  segments: readonly PendingSegment[],
  options: {
    secrets?: FileSecrets;
    fileType?: FileType;
    objects?: readonly { type: number; bytes: Uint8Array }[];
  } = {},
): TestPack {
  const { secrets = encrypted, fileType = FILE_TYPE.dataPack, objects = [] } = options;
  const builder = createPackBuilder({ fileType, repositoryId, secrets, salt: nextSalt(), blobHasher });
  const parts = [builder.header];
  for (const segment of segments) parts.push(builder.addSegment(segment));
  for (const object of objects) parts.push(builder.addObject(object.type, object.bytes));
  const finished = builder.finish();
  return { ...finished, bytes: concatBytes([...parts, finished.tail]) };
}

export function readerOf(bytes: Uint8Array): ReadRange {
  return ({ offset, length }) => Promise.resolve(bytes.subarray(offset, offset + length));
}

export function openBytes(bytes: Uint8Array, secrets: FileSecrets = encrypted): Promise<PackReader> {
  return openPack({
    read: readerOf(bytes),
    sizeBytes: bytes.length,
    repositoryId,
    secrets,
    fileTypes: PACK_FILE_TYPES,
  });
}

export function noBase(): Promise<Uint8Array> {
  throw new Error('no delta is expected here');
}

/** Every blob of a pack, read back. */
export async function readAllBlobs(reader: PackReader): Promise<TestBlob[]> {
  const blobs: TestBlob[] = [];
  for (const segment of reader.footer.segments) {
    const plain = await reader.readSegment(segment, noBase);
    for (const { id, type, offset, length } of reader.footer.blobsOf(segment)) {
      blobs.push({ id, type, plain: plain.subarray(offset, offset + length) });
    }
  }
  return blobs;
}

export type TestRun = { readonly bytes: Uint8Array; readonly runId: IndexRunId };

export async function buildRun(
  input: Pick<IndexRunInput, 'packs' | 'entries' | 'entryCountMax'> & {
    secrets?: FileSecrets;
    generation?: number;
    supersedes?: readonly IndexRunId[];
  },
): Promise<TestRun> {
  const { secrets = encrypted, generation = 1, supersedes = [], ...rest } = input;
  const parts: Uint8Array[] = [];
  const append = (bytes: Uint8Array): Promise<void> => {
    parts.push(bytes);
    return Promise.resolve();
  };
  const { runId } = await buildIndexRun({
    ...rest,
    repositoryId,
    secrets,
    salt: nextSalt(),
    generation,
    supersedes,
    append,
  });
  return { bytes: concatBytes(parts), runId };
}

export async function runOfPacks(
  packs: readonly { packId: PackId; sizeBytes: number; footer: TestPack['footer'] }[],
  secrets = encrypted,
): Promise<TestRun> {
  const table = new IndexTable();
  for (const { packId, sizeBytes, footer } of packs) table.addPack(packId, sizeBytes, footer);
  return buildRun({ packs: table.packs, entries: table.sorted(), entryCountMax: table.entryCount, secrets });
}

export function openRun(
  { bytes, runId }: TestRun,
  options: { secrets?: FileSecrets; cache?: PageCache; read?: ReadRange } = {},
): Promise<IndexRun> {
  const { secrets = encrypted, cache = createPageCache(), read = readerOf(bytes) } = options;
  return openIndexRun({ read, sizeBytes: bytes.length, runId, repositoryId, secrets, cache });
}
