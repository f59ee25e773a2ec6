/**
 * The trees of all snapshots: every page readable, every chunk in a file we can rely on, every NodeId equal to the
 * one that was sealed, up to the signed root.
 *
 * A folder that was found whole at a path with a NodeId is not walked again for another snapshot that shares it.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { BlobId, NodeId, PackId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import { Breather, equalBytes, toHex } from '../kernel/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  type FileEntry,
  type NodeHasher,
  type PageFetch,
  canonicalName,
  createNodeHasher,
  iterateChunks,
  iterateFolder,
  iterateSeals,
  nodePath,
  sourcesNode,
} from '../merkle/index.ts';
import type { BlobLocation } from '../pack/index.ts';
import { type Repository, commitName, packName } from '../repository/index.ts';
import { FILE_TYPE } from '../codec/index.ts';
import type { PageRef, Snapshot } from '../snapshot/index.ts';
import type { DamageList } from './damage-list.ts';
import { isDamage } from './small-files.ts';

const DEPTH_MAX = 8192;

type Seal = { readonly nodeId: NodeId; readonly sealPage?: PageRef };

export class TreeCheck {
  readonly #repository: Repository;
  readonly #suspects: ReadonlySet<PackId>;
  readonly #damage: DamageList;
  readonly #nodes: NodeHasher = createNodeHasher();
  readonly #breather = new Breather();
  readonly #whole = new Set<string>();
  readonly #goodBlobs = new Set<string>();
  readonly #onNode: (path: string) => void;
  readonly #signal: AbortSignal | undefined;
  nodesChecked = 0;

  constructor(options: {
    readonly repository: Repository;
    readonly suspects: ReadonlySet<PackId>;
    readonly damage: DamageList;
    readonly onNode: (path: string) => void;
    readonly signal: AbortSignal | undefined;
  }) {
    this.#repository = options.repository;
    this.#suspects = options.suspects;
    this.#damage = options.damage;
    this.#onNode = options.onNode;
    this.#signal = options.signal;
  }

  /** Checks one snapshot from its signed roots down. */
  async snapshot(snapshot: Snapshot): Promise<void> {
    const { rootPage, sealPage, rootNodeId, sources } = snapshot.record;
    const before = this.#failures;
    const found: { name: string; nodeId: NodeId }[] = [];
    try {
      const seals = await this.#seals(sealPage);
      let directories = 0;
      for await (const entry of iterateFolder(this.#fetch, rootPage.page, rootPage.level)) {
        const name = Buffer.from(entry.name).toString();
        const seal = entry.nodeType === 'directory' ? seals[directories++] : undefined;
        const label = sources.length === 1 ? '' : escapePath(entry.name);
        const nodeId = await this.#entry(snapshot, entry, '', label, seal, 0);
        if (nodeId !== undefined) found.push({ name, nodeId });
      }
    } catch (error) {
      this.#blame(snapshot, '/', error);
      return;
    }
    if (this.#failures !== before) return;
    const isRight =
      equalBytes(sourcesNode(found), rootNodeId) &&
      sources.every(({ name, rootNodeId: id }) => found.some((one) => one.name === name && equalBytes(one.nodeId, id)));
    if (!isRight) this.#mismatch(snapshot, '/');
  }

  #failures = 0;

  /** Reads a page; notes it where no run says where it lies. */
  readonly #fetch: PageFetch = async (page, type) => {
    await this.#place(page);
    return this.#repository.readBlob(page, type);
  };

  /** Where a blob lies. A snapshot's data only in packs that no run names: that run was lost. */
  async #place(id: BlobId): Promise<BlobLocation | undefined> {
    const place = await this.#repository.locate(id);
    if (place === undefined) return undefined;
    const index = await this.#repository.index();
    const isUncovered = ({ packId }: BlobLocation): boolean => index.isUncovered(packId);
    if (isUncovered(place) && (await index.findAll(id)).every(isUncovered)) {
      this.#damage.add(
        'index',
        'index',
        `No index run names ${packName(place.packId)}. Nothing is lost; the next backup writes the index again.`,
      );
    }
    return place;
  }

  async #seals(page: PageRef | undefined): Promise<readonly Seal[]> {
    const seals: Seal[] = [];
    if (page === undefined) return seals;
    for await (const seal of iterateSeals(this.#fetch, page.page, page.level)) seals.push(seal);
    return seals;
  }

  /** The NodeId of an entry as recomputed; undefined where something below it can't be read. */
  async #entry(
    snapshot: Snapshot,
    entry: Entry,
    path: string,
    label: string,
    seal: Seal | undefined,
    depth: number,
  ): Promise<NodeId | undefined> {
    this.nodesChecked++;
    await this.#breather.step();
    if (this.#signal?.aborted === true) throw new CairnError('engine/cancelled', 'The check was cancelled.');
    if (entry.nodeType === 'directory') return this.#folder(snapshot, entry, path, label, seal, depth);
    if (entry.nodeType === 'file') await this.#file(snapshot, entry, label);
    return this.#nodes.leafNode(path, entry);
  }

  async #folder(
    snapshot: Snapshot,
    folder: DirectoryEntry,
    path: string,
    label: string,
    seal: Seal | undefined,
    depth: number,
  ): Promise<NodeId | undefined> {
    if (depth > DEPTH_MAX) throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
    const key =
      seal === undefined
        ? ''
        : `${toHex(folder.page)}:${toHex(seal.nodeId)}:${seal.sealPage === undefined ? '' : toHex(seal.sealPage.page)}:${label}`;
    if (seal !== undefined && this.#whole.has(key)) return seal.nodeId;
    this.#onNode(label);
    const before = this.#failures;
    const node = this.#nodes.createFolderNode(path);
    try {
      const seals = await this.#seals(seal?.sealPage);
      let directories = 0;
      for await (const entry of iterateFolder(this.#fetch, folder.page, folder.pageLevel)) {
        const { text } = canonicalName(entry.name);
        const childSeal = entry.nodeType === 'directory' ? seals[directories++] : undefined;
        const childLabel = label === '' ? escapePath(entry.name) : `${label}/${escapePath(entry.name)}`;
        const nodeId = await this.#entry(snapshot, entry, nodePath(path, text), childLabel, childSeal, depth + 1);
        if (nodeId !== undefined) node.add(text, entry.name, nodeId);
      }
    } catch (error) {
      this.#blame(snapshot, label === '' ? '/' : label, error);
      return undefined;
    }
    if (this.#failures !== before) return undefined;
    const nodeId = node.finish(folder);
    if (seal === undefined || !equalBytes(seal.nodeId, nodeId)) {
      this.#mismatch(snapshot, label === '' ? '/' : label);
      return undefined;
    }
    this.#whole.add(key);
    return nodeId;
  }

  async #file(snapshot: Snapshot, entry: FileEntry, label: string): Promise<void> {
    try {
      for await (const { id } of iterateChunks(this.#fetch, entry.content, entry.size)) {
        const problem = await this.#chunkFault(id);
        if (problem !== undefined) {
          this.#failures++;
          this.#damage.affects(problem.file, problem.kind, problem.message, snapshot.id, label);
        }
      }
    } catch (error) {
      this.#blame(snapshot, label, error);
    }
  }

  /** Why a chunk can't be relied on, or undefined. A second copy in a sound file is as good. */
  async #chunkFault(
    id: BlobId,
  ): Promise<
    { readonly file: string; readonly kind: 'pack' | 'commit' | 'missing-blob'; readonly message: string } | undefined
  > {
    const first = await this.#place(id);
    if (first !== undefined && !this.#suspects.has(first.packId)) return undefined;
    const key = toHex(id);
    if (this.#goodBlobs.has(key)) return undefined;
    if (first === undefined) {
      const file = this.#damage.onlyLostContainer();
      return { file: file ?? 'missing data', kind: 'missing-blob', message: 'Data is in no file of the repository.' };
    }
    try {
      // The file is damaged somewhere: this blob may still be whole, or stand in another file too.
      await this.#repository.readBlob(id, BLOB_TYPE.fileChunk);
      this.#goodBlobs.add(key);
      return undefined;
    } catch (error) {
      if (!isDamage(error)) throw error;
      const isCommit = first.fileType === FILE_TYPE.commitFile;
      return {
        file: isCommit ? commitName(first.packId) : packName(first.packId),
        kind: isCommit ? 'commit' : 'pack',
        message: error.message,
      };
    }
  }

  /** Puts trouble with a page down to the file it lies in. */
  #blame(snapshot: Snapshot, label: string, error: unknown): void {
    if (!isDamage(error)) throw error;
    this.#failures++;
    const named = error.context['file'];
    const file = typeof named === 'string' ? named : (this.#damage.onlyLostContainer() ?? 'missing data');
    this.#damage.affects(file, typeof named === 'string' ? kindOf(named) : 'tree', error.message, snapshot.id, label);
  }

  #mismatch(snapshot: Snapshot, label: string): void {
    this.#failures++;
    this.#damage.affects(
      `snapshot ${snapshot.id}`,
      'node',
      'The Merkle tree does not give the root that was signed.',
      snapshot.id,
      label,
    );
  }
}

function kindOf(file: string): 'pack' | 'commit' {
  return file.startsWith('commits/') ? 'commit' : 'pack';
}
