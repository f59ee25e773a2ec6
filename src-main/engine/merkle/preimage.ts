/**
 * The bytes that NodeIds are hashes of. One place writes them (here, for node.ts and proof.ts) and one reads them
 * back (proof-check.ts). Every field is of fixed size or carries its length as u32, and every preimage starts with
 * its own tag, so no two different nodes have one preimage.
 */
import { assert, assertNever } from '../../../src-shared/assert.ts';
import { ID_BYTES } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { ByteWriter, utf8 } from '../kernel/index.ts';
import type { DirectoryEntry, Entry, EntryMetadata, NodeType } from './entry.ts';
import { rawWhereOdd } from './name.ts';

/** Children a folder (or a group, or a list of group hashes) holds directly; more are grouped. */
export const GROUP_CHILDREN_MAX = 1024;

export type LeafEntry = Exclude<Entry, DirectoryEntry>;
export type LeafType = LeafEntry['nodeType'];

/**
 * Stands in the place of the attribute count where the attributes are in a blob; the plain hash of the blob's bytes
 * follows, never its id, which is keyed. No list is as long as this.
 */
export const XATTRS_IN_BLOB = 0xffff_ffff;

const EMPTY = new Uint8Array(0);
const ZEROS = new Uint8Array(ID_BYTES);

function sizedTag(tag: string): Uint8Array {
  return new ByteWriter().u32(tag.length).bytes(utf8(tag)).finish();
}

/** Tags with their length in front, as every preimage starts. */
export const TAG = {
  file: sizedTag('file'),
  directory: sizedTag('directory'),
  symlink: sizedTag('symlink'),
  fifo: sizedTag('fifo'),
  socket: sizedTag('socket'),
  'char-device': sizedTag('char-device'),
  'block-device': sizedTag('block-device'),
  group: sizedTag('group'),
  directoryGroups: sizedTag('directory-groups'),
  sources: sizedTag('sources'),
} as const satisfies Record<NodeType | 'group' | 'directoryGroups' | 'sources', Uint8Array>;

/** u32 length, then the bytes. */
export function writeSized(writer: ByteWriter, bytes: Uint8Array): void {
  writer.u32(bytes.length).bytes(bytes);
}

/** A safe integer as u64, without a BigInt. */
export function writeU64(writer: ByteWriter, value: number): void {
  writer.u32(value % 0x1_0000_0000).u32(Math.floor(value / 0x1_0000_0000));
}

/** Owner names repeat from entry to entry; a machine rarely has more of them than this. */
const OWNER_NAMES_KEPT_MAX = 256;
const ownerNames = new Map<string, Uint8Array>();

/** NFC UTF-8. */
function canonicalText(text: string | undefined): Uint8Array {
  if (text === undefined || text === '') return EMPTY;
  let bytes = ownerNames.get(text);
  if (bytes === undefined) {
    bytes = utf8(text.normalize('NFC'));
    if (ownerNames.size >= OWNER_NAMES_KEPT_MAX) ownerNames.clear();
    ownerNames.set(text, bytes);
  }
  return bytes;
}

/**
 * The hashed metadata: size (files; 0 for all else), mode, mtime, owner, link target, device, extended attributes,
 * and the raw name where it is not the canonical one. A source root (path '') has no name of its own: where a backup
 * keeps it is not part of what it is.
 */
export function writeMetadata(writer: ByteWriter, entry: Entry | EntryMetadata, isSourceRoot: boolean): void {
  const nodeType = 'nodeType' in entry ? entry.nodeType : 'directory';
  writeU64(writer, 'size' in entry && nodeType === 'file' ? entry.size : 0);
  writer.u32(entry.mode).i64(entry.mtimeNs).u32(entry.uid).u32(entry.gid);
  writeSized(writer, canonicalText(entry.userName));
  writeSized(writer, canonicalText(entry.groupName));
  writeSized(writer, 'target' in entry ? entry.target : EMPTY);
  if ('major' in entry) writer.u32(entry.minor).u32(entry.major);
  else writer.u32(0).u32(0);
  if (entry.xattrBlob !== undefined) {
    writer.u32(XATTRS_IN_BLOB).bytes(entry.xattrBlob.hash);
  } else {
    const xattrs = entry.xattrs ?? [];
    writer.u32(xattrs.length);
    for (const { name, value } of xattrs) {
      writeSized(writer, name);
      writeSized(writer, value);
    }
  }
  writeSized(writer, isSourceRoot ? EMPTY : rawWhereOdd(entry.name));
}

/** `scratch` is overwritten; it holds the metadata while its length is unknown. */
export function writeLeafPreimage(writer: ByteWriter, scratch: ByteWriter, path: string, entry: LeafEntry): void {
  writer.bytes(TAG[entry.nodeType]);
  writer.text32(path);
  writer.bytes(leafContentHash(entry));
  scratch.reset();
  writeMetadata(scratch, entry, path === '');
  writeSized(writer, scratch.view());
}

function leafContentHash(entry: LeafEntry): Uint8Array {
  switch (entry.nodeType) {
    case 'file':
      assert(entry.contentHash.length === ID_BYTES, 'a content hash has 32 bytes');
      return entry.contentHash;
    case 'symlink':
      return hash(entry.target);
    case 'fifo':
    case 'socket':
    case 'char-device':
    case 'block-device':
      return ZEROS;
    default:
      return assertNever(entry);
  }
}

/** The preimage of a folder's node around its child part: records, or for a grouped folder the top list of groups. */
export function writeFolderPreimage(
  writer: ByteWriter,
  folder: { path: string; childCount: number; childPart: Uint8Array; metadata: Uint8Array },
): void {
  writer.bytes(folder.childCount > GROUP_CHILDREN_MAX ? TAG.directoryGroups : TAG.directory);
  writer.text32(folder.path);
  writeU64(writer, folder.childCount);
  writer.bytes(folder.childPart);
  writeSized(writer, folder.metadata);
}

/** The preimage of a group: of child records on level 0, of group hashes above. */
export function writeGroupPreimage(
  writer: ByteWriter,
  group: { level: number; index: number; records: Uint8Array },
): void {
  writer.bytes(TAG.group);
  writeU64(writer, group.level);
  writeU64(writer, group.index);
  writer.bytes(group.records);
}

/** How many groups there are on each level of a grouped folder, the lowest first; the last list is hashed directly. */
export function groupCounts(childCount: number): number[] {
  const counts: number[] = [];
  for (let count = childCount; count > GROUP_CHILDREN_MAX;) {
    count = Math.ceil(count / GROUP_CHILDREN_MAX);
    counts.push(count);
  }
  return counts;
}
