/**
 * One entry as bytes: a record of a folder leaf page. Optional fields stand at the end in the order of their mask
 * bit. Every value has exactly one encoding, so a page that decodes is the page that encodes.
 */
import { assert, assertNever } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { asBlobId, asContentHash, ID_BYTES } from '../../../src-shared/ids.ts';
import { ByteReader, ByteWriter, equalBytes } from '../kernel/index.ts';
import { readInlineXattrs, readXattrBlob, writeXattrs } from './attributes.ts';
import {
  CHUNK_BYTES_MAX,
  type ChunkRef,
  type DeviceEntry,
  type DirectoryEntry,
  type Entry,
  type EntryMetadata,
  EXTENSION_BYTES_MAX,
  FILE_FLAG,
  type FileContent,
  type FileEntry,
  areEntryCounts,
  INLINE_CHUNKS_MAX,
  MODE_MAX,
  NAME_BYTES_MAX,
  nameFault,
  NODE_TYPE_NUMBER,
  OWNER_NAME_BYTES_MAX,
  PAGE_LEVEL_MAX,
  TARGET_BYTES_MAX,
  U32_MAX,
  XATTR_INLINE_BYTES_MAX,
} from './entry.ts';

/** Bits of a record's field mask. */
export const ENTRY_FIELD = {
  /** File: the chunk list stands in pages. */
  chunkPages: 1,
  ownerNames: 2,
  xattrs: 4,
  xattrBlob: 8,
  /** Not for directories. */
  linkGroup: 16,
  /** File only. */
  fileFlags: 32,
  /** File only. */
  dictionary: 64,
  extension: 128,
} as const;

/** Which fields each kind of entry may have. */
export const FIELDS_OF_ANY =
  ENTRY_FIELD.ownerNames | ENTRY_FIELD.xattrs | ENTRY_FIELD.xattrBlob | ENTRY_FIELD.extension;
export const FIELDS_OF_LEAVES = FIELDS_OF_ANY | ENTRY_FIELD.linkGroup;
export const FIELDS_OF_FILES =
  FIELDS_OF_LEAVES | ENTRY_FIELD.chunkPages | ENTRY_FIELD.fileFlags | ENTRY_FIELD.dictionary;

/** Smallest record: type, mask, a name of one byte, mode, uid, gid, mtime. Bounds the count of a page. */
export const ENTRY_BYTES_MIN = 1 + 1 + 2 + 1 + 1 + 1 + 8;
/** Smallest chunk record: id and length. */
export const CHUNK_REF_BYTES_MIN = ID_BYTES + 1;

/** 2^63: mtimeNs is a signed 64-bit integer. */
const I64_LIMIT = 1n << 63n;

// ---------------------------------------------------------------------------------------------------------- encode

function maskOf(entry: Entry): number {
  let mask = 0;
  if (entry.userName || entry.groupName) mask |= ENTRY_FIELD.ownerNames;
  if (entry.xattrs !== undefined && entry.xattrs.length > 0) mask |= ENTRY_FIELD.xattrs;
  if (entry.xattrBlob !== undefined) mask |= ENTRY_FIELD.xattrBlob;
  if (entry.linkGroup !== undefined) mask |= ENTRY_FIELD.linkGroup;
  if (entry.extension !== undefined) mask |= ENTRY_FIELD.extension;
  if (entry.nodeType === 'file') {
    if (entry.content.kind === 'pages') mask |= ENTRY_FIELD.chunkPages;
    if (entry.fileFlags !== undefined && entry.fileFlags !== 0) mask |= ENTRY_FIELD.fileFlags;
    if (entry.dictionary !== undefined) mask |= ENTRY_FIELD.dictionary;
  }
  return mask;
}

