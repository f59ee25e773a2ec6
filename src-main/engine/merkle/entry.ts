/**
 * An entry: everything a backup knows about one name in a folder, except the folder's path. Pages hold entries;
 * NodeIds are computed from an entry and its path. Being path-free, the page of a folder that was moved or copied
 * is stored once.
 *
 * Invariant: an Entry that came out of a decoder keeps every bound of this file, whoever wrote the bytes. Most of
 * all its name is one plain path component: a hostile repository can't make a restore climb out of its target.
 */
import type { EntryType } from '../../../src-shared/model/index.ts';
import type { BlobId, ContentHash, PageId } from '../../../src-shared/ids.ts';

/** Longest raw name. Linux and macOS stop at 255 bytes, NTFS at 255 UTF-16 units (765 bytes as UTF-8). */
export const NAME_BYTES_MAX = 4096;
/** Longest link target. Linux stops at 4,095 bytes; Windows at 32,767 UTF-16 units. */
export const TARGET_BYTES_MAX = 131_072;
/** Longest user or group name, in bytes of UTF-8. */
export const OWNER_NAME_BYTES_MAX = 4096;
/**
 * Longest name of an extended attribute. Linux stops at 255, macOS at 127; an alternate stream of NTFS (255 UTF-16
 * units, 765 bytes as UTF-8) becomes an attribute too, with a prefix.
 */
export const XATTR_NAME_BYTES_MAX = 1024;
/** Extended attributes of one entry. Linux lists at most 64 KiB of names. */
export const XATTRS_MAX = 65_536;
/** Encoded extended attributes (attributes.ts) up to this stand in the entry, longer ones in a blob. */
export const XATTR_INLINE_BYTES_MAX = 4096;
/**
 * Encoded extended attributes of one entry, and so the longest value: the bound of every blob. Linux stops at 64 KiB a
 * value; a resource fork of macOS may have more than this, and such an entry is a problem, never half stored.
 */
export const ATTRIBUTES_BYTES_MAX = 8 * 1024 * 1024;
/** Bytes of fields this version doesn't know and carries along. */
export const EXTENSION_BYTES_MAX = 65_536;
/** A file of up to this many chunks lists them in its entry; a longer list stands in chunk-list pages. */
export const INLINE_CHUNKS_MAX = 32;
/** Longest chunk: the bound of every blob. */
export const CHUNK_BYTES_MAX = 8 * 1024 * 1024;
/** Highest level of a page; leaves are level 0. */
export const PAGE_LEVEL_MAX = 8;
/** Names in and below a folder. Pages can be shared, so a few bytes may say 2^40; whoever walks them would never end. */
export const TREE_ENTRIES_MAX = 2 ** 30;
/** The twelve permission bits. */
export const MODE_MAX = 0o7777;
/** Owner ids and device numbers are unsigned 32-bit integers. */
export const U32_MAX = 0xffff_ffff;

/** Bits of a file's `fileFlags`. */
export const FILE_FLAG = {
  /** The file changed while it was read, twice. */
  inconsistent: 1,
  /** The file had holes; restore may make them again. */
  sparse: 2,
  /** Only a stand-in was on this machine (a cloud file): size is known, content is not, there are no chunks. */
  placeholder: 4,
} as const;

/** A piece of a file: its address and its length in bytes (1 … CHUNK_BYTES_MAX). */
export type ChunkRef = { readonly id: BlobId; readonly length: number };

export type Xattr = { readonly name: Uint8Array; readonly value: Uint8Array };

/** A blob of type `attributes`: its address, and the plain hash of its bytes, which is what the NodeId holds. */
export type XattrBlob = { readonly id: BlobId; readonly hash: ContentHash };

