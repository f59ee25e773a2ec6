/**
 * Trees and sets of a chosen size, built with the Merkle room's own functions the way the backup's walk builds them:
 * entries are made as they go, every page gets its keyed BlobId, every folder its NodeId and its seals. Nothing is
 * stored, so what is measured is the tree and nothing else.
 */
import { asBlobId, asContentHash, type ContentHash, type NodeId } from '../../../src-shared/ids.ts';
import { createBlobHasher } from '../../../src-main/engine/codec/index.ts';
import { utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  canonicalName,
  createFolderPageBuilder,
  createNodeHasher,
  createSealPageBuilder,
  type DirectoryEntry,
  type FileEntry,
  MerkleSet,
  nodePath,
  type PageSink,
  type Seal,
} from '../../../src-main/engine/merkle/index.ts';
import { seeded } from '../../support/seed.ts';
import { kept } from './measure.ts';

const SEED = 20_261_122;
/** Entries of a folder of a tree; half of a million real folders have fewer than ten, some have thousands. */
export const FOLDER_ENTRIES = 100;
/** Hashes shared out among all files: a million of their own would measure the allocator. */
const HASHES = 1024;

const random = seeded(SEED);
const hashes = Array.from({ length: HASHES }, () => new Uint8Array(random.bytes(32)));
const nodes = createNodeHasher();
const blobs = createBlobHasher(new Uint8Array(random.bytes(32)));
const sink: PageSink = (type, bytes) => blobs.idOf(type, bytes);

function hashAt(index: number): Uint8Array {
  const found = hashes[index % HASHES];
  if (found === undefined) throw new Error('hashes are numbered from 0');
  return found;
}

export function contentHashAt(index: number): ContentHash {
  return asContentHash(hashAt(index));
}

const shared = { mode: 0o644, uid: 1000, gid: 1000, userName: 'someone', groupName: 'staff' };

/** A small file as a walk would find it.. */
export function fileEntry(name: string, content: number): FileEntry {
  const size = 1000 + (content % 9000);
  return {
    ...shared,
    nodeType: 'file',
    name: utf8(name),
    mtimeNs: 1_700_000_000_123_456_789n + BigInt(content),
    size,
    contentHash: contentHashAt(content),
    content: { kind: 'inline', chunks: [{ id: asBlobId(hashAt(content + 1)), length: size }] },
  };
}

// ------------------------------------------------------------------------------------------------------------ trees

type Stored = { readonly entry: DirectoryEntry; readonly nodeId: NodeId; readonly seal: Seal['sealPage'] };

/** A folder holds either files or folders. What is stored of it is kept, as a parent snapshot keeps it. */
export type Folder = {
  readonly name: string;
  readonly path: string;
  readonly files: number;
  readonly folders: readonly Folder[];
  /** Stands for the content of its files: another number, other files. */
  version: number;
  stored: Stored | undefined;
};

/** Fixed width, so that names rise by number. */
const numbered = (kind: string, index: number): string => `${kind}-${String(index).padStart(7, '0')}`;

/** All files in one folder. */
export function flatFolder(files: number): Folder {
  return { name: 'root', path: '', files, folders: [], version: 0, stored: undefined };
}

/** Folders of FOLDER_ENTRIES files, in folders of as many folders, up to one root. */
export function treeOfFolders(files: number): Folder {
  return folderOfTree('root', '', files, 0);
}

function folderOfTree(name: string, path: string, files: number, version: number): Folder {
  const shape = { name, path, version, stored: undefined };
  if (files <= FOLDER_ENTRIES) return { ...shape, files, folders: [] };
  let below = FOLDER_ENTRIES;
  while (below * FOLDER_ENTRIES < files) below *= FOLDER_ENTRIES;
  const folders = Array.from({ length: Math.ceil(files / below) }, (_, index) => {
    const child = numbered('folder', index);
    const count = Math.min(below, files - index * below);
    return folderOfTree(child, nodePath(path, child), count, version * FOLDER_ENTRIES + index);
  });
  return { ...shape, files: 0, folders };
}

