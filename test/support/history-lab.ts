/**
 * Histories without a disk: trees of a model, their pages made by the Merkle room's own builders and kept in memory, and
 * snapshot records over them. Everything that reads a repository's trees can read these; pages can be lost.
 */
import { asBlobId, asContentHash, parseSnapshotId } from '../../src-shared/ids.ts';
import { CairnError } from '../../src-shared/errors.ts';
import { hash } from '../../src-main/engine/codec/index.ts';
import { toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  createFolderPageBuilder,
  type DirectoryEntry,
  type Entry,
  type FolderRoot,
  PAGE_BLOB_TYPE,
} from '../../src-main/engine/merkle/index.ts';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { type Snapshot, bySnapshotOrder } from '../../src-main/engine/snapshot/index.ts';
import { recordOf } from './lab-snapshots.ts';
import { createPageStore } from './merkle.ts';
import type { Seeded } from './seed.ts';

/** Names as Latin-1 text: any bytes, sorted by them. */
export type Tree = Map<string, Item>;
export type Item =
  | { readonly kind: 'file'; readonly content: string; readonly mtimeNs: bigint; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'fifo' }
  | { readonly kind: 'folder'; readonly tree: Tree; readonly mtimeNs: bigint };

export type SourceTree = { readonly path: string; readonly name: string; readonly item: Item };

export class HistoryLab {
  readonly repository: Repository;
  readonly #pages = createPageStore();
  readonly #repositoryId: string;
  readonly #lost = new Set<string>();
  /** Oldest first. */
  snapshots: Snapshot[] = [];
  #count = 0;

  constructor(options: { readonly repositoryId?: string; readonly instanceId?: string } = {}) {
    this.#repositoryId = options.repositoryId ?? 'a'.repeat(32);
    this.repository = this.copyOf(options.instanceId ?? 'b'.repeat(32));
  }