/** Writes one record. The entry keeps the bounds of entry.ts; breaking one is a defect of the caller. */
export function encodeEntry(writer: ByteWriter, entry: Entry): void {
  const fault = nameFault(entry.name);
  assert(fault === undefined, fault ?? '');
  assert(entry.mode >= 0 && entry.mode <= MODE_MAX, 'mode holds the twelve permission bits only');
  assert(isU32(entry.uid) && isU32(entry.gid), 'owner ids are unsigned 32-bit integers');
  assert(entry.mtimeNs >= -I64_LIMIT && entry.mtimeNs < I64_LIMIT, 'mtimeNs fits into 64 bits');
  const mask = maskOf(entry);
  writer.u8(NODE_TYPE_NUMBER[entry.nodeType]).varint(mask).sizedBytes(entry.name);
  writer.varint(entry.mode).varint(entry.uid).varint(entry.gid).i64(entry.mtimeNs);
  encodeBody(writer, entry);
  encodeOptionalFields(writer, entry, mask);
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= U32_MAX;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function encodeBody(writer: ByteWriter, entry: Entry): void {
  switch (entry.nodeType) {
    case 'file':
      return encodeFileBody(writer, entry);
    case 'directory':
      assert(entry.pageLevel >= 0 && entry.pageLevel <= PAGE_LEVEL_MAX, 'a page level is at most PAGE_LEVEL_MAX');
      assert(isCount(entry.entryCount) && isCount(entry.totalEntries), 'entry counts are safe integers');
      assert(entry.entryCount <= entry.totalEntries, 'a subtree holds at least the names of its folder');
      if (!areEntryCounts(entry.entryCount, entry.totalEntries))
        throw new CairnError('limit/exceeded', `A folder holds ${entry.totalEntries} names, more than a snapshot can.`);
      assert(isCount(entry.totalBytes), 'totalBytes is a safe integer');
      writer.bytes(entry.page).u8(entry.pageLevel);
      writer.varint(entry.entryCount).varint(entry.totalEntries).varint(entry.totalBytes);
      return;
    case 'symlink':
      assert(
        entry.target.length <= TARGET_BYTES_MAX && !entry.target.includes(0),
        'a link target is bounded, without NUL',
      );
      writer.sizedBytes(entry.target);
      return;
    case 'fifo':
    case 'socket':
      return;
    case 'char-device':
    case 'block-device':
      assert(isU32(entry.major) && isU32(entry.minor), 'device numbers are unsigned 32-bit integers');
      writer.varint(entry.major).varint(entry.minor);
      return;
    default:
      return assertNever(entry);
  }
}

function encodeFileBody(writer: ByteWriter, entry: FileEntry): void {
  assert(isCount(entry.size), 'a file size is a safe integer');
  assert(entry.contentHash.length === ID_BYTES, 'a content hash has 32 bytes');
  const placeholder = ((entry.fileFlags ?? 0) & FILE_FLAG.placeholder) !== 0;
  writer.varint(entry.size).bytes(entry.contentHash);
  const content = entry.content;
  if (content.kind === 'pages') {
    assert(!placeholder, 'a placeholder has no chunks');
    assert(content.chunkCount > INLINE_CHUNKS_MAX, 'a short chunk list stands in the entry');
    assert(content.level >= 0 && content.level <= PAGE_LEVEL_MAX, 'a page level is at most PAGE_LEVEL_MAX');
    writer.varint(content.chunkCount).bytes(content.root).u8(content.level);
    return;
  }
  assert(content.chunks.length <= INLINE_CHUNKS_MAX, 'a long chunk list stands in pages');
  let bytes = 0;
  writer.varint(content.chunks.length);
  for (const chunk of content.chunks) {
    encodeChunkRef(writer, chunk);
    bytes += chunk.length;
  }
  assert(placeholder ? bytes === 0 : bytes === entry.size, 'the chunks of a file add up to its size');
}

/** A chunk-list record: id, then length. */
export function encodeChunkRef(writer: ByteWriter, chunk: ChunkRef): void {
  assert(chunk.length >= 1 && chunk.length <= CHUNK_BYTES_MAX, 'a chunk has 1 to CHUNK_BYTES_MAX bytes');
  assert(chunk.id.length === ID_BYTES, 'a blob id has 32 bytes');
  writer.bytes(chunk.id).varint(chunk.length);
}

function encodeOptionalFields(writer: ByteWriter, entry: Entry, mask: number): void {
  if (mask === 0) return;
  if (mask & ENTRY_FIELD.ownerNames) writer.bytes(encodeOwnerNames(entry.userName, entry.groupName));
  if (mask & ENTRY_FIELD.xattrs) {
    const from = writer.length;
    writeXattrs(writer, entry.xattrs ?? []);
    assert(writer.length - from <= XATTR_INLINE_BYTES_MAX, 'long extended attributes stand in a blob');
  }
  if (entry.xattrBlob !== undefined) {
    assert((mask & ENTRY_FIELD.xattrs) === 0, 'extended attributes stand in the page or in a blob, not in both');
    assert(
      entry.xattrBlob.id.length === ID_BYTES && entry.xattrBlob.hash.length === ID_BYTES,
      'an id and a hash have 32 bytes',
    );
    writer.bytes(entry.xattrBlob.id).bytes(entry.xattrBlob.hash);
  }
  if (entry.linkGroup !== undefined) {
    assert(entry.nodeType !== 'directory' && isCount(entry.linkGroup), 'a link group is a number, not for directories');
    writer.varint(entry.linkGroup);
  }
  if (entry.nodeType === 'file') {
    if (mask & ENTRY_FIELD.fileFlags) {
      assert(isU32(entry.fileFlags ?? 0), 'file flags are an unsigned 32-bit integer');
      writer.varint(entry.fileFlags ?? 0);
    }
    if (entry.dictionary !== undefined) writer.bytes(entry.dictionary);
  }
  if (entry.extension !== undefined) {
    assert(entry.extension.length <= EXTENSION_BYTES_MAX, 'an extension is bounded');
    writer.sizedBytes(entry.extension);
  }
}

/** A machine rarely has more pairs of user and group than this. */
const OWNERS_KEPT_MAX = 256;
const owners = new Map<string, Map<string, Uint8Array>>();

/**
 * The field ownerNames of an entry whose owner has these names; no bytes where the field is absent. Not to be written
 * to: the same names repeat from entry to entry, and so do these bytes.
 */
export function encodeOwnerNames(userName = '', groupName = ''): Uint8Array {
  const groups = owners.get(userName);
  const known = groups?.get(groupName);
  if (known !== undefined) return known;
  // A UTF-16 unit takes at most three bytes of UTF-8.
  const unitsMax = OWNER_NAME_BYTES_MAX / 3;
  assert(userName.length <= unitsMax && groupName.length <= unitsMax, 'owner names are bounded');
  const isAbsent = userName === '' && groupName === '';
  const bytes = isAbsent ? new Uint8Array(0) : new ByteWriter(64).text(userName).text(groupName).finish();
  if (owners.size >= OWNERS_KEPT_MAX || (groups?.size ?? 0) >= OWNERS_KEPT_MAX) owners.clear();
  const kept = owners.get(userName);
  if (kept === undefined) owners.set(userName, new Map([[groupName, bytes]]));
  else kept.set(groupName, bytes);
  return bytes;
}

// ---------------------------------------------------------------------------------------------------------- decode

/** Reads one record. Byte fields are views of the page, so keeping an entry keeps its page in memory. */
export function decodeEntry(reader: ByteReader): Entry {
  const typeNumber = reader.u8();
  const mask = reader.varint();
  const name = reader.sizedBytes(NAME_BYTES_MAX);
  const fault = nameFault(name);
  if (fault !== undefined) reader.fail(fault);
  const mode = reader.varint();
  if (mode > MODE_MAX) reader.fail('a mode has more than twelve bits');
  const common = { name, mode, uid: u32(reader), gid: u32(reader), mtimeNs: reader.i64() };
  switch (typeNumber) {
    case NODE_TYPE_NUMBER.file:
      return decodeFile(reader, mask, common);
    case NODE_TYPE_NUMBER.directory:
      return decodeDirectory(reader, mask, common);
    case NODE_TYPE_NUMBER.symlink: {
      refuseUnknownFields(reader, mask, FIELDS_OF_LEAVES);
      const target = reader.sizedBytes(TARGET_BYTES_MAX);
      if (target.includes(0)) reader.fail('a link target holds NUL');
      return { nodeType: 'symlink', ...common, target, ...decodeOptionalFields(reader, mask) };
    }
    case NODE_TYPE_NUMBER.fifo:
      refuseUnknownFields(reader, mask, FIELDS_OF_LEAVES);
      return { nodeType: 'fifo', ...common, ...decodeOptionalFields(reader, mask) };
    case NODE_TYPE_NUMBER.socket:
      refuseUnknownFields(reader, mask, FIELDS_OF_LEAVES);
      return { nodeType: 'socket', ...common, ...decodeOptionalFields(reader, mask) };
    case NODE_TYPE_NUMBER['char-device']:
      return decodeDevice(reader, mask, common, 'char-device');
    case NODE_TYPE_NUMBER['block-device']:
      return decodeDevice(reader, mask, common, 'block-device');
    default:
      return reader.fail(`${typeNumber} is no node type`);
  }
}

/** One record by itself. */
export function decodeEntryBytes(bytes: Uint8Array): Entry {
  const reader = new ByteReader(bytes, 'entry');
  const entry = decodeEntry(reader);
  reader.end();
  return entry;
}

type Fixed = Pick<EntryMetadata, 'name' | 'mode' | 'uid' | 'gid' | 'mtimeNs'>;

function refuseUnknownFields(reader: ByteReader, mask: number, known: number): void {
  // The mask may have more than 32 bits, so this is arithmetic, not a bit operation.
  if (mask > 0xff || (mask & ~known) !== 0) reader.fail(`the field mask ${mask} holds fields this entry can’t have`);
}

function u32(reader: ByteReader): number {
  const value = reader.varint();
  if (value > U32_MAX) reader.fail(`${value} has more than 32 bits`);
  return value;
}

function pageLevel(reader: ByteReader): number {
  const level = reader.u8();
  if (level > PAGE_LEVEL_MAX) reader.fail(`a page of level ${level}`);
  return level;
}

function decodeFile(reader: ByteReader, mask: number, common: Fixed): FileEntry {
  refuseUnknownFields(reader, mask, FIELDS_OF_FILES);
  const size = reader.varint();
  const contentHash = asContentHash(reader.bytes(ID_BYTES));
  const content = mask & ENTRY_FIELD.chunkPages ? decodePagedContent(reader) : decodeInlineContent(reader);
  const optional = decodeOptionalFields(reader, mask);
  const placeholder = ((optional.fileFlags ?? 0) & FILE_FLAG.placeholder) !== 0;
  if (content.kind === 'inline') {
    let bytes = 0;
    for (const chunk of content.chunks) bytes += chunk.length;
    if (placeholder ? bytes !== 0 : bytes !== size) reader.fail(`chunks of ${bytes} bytes for a file of ${size}`);
  } else if (placeholder) {
    reader.fail('a placeholder has chunks');
  }
  return { nodeType: 'file', ...common, size, contentHash, content, ...optional };
}

function decodePagedContent(reader: ByteReader): FileContent {
  const chunkCount = reader.varint();
  if (chunkCount <= INLINE_CHUNKS_MAX) reader.fail('a short chunk list stands in pages');
  return { kind: 'pages', chunkCount, root: asBlobId(reader.bytes(ID_BYTES)), level: pageLevel(reader) };
}

function decodeInlineContent(reader: ByteReader): FileContent {
  const count = reader.count(CHUNK_REF_BYTES_MIN);
  if (count > INLINE_CHUNKS_MAX) reader.fail('a long chunk list stands in an entry');
  const chunks: ChunkRef[] = [];
  for (let index = 0; index < count; index++) {
    const chunk = decodeChunkRef(reader);
    refuseTwoLengths(reader, chunks, chunk);
    chunks.push(chunk);
  }
  return { kind: 'inline', chunks };
}

/** One id is one content, so it has one length. */
function refuseTwoLengths(reader: ByteReader, before: readonly ChunkRef[], chunk: ChunkRef): void {
  for (const other of before) {
    if (other.length !== chunk.length && equalBytes(other.id, chunk.id)) reader.fail('one chunk has two lengths');
  }
}

/** A chunk-list record. */
export function decodeChunkRef(reader: ByteReader): ChunkRef {
  const id = asBlobId(reader.bytes(ID_BYTES));
  const length = reader.varint();
  if (length < 1 || length > CHUNK_BYTES_MAX) reader.fail(`a chunk of ${length} bytes`);
  return { id, length };
}

function decodeDirectory(reader: ByteReader, mask: number, common: Fixed): DirectoryEntry {
  refuseUnknownFields(reader, mask, FIELDS_OF_ANY);
  const page = asBlobId(reader.bytes(ID_BYTES));
  const level = pageLevel(reader);
  const entryCount = reader.varint();
  const totalEntries = reader.varint();
  if (entryCount > totalEntries) reader.fail('a subtree with fewer names than its folder');
  if (!areEntryCounts(entryCount, totalEntries)) reader.fail(`a subtree of ${totalEntries} names`);
  const totalBytes = reader.varint();
  const optional = decodeOptionalFields(reader, mask);
  return {
    nodeType: 'directory',
    ...common,
    page,
    pageLevel: level,
    entryCount,
    totalEntries,
    totalBytes,
    ...optional,
  };
}

function decodeDevice(reader: ByteReader, mask: number, common: Fixed, nodeType: DeviceEntry['nodeType']): DeviceEntry {
  refuseUnknownFields(reader, mask, FIELDS_OF_LEAVES);
  return { nodeType, ...common, major: u32(reader), minor: u32(reader), ...decodeOptionalFields(reader, mask) };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type OptionalFields = Mutable<Omit<EntryMetadata, keyof Fixed> & Pick<FileEntry, 'fileFlags' | 'dictionary'>>;

const NO_FIELDS: OptionalFields = {};

function decodeOptionalFields(reader: ByteReader, mask: number): OptionalFields {
  if ((mask & ~ENTRY_FIELD.chunkPages) === 0) return NO_FIELDS;
  const fields: OptionalFields = {};
  if (mask & ENTRY_FIELD.ownerNames) {
    const userName = reader.text(OWNER_NAME_BYTES_MAX);
    const groupName = reader.text(OWNER_NAME_BYTES_MAX);
    if (userName === '' && groupName === '') reader.fail('owner names announced and absent');
    if (userName !== '') fields.userName = userName;
    if (groupName !== '') fields.groupName = groupName;
  }
  if (mask & ENTRY_FIELD.xattrs) fields.xattrs = readInlineXattrs(reader);
  if (mask & ENTRY_FIELD.xattrBlob) {
    if (fields.xattrs !== undefined) reader.fail('extended attributes in two places');
    fields.xattrBlob = readXattrBlob(reader);
  }
  if (mask & ENTRY_FIELD.linkGroup) fields.linkGroup = reader.varint();
  if (mask & ENTRY_FIELD.fileFlags) {
    fields.fileFlags = u32(reader);
    if (fields.fileFlags === 0) reader.fail('file flags announced and absent');
  }
  if (mask & ENTRY_FIELD.dictionary) fields.dictionary = asBlobId(reader.bytes(ID_BYTES));
  if (mask & ENTRY_FIELD.extension) fields.extension = reader.sizedBytes(EXTENSION_BYTES_MAX);
  return fields;
}
