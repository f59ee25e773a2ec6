/**
 * A data set of very many very small files, made from a seed: what caches, mail folders and package trees are like.
 * Files of 60 to 560 bytes, 48 to a folder, folders two deep: a line of its own that no other file has, then text.
 */
import fs from 'node:fs';
import path from 'node:path';
import { breathe, createDraw, createTextSource, share, writeFile } from './data.ts';

const FOLDER_FILES = 48;
const GROUP_FOLDERS = 250;
/** Files of one project of the text source: other identifiers after them. */
const PROJECT_FILES = 5000;
const FILE_BYTES_MIN = 60;
const FILE_BYTES_MAX = 560;
/** 2023-11-14, in seconds since 1970. */
const TIME_FIRST_S = 1_700_000_000;
const TIME_RANGE_S = 60_000_000;

export type TinyOptions = { readonly seed: number; readonly files: number };

/** Where a file is, below the root of the data set. */
export function tinyPath(index: number): string {
  const folder = Math.floor(index / FOLDER_FILES);
  return path.join(groupName(folder), folderName(folder), `entry-${index % FOLDER_FILES}.json`);
}

const groupName = (folder: number): string => `group-${Math.floor(folder / GROUP_FOLDERS)}`;
const folderName = (folder: number): string => `folder-${folder % GROUP_FOLDERS}`;

/** Makes `root`, which must not exist, and fills it. Gives the number of its folders, and the bytes in its files. */
export async function writeTiny(root: string, { seed, files }: TinyOptions) {
  const draw = createDraw(seed + 21);
  const text = createTextSource(seed + 22);
  const buffer = new Uint8Array(FILE_BYTES_MAX);
  const groups = new Set<string>();
  fs.mkdirSync(root);
  let folders = 1;
  let bytes = 0;
  for (let index = 0; index < files; index++) {
    if (index % PROJECT_FILES === 0) text.nextProject();
    const file = path.join(root, tinyPath(index));
    if (index % FOLDER_FILES === 0) {
      groups.add(path.dirname(path.dirname(file)));
      fs.mkdirSync(path.dirname(file), { recursive: true });
      folders++;
      await breathe();
    }
    const content = buffer.subarray(0, FILE_BYTES_MIN + (draw() % (FILE_BYTES_MAX - FILE_BYTES_MIN + 1)));
    text.fill(content);
    content.set(Buffer.from(`{"id":"${(draw() * 4096 + index).toString(16).padStart(12, '0')}",`));
    writeFile(file, content, TIME_FIRST_S + share(draw) * TIME_RANGE_S);
    bytes += content.length;
  }
  return { folders: folders + groups.size, bytes };
}
