/**
 * What differs between two folder trees, entry by entry: a merge of two cursors over the pages. Equal page ids are
 * equal contents, so equal folders are stepped over unopened, and so are equal pages inside two different folders.
 *
 * What counts is what a person could see: content, type, metadata. How a file is cut into chunks, its dictionary and
 * the number of its link group (not whether it has one) don't.
 */
import { assertNever } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { compareBytes, equalBytes } from '../kernel/index.ts';
import type { Entry, Xattr } from './entry.ts';
import { type FolderCursor, folderRef, type FolderRef, openFolder, type PageFetch } from './folder-cursor.ts';

/** Folders inside folders that a comparison follows. Linux paths stop at 2,048 when made by one call. */
export const DIFF_DEPTH_MAX = 8192;

/**
 * - `added`, `removed`: a name that is only on one side; all names below a directory follow, each on its own.
 * - `changed`: other content, target, device, or another type, neither being a directory. (A directory against
 *   anything else is a `removed` followed by an `added`.)
 * - `metadata`: same content, other mode, owner, time, attributes, flags, or hard-linked on one side only. Of a
 *   directory: itself, not its children.
 */
export type DiffEvent = {
  /** Raw names from the compared folders down. */
  readonly path: readonly Uint8Array[];
  readonly kind: 'added' | 'removed' | 'changed' | 'metadata';
  readonly before?: Entry;
  readonly after?: Entry;
};

type Fetches = { readonly before: PageFetch; readonly after: PageFetch };
type Pending = {
  readonly path: readonly Uint8Array[];
  readonly before: FolderCursor | undefined;
  readonly after: FolderCursor | undefined;
};

/**
 * Differences from folder `a` to folder `b`, in raw-name order, a directory before its contents. An undefined folder
 * is one that isn't there: then everything of the other is listed.
 */
export async function* diffFolders(
  fetchA: PageFetch,
  a: FolderRef | undefined,
  fetchB: PageFetch,
  b: FolderRef | undefined,
): AsyncGenerator<DiffEvent> {
  const fetches: Fetches = { before: fetchA, after: fetchB };
  const stack: Pending[] = [];
  await descend(stack, fetches, [], { before: a, after: b });
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const found = await nextDifference(top);
    if (found === undefined) {
      stack.pop();
      continue;
    }
    const name = (found.after ?? found.before)?.name;
    if (name === undefined) continue;
    const path = [...top.path, name];
    yield* eventsOf(path, found);
    await descend(stack, fetches, path, { before: folderOf(found.before), after: folderOf(found.after) });
  }
}

/** Two entries of one name; undefined on the side where there is none. */
export type EntryPair = { readonly before: Entry | undefined; readonly after: Entry | undefined };

/**
 * The names directly in two folders that may differ, in raw-name order; what stands in equal pages is stepped over. Going
 * into the folders among them is the caller's business. A directory against anything else comes as two pairs.
 */
export async function* diffFolder(
  fetchA: PageFetch,
  a: FolderRef,
  fetchB: PageFetch,
  b: FolderRef,
): AsyncGenerator<EntryPair> {
  const pending: Pending = { path: [], before: await openFolder(fetchA, a), after: await openFolder(fetchB, b) };
  for (;;) {
    const pair = await nextDifference(pending);
    if (pair === undefined) return;
    yield pair;
  }
}

function folderOf(entry: Entry | undefined): FolderRef | undefined {
  return entry?.nodeType === 'directory' ? folderRef(entry) : undefined;
}

/** Puts a pair of folders on the stack, unless they are the same or there is none. */
async function descend(
  stack: Pending[],
  fetches: Fetches,
  path: readonly Uint8Array[],
  folders: { before: FolderRef | undefined; after: FolderRef | undefined },
): Promise<void> {
  const { before, after } = folders;
  if (before === undefined && after === undefined) return;
  if (before !== undefined && after !== undefined && equalBytes(before.page, after.page)) return;
  if (stack.length >= DIFF_DEPTH_MAX) {
    throw new CairnError('limit/exceeded', `folders are nested more than ${DIFF_DEPTH_MAX} deep`);
  }
  stack.push({
    path,
    before: before && (await openFolder(fetches.before, before)),
    after: after && (await openFolder(fetches.after, after)),
  });
}

