/**
 * Folders that say of themselves that their contents need no backup: by a CACHEDIR.TAG (https://bford.info/cachedir/),
 * or by something of a name that the person chose. The folder and the mark are kept, so that the mark still stands
 * after a restore.
 */
import type { RuleRef } from '../../../src-shared/model/index.ts';
import { findByName } from '../kernel/index.ts';
import { openSourceFile } from './file.ts';
import { joinPath, resolvePath, type SourceFolder } from './folder.ts';
import type { SourceEntry } from './list.ts';

export const CACHE_TAG_NAME = 'CACHEDIR.TAG';
const CACHE_TAG = Buffer.from(CACHE_TAG_NAME);
/** A tag begins with exactly these 43 bytes; what follows is for people. */
const CACHE_TAG_SIGNATURE = Buffer.from('Signature: 8a477f597d28d172789f06886806bc55');

export type FolderMark = { readonly name: string; readonly rule: RuleRef };
export type FolderMarkOptions = { readonly excludeCaches: boolean; readonly marks: readonly Uint8Array[] };

/** The mark that leaves out the rest of a folder, or undefined. `listed` is sorted by name as listFolder gives it. */
export function findFolderMark(
  folder: SourceFolder,
  listed: Listed,
  { excludeCaches, marks }: FolderMarkOptions,
): FolderMark | undefined {
  for (const mark of marks) {
    if (findEntry(listed, mark) === undefined) continue;
    const name = Buffer.from(mark).toString();
    return { name, rule: { origin: 'if-present', rule: name } };
  }
  if (!excludeCaches) return undefined;
  const tag = findEntry(listed, CACHE_TAG);
  if (tag === undefined || !isCacheTag(folder, tag)) return undefined;
  return { name: CACHE_TAG_NAME, rule: { origin: 'CACHEDIR.TAG', rule: CACHE_TAG_NAME } };
}

/** The standard wants a regular file. One that can't be read marks nothing: then more is backed up, not less. */
function isCacheTag(folder: SourceFolder, tag: SourceEntry): boolean {
  if (tag.stat.nodeType !== 'file' || tag.stat.size < CACHE_TAG_SIGNATURE.length) return false;
  const opened = openSourceFile(resolvePath(folder, tag.name), tag.stat, joinPath(folder.path, tag.name));
  if (opened.kind !== 'opened') return false;
  const begin = Buffer.alloc(CACHE_TAG_SIGNATURE.length);
  const count = opened.file.readInto(begin, 0, begin.length);
  opened.file.close();
  return count === begin.length && isCacheTagContent(begin);
}

/** Whether a file begins as a tag has to. */
export function isCacheTagContent(bytes: Uint8Array): boolean {
  return CACHE_TAG_SIGNATURE.equals(bytes.subarray(0, CACHE_TAG_SIGNATURE.length));
}

/** What lies in a folder: sorted by raw bytes, or a way to look a name up. */
export type Listed = readonly SourceEntry[] | ((name: Uint8Array) => SourceEntry | undefined);

export function findEntry(listed: Listed, name: Uint8Array): SourceEntry | undefined {
  return typeof listed === 'function' ? listed(name) : findByName(listed, name);
}
