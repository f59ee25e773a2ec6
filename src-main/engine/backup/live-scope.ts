/**
 * Which folders a live backup looks at. A watcher names the folders in which something may have changed; these and the
 * folders above them are listed again. Everything else is what the parent snapshot says, and is taken over unseen.
 *
 * What an event can't tell is not guessed: a folder that is new, that was touched itself (it may have been put in another
 * one's place), or below which other rules hold now, is walked with all that is in it.
 */
import type { SnapshotId } from '../../../src-shared/ids.ts';

const SLASH = 0x2f;

/** What a live backup is told. */
export type LiveScope = {
  /** The snapshot since which the folders were watched without a gap. Where it is not the parent, everything is walked. */
  readonly parentId: SnapshotId;
  /** Absolute paths of folders, raw bytes; those outside the sources are passed over. */
  readonly folders: readonly Buffer[];
  /** Names of one file may differ in the snapshot: see ChangedFolders. */
  readonly areLinksInDoubt?: boolean;
};

/** A folder to be listed; `below` are the folders in it of which the same is true. */
export type ScopeNode = { readonly below: Map<string, ScopeNode> };
/** How a folder is walked: with all that is below it, or only where something may have changed. */
export type FolderScope = 'all' | ScopeNode;

/** The part of a scope that lies in one source, from its root down. The root is always listed. */
export function scopeIn(source: Uint8Array, folders: readonly Buffer[]): ScopeNode {
  const root: ScopeNode = { below: new Map() };
  const base = withoutTrailingSlash(Buffer.from(source));
  for (const folder of folders) {
    const path = withoutTrailingSlash(folder);
    if (!isAtOrBelow(path, base)) continue;
    let node = root;
    for (const name of namesOf(path.subarray(base.length))) {
      let next = node.below.get(name);
      if (next === undefined) {
        next = { below: new Map() };
        node.below.set(name, next);
      }
      node = next;
    }
  }
  return root;
}

/** The scope of a folder inside another one; undefined where nothing there need be looked at. */
export function scopeBelow(scope: FolderScope, name: Uint8Array): FolderScope | undefined {
  return scope === 'all' ? 'all' : scope.below.get(keyOf(name));
}

/** Names are bytes; as text they stay distinct in latin1. */
function keyOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');
}

function namesOf(relative: Buffer): readonly string[] {
  return relative
    .toString('latin1')
    .split('/')
    .filter((name) => name !== '');
}

function withoutTrailingSlash(path: Buffer): Buffer {
  return path.at(-1) === SLASH ? path.subarray(0, -1) : path;
}

function isAtOrBelow(path: Buffer, base: Buffer): boolean {
  if (!path.subarray(0, base.length).equals(base)) return false;
  return path.length === base.length || path[base.length] === SLASH;
}
