/**
 * A filesystem in memory behind the store's port, with the errors a real one gives. Files are lists of immutable
 * parts, so that a copy of a whole tree costs no bytes.
 *
 * Every change is told to `onChange` before it is visible, in the terms a crash needs (see crash-filesystem.ts).
 */
import type {
  FileStat,
  FileSystem,
  FolderItem,
  HeldFolder,
  ReadHandle,
  WriteHandle,
} from '../../src-main/engine/store/index.ts';

export type MemoryFile = {
  readonly kind: 'file';
  readonly id: number;
  readonly parts: Uint8Array[];
  sizeBytes: number;
  modifiedAtMs: number;
};
export type MemoryFolder = { readonly kind: 'folder'; readonly id: number; readonly entries: Map<string, MemoryNode> };
export type MemoryNode = MemoryFile | MemoryFolder;

/** One change, with nodes in place of paths: a handle or a moved folder keeps meaning what it meant. */
export type Change =
  | { readonly kind: 'mkdir'; readonly parent: number; readonly name: string; readonly node: number }
  | { readonly kind: 'create'; readonly parent: number; readonly name: string; readonly node: number }
  | { readonly kind: 'write'; readonly node: number; readonly bytes: Uint8Array }
  | { readonly kind: 'sync'; readonly node: number }
  | {
      readonly kind: 'rename';
      readonly parent: number;
      readonly name: string;
      readonly newParent: number;
      readonly newName: string;
      readonly node: number;
    }
  | { readonly kind: 'unlink'; readonly parent: number; readonly name: string }
  | { readonly kind: 'rmdir'; readonly parent: number; readonly name: string }
  | { readonly kind: 'syncFolder'; readonly node: number };

export type MemoryHooks = {
  /** Told of each change with its path before it happens; may throw to prevent it. */
  readonly onChange?: (change: Change, path: string) => void;
  /** Told of each call that only looks; may throw. */
  readonly onLook?: (path: string) => void;
};