/** Moves both cursors to the next name that may differ, and past it. */
async function nextDifference({ before, after }: Pending): Promise<EntryPair | undefined> {
  for (;;) {
    const left = before?.peek();
    const right = after?.peek();
    if (left === undefined && right === undefined) return undefined;
    const order = left === undefined ? 1 : right === undefined ? -1 : compareBytes(left.name, right.name);
    // The item with the lower name is resolved first. A page above it need not be opened: it can't hold that name.
    if (order < 0 && left !== undefined) {
      if (left.kind === 'page') {
        await before?.open();
        continue;
      }
      before?.skip();
      return { before: left.entry, after: undefined };
    }
    if (order > 0 && right !== undefined) {
      if (right.kind === 'page') {
        await after?.open();
        continue;
      }
      after?.skip();
      return { before: undefined, after: right.entry };
    }
    if (left === undefined || right === undefined) continue;
    if (left.kind === 'entry' && right.kind === 'entry') {
      before?.skip();
      const isFolder = left.entry.nodeType === 'directory';
      // A folder against anything else: the old one is gone with all its names, then the new one comes.
      if (isFolder !== (right.entry.nodeType === 'directory')) return { before: left.entry, after: undefined };
      after?.skip();
      return { before: left.entry, after: right.entry };
    }
    const leftLevel = left.kind === 'page' ? left.level : -1;
    const rightLevel = right.kind === 'page' ? right.level : -1;
    if (left.kind === 'page' && right.kind === 'page' && leftLevel === rightLevel) {
      if (equalBytes(left.child.page, right.child.page)) {
        before?.skip();
        after?.skip();
        continue;
      }
    }
    if (leftLevel >= rightLevel) await before?.open();
    if (rightLevel >= leftLevel) await after?.open();
  }
}

function* eventsOf(path: readonly Uint8Array[], { before, after }: EntryPair): Generator<DiffEvent> {
  if (before === undefined && after !== undefined) {
    yield { path, kind: 'added', after };
  } else if (before !== undefined && after === undefined) {
    yield { path, kind: 'removed', before };
  } else if (before !== undefined && after !== undefined) {
    const kind = compareEntries(before, after);
    if (kind !== 'equal') yield { path, kind, before, after };
  }
}

/** How two entries of one name differ; of two directories, without their children. */
export function compareEntries(before: Entry, after: Entry): 'equal' | 'metadata' | 'changed' {
  if (!sameContent(before, after)) return 'changed';
  return sameMetadata(before, after) ? 'equal' : 'metadata';
}

function sameContent(before: Entry, after: Entry): boolean {
  switch (before.nodeType) {
    case 'file':
      return (
        after.nodeType === 'file' && before.size === after.size && equalBytes(before.contentHash, after.contentHash)
      );
    case 'symlink':
      return after.nodeType === 'symlink' && equalBytes(before.target, after.target);
    case 'char-device':
    case 'block-device':
      return after.nodeType === before.nodeType && before.major === after.major && before.minor === after.minor;
    case 'directory':
    case 'fifo':
    case 'socket':
      return before.nodeType === after.nodeType;
    default:
      return assertNever(before);
  }
}

function sameMetadata(before: Entry, after: Entry): boolean {
  return (
    before.mode === after.mode &&
    before.mtimeNs === after.mtimeNs &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    (before.userName ?? '') === (after.userName ?? '') &&
    (before.groupName ?? '') === (after.groupName ?? '') &&
    (before.linkGroup === undefined) === (after.linkGroup === undefined) &&
    fileFlags(before) === fileFlags(after) &&
    // By the plain hash: ids of two repositories differ where the attributes don't.
    sameBytes(before.xattrBlob?.hash, after.xattrBlob?.hash) &&
    sameBytes(before.extension, after.extension) &&
    sameXattrs(before.xattrs ?? [], after.xattrs ?? [])
  );
}

function fileFlags(entry: Entry): number {
  return entry.nodeType === 'file' ? (entry.fileFlags ?? 0) : 0;
}

function sameBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return equalBytes(left, right);
}

function sameXattrs(left: readonly Xattr[], right: readonly Xattr[]): boolean {
  return (
    left.length === right.length &&
    left.every((xattr, index) => {
      const other = right[index];
      return other !== undefined && equalBytes(xattr.name, other.name) && equalBytes(xattr.value, other.value);
    })
  );
}
