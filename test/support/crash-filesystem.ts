/**
 * A filesystem in memory that can lose power. It keeps a log of every change; a state after a crash is made by
 * replaying the log up to an operation and deciding, for everything not fsynced by then, whether it survived.
 *
 * The model is stricter than any real filesystem:
 * - what a file holds is durable only by a sync of that file after the write;
 * - a name (create, rename, unlink, mkdir, rmdir) is durable only by syncFolder of the folder it is in; a rename across
 *   folders is two names, and needs both; fsync of a file does not make its name durable, nor does a later change in
 *   the same folder make an earlier one durable;
 * - a rename within one folder is atomic, and replaces what stood there.
 *
 * Survivors share the immutable parts of files, so a state costs about as much as its number of names and operations.
 */
import {
  type Change,
  type MemoryFile,
  MemoryFileSystem,
  type MemoryFolder,
  newFile,
  newFolder,
} from './memory-filesystem.ts';

export type CrashVariant =
  /** Only what was fsynced. */
  | 'nothing-unsynced'
  | 'everything'
  /** Bytes reached the drive, names did not. */
  | 'data-without-names'
  /** Names reached the drive, bytes did not: files end where they were last fsynced, new ones are empty. */
  | 'names-without-data'
  /** Renames (and new folders) reached the drive; files have their full length, and zeros where nothing was fsynced. */
  | 'rename-without-data'
  /** All names; of the unsynced bytes a random part in whole sectors of 512 B, some of them zeros. */
  | 'torn-512'
  /** The same in blocks of 4 KiB. */
  | 'torn-4096'
  /** Every name and every file decided by the seed. */
  | 'random-subset';

export type CrashCase = { readonly variant: CrashVariant; readonly seed: number };

/** What a test tries at every operation: the eight variants, the last with two seeds. */
export const CRASH_CASES: readonly CrashCase[] = [
  { variant: 'nothing-unsynced', seed: 0 },
  { variant: 'everything', seed: 0 },
  { variant: 'data-without-names', seed: 0 },
  { variant: 'names-without-data', seed: 0 },
  { variant: 'rename-without-data', seed: 0 },
  { variant: 'torn-512', seed: 1 },
  { variant: 'torn-4096', seed: 2 },
  { variant: 'random-subset', seed: 3 },
  { variant: 'random-subset', seed: 4 },
];

/** Thrown by every call once the process is dead; not an error any code may handle. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

export type LoggedOperation = { readonly kind: Change['kind']; readonly path: string };

export class CrashFileSystem extends MemoryFileSystem {
  readonly #base: MemoryFolder;
  readonly #log: Change[];
  readonly #paths: string[];
  readonly #life: { operationsMax: number };

  /** `folders` exist durably at the start; or `root` is a whole durable tree, which is then owned by this. */
  constructor(options: { readonly folders?: readonly string[]; readonly root?: MemoryFolder }) {
    const log: Change[] = [];
    const paths: string[] = [];
    const life = { operationsMax: Number.POSITIVE_INFINITY };
    const needLife = (): void => {
      if (log.length >= life.operationsMax)
        throw new ProcessDied(`the process died after operation ${life.operationsMax}`);
    };
    super({
      ...options,
      hooks: {
        onChange: (change, path) => {
          needLife();
          log.push(change);
          paths.push(path);
        },
        onLook: needLife,
      },
    });
    this.#base = cloneFolder(this.root);
    this.#log = log;
    this.#paths = paths;
    this.#life = life;
  }

  /** Changes made so far: crash points are 0 … this. */
  get operationCount(): number {
    return this.#log.length;
  }

  /** What the changes were, for messages and for tests of their order. */
  get operations(): LoggedOperation[] {
    return this.#log.map((change, index) => ({ kind: change.kind, path: this.#paths[index] ?? '' }));
  }

  /** From now on every call throws once `operationCount` changes were made: the process is dead, its files are not. */
  dieAfter(operationCount: number): void {
    this.#life.operationsMax = operationCount;
  }

  /** The drive after a power cut that came when the first `operationCount` changes had been made. All of it is durable. */
  crashAfter(operationCount: number, variant: CrashVariant, seed = 0): CrashFileSystem {
    const replay = new Replay(this.#base);
    for (let index = 0; index < operationCount; index++) {
      const change = this.#log[index];
      if (change === undefined) throw new Error(`the log has ${this.#log.length} operations, not ${operationCount}`);
      replay.apply(change);
    }
    // The operation is part of the seed: the same subset of each state would be a poor sample.
    const random = seededRandom(seed * 0x9e3779b1 + operationCount);
    return new CrashFileSystem({ root: replay.survivors(variant, random) });
  }
}

