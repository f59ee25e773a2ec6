/**
 * A filesystem that fails: operation N, once or from then on. Looking and changing calls are counted alike, so a sweep
 * over N = 0, 1, 2 … reaches every line that touches the drive.
 */
import type { FileSystem } from '../../src-main/engine/store/index.ts';
import { type FileOperation, interceptFileSystem, isMutating } from './intercept-filesystem.ts';
import { systemError } from './memory-filesystem.ts';

export const FAULT_ERRNOS = ['EIO', 'ENOSPC', 'EROFS', 'ENOENT', 'EACCES', 'ETIMEDOUT'] as const;

/**
 * An errno; 'short-write' takes half of the bytes (at least one) and says so, which a writer has to survive;
 * 'no-write' takes none and says so.
 */
export type FaultKind = (typeof FAULT_ERRNOS)[number] | 'short-write' | 'no-write' | (string & {});

export const FAULT_KINDS: readonly FaultKind[] = [...FAULT_ERRNOS, 'short-write', 'no-write'];

export type Fault = {
  /** The operation that fails, counted from 0. */
  readonly operation: number;
  readonly kind: FaultKind;
  readonly lasts: 'once' | 'for-ever';
};

/** A full or read-only drive can still be read. */
const ONLY_CHANGES: ReadonlySet<FaultKind> = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

export type FaultFileSystem = FileSystem & {
  /** Operations asked for so far. */
  readonly operationCount: number;
  /** How often the fault struck: 0 means that this run proved nothing. */
  readonly faultCount: number;
  /** The first operation that was made to fail. */
  readonly struck: FileOperation | undefined;
  /** The drive is well again. */
  heal(): void;
};

/** Without a fault it only counts. `counts` limits what is counted and can fail; default everything. */
export function createFaultFileSystem(
  inner: FileSystem,
  fault?: Fault,
  counts: (operation: FileOperation) => boolean = () => true,
): FaultFileSystem {
  let operationCount = 0;
  let faultCount = 0;
  let healed = false;
  let struck: FileOperation | undefined;
  /** Set between the entry into a write and the question how much of it to take. */
  let cutsThisWrite = false;

  const strikes = (operation: FileOperation): boolean => {
    if (!counts(operation)) return false;
    const index = operationCount++;
    if (fault === undefined || healed) return false;
    if (fault.lasts === 'once' ? index !== fault.operation : index < fault.operation) return false;
    if (ONLY_CHANGES.has(fault.kind) && !isMutating(operation)) return false;
    if ((fault.kind === 'short-write' || fault.kind === 'no-write') && operation.kind !== 'write') return false;
    faultCount++;
    struck ??= operation;
    return true;
  };

  const fileSystem = interceptFileSystem(inner, {
    around: async (operation, proceed) => {
      const fails = strikes(operation);
      cutsThisWrite = fails && operation.kind === 'write';
      if (!fails || fault === undefined) return proceed();
      if (fault.kind === 'short-write' || fault.kind === 'no-write') return proceed();
      throw systemError(fault.kind, operation.kind, operation.path);
    },
    writeLength: (_operation, length) => {
      if (!cutsThisWrite) return length;
      return fault?.kind === 'no-write' ? 0 : Math.max(1, Math.floor(length / 2));
    },
  });
  return {
    ...fileSystem,
    get operationCount() {
      return operationCount;
    },
    get faultCount() {
      return faultCount;
    },
    get struck() {
      return struck;
    },
    heal: () => {
      healed = true;
    },
  };
}
