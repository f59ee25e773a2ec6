/**
 * What stands at a place: a repository (and which), an empty folder, other people's files, nothing. Cheap enough to be
 * asked every few seconds: a few small files are read and nothing is ever written.
 */
import { readdir, stat } from 'node:fs/promises';
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { Random } from '../kernel/index.ts';
import { readConfig, readInstance } from '../repository/index.ts';
import { type LocalStore, createLocalStore, errnoOf } from '../store/index.ts';
import { Patience } from './patience.ts';

export type Standing =
  | {
      readonly kind: 'repository';
      readonly repositoryId: string;
      /** Null: its marker is missing or damaged, so nobody can tell which copy it is. */
      readonly instanceId: string | null;
      readonly encrypted: boolean;
      /** Device and inode: two paths with the same one lead to the same folder. */
      readonly folderKey: string;
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unusable'; readonly error: CairnError };

/** A drive that slept needs some seconds to turn; one that hangs counts as away until it answers. */
const patience = new Patience<Standing>(15_000, { kind: 'absent' });

/** The text of a destination's path. @throws CairnError usage/invalid where its bytes are not UTF-8 */
export function destinationPath(path: Buffer): string {
  const text = textOfPlace(path);
  if (text !== undefined) return text;
  throw new CairnError('usage/invalid', `${displayPath(path)} can’t hold a backup: its name is not valid text.`, {
    hint: 'Nothing was changed. Choose a folder whose path has ordinary names.',
  });
}

/** The same, undefined where its bytes are not UTF-8. */
export function textOfPlace(path: Buffer): string | undefined {
  const text = path.toString();
  return Buffer.from(text).equals(path) ? text : undefined;
}

/** What stands at a place, asked with patience. */
export function standingAt(place: string, random: Random): Promise<Standing> {
  return patience.ask(place, () => lookAt(place, random));
}

async function lookAt(place: string, random: Random): Promise<Standing> {
  const store = createLocalStore({ root: place, random });
  try {
    const { config } = await readConfig(store);
    const { repositoryId, encrypted } = config;
    const instanceId = await markerOf(store, repositoryId);
    const { dev, ino } = await stat(place, { bigint: true });
    return { kind: 'repository', repositoryId, encrypted, instanceId, folderKey: `${dev}:${ino}` };
  } catch (error) {
    if (errnoOf(error) !== undefined) return { kind: 'absent' };
    if (!isCairnError(error)) throw error;
    if (isCairnError(error, 'destination/gone')) return { kind: 'absent' };
    if (isCairnError(error, 'repository/not-found')) return contentsOf(place);
    return { kind: 'unusable', error };
  }
}

/** The instance id, where the marker is readable. A marker of another repository is that repository’s. */
async function markerOf(store: LocalStore, repositoryId: string): Promise<string | null> {
  try {
    const instance = await readInstance(store);
    return instance?.repositoryId === repositoryId ? instance.instanceId : null;
  } catch (error) {
    if (isIntegrityError(error)) return null;
    throw error;
  }
}

async function contentsOf(place: string): Promise<Standing> {
  try {
    return (await readdir(place)).length === 0 ? { kind: 'empty' } : { kind: 'foreign' };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (errno !== 'EACCES' && errno !== 'EPERM') return { kind: 'absent' };
    const message = `${displayPath(place)} may not be read by this user.`;
    return { kind: 'unusable', error: new CairnError('destination/denied', message, { cause: error }) };
  }
}
