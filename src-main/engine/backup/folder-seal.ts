/**
 * Coming up: when everything in a folder is stored, its pages, its seal page and its NodeId are made, or taken over from
 * the parent snapshot where nothing in it has changed.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import type { NodeId } from '../../../src-shared/ids.ts';
import {
  type DirectoryEntry,
  type EntryMetadata,
  type NodeHasher,
  canonicalName,
  createFolderPageBuilder,
  createNodeHasher,
  createSealPageBuilder,
  nodePath,
} from '../merkle/index.ts';
import type { WriteSession } from '../repository/index.ts';
import type { PageRef } from '../snapshot/index.ts';
import type { Counters } from './counters.ts';
import { type Child, equalMetadata, withMetadata } from './entries.ts';
import type { PreviousFolder } from './previous.ts';

/** A stored folder: its entry for the parent's page, its NodeId and seal for the parent's seal page. */
export type StoredFolder = {
  readonly entry: DirectoryEntry;
  readonly nodeId: NodeId;
  readonly seal: PageRef | undefined;
};

export type FolderToSeal = {
  /** NFC path from the source's root, as NodeIds bind it. */
  readonly nodePath: string;
  readonly metadata: EntryMetadata;
  readonly children: readonly Child[];
  readonly previous: PreviousFolder | undefined;
  /** Every entry is what the parent's pages say, and those may be referred to again. */
  readonly isSame: boolean;
};

export class FolderSealer {
  readonly #session: WriteSession;
  readonly #counters: Counters;
  readonly #nodes: NodeHasher = createNodeHasher();

  constructor(session: WriteSession, counters: Counters) {
    this.#session = session;
    this.#counters = counters;
  }

  seal(folder: FolderToSeal): StoredFolder {
    const { metadata, children, previous, isSame } = folder;
    const isTouched = previous !== undefined && !equalMetadata(previous.entry, metadata);
    if (isTouched) this.#counters.metadataChange();
    if (isSame && previous !== undefined) {
      const nodeId = isTouched ? this.#nodeOf(folder) : previous.nodeId;
      return { entry: withMetadata(previous.entry, metadata), nodeId, seal: previous.seal };
    }
    const pages = createFolderPageBuilder((type, bytes) => this.#session.add(type, bytes));
    const seals = createSealPageBuilder((type, bytes) => this.#session.add(type, bytes));
    for (const { entry, nodeId, seal } of children) {
      pages.add(entry);
      if (nodeId !== undefined) seals.add(seal === undefined ? { nodeId } : { nodeId, sealPage: seal });
    }
    const { page, level, ...sums } = pages.finish();
    const sealRoot = seals.finish();
    return {
      entry: { ...metadata, nodeType: 'directory', page, pageLevel: level, ...sums },
      nodeId: this.#nodeOf(folder),
      seal: sealRoot && { page: sealRoot.page, level: sealRoot.level },
    };
  }

  #nodeOf({ nodePath: path, metadata, children }: FolderToSeal): NodeId {
    const node = this.#nodes.createFolderNode(path);
    for (const { entry, nodeId } of children) {
      const { text } = canonicalName(entry.name);
      if (entry.nodeType !== 'directory') {
        node.add(text, entry.name, this.#nodes.leafNode(nodePath(path, text), entry));
      } else if (nodeId !== undefined) {
        node.add(text, entry.name, nodeId);
      } else {
        throw new CairnError('engine/internal', 'A folder was sealed without the NodeId of a child.');
      }
    }
    return node.finish(metadata, children.length);
  }
}
