/**
 * The trees of all snapshots: every page readable, every chunk in a file we can rely on, every NodeId equal to the
 * one that was sealed, up to the signed root; and what an entry says of its content true of its chunks.
 *
 * A folder that was found whole at a path with a NodeId is not walked again for another snapshot that shares it, and a
 * chunk of which the index was checked before is not looked up on the drive (`known`).
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { BlobId, NodeId, PackId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, type BlobHasher, type BlobType, FILE_TYPE, createBlobHasher, hash } from '../codec/index.ts';
import { Breather, ByteWriter, equalBytes, toHex } from '../kernel/index.ts';
import {
  type ChunkRef,
  type DirectoryEntry,
  type Entry,
  FILE_FLAG,
  type FileEntry,
  type NodeHasher,
  type PageFetch,
  SOURCES_MAX,
  canonicalName,
  createNodeHasher,
  iterateFolderLeaves,
  iterateSeals,
  nodePath,
  sourcesNode,
} from '../merkle/index.ts';
import type { BlobLocation } from '../pack/index.ts';
import { type Repository, commitName, packName } from '../repository/index.ts';
import type { PageRef, Snapshot } from '../snapshot/index.ts';
import { ChunkLists } from './chunk-lists.ts';
import type { ContentCheck } from './contents.ts';
import type { DamageList } from './damage-list.ts';
import { type Fingerprints, RecentlySeen } from './fingerprints.ts';
import { addToSums, isSums, newSums } from './folder-sums.ts';
import { PageSource } from './page-source.ts';
import { isDamage } from './small-files.ts';

const DEPTH_MAX = 8192;
/** Folders that are remembered as whole: 24 MiB at most in two tables. */
const FOLDERS_SEEN_SLOTS = 1024 * 1024;

const EMPTY_CONTENT_HASH = hash(new Uint8Array());

type Seal = { readonly nodeId: NodeId; readonly sealPage?: PageRef };

/** Where a walk stands. */
type Place = {
  readonly snapshot: Snapshot;
  /** Canonical, as NodeIds bind it. */
  readonly path: string;
  /** Escaped, as people see it. */
  readonly label: string;
  readonly depth: number;
};

export type TreeCheckOptions = {
  readonly repository: Repository;
  /** Packs and commit files that can't be relied on. */
  readonly suspects: ReadonlySet<PackId>;
  /** Blobs in files that can be relied on, with their lengths; not all of them need to be in it. */
  readonly known: Fingerprints | undefined;
  /** Hashes the content of files of several chunks; undefined where that is not asked for. */
  readonly contents: ContentCheck | undefined;
  readonly damage: DamageList;
  readonly onNode: (path: string) => void;
  readonly signal: AbortSignal | undefined;
};

export class TreeCheck {
  readonly #options: TreeCheckOptions;
  readonly #repository: Repository;
  readonly #damage: DamageList;
  readonly #nodes: NodeHasher = createNodeHasher();
  readonly #blobs: BlobHasher;
  readonly #pages: PageSource;
  readonly #lists = new ChunkLists();
  readonly #breather = new Breather();
  readonly #whole = new RecentlySeen(FOLDERS_SEEN_SLOTS);
  readonly #goodBlobs = new RecentlySeen(FOLDERS_SEEN_SLOTS);
  readonly #key = new ByteWriter(1024);
  #failures = 0;
  nodesChecked = 0;

  constructor(options: TreeCheckOptions) {
    this.#options = options;
    this.#repository = options.repository;
    this.#damage = options.damage;
    this.#blobs = createBlobHasher(options.repository.context.idKey);
    this.#pages = new PageSource(options.repository, this.#blobs);
  }

