/**
 * Small files of a folder, read, hashed and made into the records and NodeIds of their entries: everything about them
 * that needs no knowledge of the repository. Runs here or in a reader's thread.
 *
 * Invariants: a result is `stored` only if nothing about the file changed between the listing, the opening and the end
 * of reading. Whatever is unusual in any way is `again`: the backup then looks at that file by itself, with patience.
 */
import { asBlobId, asContentHash, asNodeId, ID_BYTES } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, type BlobHasher, hash } from '../codec/index.ts';
import { ByteWriter } from '../kernel/index.ts';
import {
  type FileEntry,
  type Xattr,
  XATTR_INLINE_BYTES_MAX,
  canonicalName,
  createNodeHasher,
  encodeEntry,
  encodeAttributes,
  nodePath,
} from '../merkle/index.ts';
import {
  type AttributeReader,
  Listing,
  type ListingData,
  type OwnerNames,
  type SmallFileReader,
  createAttributeReader,
  createOwnerNames,
  createSmallFileReader,
} from '../source/index.ts';
import { fileFlagsOf, metadataOf } from './entries.ts';

/** Files of one folder to read. Rows are those of the part's own small table. */
export type ReadPart = {
  /** The folder's descriptor where it is held by one, else undefined and `access` is its path. */
  readonly descriptor: number | undefined;
  readonly access: Uint8Array;
  /** For people. */
  readonly path: Uint8Array;
  readonly nodePath: string;
  readonly data: ListingData;
  /** A number for each row with hard links, NaN for the others; undefined where no row has one. */
  readonly linkGroups: Float64Array | undefined;
};

export type ReadRequest = { readonly parts: readonly ReadPart[]; readonly files: number; readonly bytes: number };

export const READ = { again: 0, stored: 1 } as const;

/** What became of each file, in the order of the request. Ids lie end to end; `…Ends` are offsets behind each. */
export type ReadResult = {
  readonly status: Uint8Array;
  readonly blobIds: Uint8Array;
  readonly contentHashes: Uint8Array;
  readonly nodeIds: Uint8Array;
  readonly records: Uint8Array;
  readonly recordEnds: Uint32Array;
  readonly contents: Uint8Array;
  readonly contentEnds: Uint32Array;
};

export class FilesReader {
  readonly #blobHasher: BlobHasher;
  readonly #nodes = createNodeHasher();
  readonly #writer = new ByteWriter(64 * 1024);
  readonly #owners: OwnerNames = createOwnerNames();
  readonly #attributes: AttributeReader = createAttributeReader();
  readonly #files: SmallFileReader = createSmallFileReader();

  constructor(blobHasher: BlobHasher) {
    this.#blobHasher = blobHasher;
  }

  read(request: ReadRequest): ReadResult {
    const { files, bytes } = request;
    const result = {
      status: new Uint8Array(files),
      blobIds: new Uint8Array(files * ID_BYTES),
      contentHashes: new Uint8Array(files * ID_BYTES),
      nodeIds: new Uint8Array(files * ID_BYTES),
      recordEnds: new Uint32Array(files),
      contents: new Uint8Array(bytes),
      contentEnds: new Uint32Array(files),
    };
    this.#writer.reset();
    let index = 0;
    let end = 0;
    for (const part of request.parts) {
      const listing = new Listing(part.data);
      for (let row = 0; row < listing.count; row++, index++) {
        const size = listing.size(row);
        const content = result.contents.subarray(end, end + size);
        if (this.#readOne(part, listing, row, content, result, index)) {
          end += size;
          result.status[index] = READ.stored;
        }
        result.contentEnds[index] = end;
        result.recordEnds[index] = this.#writer.length;
      }
    }
    return { ...result, records: this.#writer.finish() };
  }

  #readOne(
    part: ReadPart,
    listing: Listing,
    row: number,
    content: Uint8Array,
    result: Pick<ReadResult, 'blobIds' | 'contentHashes' | 'nodeIds'>,
    index: number,
  ): boolean {
    const attributes = this.#files.read(part, listing, row, content, this.#attributes);
    // Attributes that need a blob of their own are for the backup itself.
    if (attributes === undefined || !fitsInline(attributes)) return false;
    const name = listing.name(row);
    const contentHash = asContentHash(hash(content));
    const at = index * ID_BYTES;
    result.contentHashes.set(contentHash, at);
    const chunks = [];
    if (content.length > 0) {
      const id = this.#blobHasher.idOfHash(BLOB_TYPE.fileChunk, contentHash);
      result.blobIds.set(id, at);
      chunks.push({ id: asBlobId(id), length: content.length });
    }
    const linkGroup = part.linkGroups?.[row] ?? Number.NaN;
    const entry: FileEntry = {
      ...metadataOf(rowMetadata(listing, row), name, this.#owners),
      ...(attributes.length === 0 ? {} : { xattrs: attributes }),
      ...(Number.isNaN(linkGroup) ? {} : { linkGroup }),
      nodeType: 'file',
      size: content.length,
      contentHash,
      content: { kind: 'inline', chunks },
      ...fileFlagsOf(listing.isSparse(row), false),
    };
    encodeEntry(this.#writer, entry);
    const path = nodePath(part.nodePath, canonicalName(name).text);
    result.nodeIds.set(asNodeId(this.#nodes.leafNode(path, entry)), at);
    return true;
  }
}

function rowMetadata(listing: Listing, row: number): Parameters<typeof metadataOf>[0] {
  return {
    mode: listing.mode(row),
    uid: listing.uid(row),
    gid: listing.gid(row),
    mtimeNs: listing.mtimeNs(row),
  };
}

function fitsInline(attributes: readonly Xattr[]): boolean {
  return attributes.length === 0 || encodeAttributes(attributes).length <= XATTR_INLINE_BYTES_MAX;
}
