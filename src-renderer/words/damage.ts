/** What kind of part is damaged, in words that do not need the format's vocabulary, and what it means for restoring. */
import type { DamageKind } from '../../src-shared/model/index.ts';

export type DamageWords = { readonly title: string; readonly meaning: string };

export const DAMAGE_WORDS: Readonly<Record<DamageKind, DamageWords>> = {
  config: {
    title: 'The backup’s description',
    meaning: 'Cairn has a second copy of what it needs. Snapshots stay readable.',
  },
  instance: { title: 'The mark that tells this drive from others', meaning: 'No file of yours is affected.' },
  reserve: { title: 'The reserved space', meaning: 'No file of yours is affected. It is only room kept free.' },
  key: { title: 'A stored key', meaning: 'Another password or the recovery key still opens the backup.' },
  pack: { title: 'A container of file contents', meaning: 'The files named below can’t be restored whole from here.' },
  commit: { title: 'A small backup kept as one file', meaning: 'What changed in that backup can’t be read.' },
  index: { title: 'The table of contents', meaning: 'Slower, not lost: it can be made again from the containers.' },
  snapshot: { title: 'The record of a snapshot', meaning: 'That snapshot can’t be opened. The others can.' },
  event: { title: 'An entry of the signed history', meaning: 'Files are not affected. The history has a gap.' },
  condemnation: { title: 'A note about space to give back', meaning: 'No file of yours is affected.' },
  session: { title: 'A note about who is working', meaning: 'No file of yours is affected.' },
  set: {
    title: 'What is noted of a backup set for a new computer',
    meaning: 'No file of yours is affected. The next backup writes it again.',
  },
  'missing-blob': { title: 'Contents that are missing', meaning: 'The files named below can’t be restored whole.' },
  tree: { title: 'A stored folder list', meaning: 'Files in that folder can’t be found in these snapshots.' },
  node: {
    title: 'A checksum that does not agree',
    meaning: 'What is stored is not what was backed up. Do not rely on it.',
  },
  'unknown-file': {
    title: 'A file that Cairn did not write',
    meaning: 'No file of yours is affected. It was left alone.',
  },
};