  /** Checks one snapshot from its signed roots down. */
  async snapshot(snapshot: Snapshot): Promise<void> {
    const { rootPage, sealPage, rootNodeId, sources } = snapshot.record;
    const before = this.#failures;
    const found: { name: string; nodeId: NodeId }[] = [];
    try {
      const seals = await this.#seals(sealPage, SOURCES_MAX);
      let directories = 0;
      for await (const entries of iterateFolderLeaves(this.#fetch, rootPage.page, rootPage.level)) {
        for (const entry of entries) {
          const seal = entry.nodeType === 'directory' ? seals[directories++] : undefined;
          const label = sources.length === 1 ? '' : escapePath(entry.name);
          const nodeId = await this.#entry(entry, { snapshot, path: '', label, depth: 0 }, seal);
          if (nodeId !== undefined) found.push({ name: Buffer.from(entry.name).toString(), nodeId });
        }
      }
    } catch (error) {
      this.#blame(snapshot, '/', error);
      return;
    }
    if (this.#failures !== before) return;
    const isRight =
      areSources(found) &&
      equalBytes(sourcesNode(found), rootNodeId) &&
      sources.every(({ name, rootNodeId: id }) => found.some((one) => one.name === name && equalBytes(one.nodeId, id)));
    if (!isRight) this.#mismatch(snapshot, '/');
  }

  /** Reads a page; notes it where no run says where it lies. */
  readonly #fetch: PageFetch = async (page, type) => {
    const place = this.#isKnown(page) ? await (await this.#repository.index()).find(page) : await this.#place(page);
    return this.#pages.read(page, type, place);
  };

  #isKnown(id: BlobId): boolean {
    return this.#options.known !== undefined && this.#options.known.valueOf(id) !== 0;
  }

  /** Where a blob lies. A snapshot's data only in packs that no run names: that run was lost. */
  async #place(id: BlobId): Promise<BlobLocation | undefined> {
    const place = await this.#repository.locate(id);
    if (place === undefined) return undefined;
    const index = await this.#repository.index();
    const isUncovered = ({ packId }: BlobLocation): boolean => index.isUncovered(packId);
    if (this.#damage.has('index') || !isUncovered(place) || !(await index.findAll(id)).every(isUncovered)) return place;
    // A merge may have written its run since the runs were listed; from now on the new index is asked.
    if ((await this.#repository.scannedIndex()).isUncovered(place.packId)) {
      this.#damage.add(
        'index',
        'index',
        `No index run names ${packName(place.packId)}. Nothing is lost; the next backup writes the index again.`,
      );
    }
    return place;
  }

  /** The first `countMax`, as many as there are entries beside them: pages can be shared, so a few bytes hold any number. */
  async #seals(page: PageRef | undefined, countMax: number): Promise<readonly Seal[]> {
    const seals: Seal[] = [];
    if (page === undefined) return seals;
    for await (const seal of iterateSeals(this.#fetch, page.page, page.level)) {
      seals.push(seal);
      if (seals.length === countMax) break;
    }
    return seals;
  }