/** An error in the shape node:fs gives. Without a stack: a sweep makes millions of them, and node:fs gives none either. */
export function systemError(code: string, call: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: injected or in-memory, ${call} '${path}'`);
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, { code, syscall: call, path });
}

let lastId = 0;

export function newFolder(): MemoryFolder {
  return { kind: 'folder', id: ++lastId, entries: new Map() };
}

export function newFile(parts: Uint8Array[] = [], modifiedAtMs = 0): MemoryFile {
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += part.length;
  return { kind: 'file', id: ++lastId, parts, sizeBytes, modifiedAtMs };
}

/** Copies bytes of a file from an offset into `target`; returns how many. */
export function readParts(parts: readonly Uint8Array[], target: Uint8Array, offset: number): number {
  let start = 0;
  let filled = 0;
  for (const part of parts) {
    const from = Math.max(offset + filled - start, 0);
    if (from < part.length) {
      const piece = part.subarray(from, from + target.length - filled);
      target.set(piece, filled);
      filled += piece.length;
      if (filled === target.length) break;
    }
    start += part.length;
  }
  return filled;
}

export class MemoryFileSystem implements FileSystem {
  readonly root: MemoryFolder;
  /** Told to a test: what `stat` gives as the device, and as the time of a write. */
  device = 1;
  nowMs = 0;
  readonly #hooks: MemoryHooks;

  /** `folders` are absolute paths made at the start, parents included. */
  constructor(
    options: { readonly folders?: readonly string[]; readonly root?: MemoryFolder; readonly hooks?: MemoryHooks } = {},
  ) {
    this.root = options.root ?? newFolder();
    for (const path of options.folders ?? []) {
      let at = this.root;
      for (const name of split(path)) {
        let next = at.entries.get(name);
        if (next === undefined) at.entries.set(name, (next = newFolder()));
        if (next.kind !== 'folder') throw systemError('ENOTDIR', 'mkdir', path);
        at = next;
      }
    }
    this.#hooks = options.hooks ?? {};
  }

  /** Every file by path, whole: for comparing two states. */
  files(): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    const walk = (folder: MemoryFolder, path: string): void => {
      for (const [name, node] of folder.entries) {
        if (node.kind === 'folder') walk(node, `${path}/${name}`);
        else found.set(`${path}/${name}`, new Uint8Array(Buffer.concat(node.parts)));
      }
    };
    walk(this.root, '');
    return found;
  }

  /** Replaces the bytes of a file behind the back of everything: damage. */
  overwrite(path: string, bytes: Uint8Array): void {
    const { parent, name } = this.#place('overwrite', path);
    if (parent.entries.get(name)?.kind === 'folder') throw systemError('EISDIR', 'overwrite', path);
    parent.entries.set(name, newFile([bytes.slice()], this.nowMs));
  }

  async openWrite(path: string): Promise<WriteHandle> {
    const { parent, name } = this.#place('open', path);
    if (parent.entries.has(name)) throw systemError('EEXIST', 'open', path);
    const file = newFile([], this.nowMs);
    this.#change({ kind: 'create', parent: parent.id, name, node: file.id }, path);
    parent.entries.set(name, file);
    return this.#writeHandle(file, path);
  }

  async openRead(path: string): Promise<ReadHandle> {
    this.#hooks.onLook?.(path);
    const node = this.#find('open', path);
    if (node.kind !== 'file') throw systemError('EISDIR', 'open', path);
    return {
      read: async (target, offset) => {
        this.#hooks.onLook?.(path);
        return readParts(node.parts, target, offset);
      },
      sizeBytes: async () => node.sizeBytes,
      close: async () => undefined,
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const node = this.#find('rename', from);
    const source = this.#place('rename', from);
    const target = this.#place('rename', to);
    const replaced = target.parent.entries.get(target.name);
    if (replaced === node) return;
    if (replaced?.kind === 'folder' && node.kind === 'file') throw systemError('EISDIR', 'rename', to);
    if (replaced !== undefined && node.kind === 'folder') throw systemError('ENOTEMPTY', 'rename', to);
    const change = { parent: source.parent.id, name: source.name, newParent: target.parent.id, newName: target.name };
    this.#change({ kind: 'rename', ...change, node: node.id }, from);
    source.parent.entries.delete(source.name);
    target.parent.entries.set(target.name, node);
  }

  async unlink(path: string): Promise<void> {
    if (this.#find('unlink', path).kind !== 'file') throw systemError('EISDIR', 'unlink', path);
    const { parent, name } = this.#place('unlink', path);
    this.#change({ kind: 'unlink', parent: parent.id, name }, path);
    parent.entries.delete(name);
  }

  async mkdir(path: string): Promise<void> {
    const { parent, name } = this.#place('mkdir', path);
    if (parent.entries.has(name)) throw systemError('EEXIST', 'mkdir', path);
    const folder = newFolder();
    this.#change({ kind: 'mkdir', parent: parent.id, name, node: folder.id }, path);
    parent.entries.set(name, folder);
  }

  async rmdir(path: string): Promise<void> {
    const node = this.#find('rmdir', path);
    if (node.kind !== 'folder') throw systemError('ENOTDIR', 'rmdir', path);
    if (node.entries.size > 0) throw systemError('ENOTEMPTY', 'rmdir', path);
    const { parent, name } = this.#place('rmdir', path);
    this.#change({ kind: 'rmdir', parent: parent.id, name }, path);
    parent.entries.delete(name);
  }

  async syncFolder(path: string): Promise<void> {
    this.#change({ kind: 'syncFolder', node: this.#folder('fsync', path).id }, path);
  }

  async readFolder(path: string): Promise<FolderItem[]> {
    this.#hooks.onLook?.(path);
    return [...this.#folder('scandir', path).entries].map(([name, node]) => ({ name, kind: node.kind }));
  }

  async stat(path: string): Promise<FileStat> {
    this.#hooks.onLook?.(path);
    const node = this.#find('lstat', path);
    if (node.kind === 'folder') return { kind: 'folder', sizeBytes: 0, modifiedAtMs: 0, device: this.device };
    return { kind: 'file', sizeBytes: node.sizeBytes, modifiedAtMs: node.modifiedAtMs, device: this.device };
  }

  async holdRoot(path: string): Promise<HeldFolder> {
    return { path, stat: await this.statRoot(path), close: () => Promise.resolve() };
  }

  statRoot(path: string): Promise<FileStat> {
    return this.stat(path);
  }

  #writeHandle(file: MemoryFile, path: string): WriteHandle {
    let open = true;
    const needOpen = (call: string): void => {
      if (!open) throw systemError('EBADF', call, path);
    };
    return {
      write: async (bytes) => {
        needOpen('write');
        const copy = bytes.slice();
        this.#change({ kind: 'write', node: file.id, bytes: copy }, path);
        file.parts.push(copy);
        file.sizeBytes += copy.length;
        file.modifiedAtMs = this.nowMs;
        return copy.length;
      },
      sync: async () => {
        needOpen('fsync');
        this.#change({ kind: 'sync', node: file.id }, path);
      },
      sizeBytes: async () => {
        this.#hooks.onLook?.(path);
        needOpen('fstat');
        return file.sizeBytes;
      },
      close: async () => {
        needOpen('close');
        open = false;
      },
    };
  }

  #change(change: Change, path: string): void {
    this.#hooks.onChange?.(change, path);
  }

  #find(call: string, path: string): MemoryNode {
    let at: MemoryNode = this.root;
    for (const name of split(path)) {
      if (at.kind !== 'folder') throw systemError('ENOTDIR', call, path);
      const next = at.entries.get(name);
      if (next === undefined) throw systemError('ENOENT', call, path);
      at = next;
    }
    return at;
  }

  #folder(call: string, path: string): MemoryFolder {
    const node = this.#find(call, path);
    if (node.kind !== 'folder') throw systemError('ENOTDIR', call, path);
    return node;
  }

  /** The folder a path is in, which has to exist, and its last name. */
  #place(call: string, path: string): { readonly parent: MemoryFolder; readonly name: string } {
    const names = split(path);
    const name = names.pop();
    if (name === undefined) throw systemError('EBUSY', call, path);
    return { parent: this.#folder(call, `/${names.join('/')}`), name };
  }
}

function split(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
