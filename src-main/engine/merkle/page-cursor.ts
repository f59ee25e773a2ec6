/**
 * Walks the records of a folder's leaf page without making objects: for comparing a page with a folder on disk, where a
 * million entries are looked at and nearly none is needed. A record costs 0.12 µs, against 0.8 µs decoded.
 *
 * Invariants: it accepts exactly the pages that decodeFolderPage accepts, with the same fields; a record that is unusual
 * or wrong in any way is left to the decoder itself. Fields hold from one `next` to the next.
 */
import { isUtf8 } from 'node:buffer';
import { CairnError } from '../../../src-shared/errors.ts';
import { asBlobId, type BlobId, ID_BYTES } from '../../../src-shared/ids.ts';
import { ByteReader, equalBytes } from '../kernel/index.ts';
import { encodeAttributes, readInlineXattrs } from './attributes.ts';
import {
  decodeEntry,
  encodeOwnerNames,
  ENTRY_BYTES_MIN,
  ENTRY_FIELD,
  FIELDS_OF_ANY,
  FIELDS_OF_FILES,
  FIELDS_OF_LEAVES,
} from './entry-codec.ts';
import {
  CHUNK_BYTES_MAX,
  type Entry,
  areEntryCounts,
  FILE_FLAG,
  INLINE_CHUNKS_MAX,
  isPlainName,
  MODE_MAX,
  NODE_TYPE_NUMBER,
  OWNER_NAME_BYTES_MAX,
  PAGE_LEVEL_MAX,
  TARGET_BYTES_MAX,
  U32_MAX,
} from './entry.ts';
import { decodeFolderPage, PAGE_BYTES_MAX, PAGE_HEADER_BYTES, PAGE_KIND, PAGE_MAGIC, PAGE_VERSION } from './page.ts';

const LEAF_HEADER = Uint8Array.of(...PAGE_MAGIC, PAGE_VERSION, PAGE_KIND.folderLeaf, 0, 0);
const EMPTY = new Uint8Array(0);
const NUL = 0;
/** What a number that the decoder has to judge reads as. */
const UNUSUAL = -1;

/** Fields that are read here; a record with others is decoded. */
const FIELDS_READ = ENTRY_FIELD.ownerNames | ENTRY_FIELD.xattrs | ENTRY_FIELD.linkGroup | ENTRY_FIELD.fileFlags;
/** By number of the node type: the fields of FIELDS_READ that it may have. 0 is no type. */
const FIELDS_OF_TYPE = new Uint8Array(8).fill(FIELDS_OF_LEAVES & FIELDS_READ);
FIELDS_OF_TYPE[0] = 0;
FIELDS_OF_TYPE[NODE_TYPE_NUMBER.file] = FIELDS_OF_FILES & FIELDS_READ;
FIELDS_OF_TYPE[NODE_TYPE_NUMBER.directory] = FIELDS_OF_ANY & FIELDS_READ;

export class PageRecordCursor {
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #index = 0;
  #decoded: Entry | undefined;
  /** The record's fields. Where the next record has the same bytes they are good again, and nothing is copied. */
  #ownerNamesBytes: Uint8Array = EMPTY;
  #xattrsBytes: Uint8Array = EMPTY;
  readonly #chunkStarts = new Int32Array(INLINE_CHUNKS_MAX);

  /** Records of the page. All fields below are written by `open` and `next` alone. */
  count = 0;
  /** NODE_TYPE_NUMBER of the record. */
  nodeType = 0;
  /** Sum of ENTRY_FIELD bits. */
  mask = 0;
  mode = 0;
  uid = 0;
  gid = 0;
  /** mtimeNs as an i64: its low 32 bits unsigned, its high 32 bits signed. */
  mtimeLow = 0;
  mtimeHigh = 0;
  /** Of files; 0 for all else. */
  size = 0;
  /** Of files; 0 where there are none. */
  fileFlags = 0;
  /** −1 where the entry has none. */
  linkGroup = -1;
  /** Chunks that stand in the record of a file (`chunkId`); −1 where `decode` has to say. */
  chunkCount = 0;
  /** Of directories, as in DirectoryEntry; 0 for all else. */
  totalEntries = 0;
  totalBytes = 0;
  /** Offsets in the page: of the record and of its name. */
  recordStart = 0;
  recordEnd = 0;
  nameStart = 0;
  nameEnd = 0;