  /** The same as another copy of it; `onRead` hears of each page and may throw. */
  copyOf(instanceId: string, onRead: () => void = () => undefined): Repository {
    const readBlob = async (page: Uint8Array): Promise<Uint8Array> => {
      onRead();
      if (this.#lost.has(toHex(page))) throw new CairnError('integrity/missing', 'A page is lost.');
      return this.#pages.fetch(asBlobId(page), PAGE_BLOB_TYPE.folder);
    };
    // What walks and the catalog use of a repository; the rest is not there.
    return {
      config: { repositoryId: this.#repositoryId },
      context: { instance: { instanceId } },
      readBlob,
    } as unknown as Repository;
  }

  get pages(): readonly string[] {
    return [...this.#pages.pages.keys()];
  }

  lose(...pages: readonly string[]): void {
    for (const page of pages) this.#lost.add(page);
  }

  heal(): void {
    this.#lost.clear();
  }

  /** A snapshot of these sources; `order` where it is not simply the next. */
  commit(sources: readonly SourceTree[], options: { readonly host?: string; readonly order?: number } = {}): Snapshot {
    this.#count++;
    const entries = sources.map(({ name, item }) => this.#entry(Buffer.from(name).toString('latin1'), item));
    const top = this.#folder(entries);
    const [rules] = recordOf().sources.map((source) => source.rules);
    const [nodeId] = recordOf().sources.map((source) => source.rootNodeId);
    if (rules === undefined || nodeId === undefined) throw new Error('a record has a source');
    const snapshot: Snapshot = {
      id: parseSnapshotId(toHex(hash(utf8(`snapshot ${this.#count}`)))),
      record: recordOf({
        host: options.host ?? 'lab',
        order: options.order ?? this.#count,
        finishedAtMs: 1_700_000_000_000 + this.#count,
        sources: sources.map(({ path, name }) => ({ path: Buffer.from(path), name, rootNodeId: nodeId, rules })),
        rootPage: { page: top.page, level: top.level },
      }),
    };
    this.snapshots = [...this.snapshots, snapshot].sort(bySnapshotOrder);
    return snapshot;
  }

  #folder(entries: readonly Entry[]): FolderRoot {
    const builder = createFolderPageBuilder(this.#pages.sink);
    for (const entry of entries.toSorted((left, right) => Buffer.compare(left.name, right.name))) builder.add(entry);
    return builder.finish();
  }

  #entry(name: string, item: Item): Entry {
    const shared = { name: new Uint8Array(Buffer.from(name, 'latin1')), mode: 0o644, uid: 1, gid: 1, mtimeNs: 5n };
    switch (item.kind) {
      case 'file': {
        const bytes = utf8(item.content);
        const contentHash = asContentHash(new Uint8Array(hash(bytes)));
        const content = {
          kind: 'inline',
          chunks: bytes.length === 0 ? [] : [{ id: asBlobId(contentHash), length: bytes.length }],
        } as const;
        const { mode, mtimeNs } = item;
        return { ...shared, nodeType: 'file', mode, mtimeNs, size: bytes.length, contentHash, content };
      }
      case 'link':
        return { ...shared, nodeType: 'symlink', target: utf8(item.target) };
      case 'fifo':
        return { ...shared, nodeType: 'fifo' };
      case 'folder': {
        const { page, level, ...sums } = this.#folder(
          [...item.tree].map(([child, below]) => this.#entry(child, below)),
        );
        const folder: DirectoryEntry = {
          ...shared,
          nodeType: 'directory',
          mtimeNs: item.mtimeNs,
          page,
          pageLevel: level,
          ...sums,
        };
        return folder;
      }
    }
  }
}

const LATIN1 = (text: string): string => Buffer.from(text).toString('latin1');
const ODD_NAMES: readonly string[] = [
  LATIN1('café'),
  LATIN1('cafe\u0301'),
  LATIN1('ΟΔΟΣ'),
  LATIN1('straße'),
  LATIN1('İstanbul'),
  '\xff\xfe',
  'back\\slash',
  'bad\xc3\\name',
  LATIN1('漢字'),
  'A.TXT',
  'a.txt',
  'a',
  'a b',
  '[x]',
  '{y}',
  '*',
  'new\nline',
];
const WORDS = ['note', 'photo', 'Report', 'data', 'index'] as const;
const ENDINGS = ['.txt', '.jpg', '', '.tar.gz'] as const;

function randomName(random: Seeded): string {
  if (random.chance(0.3)) return random.pick(ODD_NAMES);
  return `${random.pick(WORDS)}${random.between(0, 9)}${random.pick(ENDINGS)}`;
}

/** `large`: a folder of several pages now and then. */
export function randomItem(random: Seeded, depth: number, large = false): Item {
  const kind = random.next();
  if (depth > 0 && (large || kind < 0.35)) {
    const tree: Tree = new Map();
    const count = large ? 500 : random.between(0, 5);
    for (let index = 0; index < count; index++) {
      const name = large && index > 4 ? `many-${index}` : randomName(random);
      tree.set(name, randomItem(random, large ? Math.min(1, depth - 1) : depth - 1));
    }
    return { kind: 'folder', tree, mtimeNs: BigInt(random.between(-5, 5)) };
  }
  if (kind > 0.95) return { kind: 'fifo' };
  if (kind > 0.88) return { kind: 'link', target: `to-${random.between(0, 3)}` };
  return {
    kind: 'file',
    content: 'x'.repeat(random.between(0, 5)),
    mtimeNs: BigInt(random.between(-3, 3)) * 1_000_000_007n,
    mode: random.pick([0o644, 0o600]),
  };
}

/** Some changes anywhere in a folder: another tree, the old one stays as it is. */
export function changed(random: Seeded, item: Item, count: number): Item {
  if (item.kind !== 'folder' || count === 0) return item;
  const tree: Tree = new Map(item.tree);
  const names = [...tree.keys()];
  for (let index = 0; index < count; index++) {
    const name = names.length > 0 && random.chance(0.7) ? random.pick(names) : randomName(random);
    const known = tree.get(name);
    if (known?.kind === 'folder' && random.chance(0.8)) tree.set(name, changed(random, known, random.between(1, 2)));
    else if (known !== undefined && random.chance(0.4)) tree.delete(name);
    else tree.set(name, randomItem(random, 2));
  }
  return { ...item, tree, mtimeNs: item.mtimeNs + BigInt(random.between(0, 1)) };
}