type Random = () => number;

/** mulberry32: numbers in [0, 1) that depend on the seed only. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** One folder's share of a change of names. */
type NameChange = {
  readonly names: readonly (readonly [name: string, node: number | undefined])[];
  readonly intent: Intent;
};
/** The change it belongs to: the halves of a rename across folders share one. */
type Intent = { readonly kind: 'add' | 'rename' | 'remove' };

type ReplayFolder = { readonly durable: Map<string, number>; pending: NameChange[] };
type ReplayFile = { readonly parts: Uint8Array[]; durableParts: number; readonly modifiedAtMs: number };

class Replay {
  readonly #rootId: number;
  readonly #folders = new Map<number, ReplayFolder>();
  readonly #files = new Map<number, ReplayFile>();

  constructor(base: MemoryFolder) {
    this.#rootId = base.id;
    this.#addBase(base);
  }

  #addBase(folder: MemoryFolder): void {
    const durable = new Map<string, number>();
    for (const [name, node] of folder.entries) {
      durable.set(name, node.id);
      if (node.kind === 'folder') this.#addBase(node);
      else
        this.#files.set(node.id, {
          parts: node.parts,
          durableParts: node.parts.length,
          modifiedAtMs: node.modifiedAtMs,
        });
    }
    this.#folders.set(folder.id, { durable, pending: [] });
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'mkdir':
        this.#folders.set(change.node, { durable: new Map(), pending: [] });
        return this.#pend(change.parent, [[change.name, change.node]], { kind: 'add' });
      case 'create':
        this.#files.set(change.node, { parts: [], durableParts: 0, modifiedAtMs: 0 });
        return this.#pend(change.parent, [[change.name, change.node]], { kind: 'add' });
      case 'write':
        this.#file(change.node).parts.push(change.bytes);
        return;
      case 'sync': {
        const file = this.#file(change.node);
        file.durableParts = file.parts.length;
        return;
      }
      case 'rename': {
        const intent: Intent = { kind: 'rename' };
        const added = [change.newName, change.node] as const;
        const removed = [change.name, undefined] as const;
        if (change.parent === change.newParent) return this.#pend(change.parent, [removed, added], intent);
        this.#pend(change.newParent, [added], intent);
        return this.#pend(change.parent, [removed], intent);
      }
      case 'unlink':
      case 'rmdir':
        return this.#pend(change.parent, [[change.name, undefined]], { kind: 'remove' });
      case 'syncFolder': {
        const folder = this.#folder(change.node);
        for (const pending of folder.pending) applyNames(folder.durable, pending);
        folder.pending = [];
        return;
      }
    }
  }

  /** The tree that is left; `random` decides where the variant leaves it open. */
  survivors(variant: CrashVariant, random: Random): MemoryFolder {
    const survived = new Map<Intent, boolean>();
    const keeps = (intent: Intent): boolean => {
      const known = survived.get(intent);
      if (known !== undefined) return known;
      const decided = keepsNames(variant, intent, random);
      survived.set(intent, decided);
      return decided;
    };
    const files = new Map<number, MemoryFile>();
    const build = (id: number): MemoryFolder => {
      const folder = this.#folder(id);
      let names = folder.durable;
      if (folder.pending.length > 0) {
        names = new Map(names);
        for (const pending of folder.pending) if (keeps(pending.intent)) applyNames(names, pending);
      }
      const built = newFolder();
      for (const [name, node] of names) {
        if (this.#folders.has(node)) {
          built.entries.set(name, build(node));
          continue;
        }
        // Two names of one file, left by half a rename, stay one file.
        let file = files.get(node);
        if (file === undefined) files.set(node, (file = this.#survivingFile(this.#file(node), variant, random)));
        built.entries.set(name, file);
      }
      return built;
    };
    return build(this.#rootId);
  }

  #survivingFile(file: ReplayFile, variant: CrashVariant, random: Random): MemoryFile {
    if (file.durableParts === file.parts.length) return newFile(file.parts, file.modifiedAtMs);
    const durable = file.parts.slice(0, file.durableParts);
    const unsynced = new Uint8Array(Buffer.concat(file.parts.slice(file.durableParts)));
    const tail = survivingTail(variant, unsynced, random);
    return newFile(tail.length === 0 ? durable : [...durable, tail], file.modifiedAtMs);
  }

  #pend(folder: number, names: NameChange['names'], intent: Intent): void {
    this.#folder(folder).pending.push({ names, intent });
  }

  #folder(id: number): ReplayFolder {
    const folder = this.#folders.get(id);
    if (folder === undefined) throw new Error(`the log speaks of folder ${id}, which it never made`);
    return folder;
  }

  #file(id: number): ReplayFile {
    const file = this.#files.get(id);
    if (file === undefined) throw new Error(`the log speaks of file ${id}, which it never made`);
    return file;
  }
}

