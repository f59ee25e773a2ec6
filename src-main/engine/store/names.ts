/**
 * Names of files in a store: '/'-joined segments of letters, digits, '.', '_' and '-'. The alphabet is the one every
 * filesystem and object store keeps as it is, so a repository can be copied anywhere by any tool.
 *
 * Invariant: a checked name can't lead out of the root, whatever bytes it was decoded from.
 */
import { CairnError } from '../../../src-shared/errors.ts';

/** Longest name, in characters, separators included. */
export const NAME_LENGTH_MAX = 255;
/** Most segments of a name; also bounds every walk through the folders of a store. */
export const NAME_SEGMENTS_MAX = 6;

const SEGMENT = /^[A-Za-z0-9._-]+$/;
const TEMPORARY = /^tmp-[0-9a-f]{16}$/;

export function isSegment(segment: string): boolean {
  return SEGMENT.test(segment) && segment !== '.' && segment !== '..';
}

/** True for the name of a temporary file, with or without a folder before it. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(baseOf(name));
}

/** Throws integrity/malformed unless it is a well-formed name. */
export function checkName(name: string): void {
  const segments = name.split('/');
  if (name.length > NAME_LENGTH_MAX || segments.length > NAME_SEGMENTS_MAX || !segments.every(isSegment)) {
    throw new CairnError('integrity/malformed', `${JSON.stringify(name.slice(0, 80))} is not a name a repository uses`);
  }
}

/** As checkName, for a file that is to be written: the names of temporary files are taken. */
export function checkTargetName(name: string): void {
  checkName(name);
  if (isTemporaryName(name)) {
    throw new CairnError('integrity/malformed', `“${name}” is kept for temporary files`);
  }
}

/** As checkName; '' is the root folder. */
export function checkFolder(folder: string): void {
  if (folder !== '') checkName(folder);
}

/** The folder a name is in, '' for the root folder. */
export function folderOf(name: string): string {
  const at = name.lastIndexOf('/');
  return at < 0 ? '' : name.slice(0, at);
}

export function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

export function joinName(folder: string, base: string): string {
  return folder === '' ? base : `${folder}/${base}`;
}
