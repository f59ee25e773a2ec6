/** What each call of the bridge does. Who may call, and with what, was checked before (ipc.ts). */
import { clipboard } from 'electron';

import type { EngineProcess } from './engine-process.ts';
import type { CallHandlers } from './ipc.ts';
import { PORT_CHANNEL } from './policy/bridge-calls.ts';

export function bridgeHandlers(engine: EngineProcess): CallHandlers {
  return {
    connect: async (event, connection) => {
      const port = await engine.connect();
      if (event.sender.isDestroyed()) port.close();
      else event.sender.postMessage(PORT_CHANNEL, connection, [port]);
      return null;
    },
    copyText: async (_event, text) => {
      await clipboard.writeText(text);
      return null;
    },
  };
}
