/** `cairn ls`: the entries of a folder in a snapshot, one after another, never all in memory. */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath, formatTimeNs } from '../../../src-shared/format/index.ts';
import type { EntryType, ListedEntry } from '../../../src-shared/model/index.ts';
import { toHex } from '../kernel/index.ts';
import { type Entry, type FolderRef, iterateFolder } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot } from '../snapshot/index.ts';
import { fetchPages, joinNames, locate } from './locate.ts';

export const WALK_DEPTH_MAX = 8192;

const TYPE_OF = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
  socket: 'socket',
  'char-device': 'device',
  'block-device': 'device',
} as const satisfies Record<Entry['nodeType'], EntryType>;

export function describeEntry(entry: Entry, path: Uint8Array): ListedEntry {
  return {
    path: escapePath(path),
    type: TYPE_OF[entry.nodeType],
    size: sizeOf(entry),
    mtime: formatTimeNs(entry.mtimeNs),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    ...(entry.nodeType === 'symlink' ? { target: escapePath(entry.target) } : {}),
    ...(entry.nodeType === 'file' ? { contentHash: toHex(entry.contentHash) } : {}),
  };
}

/** Bytes of a file, of all files below a folder, of a link's target. */
function sizeOf(entry: Entry): number {
  switch (entry.nodeType) {
    case 'file':
      return entry.size;
    case 'directory':
      return entry.totalBytes;
    case 'symlink':
      return entry.target.length;
    case 'fifo':
    case 'socket':
    case 'char-device':
    case 'block-device':
      return 0;
  }
}

/** The entries of a folder, with `recursive` everything below it, a folder before what is in it; of a file only itself. */
export async function* listEntries(
  repository: Repository,
  snapshot: Snapshot,
  path: Uint8Array,
  options: { readonly recursive: boolean },
): AsyncGenerator<ListedEntry> {
  const located = await locate(repository, snapshot, path);
  if (located.kind === 'entry' && located.entry.nodeType !== 'directory') {
    yield describeEntry(located.entry, located.path);
    return;
  }
  const folder: FolderRef = located.kind === 'root' ? located.folder : folderOf(located.entry);
  const prefix = located.kind === 'root' ? [] : [located.path];
  yield* walk(repository, folder, prefix, options.recursive, 0);
}

function folderOf(entry: Entry): FolderRef {
  if (entry.nodeType !== 'directory') throw new CairnError('engine/internal', 'A file was taken for a folder.');
  return { page: entry.page, level: entry.pageLevel };
}

async function* walk(
  repository: Repository,
  folder: FolderRef,
  prefix: readonly Uint8Array[],
  recursive: boolean,
  depth: number,
): AsyncGenerator<ListedEntry> {
  if (depth > WALK_DEPTH_MAX)
    throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
  for await (const entry of iterateFolder(fetchPages(repository), folder.page, folder.level)) {
    const path = joinNames([...prefix, entry.name]);
    yield describeEntry(entry, path);
    if (recursive && entry.nodeType === 'directory') {
      yield* walk(repository, folderOf(entry), [path], recursive, depth + 1);
    }
  }
}
