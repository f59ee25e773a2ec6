/**
 * NodeIds: the identity of an entry at its path. A file's NodeId binds its path, content and metadata; a folder's
 * binds its path, metadata and the names and NodeIds of its children; the sources node binds all sources of a
 * snapshot. Equal NodeId means equal tree, on any machine and in any repository: nothing here is keyed.
 *
 * Buffers are kept between calls: a small file's NodeId has a target of 10 µs.
 */
import { assert } from '../../../src-shared/assert.ts';
import { asNodeId, type NodeId } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { ByteWriter, compareBytes, utf8 } from '../kernel/index.ts';
import { type ChildList, createChildList, hashGroups } from './child-list.ts';
import type { EntryMetadata } from './entry.ts';
import {
  GROUP_CHILDREN_MAX,
  type LeafEntry,
  TAG,
  writeFolderPreimage,
  writeLeafPreimage,
  writeMetadata,
  writeSized,
  writeU64,
} from './preimage.ts';

/** Sources of one snapshot. */
export const SOURCES_MAX = 1024;

/** Child lists kept for reuse; folders are hashed depth first, so this many folders may be open at no cost. */
const SPARE_LISTS_MAX = 64;
/** A child list that grew past this is not kept. */
const SPARE_CHILDREN_MAX = 4096;

export type FolderNode = {
  /** A child's canonical name (name.ts), raw name and NodeId. Children arrive in raw-name order. */
  add(canonicalName: string, rawName: Uint8Array, nodeId: NodeId): void;
  /** The folder's NodeId; the folder node can't be used afterwards. `childCount` is checked where it is given. */
  finish(metadata: EntryMetadata, childCount?: number): NodeId;
};

export type NodeHasher = {
  /** The NodeId of anything but a folder. `path` ends in the entry's canonical name. */
  leafNode(path: string, entry: LeafEntry): NodeId;
  /** Any number of folders may be open at once. */
  createFolderNode(path: string): FolderNode;
};

export function createNodeHasher(): NodeHasher {
  const writer = new ByteWriter(4096);
  const scratch = new ByteWriter(1024);
  const spareLists: ChildList[] = [];

  function finishFolder(path: string, children: ChildList, metadata: EntryMetadata): NodeId {
    const list = children.sorted();
    const grouped = children.count > GROUP_CHILDREN_MAX;
    const childPart = grouped ? hashGroups(list).at(-1) : list.records;
    assert(childPart !== undefined, 'a grouped folder has groups');
    scratch.reset();
    writeMetadata(scratch, metadata, path === '');
    writer.reset();
    writeFolderPreimage(writer, { path, childCount: children.count, childPart, metadata: scratch.view() });
    return asNodeId(hash(writer.view()));
  }

  return {
    leafNode: (path, entry) => {
      writer.reset();
      writeLeafPreimage(writer, scratch, path, entry);
      return asNodeId(hash(writer.view()));
    },
    createFolderNode: (path) => {
      let children: ChildList | undefined = spareLists.pop() ?? createChildList();
      return {
        add: (canonicalName, rawName, nodeId) => {
          assert(children !== undefined, 'a finished folder node takes no children');
          children.add(canonicalName, rawName, nodeId);
        },
        finish: (metadata, childCount) => {
          assert(children !== undefined, 'a folder node is finished once');
          assert(childCount === undefined || childCount === children.count, 'a folder has the children it was given');
          const nodeId = finishFolder(path, children, metadata);
          if (spareLists.length < SPARE_LISTS_MAX && children.count <= SPARE_CHILDREN_MAX) {
            children.reset();
            spareLists.push(children);
          }
          children = undefined;
          return nodeId;
        },
      };
    },
  };
}

/** A source by its name in the snapshot and the NodeId of its root folder (or root file). */
export type SourceNode = { readonly name: string; readonly nodeId: NodeId };

/** The root of a snapshot: binds every source's name and NodeId, whatever the order they are given in. */
export function sourcesNode(sources: readonly SourceNode[]): NodeId {
  return asNodeId(hash(sourcesPreimage(sources)));
}

/** Sources by the UTF-8 bytes of their NFC names; a name may stand once. */
export function sourcesPreimage(sources: readonly SourceNode[]): Uint8Array {
  assert(sources.length <= SOURCES_MAX, 'a snapshot has at most SOURCES_MAX sources');
  const sorted = sources
    .map(({ name, nodeId }) => ({ name: utf8(name.normalize('NFC')), nodeId }))
    .sort((left, right) => compareBytes(left.name, right.name));
  const writer = new ByteWriter(1024);
  writer.bytes(TAG.sources);
  writeU64(writer, sorted.length);
  let before: Uint8Array | undefined;
  for (const { name, nodeId } of sorted) {
    assert(before === undefined || compareBytes(before, name) < 0, 'every source of a snapshot has its own name');
    before = name;
    writeSized(writer, name);
    writer.bytes(nodeId);
  }
  return writer.finish();
}
