/**
 * A repository of a million files and its history, made from a seed and kept in memory: real folder pages and snapshot
 * records, and nothing else. Files lie 48 to a folder, folders 250 to a group, and in one folder there are very many.
 */
import { asBlobId, asContentHash, parseSnapshotId } from '../../../src-shared/ids.ts';
import { createBlobHasher } from '../../../src-main/engine/codec/index.ts';
import { compareBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  createFolderPageBuilder,
  type DirectoryEntry,
  type Entry,
  type FileEntry,
  type FolderRoot,
  type PageSink,
} from '../../../src-main/engine/merkle/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import type { Snapshot } from '../../../src-main/engine/snapshot/index.ts';
import { recordOf } from '../../support/lab-snapshots.ts';
import { type Seeded, seeded } from '../../support/seed.ts';

const FOLDER_FILES = 48;
const GROUP_FOLDERS = 250;
export const REPOSITORY_ID = 'a'.repeat(32);
export const INSTANCE_ID = 'b'.repeat(32);
const LARGE_FOLDER_FILES = 10_000;
const WORDS =
  'report photo invoice index module component test draft holiday letter config readme music chapter budget note scan session harbour window garden'.split(
    ' ',
  );
const ENDINGS = ['.txt', '.jpg', '.ts', '.js', '.json', '.pdf', '.md', '.png', '.cpp', ''];

type Folder = {
  readonly name: string;
  readonly files: Map<string, FileEntry>;
  readonly folders: Map<string, Folder>;
  /** What the folder above says of it; undefined when it has to be made again. */
  entry: DirectoryEntry | undefined;
};

export class CatalogData {
  readonly repository: Repository;
  readonly snapshots: Snapshot[] = [];
  readonly #random: Seeded;
  readonly #pages = new Map<string, Uint8Array>();
  readonly #sink: PageSink;
  readonly #root = emptyFolder('');
  readonly #large = emptyFolder('many');
  #files = 0;
  entries = 0;

  constructor(seed: number, files: number) {
    this.#random = seeded(seed);
    const blobs = createBlobHasher(new Uint8Array(this.#random.bytes(32)));
    this.#sink = (type, bytes) => {
      const id = blobs.idOf(type, bytes);
      this.#pages.set(toHex(id), bytes);
      return id;
    };
    this.repository = {
      config: { repositoryId: REPOSITORY_ID },
      context: { instance: { instanceId: INSTANCE_ID } },
      readBlob: async (page: Uint8Array) => this.#pages.get(toHex(page)) ?? new Uint8Array(0),
    } as unknown as Repository;
    this.#fill(files);
  }

  /** Changes scattered over the tree, then a snapshot. Half of them change a file, the others add, remove or rename. */
  change(count: number): void {
    for (let index = 0; index < count; index++) {
      const way = this.#anyFolder();
      const folder = way.at(-1);
      if (folder === undefined) continue;
      for (const above of way) above.entry = undefined;
      const name = this.#random.pick([...folder.files.keys(), this.#name()]);
      const kind = this.#random.next();
      if (kind > 0.7) folder.files.delete(name);
      if (kind < 0.85) this.#addFile(folder, kind < 0.5 ? name : this.#name());
    }
  }

  commit(): void {
    const root = this.#store(this.#root);
    this.entries = root.totalEntries;
    const [source] = recordOf().sources;
    if (source === undefined) throw new Error('a record has a source');
    const builder = createFolderPageBuilder(this.#sink);
    builder.add({ ...root, name: utf8('source') });
    const top = builder.finish();
    const order = this.snapshots.length + 1;
    this.snapshots.push({
      id: parseSnapshotId(toHex(new Uint8Array(this.#random.bytes(32)))),
      record: recordOf({
        order,
        finishedAtMs: 1_700_000_000_000 + order * 60_000,
        sources: [{ ...source, name: 'source' }],
        rootPage: { page: top.page, level: top.level },
      }),
    });
  }

  /** Escaped paths of folders as they are now. */
  folderPaths(): string[] {
    return [...this.#root.folders.values()].flatMap((group) =>
      [...group.folders.keys()].map((name) => `${group.name}/${name}`),
    );
  }

  filePaths(folderPath: string): string[] {
    const folder = folderPath.split('/').reduce<Folder | undefined>((at, name) => at?.folders.get(name), this.#root);
    return [...(folder?.files.keys() ?? [])].map((name) => `${folderPath}/${name}`);
  }

  #fill(files: number): void {
    this.#root.folders.set('many', this.#large);
    for (let index = 0; index < Math.min(LARGE_FOLDER_FILES, files / 10); index++)
      this.#addFile(this.#large, this.#name());
    let group = emptyFolder('group-0');
    while (this.#files < files) {
      if (group.folders.size >= GROUP_FOLDERS || this.#root.folders.size === 1) {
        group = emptyFolder(`group-${this.#root.folders.size}`);
        this.#root.folders.set(group.name, group);
      }
      const folder = emptyFolder(this.#name());
      group.folders.set(folder.name, folder);
      for (let index = 0; index < FOLDER_FILES; index++) this.#addFile(folder, this.#name());
    }
  }

  #anyFolder(): readonly Folder[] {
    if (this.#random.chance(0.02)) return [this.#root, this.#large];
    const group = this.#random.pick([...this.#root.folders.values()]);
    const folder = group.folders.size === 0 ? undefined : this.#random.pick([...group.folders.values()]);
    return folder === undefined ? [this.#root, group] : [this.#root, group, folder];
  }

  #name(): string {
    const { pick, between } = this.#random;
    return `${pick(WORDS)}-${pick(WORDS)}${between(0, 9999)}${pick(ENDINGS)}`;
  }

  #addFile(folder: Folder, name: string): void {
    this.#files++;
    const size = this.#random.between(1, 200_000);
    const hash = new Uint8Array(this.#random.bytes(32));
    folder.files.set(name, {
      nodeType: 'file',
      name: utf8(name),
      mode: 0o644,
      uid: 1000,
      gid: 1000,
      userName: 'someone',
      groupName: 'staff',
      mtimeNs: 1_600_000_000_123_456_789n + BigInt(this.#random.between(0, 100_000_000)) * 1_000_000_007n,
      size,
      contentHash: asContentHash(hash),
      content: { kind: 'inline', chunks: [{ id: asBlobId(hash), length: size }] },
    });
  }

  #store(folder: Folder): DirectoryEntry {
    if (folder.entry !== undefined) return folder.entry;
    const entries: Entry[] = [
      ...folder.files.values(),
      ...[...folder.folders.values()].map((below) => this.#store(below)),
    ];
    const builder = createFolderPageBuilder(this.#sink);
    for (const entry of entries.sort((left, right) => compareBytes(left.name, right.name))) builder.add(entry);
    const { page, level, ...sums }: FolderRoot = builder.finish();
    folder.entry = {
      nodeType: 'directory',
      name: utf8(folder.name),
      mode: 0o755,
      uid: 1000,
      gid: 1000,
      mtimeNs: 1_650_000_000_000_000_000n + BigInt(this.snapshots.length) * 60_000_000_000n,
      page,
      pageLevel: level,
      ...sums,
    };
    return folder.entry;
  }
}

function emptyFolder(name: string): Folder {
  return { name, files: new Map(), folders: new Map(), entry: undefined };
}
