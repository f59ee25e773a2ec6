/**
 * Builds repositories that are sealed and signed as they should be, around content that no Cairn would write: what
 * someone with the password can make, or anyone where nothing is encrypted.
 */
import { seededRandom, SELF } from '../support/engine-lab.ts';
import {
  BLOB_TYPE,
  COMPRESSION,
  ENVELOPE_FORMAT,
  FILE_TYPE,
  FRAME_KIND,
  OBJECT_TYPE,
  encodeEnvelope,
  encodeMessagePack,
  hash,
} from '../../src-main/engine/codec/index.ts';
import { concatBytes, fromHex, systemPorts, toHex, utf8, type Ports } from '../../src-main/engine/kernel/index.ts';
import { EMPTY_SET_HASH, type PageFetch } from '../../src-main/engine/merkle/index.ts';
import {
  type Repository,
  type RepositoryContext,
  initRepository,
  openRepository,
  packName,
  commitName,
  snapshotName,
} from '../../src-main/engine/repository/index.ts';
import { type Store, createMemoryStore, writeWhole } from '../../src-main/engine/store/index.ts';
import { CairnError } from '../../src-shared/errors.ts';
import { parsePackId } from '../../src-shared/ids.ts';
import { PAGE, folderEntry, rawPage } from './raw.ts';
import { type FooterFrame, type RawFrame, type SealedBytes, rawPackFooter, sealRaw, zstd } from './sealed.ts';
import { signTree } from './sign-tree.ts';

export const PASSWORD = 'correct horse';
export const SNAPSHOT_DOMAIN = utf8('cairn/snapshot/v1');
export const EVENT_DOMAIN = utf8('cairn/event/v1');

type Blob = { readonly id: Uint8Array; readonly type: number; readonly plain: Uint8Array };

export type Fields = Readonly<Record<string, unknown>>;

export class Workshop {
  readonly store: Store;
  readonly ports: Ports;
  #repository: Repository;
  /** By id as hex. */
  readonly #waiting = new Map<string, Blob>();

  private constructor(store: Store, ports: Ports, repository: Repository) {
    this.store = store;
    this.ports = ports;
    this.#repository = repository;
  }

  /** A new repository in memory, encrypted unless told otherwise. */
  static async open(
    options: { readonly encrypted?: boolean; readonly store?: Store; readonly seed?: number } = {},
  ): Promise<Workshop> {
    const store = options.store ?? createMemoryStore();
    const ports: Ports = { ...systemPorts, random: seededRandom(options.seed ?? 1) };
    await initRepository({
      store,
      ports,
      host: 'lab',
      compression: { kind: 'zstd', level: 1 },
      kdfCost: 4,
      reserveBytes: 1024,
      ...(options.encrypted === false ? {} : { password: PASSWORD }),
    });
    return new Workshop(store, ports, await openStore(store, ports));
  }

  get repository(): Repository {
    return this.#repository;
  }

  get context(): RepositoryContext {
    return this.#repository.context;
  }

  /** Opens it anew, as another process would. */
  async reopen(): Promise<Repository> {
    this.#repository = await openStore(this.store, this.ports);
    return this.#repository;
  }

  /** A blob for the next file; its id is the right one for its bytes. */
  blob(type: number, plain: Uint8Array): Uint8Array {
    const id = new Uint8Array(this.context.blobHasher.idOf(type as 1, plain));
    this.#waiting.set(toHex(id), { id, type, plain });
    return id;
  }

  chunk(content: Uint8Array | string): Uint8Array {
    return this.blob(BLOB_TYPE.fileChunk, typeof content === 'string' ? utf8(content) : content);
  }

  folderPage(bytes: Uint8Array): Uint8Array {
    return this.blob(BLOB_TYPE.folderPage, bytes);
  }

  chunkPage(bytes: Uint8Array): Uint8Array {
    return this.blob(BLOB_TYPE.chunkListPage, bytes);
  }

  sealPage(bytes: Uint8Array): Uint8Array {
    return this.blob(BLOB_TYPE.sealPage, bytes);
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await writeWhole(this.store, name, bytes, { durable: false });
  }

  async putPack({ bytes, name }: SealedBytes): Promise<string> {
    const file = packName(parsePackId(name));
    await this.put(file, bytes);
    return file;
  }

  async putCommit({ bytes, name }: SealedBytes): Promise<string> {
    const file = commitName(parsePackId(name));
    await this.put(file, bytes);
    return file;
  }

  /** Seals the waiting blobs into a pack that no index run names, whatever they are. */
  async flush(): Promise<void> {
    if (this.#waiting.size > 0) await this.putPack(this.#container(FILE_TYPE.treePack));
  }

  /** The waiting blobs, each a segment of its own, then a snapshot. */
  #container(fileType: number, envelope?: Uint8Array): SealedBytes {
    const frames: RawFrame[] = [];
    const records: FooterFrame[] = [];
    for (const blob of this.#waiting.values()) {
      const { compression, payload } = zstd(blob.plain);
      const shape = { kind: FRAME_KIND.segment, compression, plainLength: blob.plain.length };
      frames.push({ ...shape, payload });
      const length = blob.plain.length;
      records.push({ ...shape, frameLength: payload.length + 40, blobs: [{ id: blob.id, type: blob.type, length }] });
    }
    if (envelope !== undefined) {
      const shape = { kind: FRAME_KIND.object, compression: COMPRESSION.none, plainLength: envelope.length };
      frames.push({ ...shape, payload: envelope });
      const frameLength = envelope.length + 40;
      records.push({ ...shape, objectType: OBJECT_TYPE.snapshot, frameLength, blobs: [] });
    }
    this.#waiting.clear();
    const footer = rawPackFooter({ fileType, frames: records });
    return sealRaw(this.context, { fileType, frames, footer });
  }