  /**
   * Stands before the first record of a leaf page. The bytes must not change while it is used; one cursor may be opened
   * on page after page.
   * @throws CairnError integrity/malformed, limit/exceeded, repository/newer-format
   */
  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = PAGE_HEADER_BYTES;
    this.#index = 0;
    this.#decoded = undefined;
    this.recordStart = this.recordEnd = this.nameStart = this.nameEnd = 0;
    if (bytes.length > PAGE_BYTES_MAX || !LEAF_HEADER.every((byte, index) => bytes[index] === byte)) {
      // The decoder knows what is wrong with it.
      decodeFolderPage(bytes);
      this.#fail('an inner page stands in the place of a leaf');
    }
    this.count = this.#varint();
    if (this.count === UNUSUAL || this.count * ENTRY_BYTES_MIN > bytes.length - this.#at) this.#fail('its count');
    this.recordEnd = this.#at;
  }

  /**
   * Moves to the next record; false behind the last one.
   * @throws CairnError integrity/malformed
   */
  next(): boolean {
    if (this.#index === this.count) {
      if (this.recordEnd !== this.#bytes.length) this.#fail(`${this.#bytes.length - this.recordEnd} bytes too many`);
      return false;
    }
    const beforeStart = this.nameStart;
    const beforeEnd = this.nameEnd;
    this.recordStart = this.#at = this.recordEnd;
    this.#decoded = undefined;
    if (this.#read()) this.recordEnd = this.#at;
    else this.#decodeHere();
    if (this.#index > 0 && this.compareName(this.#bytes, beforeStart, beforeEnd) <= 0) this.#fail('names do not rise');
    this.#index++;
    return true;
  }

  /** No record follows this one. */
  get isLast(): boolean {
    return this.#index === this.count;
  }

  /** Raw bytes; a view. */
  get name(): Uint8Array {
    return this.#bytes.subarray(this.nameStart, this.nameEnd);
  }

  /** The record as it stands in the page; a view. Valid in any page of the same version (FolderPageBuilder.addRecord). */
  get record(): Uint8Array {
    return this.#bytes.subarray(this.recordStart, this.recordEnd);
  }

  /** The record's own order to a name that stands in `bytes` from `start` to `end`: negative, 0 or positive. */
  compareName(bytes: Uint8Array, start: number, end: number): number {
    const own = this.#bytes;
    const length = Math.min(this.nameEnd - this.nameStart, end - start);
    for (let index = 0; index < length; index++) {
      const difference = (own[this.nameStart + index] ?? 0) - (bytes[start + index] ?? 0);
      if (difference !== 0) return difference;
    }
    return this.nameEnd - this.nameStart - (end - start);
  }

  /**
   * Whether mode, owner and time are these (size: of files). The name, the type, attributes and the names of the owner
   * are not compared here.
   */
  matches(mode: number, uid: number, gid: number, mtimeLow: number, mtimeHigh: number, size: number): boolean {
    return (
      this.mtimeLow === mtimeLow &&
      this.mtimeHigh === mtimeHigh &&
      this.mode === mode &&
      this.uid === uid &&
      this.gid === gid &&
      (this.size === size || this.nodeType !== NODE_TYPE_NUMBER.file)
    );
  }

  /** Whether the field ownerNames is exactly this (encodeOwnerNames); no bytes: whether there is none. */
  hasOwnerNames(encoded: Uint8Array): boolean {
    return (this.mask & ENTRY_FIELD.ownerNames) === 0
      ? encoded.length === 0
      : encoded === this.#ownerNamesBytes || equalBytes(encoded, this.#ownerNamesBytes);
  }

  /** Whether the field xattrs is exactly this (encodeAttributes); no bytes: whether there are none, in a blob neither. */
  hasXattrs(encoded: Uint8Array): boolean {
    if ((this.mask & ENTRY_FIELD.xattrs) !== 0) return equalBytes(encoded, this.#xattrsBytes);
    return encoded.length === 0 && (this.mask & ENTRY_FIELD.xattrBlob) === 0;
  }

  /** The BlobId of a chunk that stands in the record; a view. */
  chunkId(index: number): BlobId {
    const start = this.#chunkStarts[index] ?? 0;
    return asBlobId(this.#bytes.subarray(start, start + ID_BYTES));
  }

  /** The record as an entry: byte fields are views of the page. */
  decode(): Entry {
    this.#decoded ??= decodeEntry(new ByteReader(this.record, 'folder page'));
    return this.#decoded;
  }

  /** Reads the record at #at; false where the decoder has to. */
  #read(): boolean {
    this.nodeType = this.#bytes[this.#at++] ?? 0;
    this.mask = this.#varint();
    if (this.nodeType === 0 || this.mask < 0 || this.mask > 0xff) return false;
    if (this.nodeType >= FIELDS_OF_TYPE.length || (this.mask & ~(FIELDS_OF_TYPE[this.nodeType] ?? 0)) !== 0)
      return false;
    if (!this.#readName()) return false;
    this.mode = this.#varint();
    this.uid = this.#varint();
    this.gid = this.#varint();
    if (this.mode < 0 || this.mode > MODE_MAX) return false;
    if (this.uid < 0 || this.uid > U32_MAX || this.gid < 0 || this.gid > U32_MAX) return false;
    this.mtimeLow = this.#word() >>> 0;
    this.mtimeHigh = this.#word();
    this.size = this.totalEntries = this.totalBytes = this.chunkCount = 0;
    const chunkBytes = this.#readBody();
    if (chunkBytes < 0 || !this.#readFields()) return false;
    const isStandIn = (this.fileFlags & FILE_FLAG.placeholder) !== 0;
    if (chunkBytes !== (isStandIn ? 0 : this.size)) return false;
    // What was read behind the end read as zeros.
    return this.#at <= this.#bytes.length;
  }

  #readName(): boolean {
    const length = this.#varint();
    this.nameStart = this.#at;
    this.nameEnd = this.#at += length;
    return isPlainName(this.#bytes, this.nameStart, this.nameEnd);
  }

  /** The bytes that a file's chunks add up to, 0 for all else; UNUSUAL where the decoder has to look. */
  #readBody(): number {
    switch (this.nodeType) {
      case NODE_TYPE_NUMBER.file:
        this.size = this.#varint();
        this.#at += ID_BYTES;
        return this.size < 0 ? UNUSUAL : this.#readChunks();
      case NODE_TYPE_NUMBER.directory: {
        this.#at += ID_BYTES;
        if ((this.#bytes[this.#at++] ?? 0) > PAGE_LEVEL_MAX) return UNUSUAL;
        const entryCount = this.#varint();
        this.totalEntries = this.#varint();
        this.totalBytes = this.#varint();
        return this.totalBytes >= 0 && areEntryCounts(entryCount, this.totalEntries) ? 0 : UNUSUAL;
      }
      case NODE_TYPE_NUMBER.symlink: {
        const length = this.#varint();
        if (length < 0 || length > TARGET_BYTES_MAX) return UNUSUAL;
        const end = this.#at + length;
        for (; this.#at < end; this.#at++) if ((this.#bytes[this.#at] ?? 0) === NUL) return UNUSUAL;
        return 0;
      }
      case NODE_TYPE_NUMBER['char-device']:
      case NODE_TYPE_NUMBER['block-device']: {
        const major = this.#varint();
        const minor = this.#varint();
        return major >= 0 && major <= U32_MAX && minor >= 0 && minor <= U32_MAX ? 0 : UNUSUAL;
      }
      default:
        return 0;
    }
  }

  #readChunks(): number {
    const count = this.#varint();
    if (count < 0 || count > INLINE_CHUNKS_MAX) return UNUSUAL;
    const starts = this.#chunkStarts;
    let total = 0;
    for (let index = 0; index < count; index++) {
      const start = this.#at;
      this.#at += ID_BYTES;
      const length = this.#varint();
      if (length < 1 || length > CHUNK_BYTES_MAX) return UNUSUAL;
      // A chunk that stands twice is rare; whether it has one length is the decoder's to say.
      for (let before = 0; before < index; before++) if (this.#isSameId(starts[before] ?? 0, start)) return UNUSUAL;
      starts[index] = start;
      total += length;
    }
    this.chunkCount = count;
    return total;
  }

  #isSameId(left: number, right: number): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < ID_BYTES; index++) if (bytes[left + index] !== bytes[right + index]) return false;
    return true;
  }

  #readFields(): boolean {
    const mask = this.mask;
    this.fileFlags = 0;
    this.linkGroup = -1;
    if (mask & ENTRY_FIELD.ownerNames && !this.#readOwnerNames()) return false;
    if (mask & ENTRY_FIELD.xattrs) this.#readXattrs();
    if (mask & ENTRY_FIELD.linkGroup) {
      this.linkGroup = this.#varint();
      if (this.linkGroup < 0) return false;
    }
    if (mask & ENTRY_FIELD.fileFlags) {
      this.fileFlags = this.#varint();
      if (this.fileFlags < 1 || this.fileFlags > U32_MAX) return false;
    }
    return true;
  }

  #readOwnerNames(): boolean {
    const start = this.#at;
    const known = this.#ownerNamesBytes;
    if (known.length > 0 && this.#isAt(start, known)) {
      this.#at += known.length;
      return true;
    }
    const user = this.#textLength();
    const group = user < 0 ? UNUSUAL : this.#textLength();
    if (group < 0 || user + group === 0 || this.#at > this.#bytes.length) return false;
    this.#ownerNamesBytes = this.#bytes.slice(start, this.#at);
    return true;
  }

  /** Steps over a text and gives its length, UNUSUAL where it is none. */
  #textLength(): number {
    const length = this.#varint();
    if (length < 0 || length > OWNER_NAME_BYTES_MAX) return UNUSUAL;
    const start = this.#at;
    this.#at += length;
    return isUtf8(this.#bytes.subarray(start, this.#at)) ? length : UNUSUAL;
  }

  #readXattrs(): void {
    const known = this.#xattrsBytes;
    if (known.length > 0 && this.#isAt(this.#at, known)) {
      this.#at += known.length;
      return;
    }
    const start = this.#at;
    const reader = new ByteReader(this.#bytes.subarray(start), 'folder page');
    readInlineXattrs(reader);
    this.#at += reader.offset;
    this.#xattrsBytes = this.#bytes.slice(start, this.#at);
  }

  #isAt(start: number, expected: Uint8Array): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < expected.length; index++) if (bytes[start + index] !== expected[index]) return false;
    return true;
  }

  /** A varint as ByteReader reads it; UNUSUAL where that one refuses it. Behind the end stand zeros. */
  #varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++] ?? 0;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 128;
    for (let index = 1; index < 8; index++) {
      byte = bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte === 0 || value > Number.MAX_SAFE_INTEGER ? UNUSUAL : value;
      scale *= 128;
    }
    return UNUSUAL;
  }

  /** Four bytes as a signed number. */
  #word(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at += 4;
    return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
  }

  /** The record by the decoder: it refuses what is wrong, and gives the fields of what is merely rare. */
  #decodeHere(): void {
    const start = this.recordStart;
    const reader = new ByteReader(this.#bytes.subarray(start), 'folder page');
    const entry = decodeEntry(reader);
    this.#decoded = entry;
    this.chunkCount = -1;
    this.recordEnd = start + reader.offset;
    this.#at = start + 1;
    this.mask = this.#varint();
    this.nodeType = NODE_TYPE_NUMBER[entry.nodeType];
    this.nameStart = entry.name.byteOffset - this.#bytes.byteOffset;
    this.nameEnd = this.nameStart + entry.name.length;
    this.#ownerNamesBytes = encodeOwnerNames(entry.userName, entry.groupName);
    this.#xattrsBytes = entry.xattrs === undefined ? EMPTY : encodeAttributes(entry.xattrs);
    this.mode = entry.mode;
    this.uid = entry.uid;
    this.gid = entry.gid;
    this.mtimeLow = Number(BigInt.asUintN(32, entry.mtimeNs));
    this.mtimeHigh = Number(entry.mtimeNs >> 32n);
    this.size = entry.nodeType === 'file' ? entry.size : 0;
    this.fileFlags = entry.nodeType === 'file' ? (entry.fileFlags ?? 0) : 0;
    this.linkGroup = entry.linkGroup ?? -1;
    this.totalEntries = entry.nodeType === 'directory' ? entry.totalEntries : 0;
    this.totalBytes = entry.nodeType === 'directory' ? entry.totalBytes : 0;
  }

  #fail(reason: string): never {
    throw new CairnError('integrity/malformed', `a folder page can’t be read: ${reason}`);
  }
}
