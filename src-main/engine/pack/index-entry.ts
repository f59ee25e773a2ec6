/** The records of an index run: where a blob lies, and which packs a run knows. */
import type { BlobId, PackId } from '../../../src-shared/ids.ts';
import type { BlobType, FileType } from '../codec/index.ts';
import type { PackFooter } from './footer.ts';

/** Where a blob lies. Offsets and lengths in bytes; the frame's include its header, the blob's are inside the plaintext. */
export type BlobLocation = {
  readonly packId: PackId;
  readonly fileType: FileType;
  readonly frameOffset: number;
  readonly frameLength: number;
  readonly offset: number;
  readonly length: number;
  readonly type: BlobType;
  /** True when its segment is a delta: reading it needs its base, and it can't be a base itself. */
  readonly delta: boolean;
};

export type IndexEntry = BlobLocation & { readonly id: BlobId };

/** A pack or commit file that a run knows. */
export type IndexedPack = {
  readonly packId: PackId;
  readonly fileType: FileType;
  readonly sizeBytes: number;
  readonly blobCount: number;
};

/** Every blob of a pack, in the order of the file. */
export function* indexEntriesOf(packId: PackId, footer: PackFooter): Generator<IndexEntry> {
  const { fileType } = footer;
  for (const segment of footer.segments) {
    const place = {
      packId,
      fileType,
      frameOffset: segment.offset,
      frameLength: segment.length,
      delta: segment.kind === 'delta',
    };
    for (const blob of footer.blobsOf(segment)) yield { ...place, ...blob };
  }
}
