/** Wraps a filesystem so that a test double sees, and may replace, every call: the base of the doubles beside it. */
import type { FileSystem, SyncReason } from '../../src-main/engine/store/index.ts';

export type OperationKind =
  | 'openWrite'
  | 'write'
  | 'sync'
  | 'sizeBytes'
  | 'close'
  | 'openRead'
  | 'read'
  | 'rename'
  | 'unlink'
  | 'mkdir'
  | 'rmdir'
  | 'syncFolder'
  | 'readFolder'
  | 'stat';

export type FileOperation = {
  readonly kind: OperationKind;
  readonly path: string;
  /** The new path of a rename. */
  readonly target?: string;
  readonly reason?: SyncReason;
};

const LOOKING: ReadonlySet<OperationKind> = new Set(['sizeBytes', 'close', 'openRead', 'read', 'readFolder', 'stat']);

/** True for a call that changes what is on the drive, or makes a change durable. */
export function isMutating(operation: FileOperation): boolean {
  return !LOOKING.has(operation.kind);
}

export type Interceptor = {
  /** Called around every operation; `proceed` does it. */
  around<Value>(operation: FileOperation, proceed: () => Promise<Value>): Promise<Value>;
  /** How many bytes of a write to pass on, at most all; after `around` was entered for it. */
  writeLength?(operation: FileOperation, length: number): number;
  /** True makes an fsync a no-op; asked after `around` was entered for it. */
  skipsSync?(operation: FileOperation): boolean;
};

export function interceptFileSystem(inner: FileSystem, interceptor: Interceptor): FileSystem {
  const around = <Value>(operation: FileOperation, proceed: () => Promise<Value>): Promise<Value> =>
    interceptor.around(operation, proceed);
  const sync = (operation: FileOperation, proceed: () => Promise<void>): Promise<void> =>
    around(operation, () => (interceptor.skipsSync?.(operation) === true ? Promise.resolve() : proceed()));
  return {
    openWrite: (path) =>
      around({ kind: 'openWrite', path }, async () => {
        const handle = await inner.openWrite(path);
        const write: FileOperation = { kind: 'write', path };
        return {
          write: (bytes) =>
            around(write, () => {
              const length = interceptor.writeLength?.(write, bytes.length) ?? bytes.length;
              return length === 0 && bytes.length > 0 ? Promise.resolve(0) : handle.write(bytes.subarray(0, length));
            }),
          sync: (reason) => sync({ kind: 'sync', path, reason }, () => handle.sync(reason)),
          sizeBytes: () => around({ kind: 'sizeBytes', path }, () => handle.sizeBytes()),
          // A close that fails has closed all the same: nothing may leak from a test.
          close: () => handle.close().then(() => around({ kind: 'close', path }, () => Promise.resolve())),
        };
      }),
    openRead: (path) =>
      around({ kind: 'openRead', path }, async () => {
        const handle = await inner.openRead(path);
        return {
          read: (target, offset) => around({ kind: 'read', path }, () => handle.read(target, offset)),
          sizeBytes: () => around({ kind: 'sizeBytes', path }, () => handle.sizeBytes()),
          close: () => handle.close().then(() => around({ kind: 'close', path }, () => Promise.resolve())),
        };
      }),
    rename: (from, to) => around({ kind: 'rename', path: from, target: to }, () => inner.rename(from, to)),
    unlink: (path) => around({ kind: 'unlink', path }, () => inner.unlink(path)),
    mkdir: (path) => around({ kind: 'mkdir', path }, () => inner.mkdir(path)),
    rmdir: (path) => around({ kind: 'rmdir', path }, () => inner.rmdir(path)),
    syncFolder: (path, reason) => sync({ kind: 'syncFolder', path, reason }, () => inner.syncFolder(path, reason)),
    readFolder: (path) => around({ kind: 'readFolder', path }, () => inner.readFolder(path)),
    stat: (path) => around({ kind: 'stat', path }, () => inner.stat(path)),
    statRoot: (path) => around({ kind: 'stat', path }, () => inner.statRoot(path)),
    holdRoot: (path) => around({ kind: 'stat', path }, () => inner.holdRoot(path)),
  };
}

/** A filesystem that writes down what is asked of it. */
export function recordFileSystem(inner: FileSystem): {
  readonly fileSystem: FileSystem;
  readonly operations: FileOperation[];
} {
  const operations: FileOperation[] = [];
  const fileSystem = interceptFileSystem(inner, {
    around: (operation, proceed) => {
      operations.push(operation);
      return proceed();
    },
  });
  return { fileSystem, operations };
}