function applyNames(names: Map<string, number>, change: NameChange): void {
  for (const [name, node] of change.names) {
    if (node === undefined) names.delete(name);
    else names.set(name, node);
  }
}

function keepsNames(variant: CrashVariant, intent: Intent, random: Random): boolean {
  switch (variant) {
    case 'nothing-unsynced':
    case 'data-without-names':
      return false;
    case 'everything':
    case 'names-without-data':
    case 'torn-512':
    case 'torn-4096':
      return true;
    case 'rename-without-data':
      return intent.kind !== 'remove';
    case 'random-subset':
      return random() < 0.5;
  }
}

function survivingTail(variant: CrashVariant, unsynced: Uint8Array, random: Random): Uint8Array {
  switch (variant) {
    case 'nothing-unsynced':
    case 'names-without-data':
      return new Uint8Array(0);
    case 'everything':
    case 'data-without-names':
      return unsynced;
    case 'rename-without-data':
      return new Uint8Array(unsynced.length);
    case 'torn-512':
      return torn(unsynced, 512, random);
    case 'torn-4096':
      return torn(unsynced, 4096, random);
    case 'random-subset': {
      const choices: readonly CrashVariant[] = [
        'nothing-unsynced',
        'everything',
        'rename-without-data',
        'torn-512',
        'torn-4096',
      ];
      return survivingTail(choices[Math.floor(random() * choices.length)] ?? 'everything', unsynced, random);
    }
  }
}

/** Never all of the bytes: at least the last block is cut off or zero. */
function torn(unsynced: Uint8Array, blockBytes: number, random: Random): Uint8Array {
  const blocks = Math.ceil(unsynced.length / blockBytes);
  const kept = Math.floor(random() * (blocks + 1));
  const tail = unsynced.slice(0, kept * blockBytes);
  for (let block = 0; block < kept; block++) {
    if (block === blocks - 1 || random() < 0.3) tail.fill(0, block * blockBytes, (block + 1) * blockBytes);
  }
  return tail;
}

/** Files are shared, parts and all: the port writes only to files it has just made, so those of a base never change. */
function cloneFolder(folder: MemoryFolder): MemoryFolder {
  const entries = new Map<string, MemoryFolder | MemoryFile>();
  for (const [name, node] of folder.entries) {
    entries.set(name, node.kind === 'folder' ? cloneFolder(node) : node);
  }
  return { kind: 'folder', id: folder.id, entries };
}
