/**
 * Where everything lies in a repository. One place for the names, so that no other room spells a path.
 *
 * Sealed files are named by the BLAKE3 of their own bytes: whoever has no key can still scrub and copy them.
 */
import type { IndexRunId, KeySlotId, PackId, SessionId } from '../../../src-shared/ids.ts';

export const CONFIG = 'config';
export const CONFIG_COPY = 'config.copy';
export const INSTANCE = 'instance';
export const RESERVE = 'reserve';

export const FOLDERS = {
  keys: 'keys',
  packs: 'packs',
  commits: 'commits',
  index: 'index',
  snapshots: 'snapshots',
  events: 'events',
  condemned: 'condemned',
  sets: 'sets',
  sessions: 'sessions',
  trash: 'trash',
} as const;

/** Packs are spread over 256 folders, so that no folder of a large repository grows past a few thousand files. */
export const PACK_FOLDERS: readonly string[] = Array.from(
  { length: 256 },
  (_, index) => `${FOLDERS.packs}/${index.toString(16).padStart(2, '0')}`,
);

export const packFolder = (id: PackId): string => `${FOLDERS.packs}/${id.slice(0, 2)}`;
export const packName = (id: PackId): string => `${packFolder(id)}/${id}`;
/** Where a condemned pack waits for its deletion; readers still find it there. */
export const trashName = (id: PackId): string => `${FOLDERS.trash}/${id}`;
export const commitName = (id: PackId): string => `${FOLDERS.commits}/${id}`;
export const indexRunName = (id: IndexRunId): string => `${FOLDERS.index}/${id}`;
export const snapshotName = (fileHash: string): string => `${FOLDERS.snapshots}/${fileHash}`;
export const storedSetName = (fileHash: string): string => `${FOLDERS.sets}/${fileHash}`;
export const sessionName = (id: SessionId): string => `${FOLDERS.sessions}/${id}`;
export const keySlotNames = (id: KeySlotId): readonly [string, string] => [
  `${FOLDERS.keys}/${id}.a`,
  `${FOLDERS.keys}/${id}.b`,
];

/** The last part of a name: the file's own name. */
export function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
