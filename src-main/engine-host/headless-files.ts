/**
 * The page's files as the headless server hands them out. They are read once, at start, into an exact list: a request
 * names one of them or nothing, so there is no path to climb out of.
 */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { CairnError } from '../../src-shared/errors.ts';
import { contentTypeOf } from './page-files.ts';

const FILES_MAX = 2000;
const BYTES_MAX = 64 * 1024 * 1024;

export type PageFile = { readonly bytes: Buffer; readonly contentType: string };
/** By the path of the address: “/”, “/assets/index-1a2b.js”. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** @throws CairnError app/unavailable where the page has not been built */
export async function readPageFiles(folder: string): Promise<PageFiles> {
  const files = new Map<string, PageFile>();
  let bytesRead = 0;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const contentType = contentTypeOf(entry.name);
    if (!entry.isFile() || contentType === undefined) continue;
    const file = path.join(entry.parentPath, entry.name);
    const bytes = await readFile(file);
    bytesRead += bytes.length;
    if (files.size >= FILES_MAX || bytesRead > BYTES_MAX) throw notBuilt(folder, 'is not a page of Cairn: too large');
    files.set(`/${path.relative(folder, file).split(path.sep).join('/')}`, { bytes, contentType });
  }
  const index = files.get('/index.html');
  if (index === undefined) throw notBuilt(folder, 'is not there');
  files.set('/', index);
  return files;
}

function notBuilt(folder: string, what: string): CairnError {
  return new CairnError('app/unavailable', `The page that “cairn serve” shows ${what} (${folder}).`, {
    hint: 'In a checkout run “npm run build” first; the command line works without it.',
  });
}
