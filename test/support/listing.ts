/**
 * What lies below a folder, however deep. Symbolic links are names like others: unlike in the recursive listing of Node
 * itself, nothing is looked for behind them.
 */
import fs from 'node:fs';
import path from 'node:path';

const pathOf = (entry: fs.Dirent): string => path.join(entry.parentPath, entry.name);

const below = (folder: string): fs.Dirent[] =>
  fs
    .readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [entry, ...below(pathOf(entry))] : [entry]));

/** All names, relative to the folder, sorted. */
export function namesIn(folder: string): string[] {
  return below(folder)
    .map((entry) => path.relative(folder, pathOf(entry)))
    .sort();
}

/** Paths of all files; none where there is no folder. */
export function filesBelow(folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return below(folder)
    .filter((entry) => entry.isFile())
    .map(pathOf);
}

/** The same without those of a repository that are being written. */
export function finishedFilesBelow(folder: string): string[] {
  return filesBelow(folder).filter((file) => !path.basename(file).startsWith('tmp-'));
}
