/** The frame around the screens: rail, connection, palette, keys, folder picker, secrets, copying. */
import type { DestinationProbe, DestinationState } from '../../src-shared/model/index.ts';
import type { Screen } from '../../src-shared/api/contract.ts';
import type { Tone } from './verdict.ts';

export const connection = {
  connecting: 'Starting Cairn',
  lost: 'The connection to Cairn was lost',
  lostDetail: 'A backup that is running goes on by itself. This window connects again on its own.',
  retryNow: 'Connect now',
  over: 'This session has ended',
  overDetail: 'Open the link that “cairn serve” prints to go on. Running jobs were not affected.',
  mismatch: 'This window is older than the engine',
  mismatchDetail: 'Reload it to go on. If that does not help, start Cairn again.',
  reload: 'Reload',
  callLost: 'The connection was lost before Cairn answered.',
  callLostHint: 'What was begun goes on by itself. Look at Activity before you try again.',
  unclearReply: 'Cairn answered in a way this window does not understand.',
} as const;

export const SCREEN_NAMES: Readonly<Record<Screen, string>> = {
  overview: 'Overview',
  restore: 'Restore',
  integrity: 'Integrity',
  destinations: 'Destinations',
  activity: 'Activity',
  settings: 'Settings',
};

export const DESTINATION_STATES: Readonly<Record<DestinationState, { readonly tone: Tone; readonly name: string }>> = {
  ready: { tone: 'good', name: 'Connected' },
  locked: { tone: 'attention', name: 'Locked' },
  away: { tone: 'away', name: 'Not connected' },
  other: { tone: 'bad', name: 'Another backup is there' },
  unusable: { tone: 'bad', name: 'Can’t be opened' },
};

export const PROBE_WORDS: Readonly<Record<DestinationProbe['state'], { readonly ok: boolean; readonly text: string }>> =
  {
    free: { ok: true, text: 'Ready to use' },
    repository: { ok: false, text: 'A Cairn backup is here already. Open it with “I already have a backup”.' },
    occupied: { ok: false, text: 'Other files are in the way here. Choose an empty folder or a new one.' },
    'read-only': { ok: false, text: 'This drive can’t be written to.' },
    denied: { ok: false, text: 'Cairn may not write here.' },
    'inside-source': { ok: false, text: 'This lies inside a folder you protect. Choose a place outside of it.' },
  };

export const shell = {
  appName: 'Cairn',
  navigation: 'Screens',
  skip: 'Skip to the content',
  palette: 'Search actions',
  paletteHint: 'Type what you want to do',
  paletteEmpty: 'No action of this name.',
  paletteGroups: { go: 'Go to', act: 'Do', look: 'Look' },
  keys: 'Keyboard shortcuts',
  close: 'Close',
  cancel: 'Cancel',
  loading: 'Loading',
  tryAgain: 'Try again',
  copy: 'Copy',
  copied: 'Copied',
  copyFailed: 'Copying is not allowed here. Select the text instead.',
  cliTitle: 'The same on the command line',
  showWorkings: 'Technical details',
  version: (version: string) => `Cairn ${version}`,
} as const;

export const keyWords = {
  everywhere: 'Everywhere',
  inLists: 'In lists of files',
  rows: {
    palette: 'Search actions',
    search: 'Search all snapshots',
    screens: 'Go to a screen',
    help: 'Show this list',
    backup: 'Back up now',
    close: 'Close a dialog or a selection',
    move: 'Move through the rows',
    open: 'Open the folder, or preview the file',
    up: 'Go to the folder above',
    select: 'Select or unselect a row',
    range: 'Extend the selection',
    all: 'Select all',
    filter: 'Find in this folder',
    restore: 'Restore what is selected',
  },
} as const;

export const folders = {
  title: {
    source: 'Choose a folder to protect',
    destination: 'Choose where to keep the backup',
    target: 'Choose where to restore to',
  },
  use: (name: string) => `Use “${name}”`,
  up: 'Folder above',
  newFolder: 'New folder',
  newFolderName: 'Name of the new folder',
  create: 'Create',
  empty: 'No folders in here.',
  truncated: 'Only the first folders are shown.',
  hidden: 'Show hidden folders',
  drives: 'Drives',
  home: 'Home',
} as const;

export const secrets = {
  password: 'Password',
  newPassword: 'New password',
  repeat: 'Repeat the password',
  show: 'Show the password',
  hide: 'Hide the password',
  mismatch: 'The two passwords differ.',
  recoveryKey: 'Recovery key',
  usePassword: 'Use the password instead',
  useRecovery: 'Use the recovery key instead',
  remember: 'Remember it in this computer’s keychain',
  keychainWeak: 'This computer has no safe keychain, so Cairn asks again after a restart.',
  unlock: 'Unlock',
  unlockTitle: (name: string) => `${name} is locked`,
  unlockDetail: 'Enter the password to back up to it and restore from it. Your snapshots are as you left them.',
  againTitle: (name: string) => `The password of ${name}, once more`,
  againDetail:
    'This page has been open for a while. Before files go to a new place or a key is changed, Cairn makes sure that it is you.',
  goOn: 'Go on',
  strength: ['Easily guessed', 'Weak', 'Fair', 'Good', 'Strong'] as const,
  strengthOf: (name: string) => `Strength: ${name}`,
  strengthHint: 'Four or five unrelated words make a password you can remember and nobody can guess.',
} as const;

export const recovery = {
  title: 'Your recovery key',
  lead: 'If you forget the password, this key is the only other way to your files. Nobody can make a new one without opening the backup first, and it is shown only now.',
  running: 'The first backup is already running. Take your time.',
  print: 'Print',
  save: 'Save as text',
  copy: 'Copy',
  confirm: 'I have printed it or written it down, and it lies in a safe place',
  done: 'Done',
  leaveText: 'You can make a new recovery key in Settings as long as you know the password.',
  leaveYes: 'Close anyway',
  sheetTitle: 'Cairn recovery sheet',
  sheetFor: 'Opens the backup',
  sheetPlace: 'Kept in',
  sheetMade: 'Made',
  sheetHow:
    'To use it: connect the drive, open Cairn on any computer, choose “I already have a backup”, and type this key in place of the password. Small and capital letters and spaces do not matter.',
  sheetWarn: 'Whoever has this sheet and the drive can read the backup. Keep the two apart.',
  fileName: 'cairn-recovery-key.txt',
} as const;

export const confirmWords = {
  removeSetTitle: (name: string) => `Stop protecting “${name}”?`,
  removeSetText:
    'Cairn forgets this backup set on this computer. The backup on the drive stays as it is, and you can open it again at any time.',
  removeSetYes: 'Stop protecting',
  removeKeyTitle: 'Remove this key?',
  removeKeyText: 'It will no longer open the backup. Other passwords and recovery keys go on working.',
  removeKeyYes: 'Remove key',
  lockTitle: (name: string) => `Lock ${name}?`,
  lockText: 'Cairn forgets the password until you enter it again. It can’t back up meanwhile.',
  lockYes: 'Lock',
} as const;
