/**
 * Libraries hand paths over as strings, in which bytes that are not UTF-8 have become “�”, and of which chokidar takes a
 * backslash for a slash. What such a string stands for is found by looking at the folders themselves.
 */
import { isUtf8 } from 'node:buffer';
import path from 'node:path';
import { joinPath } from '../folder.ts';
import { subfolderNames } from './subfolders.ts';

const REPLACEMENT = '\ufffd';
const BACKSLASH = 0x5c;
/** Folders that one string may stand for; more of them share a name of nothing but “�”. */
const MEANT_MAX = 256;

/** True where a string can stand for exactly these bytes, for chokidar too. */
export function isPlainName(name: Buffer): boolean {
  return isUtf8(name) && (path.sep === '\\' || !name.includes(BACKSLASH));
}

export function isLossy(text: string): boolean {
  return text.includes(REPLACEMENT);
}

export type Meant = {
  readonly folders: readonly Buffer[];
  /** False where nothing of this path is there (any more): then `folders` are the last ones on the way to it. */
  readonly isWhole: boolean;
};

/** The folders that `text`, a path below `root`, may stand for. */
export async function foldersMeantBy(text: string, root: Buffer): Promise<Meant> {
  if (!isLossy(text)) return { folders: [Buffer.from(text)], isWhole: true };
  const rootText = root.toString();
  if (!text.startsWith(rootText)) return { folders: [root], isWhole: false };
  let meant: readonly Buffer[] = [root];
  for (const part of text.slice(rootText.length).split(path.sep)) {
    if (part === '') continue;
    const below = await childrenMeantBy(part, meant);
    if (below.length === 0) return { folders: meant, isWhole: false };
    meant = below;
  }
  return { folders: meant, isWhole: true };
}

async function childrenMeantBy(part: string, parents: readonly Buffer[]): Promise<readonly Buffer[]> {
  if (!isLossy(part)) return parents.map((parent) => joinPath(parent, Buffer.from(part)));
  const found: Buffer[] = [];
  for (const parent of parents) {
    const names = (await subfolderNames(parent)) ?? [];
    const same = names.filter((name) => name.toString() === part);
    // Decoders differ in how many “�” they make of some bytes: then any name that is not UTF-8 may be meant.
    for (const name of same.length > 0 ? same : names.filter((other) => !isUtf8(other))) {
      if (found.length < MEANT_MAX) found.push(joinPath(parent, name));
    }
  }
  return found;
}
