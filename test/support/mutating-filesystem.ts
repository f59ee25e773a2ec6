/**
 * Takes fsyncs away. A mutation test runs a scenario with one kind of fsync made a no-op and expects the crash tests to
 * fail: an fsync whose loss nothing notices is either not needed or not tested.
 */
import type { FileSystem, SyncReason } from '../../src-main/engine/store/index.ts';
import { interceptFileSystem } from './intercept-filesystem.ts';

/** A reason together with the kind of file or folder it is about (see kindOfObject). The same from run to run. */
export type SyncSite = { readonly reason: SyncReason; readonly object: string };

export function siteKey(site: SyncSite): string {
  return `${site.reason} ${site.object}`;
}

export type MutatingFileSystem = FileSystem & {
  /** Every fsync site met, by siteKey, with how often. */
  readonly seen: ReadonlyMap<string, number>;
  /** How many fsyncs were swallowed: 0 means that the mutation did nothing. */
  readonly skippedCount: number;
};

/** `root` is cut off paths before they are generalised; `skips` chooses the fsyncs that become no-ops. */
export function createMutatingFileSystem(
  inner: FileSystem,
  root: string,
  skips: (site: SyncSite, path: string) => boolean = () => false,
): MutatingFileSystem {
  const seen = new Map<string, number>();
  let skippedCount = 0;
  const fileSystem = interceptFileSystem(inner, {
    around: (_operation, proceed) => proceed(),
    skipsSync: (operation) => {
      if (operation.reason === undefined) return false;
      const site: SyncSite = { reason: operation.reason, object: kindOfObject(operation.path, root) };
      seen.set(siteKey(site), (seen.get(siteKey(site)) ?? 0) + 1);
      if (!skips(site, operation.path)) return false;
      skippedCount++;
      return true;
    },
  });
  return {
    ...fileSystem,
    get seen() {
      return seen;
    },
    get skippedCount() {
      return skippedCount;
    },
  };
}

/** The path inside the root with hex as '*' and temporary names as 'tmp': 'packs/3f/tmp-01…' is 'packs/*' + '/tmp'. */
export function kindOfObject(path: string, root: string): string {
  const inside = path === root ? '.' : path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
  return inside
    .split('/')
    .map((segment) => segment.replace(/^tmp-[0-9a-f]{16}$/, 'tmp').replace(/^[0-9a-f]{2,}(?=$|\.)/, '*'))
    .join('/');
}
