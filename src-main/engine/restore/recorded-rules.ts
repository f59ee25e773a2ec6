/**
 * The ignore files and folder marks that a snapshot holds: by them the backup left things out, and they are part of it.
 * Every folder of the source is looked through, but only where the backup followed any of them.
 */
import { isIntegrityError } from '../../../src-shared/errors.ts';
import type { PageFetch } from '../merkle/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  type FileEntry,
  canonicalName,
  iterateFolder,
  nodePath,
} from '../merkle/index.ts';
import { fetchPages, readContent } from '../browse/index.ts';
import { equalBytes } from '../kernel/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot, SnapshotSourceRecord } from '../snapshot/index.ts';
import {
  CACHE_TAG_NAME,
  IGNORE_FILE_BYTES_MAX,
  type IgnoreFileName,
  type RecordedFolder,
  isCacheTagContent,
} from '../source/index.ts';

export type RecordedRules = {
  readonly folders: readonly RecordedFolder[];
  /** Folders whose rules can't be read, because the repository is damaged there: nobody can say what was left out below. */
  readonly unknown: readonly string[];
};

type Wanted = {
  readonly ignoreFiles: ReadonlySet<string>;
  readonly marks: ReadonlySet<string>;
  readonly excludeCaches: boolean;
};

export async function recordedFolders(
  repository: Repository,
  { record }: Snapshot,
  source: SnapshotSourceRecord,
): Promise<RecordedRules> {
  const { cairnignore, gitignore, excludeCaches = false, excludeIfPresent = [] } = source.rules;
  const wanted: Wanted = {
    ignoreFiles: new Set([
      ...(cairnignore === true ? ['.cairnignore'] : []),
      ...(gitignore === true ? ['.gitignore'] : []),
    ]),
    marks: new Set(excludeIfPresent),
    excludeCaches,
  };
  const found: Collecting['found'] = { folders: [], unknown: [] };
  if (wanted.ignoreFiles.size + wanted.marks.size === 0 && !excludeCaches) return found;
  const fetch = fetchPages(repository);
  const name = Buffer.from(source.name);
  for await (const entry of iterateFolder(fetch, record.rootPage.page, record.rootPage.level)) {
    if (entry.nodeType !== 'directory' || !equalBytes(entry.name, name)) continue;
    await collect({ repository, fetch, wanted, found }, entry);
  }
  return found;
}

type Collecting = {
  readonly repository: Repository;
  readonly fetch: PageFetch;
  readonly wanted: Wanted;
  readonly found: { readonly folders: RecordedFolder[]; readonly unknown: string[] };
};

async function collect(collecting: Collecting, root: DirectoryEntry): Promise<void> {
  const open: { readonly folder: DirectoryEntry; readonly relativePath: string }[] = [
    { folder: root, relativePath: '' },
  ];
  // No more entries are looked at than the root says it has: a folder that holds itself ends here.
  let left = root.totalEntries;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { folder, relativePath } = at;
    const below: typeof open = [];
    const ignoreFiles: { name: IgnoreFileName; content: Uint8Array }[] = [];
    let mark: string | undefined;
    try {
      for await (const entry of iterateFolder(collecting.fetch, folder.page, folder.pageLevel)) {
        if (left-- <= 0) return;
        const { text } = canonicalName(entry.name);
        if (entry.nodeType === 'directory') below.push({ folder: entry, relativePath: nodePath(relativePath, text) });
        if (await isMark(collecting, entry, text)) mark = text;
        const content = await ignoreContent(collecting, entry, text);
        if (content !== undefined) ignoreFiles.push(content);
      }
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      collecting.found.unknown.push(relativePath);
      continue;
    }
    open.push(...below);
    if (ignoreFiles.length > 0 || mark !== undefined)
      collecting.found.folders.push({ relativePath, ignoreFiles, mark });
  }
}

async function isMark({ repository, wanted }: Collecting, entry: Entry, text: string): Promise<boolean> {
  if (wanted.marks.has(text)) return true;
  if (!wanted.excludeCaches || text !== CACHE_TAG_NAME || entry.nodeType !== 'file') return false;
  return entry.size <= IGNORE_FILE_BYTES_MAX && isCacheTagContent(await wholeContent(repository, entry));
}

async function ignoreContent(
  { repository, wanted }: Collecting,
  entry: Entry,
  text: string,
): Promise<{ name: IgnoreFileName; content: Uint8Array } | undefined> {
  const name = text === '.cairnignore' || text === '.gitignore' ? text : undefined;
  if (name === undefined || !wanted.ignoreFiles.has(name) || entry.nodeType !== 'file') return undefined;
  // Larger ones were not followed.
  if (entry.size > IGNORE_FILE_BYTES_MAX) return undefined;
  return { name, content: await wholeContent(repository, entry) };
}

async function wholeContent(repository: Repository, entry: FileEntry): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readContent(repository, entry)) pieces.push(piece);
  return Buffer.concat(pieces);
}
