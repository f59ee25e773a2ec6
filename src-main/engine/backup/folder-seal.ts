/**
 * Coming up: when everything in a folder is stored, its pages, its seal page and its NodeId are made, or taken over from
 * the parent snapshot where nothing in it has changed.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import type { NodeId } from '../../../src-shared/ids.ts';
import {
  type DirectoryEntry,
  type EntryMetadata,
  type FolderNode,
  type FolderPageBuilder,
  type NodeHasher,
  type SealPageBuilder,
  canonicalName,
  createFolderPageBuilder,
  createNodeHasher,
  createSealPageBuilder,
  decodeEntryBytes,
  nodePath,
} from '../merkle/index.ts';
import type { WriteSession } from '../repository/index.ts';
import type { PageRef } from '../snapshot/index.ts';
import type { Counters } from './counters.ts';
import { type Child, equalMetadata, withMetadata } from './entries.ts';
import type { FolderAssembly } from './folder-assembly.ts';
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
  readonly assembly: FolderAssembly;
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
    const { metadata, previous, isSame } = folder;
    const isTouched = previous !== undefined && !equalMetadata(previous.entry, metadata);
    if (isTouched) this.#counters.metadataChange();
    if (isSame && previous !== undefined) {
      const nodeId = isTouched ? this.#build(folder, undefined).nodeId : previous.nodeId;
      return { entry: withMetadata(previous.entry, metadata), nodeId, seal: previous.seal };
    }
    const pages = createFolderPageBuilder((type, bytes) => this.#session.add(type, bytes));
    const { nodeId, seal } = this.#build(folder, pages);
    const { page, level, ...sums } = pages.finish();
    return { entry: { ...metadata, nodeType: 'directory', page, pageLevel: level, ...sums }, nodeId, seal };
  }

  /** The folder's NodeId and seal; its pages too, where there is a builder for them. */
  #build(
    { nodePath: path, metadata, assembly }: FolderToSeal,
    pages: FolderPageBuilder | undefined,
  ): Pick<StoredFolder, 'nodeId' | 'seal'> {
    const node = this.#nodes.createFolderNode(path);
    const seals =
      pages === undefined ? undefined : createSealPageBuilder((type, bytes) => this.#session.add(type, bytes));
    for (const item of assembly.items()) {
      if (item.kind === 'record') {
        const { row, result, index } = item;
        const name = assembly.listing.name(row);
        pages?.addFile(name, result.record(index), result.contentEnd(index) - result.contentBegin(index));
        node.add(canonicalName(name).text, name, result.nodeId(index));
      } else if (item.kind === 'previous') {
        const entry = decodeEntryBytes(item.record);
        this.#addChild(path, { entry, nodeId: undefined, seal: undefined }, node, pages, seals);
      } else {
        this.#addChild(path, item.child, node, pages, seals);
      }
    }
    const sealRoot = seals?.finish();
    return {
      nodeId: node.finish(metadata),
      seal: sealRoot && { page: sealRoot.page, level: sealRoot.level },
    };
  }

  #addChild(
    path: string,
    { entry, nodeId, seal }: Child,
    node: FolderNode,
    pages: FolderPageBuilder | undefined,
    seals: SealPageBuilder | undefined,
  ): void {
    pages?.add(entry);
    const { text } = canonicalName(entry.name);
    if (entry.nodeType !== 'directory') {
      node.add(text, entry.name, this.#nodes.leafNode(nodePath(path, text), entry));
    } else if (nodeId !== undefined) {
      node.add(text, entry.name, nodeId);
      seals?.add(seal === undefined ? { nodeId } : { nodeId, sealPage: seal });
    } else {
      throw new CairnError('engine/internal', 'A folder was stored without its identity.');
    }
  }
}