  /** A record as snapshots and events are signed: the envelope's bytes. `record` may be any bytes at all. */
  signed(
    record: Uint8Array,
    options: { readonly domain?: Uint8Array; readonly objectType?: number; readonly outer?: Fields } = {},
  ): Uint8Array {
    const digest = hash(concatBytes([options.domain ?? SNAPSHOT_DOMAIN, record]));
    return encodeEnvelope({
      objectType: (options.objectType ?? OBJECT_TYPE.snapshot) as 4,
      schemaVersion: 1,
      readerVersionMin: 1,
      format: ENVELOPE_FORMAT.messagePack,
      compression: { kind: 'zstd', level: 1 },
      createdAtMs: 1_700_000_000_000,
      payload: { record, signature: this.context.signer.sign(digest), ...options.outer },
    });
  }

  /** The fields of an honest snapshot of one source called “source”; `rootPage` has to be given. */
  snapshotFields(changes: Fields = {}): Record<string, unknown> {
    const id = new Uint8Array(32).fill(3);
    return {
      repositoryId: fromHex(this.context.config.repositoryId),
      writerId: new Uint8Array(16).fill(5),
      writerSequence: 0,
      log: { size: 0, frontier: [] },
      order: 1,
      chainId: new Uint8Array(16).fill(6),
      sequence: 0,
      kind: 'base',
      startedAtMs: 1_700_000_000_000,
      finishedAtMs: 1_700_000_001_000,
      host: 'lab',
      user: 'tester',
      sources: [this.sourceFields('source')],
      rootPage: { page: id, level: 0 },
      rootNodeId: id,
      chainSetRoot: EMPTY_SET_HASH,
      packSetRoot: EMPTY_SET_HASH,
      packCount: 0,
      tags: [],
      note: '',
      pinned: false,
      stats: {
        filesNew: 0,
        filesChanged: 0,
        filesUnmodified: 0,
        filesRemoved: 0,
        folders: 0,
        metadataChanges: 0,
        bytesScanned: 0,
        bytesRead: 0,
        bytesAdded: 0,
        bytesStored: 0,
      },
      problemCount: 0,
      problems: [],
      ...changes,
    };
  }

  sourceFields(name: string, changes: Fields = {}): Fields {
    return {
      path: utf8('/nowhere/source'),
      name,
      rootNodeId: new Uint8Array(32).fill(4),
      rules: { excludes: [], excludeLargerThanBytes: 0, oneFileSystem: false, symlinks: 'store' },
      ...changes,
    };
  }

  /** Puts a snapshot into a file of its own. */
  async putSnapshot(changes: Fields): Promise<string> {
    return this.putRecord(encodeMessagePack(this.snapshotFields(changes)));
  }

  async putRecord(record: Uint8Array): Promise<string> {
    return this.putSnapshotEnvelope(this.signed(record));
  }

  async putSnapshotEnvelope(envelope: Uint8Array): Promise<string> {
    const frames = [{ kind: FRAME_KIND.object, compression: COMPRESSION.none, payload: envelope }];
    const { bytes, name } = sealRaw(this.context, { fileType: FILE_TYPE.snapshot, frames });
    await this.put(snapshotName(name), bytes);
    return snapshotName(name);
  }

  /**
   * The whole way: a folder page of any bytes as the root of the source “source”, a top page, a snapshot, all sealed.
   * `counts` is what the top page says of it.
   */
  async snapshotOf(
    page: Uint8Array,
    counts: {
      readonly level?: number;
      readonly entryCount?: number | bigint;
      readonly totalEntries?: number | bigint;
      readonly totalBytes?: number | bigint;
    } = {},
    changes: Fields = {},
  ): Promise<void> {
    const { level = 0, entryCount = 1, totalEntries = entryCount, totalBytes = 0 } = counts;
    const root = this.folderPage(page);
    await this.snapshotOfTop(
      rawPage({
        kind: PAGE.folderLeaf,
        records: [folderEntry('source', { page: root, level, entryCount, totalEntries, totalBytes })],
      }),
      changes,
    );
  }

  async snapshotOfTop(top: Uint8Array, changes: Fields = {}): Promise<void> {
    const page = this.folderPage(top);
    const signed = await signTree(page, this.#fetch, (bytes) => this.sealPage(bytes));
    const honest =
      signed === undefined
        ? {}
        : {
            rootNodeId: signed.rootNodeId,
            sources: [...signed.sourceNodeIds].map(([name, rootNodeId]) => this.sourceFields(name, { rootNodeId })),
            ...(signed.sealPage === undefined ? {} : { sealPage: signed.sealPage }),
          };
    const fields = this.snapshotFields({ rootPage: { page, level: 0 }, ...honest, ...changes });
    await this.putCommit(this.#container(FILE_TYPE.commitFile, this.signed(encodeMessagePack(fields))));
    await this.reopen();
  }

  /** Pages that wait to be sealed. */
  readonly #fetch: PageFetch = (page) => {
    const found = this.#waiting.get(toHex(page));
    if (found === undefined) throw new CairnError('integrity/missing', 'a page is nowhere');
    return found.plain;
  };
}

function openStore(store: Store, ports: Ports): Promise<Repository> {
  const secret = { kind: 'password', password: PASSWORD } as const;
  return openRepository({ store, ports, self: SELF, secret: () => Promise.resolve(secret) });
}