/** Everything, from the leaves up. Gives the root's NodeId. */
export function buildTree(folder: Folder): NodeId {
  for (const child of folder.folders) buildTree(child);
  return sealFolder(folder);
}

/**
 * One file of the tree has changed: its folder and each folder above it are made again, with what is stored of their
 * other folders. Gives the root's NodeId.
 */
export function updateTree(root: Folder, change: number): NodeId {
  const way: Folder[] = [];
  for (let at: Folder | undefined = root; at !== undefined; at = at.folders[change % at.folders.length]) way.push(at);
  const changed = way.at(-1);
  if (changed !== undefined) changed.version += 1;
  let nodeId: NodeId | undefined;
  for (const folder of way.reverse()) nodeId = sealFolder(folder);
  if (nodeId === undefined) throw new Error('a tree has a root');
  return nodeId;
}

/** A folder's pages, seals and NodeId from its children, and its entry for the folder above. */
function sealFolder(folder: Folder): NodeId {
  const pages = createFolderPageBuilder(sink);
  const seals = createSealPageBuilder(sink);
  const node = nodes.createFolderNode(folder.path);
  for (let index = 0; index < folder.files; index++) {
    const entry = fileEntry(numbered('file', index), folder.version + index);
    const name = canonicalName(entry.name).text;
    pages.add(entry);
    node.add(name, entry.name, nodes.leafNode(nodePath(folder.path, name), entry));
  }
  for (const child of folder.folders) {
    if (child.stored === undefined) throw new Error('children are stored before their folder');
    const { entry, nodeId, seal } = child.stored;
    pages.add(entry);
    seals.add(seal === undefined ? { nodeId } : { nodeId, sealPage: seal });
    node.add(canonicalName(entry.name).text, entry.name, nodeId);
  }
  const { page, level, ...sums } = pages.finish();
  const sealRoot = seals.finish();
  const metadata = { ...shared, mode: 0o755, name: utf8(folder.name), mtimeNs: 1_700_000_000_000_000_000n };
  const nodeId = node.finish(metadata, folder.files + folder.folders.length);
  folder.stored = {
    entry: { ...metadata, nodeType: 'directory', page, pageLevel: level, ...sums },
    nodeId,
    seal: sealRoot && { page: sealRoot.page, level: sealRoot.level },
  };
  return nodeId;
}

// ------------------------------------------------------------------------------------------------------ one at a time

/** The NodeId of a file, its content hash being known. */
export function nodeOfFile(path: string, entry: FileEntry): NodeId {
  return nodes.leafNode(path, entry);
}

/** The NodeId of a folder whose children have theirs. */
export function nodeOfFolder(path: string, children: readonly Child[]): NodeId {
  const node = nodes.createFolderNode(path);
  for (const { text, raw, nodeId } of children) node.add(text, raw, nodeId);
  return node.finish({ ...shared, mode: 0o755, name: utf8('folder'), mtimeNs: 1_700_000_000_000_000_000n });
}

export type Child = { readonly text: string; readonly raw: Uint8Array; readonly nodeId: NodeId };

export function childrenOf(count: number): Child[] {
  return Array.from({ length: count }, (_, index) => {
    const entry = fileEntry(numbered('file', index), index);
    const { text } = canonicalName(entry.name);
    return { text, raw: entry.name, nodeId: nodes.leafNode(nodePath('some/folder', text), entry) };
  });
}

// ------------------------------------------------------------------------------------------------------------- sets

/** Random ids, each a view of one run of bytes. */
export function randomIds(count: number): Uint8Array[] {
  const bytes = random.bytes(count * 32);
  return Array.from({ length: count }, (_, index) => new Uint8Array(bytes.buffer, bytes.byteOffset + index * 32, 32));
}

/** With its root, so that every hash in it is known: as a chain or a repository has it at hand. */
export function hashedSet(ids: readonly Uint8Array[]): MerkleSet {
  const set = MerkleSet.fromIds(ids);
  kept.result = set.root;
  return set;
}
