/**
 * Small files of a folder, read, hashed and made into the records and NodeIds of their entries: everything about them
 * that needs no knowledge of the repository. Runs here or in a reader's thread.
 *
 * Invariants: a file counts as stored only if nothing about the file changed between the listing, the opening and the end
 * of reading. Whatever is unusual in any way is not: the backup then looks at that file by itself, with patience.
 */
import { assert } from '../../../src-shared/assert.ts';
import { asContentHash } from '../../../src-shared/ids.ts';
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
import { type ReadBuffers, ReadResults } from './read-results.ts';

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

/** Between two looks at what else there is to do: well under a millisecond. */
const FILES_PER_PAUSE = 16;

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

  /**
   * Reads into `contents`, which has room for what the request says, one file behind the other. `onPause` is called after
   * every few files, and may do anything but read with this reader.
   */
  read(request: ReadRequest, contents: Uint8Array, onPause?: () => void): ReadBuffers {
    assert(request.bytes <= contents.length, 'there is room for everything that is read');
    const results = new ReadResults(request.files);
    this.#writer.reset();
    let index = 0;
    let end = 0;
    for (const part of request.parts) {
      const listing = new Listing(part.data);
      for (let row = 0; row < listing.count; row++, index++) {
        const size = listing.size(row);
        if (this.#readOne(part, listing, row, contents.subarray(end, end + size), { results, index })) end += size;
        results.ends(index, this.#writer.length, end);
        if (index % FILES_PER_PAUSE === 0) onPause?.();
      }
    }
    return results.finish(this.#writer.finish());
  }

  #readOne(
    part: ReadPart,
    listing: Listing,
    row: number,
    content: Uint8Array,
    { results, index }: { readonly results: ReadResults; readonly index: number },
  ): boolean {
    const attributes = this.#files.read(part, listing, row, content, this.#attributes);
    // Attributes that need a blob of their own are for the backup itself.
    if (attributes === undefined || !fitsInline(attributes)) return false;
    const name = listing.name(row);
    const contentHash = asContentHash(hash(content));
    const id = content.length > 0 ? this.#blobHasher.idOfHash(BLOB_TYPE.fileChunk, contentHash) : undefined;
    const linkGroup = part.linkGroups?.[row] ?? Number.NaN;
    const entry: FileEntry = {
      ...metadataOf(rowMetadata(listing, row), name, this.#owners),
      ...(attributes.length === 0 ? {} : { xattrs: attributes }),
      ...(Number.isNaN(linkGroup) ? {} : { linkGroup }),
      nodeType: 'file',
      size: content.length,
      contentHash,
      content: { kind: 'inline', chunks: id === undefined ? [] : [{ id, length: content.length }] },
      ...fileFlagsOf(listing.isSparse(row), false),
    };
    encodeEntry(this.#writer, entry);
    const path = nodePath(part.nodePath, canonicalName(name).text);
    results.stored(index, this.#nodes.leafNode(path, entry), id);
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
