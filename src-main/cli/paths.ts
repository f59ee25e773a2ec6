/**
 * Paths and SNAP:PATH as they come from the command line, turned into the raw bytes the engine takes.
 *
 * Node hands arguments over as text, so a byte that is not UTF-8 has already become U+FFFD and is lost; such an
 * argument is refused with a word about --escaped, under which \xNN stands for any byte and \\ for a backslash.
 */
import path from 'node:path';

import { CairnError } from '../../src-shared/errors.ts';
import { unescapePath } from '../../src-shared/format/index.ts';
import type { PathInSnapshot } from '../engine/index.ts';

const REPLACEMENT_CHARACTER = '\ufffd';
const SNAPSHOT_SHAPE = /^(?:latest(?:~\d{1,9})?|[0-9a-f]{4,64})$/;
/** 255 names of 255 bytes would still be shorter; more is a slip or an attack. */
const PATH_CHARACTERS_MAX = 256 * 1024;

/** The bytes of an argument that is a path: one inside a snapshot as it is, one on this computer through localPath. */
export function pathBytes(text: string, isEscaped: boolean): Buffer {
  if (text.length > PATH_CHARACTERS_MAX)
    throw new CairnError('usage/invalid', 'A path is longer than any system allows.');
  if (text.includes('\0'))
    throw new CairnError('usage/invalid', `“${text}” has a NUL character, which no path can have.`);
  if (isEscaped) {
    const bytes = Buffer.from(unescapePath(text));
    if (bytes.includes(0)) throw new CairnError('usage/invalid', `“${text}” has a NUL byte, which no path can have.`);
    return bytes;
  }
  if (text.includes(REPLACEMENT_CHARACTER)) {
    throw new CairnError('usage/invalid', `“${text}” has bytes that are not UTF-8.`, {
      hint: 'Add --escaped and write each such byte as \\xNN (and a backslash as \\\\).',
    });
  }
  return Buffer.from(text);
}

/** The absolute path of something on this computer, without “.”, “..” and doubled or trailing slashes. */
export function localPath(text: string, isEscaped: boolean): Buffer {
  if (text === '') throw new CairnError('usage/invalid', 'An empty path was given.');
  const bytes = pathBytes(text, isEscaped);
  if (process.platform === 'win32') return Buffer.from(path.resolve(bytes.toString()));
  // Latin-1 carries every byte through as one character, and “/” and “.” mean the same in it.
  const folder = text.startsWith('/') ? '/' : Buffer.from(currentFolder()).toString('latin1');
  return Buffer.from(path.posix.resolve(folder, bytes.toString('latin1')), 'latin1');
}

function currentFolder(): string {
  const hint = 'Give absolute paths, or change to another folder first.';
  let folder: string;
  try {
    folder = process.cwd();
  } catch (error) {
    throw new CairnError('usage/invalid', 'The current folder does not exist any more.', { hint, cause: error });
  }
  if (folder.includes(REPLACEMENT_CHARACTER)) {
    throw new CairnError('usage/invalid', 'The path of the current folder has bytes that are not UTF-8.', { hint });
  }
  return folder;
}

/** SNAP, checked for its shape; whether there is one of that name is for the engine to say. */
export function snapshotName(text: string): string {
  const name = text.toLowerCase();
  if (SNAPSHOT_SHAPE.test(name)) return name;
  throw new CairnError('usage/invalid', `“${text.slice(0, 200)}” does not name a snapshot.`, {
    hint: 'Use “latest”, “latest~1” for the one before it, or at least 4 characters of an id from “cairn snapshots”.',
  });
}

/** SNAP or SNAP:PATH. */
export function snapshotPath(text: string, isEscaped: boolean): PathInSnapshot {
  const colon = text.indexOf(':');
  if (colon < 0) return { snapshot: snapshotName(text), path: new Uint8Array() };
  return { snapshot: snapshotName(text.slice(0, colon)), path: pathBytes(text.slice(colon + 1), isEscaped) };
}
