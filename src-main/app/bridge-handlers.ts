/** What each call of the bridge does. Who may call, and with what, was checked before (ipc.ts). */
import { type BrowserWindow, clipboard } from 'electron';

import type { EngineProcess } from './engine-process.ts';
import type { Folders } from './folders.ts';
import type { CallHandlers } from './ipc.ts';
import { openLink } from './lockdown.ts';
import { PORT_CHANNEL } from './policy/bridge-calls.ts';
import { changeSettings, readSettings } from './settings.ts';
import type { ShellMemory } from './shell-memory.ts';

export type BridgeParts = {
  readonly engine: EngineProcess;
  readonly folders: Folders;
  readonly memory: ShellMemory;
  readonly window: () => BrowserWindow | undefined;
};

export function bridgeHandlers({ engine, folders, memory, window }: BridgeParts): CallHandlers {
  const nothing = async (work: Promise<void>): Promise<null> => {
    await work;
    return null;
  };
  return {
    connect: async (event, connection) => {
      const port = await engine.connect();
      if (event.sender.isDestroyed()) port.close();
      else event.sender.postMessage(PORT_CHANNEL, connection, [port]);
      return null;
    },
    chooseFolder: (_event, purpose) => folders.choose(window(), purpose),
    showFolder: (_event, handle) => nothing(folders.show(handle)),
    openLink: (_event, url) => nothing(openLink(url)),
    copyText: (_event, text) => nothing(clipboard.writeText(text)),
    settings: () => readSettings(memory),
    changeSettings: (_event, change) => changeSettings(memory, change),
  };
}