  /** The NodeId of an entry as recomputed; undefined where something below it can't be read. */
  async #entry(entry: Entry, place: Place, seal: Seal | undefined): Promise<NodeId | undefined> {
    this.nodesChecked++;
    await this.#breather.step();
    this.#stopIfCancelled();
    if (entry.xattrBlob !== undefined) await this.#attributes(entry, place);
    if (entry.nodeType === 'directory') return this.#folder(entry, place, seal);
    if (entry.nodeType === 'file') await this.#file(entry, place);
    return this.#nodes.leafNode(place.path, entry);
  }

  #stopIfCancelled(): void {
    if (this.#options.signal?.aborted === true) throw new CairnError('engine/cancelled', 'The check was cancelled.');
  }

  async #folder(folder: DirectoryEntry, place: Place, seal: Seal | undefined): Promise<NodeId | undefined> {
    const { snapshot, label } = place;
    if (place.depth > DEPTH_MAX)
      throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
    const key = seal === undefined ? undefined : this.#keyOf(folder, place.path, seal);
    if (seal !== undefined && key !== undefined && this.#whole.has(key)) return seal.nodeId;
    this.#options.onNode(label);
    const before = this.#failures;
    const node = this.#nodes.createFolderNode(place.path);
    try {
      const seals = await this.#seals(seal?.sealPage, folder.entryCount);
      let directories = 0;
      const sums = newSums();
      const { page, pageLevel: level, totalEntries } = folder;
      for await (const entries of iterateFolderLeaves(this.#fetch, page, level, undefined, totalEntries)) {
        for (const entry of entries) {
          addToSums(sums, entry);
          const { text } = canonicalName(entry.name);
          const path = nodePath(place.path, text);
          let nodeId = this.#plainNode(entry, path);
          if (nodeId === undefined) {
            const childSeal = entry.nodeType === 'directory' ? seals[directories++] : undefined;
            const childLabel = label === '' ? escapePath(entry.name) : `${label}/${escapePath(entry.name)}`;
            const child: Place = { snapshot, path, label: childLabel, depth: place.depth + 1 };
            nodeId = await this.#entry(entry, child, childSeal);
          }
          if (nodeId !== undefined) node.add(text, entry.name, nodeId);
        }
        await this.#breather.step();
        this.#stopIfCancelled();
      }
      if (!isSums(folder, sums)) {
        this.#mismatch(snapshot, label === '' ? '/' : label, 'A folder has other names or bytes than its entry says.');
      }
    } catch (error) {
      this.#blame(snapshot, label === '' ? '/' : label, error);
      return undefined;
    }
    if (this.#failures !== before) return undefined;
    const nodeId = node.finish(folder);
    if (key === undefined || seal === undefined || !equalBytes(seal.nodeId, nodeId)) {
      this.#mismatch(snapshot, label === '' ? '/' : label);
      return undefined;
    }
    this.#whole.add(key);
    return nodeId;
  }

  /** A hash of all that the NodeId of a folder follows from, and of what was claimed to be its NodeId. */
  #keyOf(folder: DirectoryEntry, path: string, { nodeId, sealPage }: Seal): Uint8Array {
    const { xattrs = [], xattrBlob } = folder;
    const key = this.#key;
    key.reset();
    key
      .bytes(folder.page)
      .u8(folder.pageLevel)
      .bytes(nodeId)
      .u8(sealPage?.level ?? 255);
    if (sealPage !== undefined) key.bytes(sealPage.page);
    key
      .text(path)
      .sizedBytes(folder.name)
      .text(folder.userName ?? '')
      .text(folder.groupName ?? '');
    key.u32(folder.mode).u32(folder.uid).u32(folder.gid).i64(folder.mtimeNs).varint(xattrs.length);
    key.varint(folder.entryCount).varint(folder.totalEntries).varint(folder.totalBytes);
    for (const { name, value } of xattrs) key.sizedBytes(name).sizedBytes(value);
    if (xattrBlob !== undefined) key.bytes(xattrBlob.id).bytes(xattrBlob.hash);
    return hash(key.view());
  }

  /** The NodeId of a file, link or special file of which nothing has to be looked up, or undefined: most are such. */
  #plainNode(entry: Entry, path: string): NodeId | undefined {
    if (entry.nodeType === 'directory' || entry.xattrBlob !== undefined) return undefined;
    if (entry.nodeType === 'file' && !this.#isPlainFile(entry)) return undefined;
    this.nodesChecked++;
    return this.#nodes.leafNode(path, entry);
  }

  #isPlainFile(entry: FileEntry): boolean {
    const { content } = entry;
    const { known } = this.#options;
    if (content.kind !== 'inline' || known === undefined) return false;
    if (content.chunks.length > 1 && this.#options.contents !== undefined) return false;
    for (const { id, length } of content.chunks) if (known.valueOf(id) !== length) return false;
    return this.#isContentRight(entry);
  }

  /**
   * Whether the hash of a file's content is that of its chunk. The id of a chunk follows from the plain hash of its
   * bytes, and for a file of one chunk that is the content's: so this needs no byte of it.
   */
  #isContentRight({ content, contentHash, fileFlags = 0 }: FileEntry): boolean {
    if (content.kind !== 'inline' || content.chunks.length > 1) return true;
    if ((fileFlags & FILE_FLAG.placeholder) !== 0) return true;
    const [chunk] = content.chunks;
    if (chunk === undefined) return equalBytes(contentHash, EMPTY_CONTENT_HASH);
    return equalBytes(this.#blobs.idOfHash(BLOB_TYPE.fileChunk, contentHash), chunk.id);
  }

  async #file(entry: FileEntry, { snapshot, label }: Place): Promise<void> {
    const { known, contents, signal } = this.#options;
    const { content, size } = entry;
    const isGood = ({ id, length }: ChunkRef): boolean | Promise<boolean> =>
      known?.valueOf(id) === length || this.#blob(snapshot, label, id, BLOB_TYPE.fileChunk, length);
    const onPage = async (): Promise<void> => {
      await this.#breather.step();
      this.#stopIfCancelled();
    };
    const before = this.#failures;
    try {
      if (content.kind === 'inline') for (const chunk of content.chunks) await isGood(chunk);
      else await this.#lists.check(content, size, { fetch: this.#fetch, isGood, onPage });
      // What can't be read was said; it has no hash.
      if (this.#failures !== before) return;
      const isSeveral = content.kind === 'pages' || content.chunks.length > 1;
      const isRight =
        isSeveral && contents !== undefined
          ? await contents.isRight(entry, this.#fetch, signal)
          : this.#isContentRight(entry);
      if (!isRight) this.#mismatch(snapshot, label, 'The content hash of a file is not that of its data.');
    } catch (error) {
      this.#blame(snapshot, label, error);
    }
  }

  /** Attributes in a blob of their own: that it is there, and that its id stands for the hash that the NodeId binds. */
  async #attributes({ xattrBlob }: Entry, { snapshot, label }: Place): Promise<void> {
    if (xattrBlob === undefined) return;
    await this.#blob(snapshot, label, xattrBlob.id, BLOB_TYPE.attributes, undefined);
    if (!equalBytes(this.#blobs.idOfHash(BLOB_TYPE.attributes, xattrBlob.hash), xattrBlob.id))
      this.#mismatch(snapshot, label, 'The hash of a file’s attributes is not that of its data.');
  }

  async #blob(
    snapshot: Snapshot,
    label: string,
    id: BlobId,
    type: BlobType,
    length: number | undefined,
  ): Promise<boolean> {
    const fault = await this.#blobFault(id, type, length);
    if (fault === undefined) return true;
    this.#failures++;
    this.#damage.affects(fault.file, fault.kind, fault.message, snapshot.id, label);
    return false;
  }

  /** Why a blob can't be relied on, or undefined. A second copy in a sound file is as good. */
  async #blobFault(
    id: BlobId,
    type: BlobType,
    length: number | undefined,
  ): Promise<
    { readonly file: string; readonly kind: 'pack' | 'commit' | 'missing-blob'; readonly message: string } | undefined
  > {
    const first = await this.#place(id);
    if (first === undefined) {
      const file = this.#damage.onlyLostContainer();
      return { file: file ?? 'missing data', kind: 'missing-blob', message: 'Data is in no file of the repository.' };
    }
    const isCommit = first.fileType === FILE_TYPE.commitFile;
    const file = isCommit ? commitName(first.packId) : packName(first.packId);
    const kind = isCommit ? 'commit' : 'pack';
    if ((length !== undefined && first.length !== length) || first.type !== type)
      return {
        file,
        kind,
        message: `The blob ${toHex(id).slice(0, 16)}… has another length or type than a file says.`,
      };
    if (!this.#options.suspects.has(first.packId) || this.#goodBlobs.has(id)) return undefined;
    try {
      // The file is damaged somewhere: this blob may still be whole, or stand in another file too.
      await this.#repository.readBlob(id, type);
      this.#goodBlobs.add(id);
      return undefined;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { file, kind, message: error.message };
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

  #mismatch(
    snapshot: Snapshot,
    label: string,
    message = 'The Merkle tree does not give the root that was signed.',
  ): void {
    this.#failures++;
    this.#damage.affects(`snapshot ${snapshot.id}`, 'node', message, snapshot.id, label);
  }
}

/** Whether names can be those of sources: so many, and each its own. */
function areSources(found: readonly { readonly name: string }[]): boolean {
  return found.length <= SOURCES_MAX && new Set(found.map(({ name }) => name.normalize('NFC'))).size === found.length;
}

function kindOf(file: string): 'pack' | 'commit' {
  return file.startsWith('commits/') ? 'commit' : 'pack';
}
