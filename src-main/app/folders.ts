/** The system's folder dialog, and its file manager. The engine asks for both; no path ever comes from the page. */
import { type BrowserWindow, dialog, shell } from 'electron';

import { assertNever } from '../../src-shared/assert.ts';
import type { FolderPurpose } from '../engine-host/port.ts';

type DialogWords = { readonly title: string; readonly buttonLabel: string };

function dialogWords(purpose: FolderPurpose): DialogWords {
  switch (purpose) {
    case 'source':
      return { title: 'Choose a folder to protect', buttonLabel: 'Protect this folder' };
    case 'destination':
      return { title: 'Choose where backups are kept', buttonLabel: 'Keep backups here' };
    case 'target':
      return { title: 'Choose where to restore to', buttonLabel: 'Restore here' };
    default:
      return assertNever(purpose);
  }
}

/** Undefined when it was closed without a choice. */
export async function chooseFolder(
  window: BrowserWindow | undefined,
  purpose: FolderPurpose,
): Promise<string | undefined> {
  const options: Electron.OpenDialogOptions = {
    ...dialogWords(purpose),
    properties: ['openDirectory', 'createDirectory', 'showHiddenFiles'],
  };
  const answer = await (window === undefined ? dialog.showOpenDialog(options) : dialog.showOpenDialog(window, options));
  return answer.canceled ? undefined : answer.filePaths[0];
}

/** @throws Error with what the system said */
export async function revealFolder(path: string): Promise<void> {
  const trouble = await shell.openPath(path);
  if (trouble !== '') throw new Error(trouble);
}
