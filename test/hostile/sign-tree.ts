/**
 * Computes the NodeIds and seal pages of a tree as an honest backup would, so that verify finds nothing to say but what
 * a case is about. A tree that can't be read has none, and keeps the made-up ones.
 */
import {
  canonicalName,
  createNodeHasher,
  iterateFolder,
  nodePath,
  sourcesNode,
} from '../../src-main/engine/merkle/index.ts';
import type { DirectoryEntry, NodeHasher, PageFetch } from '../../src-main/engine/merkle/index.ts';
import { asNodeId, type NodeId, type PageId } from '../../src-shared/ids.ts';
import { isCairnError } from '../../src-shared/errors.ts';
import { PAGE, rawPage, seal } from './raw.ts';

type SealRef = { readonly page: Uint8Array; readonly level: number };

export type SignedTree = {
  readonly rootNodeId: Uint8Array;
  readonly sealPage?: SealRef;
  /** By source name. */
  readonly sourceNodeIds: ReadonlyMap<string, Uint8Array>;
};

/** Trees beyond this are made to be endless, and stay unsigned. */
const ENTRIES_MAX = 20_000;

class Signer {
  readonly #fetch: PageFetch;
  readonly #put: (bytes: Uint8Array) => Uint8Array;
  readonly #nodes: NodeHasher = createNodeHasher();
  #entries = 0;

  constructor(fetch: PageFetch, put: (bytes: Uint8Array) => Uint8Array) {
    this.#fetch = fetch;
    this.#put = put;
  }

  sealPage(seals: readonly Uint8Array[]): SealRef | undefined {
    if (seals.length === 0) return undefined;
    return { page: this.#put(rawPage({ kind: PAGE.sealLeaf, records: seals })), level: 0 };
  }

  async children(
    folder: { readonly page: PageId; readonly level: number },
    path: string,
    add: (text: string, name: Uint8Array, nodeId: NodeId) => void,
  ): Promise<readonly Uint8Array[]> {
    const seals: Uint8Array[] = [];
    for await (const entry of iterateFolder(this.#fetch, folder.page, folder.level)) {
      if (++this.#entries > ENTRIES_MAX) throw new RangeError('too many entries to sign');
      const { text } = canonicalName(entry.name);
      const below = path === '\0' ? '' : nodePath(path, text);
      if (entry.nodeType === 'directory') {
        const { nodeId, sealPage } = await this.folder(entry, below);
        seals.push(seal(nodeId, sealPage));
        add(text, entry.name, nodeId);
      } else add(text, entry.name, this.#nodes.leafNode(below, entry));
    }
    return seals;
  }

  async folder(entry: DirectoryEntry, path: string): Promise<{ nodeId: NodeId; sealPage?: SealRef }> {
    const node = this.#nodes.createFolderNode(path);
    const place = { page: entry.page, level: entry.pageLevel };
    const seals = await this.children(place, path, (text, name, nodeId) => node.add(text, name, nodeId));
    const sealPage = this.sealPage(seals);
    return { nodeId: node.finish(entry), ...(sealPage === undefined ? {} : { sealPage }) };
  }
}

/** Undefined for a tree that has no NodeIds: it can't be read, or is endless. */
export async function signTree(
  top: Uint8Array,
  fetch: PageFetch,
  put: (bytes: Uint8Array) => Uint8Array,
): Promise<SignedTree | undefined> {
  const signer = new Signer(fetch, put);
  const sourceNodeIds = new Map<string, Uint8Array>();
  try {
    const place = { page: top as PageId, level: 0 };
    // The source's own name is no part of its path.
    const seals = await signer.children(place, '\0', (_text, name, nodeId) => {
      sourceNodeIds.set(Buffer.from(name).toString(), nodeId);
    });
    const sources = [...sourceNodeIds].map(([name, nodeId]) => ({ name, nodeId: asNodeId(nodeId) }));
    const sealPage = signer.sealPage(seals);
    return { rootNodeId: sourcesNode(sources), sourceNodeIds, ...(sealPage === undefined ? {} : { sealPage }) };
  } catch (error) {
    if (
      isCairnError(error) ||
      error instanceof RangeError ||
      (error instanceof Error && error.name === 'AssertionError')
    )
      return undefined;
    throw error;
  }
}
