/**
 * What each error means to a person: what happened, what is still safe, and the one thing to do. The engine's message
 * names the details; these words never blame and never show a stack.
 */
import type { ErrorCode } from '../../src-shared/errors.ts';

/** What the button beside an error does. The screen that shows it gives the deed. */
export type ErrorAction = 'retry' | 'unlock' | 'choose-folder' | 'verify' | 'log' | 'none';

export type ErrorWords = {
  readonly title: string;
  readonly safe: string;
  readonly advice: string;
  readonly action: ErrorAction;
};

const SAFE_BACKUPS = 'What was backed up before is safe.';
const SAFE_UNTOUCHED = 'Nothing was changed.';
const SAFE_REST = 'Everything else stays readable.';

export const ERROR_WORDS: Readonly<Record<ErrorCode, ErrorWords>> = {
  'usage/invalid': {
    title: 'Cairn did not accept that',
    safe: SAFE_UNTOUCHED,
    advice: 'Check what you entered and try again.',
    action: 'none',
  },
  'repository/not-found': {
    title: 'There is no backup in this place',
    safe: SAFE_UNTOUCHED,
    advice: 'Connect the drive that holds it, or choose another folder.',
    action: 'choose-folder',
  },
  'repository/exists': {
    title: 'There is a backup in this place already',
    safe: 'It was not changed.',
    advice: 'Use the one that is there, or choose another folder.',
    action: 'choose-folder',
  },
  'repository/not-empty': {
    title: 'This folder holds other files',
    safe: 'None of them was touched.',
    advice: 'Choose an empty folder or a new one.',
    action: 'choose-folder',
  },
  'repository/busy': {
    title: 'Another Cairn is working on this backup',
    safe: SAFE_BACKUPS,
    advice: 'Wait until it has finished, then try again.',
    action: 'retry',
  },
  'repository/newer-format': {
    title: 'This backup was written by a newer Cairn',
    safe: 'It is not damaged.',
    advice: 'Update Cairn on this computer, then open it again.',
    action: 'none',
  },
  'repository/wrong-identity': {
    title: 'Another backup stands in this place',
    safe: 'Nothing was written to it.',
    advice: 'Connect the drive that belongs to this backup set.',
    action: 'retry',
  },
  'key/wrong-password': {
    title: 'That password does not open this backup',
    safe: SAFE_UNTOUCHED,
    advice: 'Try again, or use your recovery key.',
    action: 'unlock',
  },
  'key/password-needed': {
    title: 'This backup is locked',
    safe: SAFE_BACKUPS,
    advice: 'Enter its password to go on.',
    action: 'unlock',
  },
  'key/slot-damaged': {
    title: 'The stored form of this key is damaged',
    safe: 'Your files are not affected.',
    advice: 'Try your other password or the recovery key.',
    action: 'unlock',
  },
  'key/not-found': {
    title: 'That key is not there any more',
    safe: SAFE_UNTOUCHED,
    advice: 'Look at the list of keys again.',
    action: 'retry',
  },
  'key/last-slot': {
    title: 'This is the only key to the backup',
    safe: SAFE_UNTOUCHED,
    advice: 'Add another password or a recovery key first.',
    action: 'none',
  },
  'key/refused-parameters': {
    title: 'A key file asks for more than any Cairn would write',
    safe: SAFE_UNTOUCHED,
    advice: 'Do not trust this copy. Open the backup from another one.',
    action: 'none',
  },
  'integrity/malformed': {
    title: 'A part of the backup can’t be read',
    safe: SAFE_REST,
    advice: 'Verify it deeply to see exactly what is affected.',
    action: 'verify',
  },
  'integrity/damaged': {
    title: 'A part of the backup is damaged',
    safe: SAFE_REST,
    advice: 'Verify it deeply to see exactly what is affected.',
    action: 'verify',
  },
  'integrity/missing': {
    title: 'A part of the backup is missing',
    safe: SAFE_REST,
    advice: 'Verify it deeply to see exactly what is affected.',
    action: 'verify',
  },
  'integrity/collision': {
    title: 'Two different contents claim to be the same',
    safe: 'Cairn stopped before it wrote anything.',
    advice: 'Test this computer’s memory, and keep the backup as it is.',
    action: 'log',
  },
  'limit/exceeded': {
    title: 'A part of the backup claims an impossible size',
    safe: SAFE_REST,
    advice: 'Treat it as damaged. Verify deeply to see what is affected.',
    action: 'verify',
  },
  'destination/full': {
    title: 'The drive is full',
    safe: SAFE_BACKUPS,
    advice: 'Free some space on it and run the backup again. It goes on from there.',
    action: 'retry',
  },
  'destination/read-only': {
    title: 'The drive can’t be written to',
    safe: 'Everything on it can still be restored.',
    advice: 'Make the drive writable to back up to it.',
    action: 'retry',
  },
  'destination/gone': {
    title: 'The drive was disconnected',
    safe: SAFE_BACKUPS,
    advice: 'Connect it again and run the backup once more.',
    action: 'retry',
  },
  'destination/denied': {
    title: 'Cairn may not write to this folder',
    safe: SAFE_BACKUPS,
    advice: 'Allow your user to write there, or choose another destination.',
    action: 'retry',
  },
  'destination/io': {
    title: 'The drive reported an error',
    safe: SAFE_BACKUPS,
    advice: 'Check the drive and its cable, then try again.',
    action: 'retry',
  },
  'source/not-found': {
    title: 'A protected folder is not there',
    safe: 'Its files in earlier snapshots are safe.',
    advice: 'Connect its drive or change the protected folders.',
    action: 'retry',
  },
  'source/unreadable': {
    title: 'A protected folder can’t be read',
    safe: 'Its files in earlier snapshots are safe.',
    advice: 'Allow your user to read it, then try again.',
    action: 'retry',
  },
  'snapshot/not-found': {
    title: 'This snapshot is not there any more',
    safe: 'The others are as they were.',
    advice: 'Choose another one from the list.',
    action: 'retry',
  },
  'snapshot/ambiguous': {
    title: 'More than one snapshot has this name',
    safe: SAFE_UNTOUCHED,
    advice: 'Choose one from the list.',
    action: 'retry',
  },
  'path/not-found': {
    title: 'This folder is not in the chosen snapshot',
    safe: 'Other snapshots may hold it.',
    advice: 'Choose another time, or go to a folder above.',
    action: 'none',
  },
  'restore/target': {
    title: 'Cairn can’t restore into that folder',
    safe: 'Nothing outside it was touched.',
    advice: 'Choose another folder, or free some space there.',
    action: 'choose-folder',
  },
  'engine/self-test': {
    title: 'This copy of Cairn failed its self-test',
    safe: 'It will not touch your data.',
    advice: 'Reinstall Cairn. The log says which part failed.',
    action: 'log',
  },
  'engine/cancelled': {
    title: 'It was cancelled',
    safe: 'What was finished before is safe.',
    advice: 'Start it again whenever you like. It goes on from there.',
    action: 'retry',
  },
  'engine/local-state': {
    title: 'Cairn can’t use its own folder on this computer',
    safe: 'Nothing was changed in the backup.',
    advice: 'Allow your user to write there, or free some space.',
    action: 'retry',
  },
  'app/not-found': {
    title: 'That is not there any more',
    safe: SAFE_UNTOUCHED,
    advice: 'It was chosen or shown too long ago. Choose it again.',
    action: 'none',
  },
  'app/busy': {
    title: 'Cairn is open already',
    safe: SAFE_BACKUPS,
    advice: 'Use the window that is open, or close it first.',
    action: 'none',
  },
  'app/unavailable': {
    title: 'That can’t be done here',
    safe: SAFE_UNTOUCHED,
    advice: 'This computer, or this way of running Cairn, does not offer it.',
    action: 'none',
  },
  'engine/internal': {
    title: 'Something went wrong inside Cairn',
    safe: 'Existing backups are not affected.',
    advice: 'Try again. The log has the details.',
    action: 'retry',
  },
};
