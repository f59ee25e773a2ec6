/**
 * Coming up: when everything in a folder is stored, its pages, its seal page and its NodeId are made, or taken over from
 * the parent snapshot where nothing in it has changed.
 */
import { assert } from '../../../src-shared/assert.ts';
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
  /** What `begin` gave, where entries were handed in already. */
  readonly begun?: FolderBuild | undefined;
};

export class FolderSealer {
  readonly #session: WriteSession;
  readonly #counters: Counters;
  readonly #nodes: NodeHasher = createNodeHasher();

  constructor(session: WriteSession, counters: Counters) {
    this.#session = session;
    this.#counters = counters;
  }

  /** Begins a folder whose entries are handed in while it is walked: one with very many. */
  begin(path: string): FolderBuild {
    return new FolderBuild(path, this.#nodes, this.#session);
  }

  seal({ nodePath: path, metadata, assembly, previous, isSame, begun }: FolderToSeal): StoredFolder {
    const isTouched = previous !== undefined && !equalMetadata(previous.entry, metadata);
    if (isTouched) this.#counters.metadataChange();
    if (isSame && previous !== undefined) {
      const { entry, seal } = previous;
      if (!isTouched) return { entry: withMetadata(entry, metadata), nodeId: previous.nodeId, seal };
      const build = new FolderBuild(path, this.#nodes, undefined);
      build.feed(assembly);
      return { entry: withMetadata(entry, metadata), nodeId: build.finish(metadata).nodeId, seal };
    }
    const build = begun ?? this.begin(path);
    build.feed(assembly);
    const { nodeId, seal, pages } = build.finish(metadata);
    assert(pages !== undefined, 'a folder that is not the same gets pages');
    const { page, level, ...sums } = pages;
    return { entry: { ...metadata, nodeType: 'directory', page, pageLevel: level, ...sums }, nodeId, seal };
  }
}

/** A folder being made: its NodeId, and its pages and seal pages where there is a session to store them. */
export class FolderBuild {
  readonly #path: string;
  readonly #nodes: NodeHasher;
  readonly #node: FolderNode;
  readonly #pages: FolderPageBuilder | undefined;
  readonly #seals: SealPageBuilder | undefined;

  constructor(path: string, nodes: NodeHasher, session: WriteSession | undefined) {
    this.#path = path;
    this.#nodes = nodes;
    this.#node = nodes.createFolderNode(path);
    if (session === undefined) return;
    this.#pages = createFolderPageBuilder((type, bytes) => session.add(type, bytes));
    this.#seals = createSealPageBuilder((type, bytes) => session.add(type, bytes));
  }

  /** Takes in what has come of the folder, as far as it goes. */
  feed(assembly: FolderAssembly): void {
    for (const item of assembly.take()) {
      switch (item.kind) {
        case 'record': {
          const { row, result, index } = item;
          const name = assembly.listing.name(row);
          const size = result.contentEnd(index) - result.contentBegin(index);
          this.#pages?.addFile(name, result.record(index), size);
          this.#node.add(canonicalName(name).text, name, result.nodeId(index));
          break;
        }
        case 'previous':
          this.#addChild({ entry: decodeEntryBytes(item.record), nodeId: undefined, seal: undefined });
          break;
        case 'child':
          this.#addChild(item.child);
      }
    }
  }

  finish(metadata: EntryMetadata): {
    readonly nodeId: NodeId;
    readonly seal: PageRef | undefined;
    readonly pages: ReturnType<FolderPageBuilder['finish']> | undefined;
  } {
    const seal = this.#seals?.finish();
    return {
      nodeId: this.#node.finish(metadata),
      seal: seal && { page: seal.page, level: seal.level },
      pages: this.#pages?.finish(),
    };
  }

  #addChild({ entry, nodeId, seal }: Child): void {
    this.#pages?.add(entry);
    const { text } = canonicalName(entry.name);
    if (entry.nodeType !== 'directory') {
      this.#node.add(text, entry.name, this.#nodes.leafNode(nodePath(this.#path, text), entry));
    } else if (nodeId !== undefined) {
      this.#node.add(text, entry.name, nodeId);
      this.#seals?.add(seal === undefined ? { nodeId } : { nodeId, sealPage: seal });
    } else {
      throw new CairnError('engine/internal', 'A folder was stored without its identity.');
    }
  }
}
