/**
 * A folder that electron-builder takes for a downloaded Electron: the files it looks for and, in the program, the mark
 * after which Electron's fuses stand. So the packaging itself runs, offline; what it makes is the real archive.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** From Electron's documentation of fuses: the mark, the version of the fuse wire, its length, and all fuses off. */
const FUSE_MARK = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
const FUSES = 9;
const FUSE_WIRE = Buffer.concat([Buffer.from(FUSE_MARK), Buffer.from([1, FUSES]), Buffer.from('0'.repeat(FUSES))]);

const EMPTY_FILES = [
  'chrome_crashpad_handler',
  'chrome-sandbox',
  'icudtl.dat',
  'libffmpeg.so',
  'locales/en-US.pak',
  'resources.pak',
];
const PROGRAMS = ['electron', 'chrome_crashpad_handler', 'chrome-sandbox'];

export function makeFakeDist(folder: string): void {
  const types = createRequire(import.meta.url).resolve('electron/package.json');
  const { version } = JSON.parse(readFileSync(types, 'utf8')) as { version: string };
  mkdirSync(path.join(folder, 'locales'), { recursive: true });
  mkdirSync(path.join(folder, 'resources'), { recursive: true });
  for (const name of EMPTY_FILES) writeFileSync(path.join(folder, name), '');
  writeFileSync(path.join(folder, 'version'), version);
  writeFileSync(path.join(folder, 'LICENSE'), 'none');
  writeFileSync(path.join(folder, 'LICENSES.chromium.html'), 'none');
  writeFileSync(path.join(folder, 'electron'), Buffer.concat([Buffer.from('#!/bin/sh\nexit 0\n'), FUSE_WIRE]));
  for (const name of PROGRAMS) chmodSync(path.join(folder, name), 0o755);
}

/** The fuses of a packaged program, one character each: 0 off, 1 on, r removed. In the order of Electron's FuseV1Options. */
export function readFuses(program: string): string {
  const bytes = readFileSync(program);
  const start = bytes.indexOf(FUSE_MARK) + FUSE_MARK.length + 2;
  return bytes.subarray(start, start + FUSES).toString('latin1');
}
