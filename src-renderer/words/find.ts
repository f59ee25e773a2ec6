/** Words of search over all snapshots, of the versions of a file, and of comparing two times. */
import type { ChangeKind } from '../../src-shared/model/index.ts';
import { count, plural } from './count.ts';

export const search = {
  title: 'Search all snapshots',
  open: 'Search all snapshots',
  label: 'Name, or a part of it',
  hint: 'Name, or a part of it. * and ? stand for anything.',
  back: 'Back to the folder',
  clear: 'Clear',
  types: { any: 'All', file: 'Files', directory: 'Folders' },
  type: 'What to find',
  results: 'What was found',
  found: (total: number, isExact: boolean) =>
    total === 0 ? 'Nothing found' : isExact ? plural(total, 'hit') : `At least ${plural(total, 'hit')}`,
  startTitle: 'Find a file by its name',
  startHint: 'Also one that was deleted long ago: every snapshot is looked through at once.',
  none: (text: string) => `No name has “${text}” in it`,
  noneHint: 'In no snapshot. Try a part of the name, or * for what you do not remember.',
  indexing: 'The catalog is still being made. What is found so far is here; the rest follows.',
  off: 'Search is not ready',
  offHint: 'Its catalog could not be opened and is made again. Folders and snapshots work as always.',
  goneSince: (when: string) => `Gone since ${when}`,
  inFolder: (path: string) => (path === '' ? 'All folders' : path),
  openHere: 'Open its folder',
  openFolder: 'Open this folder',
} as const;

export const versions = {
  title: 'Versions',
  number: (number: number) => plural(number, 'version'),
  current: 'Now',
  span: (from: string, to: string) => (from === to ? from : `${from} – ${to}`),
  restore: 'Restore this version',
  compare: 'Compare with the newest',
  loading: 'Looking for versions',
} as const;

export const CHANGES: Readonly<Record<ChangeKind, { readonly name: string; readonly mark: string }>> = {
  added: { name: 'Added', mark: '+' },
  removed: { name: 'Gone', mark: '−' },
  changed: { name: 'Changed', mark: '~' },
  metadata: { name: 'Only dates or rights', mark: '·' },
};

export const compare = {
  title: 'Compare',
  openHint: 'Compare this snapshot with another time',
  before: 'Earlier',
  after: 'Later',
  live: 'On this computer, now',
  swap: 'Swap the two',
  back: 'Back to the folder',
  kinds: 'Which changes',
  kindCount: (name: string, number: number) => `${name} ${count(number)}`,
  changes: 'What differs',
  same: 'No difference',
  sameHint: 'The two are equal here, byte for byte.',
  noneOfKind: 'None of these kinds',
  noneOfKindHint: 'Choose another kind above.',
  comparing: 'Comparing',
  incomplete: 'A folder could not be read, and what differs in it is not listed.',
  within: (path: string) => `In ${path}`,
  everywhere: 'Compare all folders',
  sizes: (before: string, after: string) => `${before} → ${after}`,
  pick: 'Pick a change to see what differs.',
  restoreBefore: 'Restore the earlier one',
  textTitle: 'What differs in this file',
  unchangedText: 'The text is the same. Only the bytes around it differ.',
  binary: 'This is not text. Only its size can be compared here.',
  tooLarge: 'This file is too large to compare line by line.',
  noText: 'There is no text to compare.',
  folderText: 'Its files are listed one by one.',
  metadataText: 'What is in it is the same. Its date, its rights or its owner differ.',
  truncated: 'Only the beginning is compared.',
  removedLine: 'removed',
  addedLine: 'added',
  hunk: (before: number, after: number) => `Line ${count(before)}, now ${count(after)}`,
} as const;