/** What all entries have in common; also what a folder's node is told about the folder itself. */
export type EntryMetadata = {
  /** The raw bytes the filesystem gave. */
  readonly name: Uint8Array;
  /** The twelve permission bits, without the file type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970, may be negative. */
  readonly mtimeNs: bigint;
  /** The empty text counts as absent. */
  readonly userName?: string;
  readonly groupName?: string;
  /** Sorted by name, strictly rising; an empty list counts as absent. Never together with `xattrBlob`. */
  readonly xattrs?: readonly Xattr[];
  /** Where they are, when their encoding is longer than XATTR_INLINE_BYTES_MAX: see attributes.ts. */
  readonly xattrBlob?: XattrBlob;
  /** Names with the same number in one snapshot are hard links to one file. Not for directories, not hashed. */
  readonly linkGroup?: number;
  /** Fields of a later version, carried along untouched. */
  readonly extension?: Uint8Array;
};

/** Where a file's chunks are listed. */
export type FileContent =
  | { readonly kind: 'inline'; readonly chunks: readonly ChunkRef[] }
  | { readonly kind: 'pages'; readonly root: PageId; readonly level: number; readonly chunkCount: number };

export type FileEntry = EntryMetadata & {
  readonly nodeType: 'file';
  readonly size: number;
  readonly contentHash: ContentHash;
  readonly content: FileContent;
  /** A sum of FILE_FLAG bits; 0 counts as absent. */
  readonly fileFlags?: number;
  readonly dictionary?: BlobId;
};

export type DirectoryEntry = EntryMetadata & {
  readonly nodeType: 'directory';
  /** The root page of its child list. */
  readonly page: PageId;
  readonly pageLevel: number;
  /** Names in this folder. */
  readonly entryCount: number;
  /** Names in the whole subtree, this folder's own included, itself not. */
  readonly totalEntries: number;
  /** File sizes of the whole subtree. */
  readonly totalBytes: number;
};

export type SymlinkEntry = EntryMetadata & { readonly nodeType: 'symlink'; readonly target: Uint8Array };

export type PipeEntry = EntryMetadata & { readonly nodeType: 'fifo' | 'socket' };

export type DeviceEntry = EntryMetadata & {
  readonly nodeType: 'char-device' | 'block-device';
  readonly major: number;
  readonly minor: number;
};

export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | PipeEntry | DeviceEntry;
export type NodeType = Entry['nodeType'];

/** The number of each node type on disk. */
export const NODE_TYPE_NUMBER = {
  file: 1,
  directory: 2,
  symlink: 3,
  fifo: 4,
  socket: 5,
  'char-device': 6,
  'block-device': 7,
} as const satisfies Record<NodeType, number>;

/** What a node is to whoever looks at a snapshot. */
export const ENTRY_TYPE = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
  socket: 'socket',
  'char-device': 'device',
  'block-device': 'device',
} as const satisfies Record<NodeType, EntryType>;

const NUL = 0;
const DOT = 0x2e;
const SLASH = 0x2f;

/**
 * Says what is wrong with a raw name, or undefined when it is one plain path component: 1 … NAME_BYTES_MAX bytes,
 * no “/”, no NUL, neither “.” nor “..”.
 */
export function nameFault(name: Uint8Array): string | undefined {
  const length = name.length;
  if (isPlainName(name, 0, length)) return undefined;
  if (length === 0) return 'a name is empty';
  if (length > NAME_BYTES_MAX) return `a name has ${length} bytes`;
  return name[0] === DOT && length <= 2 ? 'a name is “.” or “..”' : 'a name holds “/” or NUL';
}

/** The same as a question, of the bytes from `start` to `end`; bytes beyond the array count as NUL. */
export function isPlainName(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < 1 || length > NAME_BYTES_MAX) return false;
  if (bytes[start] === DOT && (length === 1 || (length === 2 && bytes[start + 1] === DOT))) return false;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? NUL;
    if (byte === SLASH || byte === NUL) return false;
  }
  return true;
}

/** Whether a folder can have so many names, and so many with all below. */
export function areEntryCounts(entryCount: number, totalEntries: number): boolean {
  return entryCount >= 0 && entryCount <= totalEntries && totalEntries <= TREE_ENTRIES_MAX;
}
