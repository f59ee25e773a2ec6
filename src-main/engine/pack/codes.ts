/** Guards that turn a byte read from a file into one of the codec's codes, and what packs choose for themselves. */
import {
  BLOB_TYPE,
  COMPRESSION,
  DEFAULT_COMPRESSION,
  FILE_TYPE,
  type BlobType,
  type Compression,
  type CompressionSpec,
  type FileType,
} from '../codec/index.ts';

const blobTypes: ReadonlySet<number> = new Set(Object.values(BLOB_TYPE));
const compressions: ReadonlySet<number> = new Set(Object.values(COMPRESSION));
const packFileTypes: readonly FileType[] = [FILE_TYPE.dataPack, FILE_TYPE.treePack, FILE_TYPE.commitFile];

/** The files that hold segments: data packs, tree packs, commit files. */
export const PACK_FILE_TYPES: readonly FileType[] = packFileTypes;

/** Footers and index pages, whatever is chosen for the data: half of them are hashes, the rest shrinks well. */
export const METADATA_COMPRESSION: CompressionSpec = DEFAULT_COMPRESSION;

export function isBlobType(code: number): code is BlobType {
  return blobTypes.has(code);
}

export function isCompression(code: number): code is Compression {
  return compressions.has(code);
}

export function isPackFileType(code: number): code is FileType {
  return packFileTypes.some((type) => type === code);
}
