/**
 * What each error means to a person: what happened, what is still safe, and the one thing to do. The engine's message
 * names the details; these words never blame and never show a stack.
 */
import type { ErrorCode } from '../../src-shared/errors.ts';

export type ErrorWords = {
  readonly title: string;
  readonly safe: string;
  readonly advice: string;
};

const SAFE_BACKUPS = 'What was backed up before is safe.';
const SAFE_UNTOUCHED = 'Nothing was changed.';
const SAFE_REST = 'Everything else stays readable.';

export const ERROR_WORDS: Readonly<Record<ErrorCode, ErrorWords>> = {
  'usage/invalid': {
    title: 'Cairn did not accept that',
    safe: SAFE_UNTOUCHED,
    advice: 'Check what you entered and try again.',
  },
  'repository/not-found': {
    title: 'There is no backup in this place',
    safe: SAFE_UNTOUCHED,
    advice: 'Connect the drive that holds it, or choose another folder.',
  },
  'repository/exists': {
    title: 'There is a backup in this place already',
    safe: 'It was not changed.',
    advice: 'Use the one that is there, or choose another folder.',
  },
  'repository/not-empty': {
    title: 'This folder holds other files',
    safe: 'None of them was touched.',
    advice: 'Choose an empty folder or a new one.',
  },
  'repository/busy': {
    title: 'Another Cairn is working on this backup',
    safe: SAFE_BACKUPS,
    advice: 'Wait until it has finished, then try again.',
  },
  'repository/newer-format': {
    title: 'This backup was written by a newer Cairn',
    safe: 'It is not damaged.',
    advice: 'Update Cairn on this computer, then open it again.',
  },
  'repository/wrong-identity': {
    title: 'Another backup stands in this place',
    safe: 'Nothing was written to it.',
    advice: 'Connect the drive that belongs to this backup set.',
  },
  'key/wrong-password': {
    title: 'That password does not open this backup',
    safe: SAFE_UNTOUCHED,
    advice: 'Try again, or use your recovery key.',
  },
  'key/password-needed': {
    title: 'This backup is locked',
    safe: SAFE_BACKUPS,
    advice: 'Enter its password to go on.',
  },
  'key/retype': {
    title: 'The password is needed once more',
    safe: SAFE_UNTOUCHED,
    advice: 'Enter it again to go on.',
  },
  'key/slot-damaged': {
    title: 'The stored form of this key is damaged',
    safe: 'Your files are not affected.',
    advice: 'Try your other password or the recovery key.',
  },
  'key/not-found': {
    title: 'That key is not there any more',
    safe: SAFE_UNTOUCHED,
    advice: 'Look at the list of keys again.',
  },
  'key/last-slot': {
    title: 'This is the only key to the backup',
    safe: SAFE_UNTOUCHED,
    advice: 'Add another password or a recovery key first.',
  },
  'key/refused-parameters': {
    title: 'A key file asks for more than any Cairn would write',
    safe: SAFE_UNTOUCHED,
    advice: 'Do not trust this copy. Open the backup from another one.',
  },
  'integrity/malformed': {
    title: 'A part of the backup can’t be read',
    safe: SAFE_REST,
    advice: 'Verify it deeply to see exactly what is affected.',
  },
  'integrity/damaged': {
    title: 'A part of the backup is damaged',
    safe: SAFE_REST,
    advice: 'Verify it deeply to see exactly what is affected.',
  },
  'integrity/missing': {
    title: 'A part of the backup is missing',
    safe: SAFE_REST,
    advice: 'Verify it deeply to see exactly what is affected.',
  },
  'integrity/collision': {
    title: 'Two different contents claim to be the same',
    safe: 'Cairn stopped before it wrote anything.',
    advice: 'Test this computer’s memory, and keep the backup as it is.',
  },
  'limit/exceeded': {
    title: 'A part of the backup claims an impossible size',
    safe: SAFE_REST,
    advice: 'Treat it as damaged. Verify deeply to see what is affected.',
  },
  'destination/full': {
    title: 'The drive is full',
    safe: SAFE_BACKUPS,
    advice: 'Free some space on it and run the backup again. It goes on from there.',
  },
  'destination/read-only': {
    title: 'The drive can’t be written to',
    safe: 'Everything on it can still be restored.',
    advice: 'Make the drive writable to back up to it.',
  },
  'destination/gone': {
    title: 'The drive was disconnected',
    safe: SAFE_BACKUPS,
    advice: 'Connect it again and run the backup once more.',
  },
  'destination/denied': {
    title: 'Cairn may not write to this folder',
    safe: SAFE_BACKUPS,
    advice: 'Allow your user to write there, or choose another destination.',
  },
  'destination/io': {
    title: 'The drive reported an error',
    safe: SAFE_BACKUPS,
    advice: 'Check the drive and its cable, then try again.',
  },
  'source/not-found': {
    title: 'A protected folder is not there',
    safe: 'Its files in earlier snapshots are safe.',
    advice: 'Connect its drive or change the protected folders.',
  },
  'source/unreadable': {
    title: 'A protected folder can’t be read',
    safe: 'Its files in earlier snapshots are safe.',
    advice: 'Allow your user to read it, then try again.',
  },
  'snapshot/not-found': {
    title: 'This snapshot is not there any more',
    safe: 'The others are as they were.',
    advice: 'Choose another one from the list.',
  },
  'snapshot/ambiguous': {
    title: 'More than one snapshot has this name',
    safe: SAFE_UNTOUCHED,
    advice: 'Choose one from the list.',
  },
  'path/not-found': {
    title: 'This folder is not in the chosen snapshot',
    safe: 'Other snapshots may hold it.',
    advice: 'Choose another time, or go to a folder above.',
  },
  'restore/target': {
    title: 'Cairn can’t restore into that folder',
    safe: 'Nothing outside it was touched.',
    advice: 'Choose another folder, or free some space there.',
  },
  'restore/original-place': {
    title: 'These files can’t go back to where they came from',
    safe: 'Nothing was touched.',
    advice: 'Choose a folder to restore them into.',
  },
  'engine/self-test': {
    title: 'This copy of Cairn failed its self-test',
    safe: 'It will not touch your data.',
    advice: 'Reinstall Cairn. The log says which part failed.',
  },
  'engine/cancelled': {
    title: 'It was cancelled',
    safe: 'What was finished before is safe.',
    advice: 'Start it again whenever you like. It goes on from there.',
  },
  'engine/local-state': {
    title: 'Cairn can’t use its own folder on this computer',
    safe: 'Nothing was changed in the backup.',
    advice: 'Allow your user to write there, or free some space.',
  },
  'hook/failed': {
    title: 'The command before the backup failed',
    safe: SAFE_BACKUPS,
    advice: 'Nothing was backed up this time. The log has what the command said.',
  },
  'app/not-found': {
    title: 'That is not there any more',
    safe: SAFE_UNTOUCHED,
    advice: 'It was chosen or shown too long ago. Choose it again.',
  },
  'app/busy': {
    title: 'Cairn is open already',
    safe: SAFE_BACKUPS,
    advice: 'Use the window that is open, or close it first.',
  },
  'app/unavailable': {
    title: 'That can’t be done here',
    safe: SAFE_UNTOUCHED,
    advice: 'This computer, or this way of running Cairn, does not offer it.',
  },
  'engine/internal': {
    title: 'Something went wrong inside Cairn',
    safe: 'Existing backups are not affected.',
    advice: 'Try again. The log has the details.',
  },
};
