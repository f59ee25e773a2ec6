/** The system's folder dialog: the only way by which a path enters the app from its window. */
import { type BrowserWindow, dialog, shell } from 'electron';

import { assertNever } from '../../src-shared/assert.ts';
import type { ChosenFolder, FolderPurpose } from '../../src-shared/api/bridge.ts';
import type { FolderHandles } from './policy/folder-handles.ts';

type DialogWords = { readonly title: string; readonly buttonLabel: string };

function dialogWords(purpose: FolderPurpose): DialogWords {
  switch (purpose) {
    case 'source':
      return { title: 'Choose a folder to protect', buttonLabel: 'Protect this folder' };
    case 'destination':
      return { title: 'Choose where backups are kept', buttonLabel: 'Keep backups here' };
    case 'restore':
      return { title: 'Choose where to restore to', buttonLabel: 'Restore here' };
    default:
      return assertNever(purpose);
  }
}

export class Folders {
  readonly #handles: FolderHandles;
  readonly #onChosen: (handle: string, path: string) => void;

  constructor(handles: FolderHandles, onChosen: (handle: string, path: string) => void) {
    this.#handles = handles;
    this.#onChosen = onChosen;
  }

  async choose(window: BrowserWindow | undefined, purpose: FolderPurpose): Promise<ChosenFolder | null> {
    const options: Electron.OpenDialogOptions = {
      ...dialogWords(purpose),
      properties: ['openDirectory', 'createDirectory', 'showHiddenFiles'],
    };
    const answer = await (window === undefined
      ? dialog.showOpenDialog(options)
      : dialog.showOpenDialog(window, options));
    const [path] = answer.filePaths;
    if (answer.canceled || path === undefined) return null;
    const handle = this.#handles.add(path);
    this.#onChosen(handle, path);
    return { handle, path };
  }

  async show(handle: string): Promise<void> {
    const path = this.#handles.path(handle);
    if (path === undefined) throw new Error('This folder was not chosen in this run of the app.');
    const trouble = await shell.openPath(path);
    if (trouble !== '') throw new Error(trouble);
  }
}
