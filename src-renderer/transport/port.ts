/** The line inside the desktop app: the preload's bridge hands over one end of a port, the engine holds the other. */
import type { DesktopBridge } from '../../src-shared/api/bridge.ts';
import type { Line, Transport } from '../api.ts';

/** What the window uses of the bridge; the rest of it is reached through commands. */
export type CairnBridge = Pick<DesktopBridge, 'connect' | 'copyText'>;

declare global {
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- only an interface adds to the browser's
  interface Window {
    readonly cairn?: CairnBridge;
  }
}

export function portTransport(bridge: CairnBridge): Transport {
  return {
    open: async (handlers) => {
      const port = await bridge.connect();
      port.onClose(() => handlers.ended('lost'));
      port.onMessage((message) => handlers.message(message));
      const line: Line = { send: (message) => port.post(message), close: () => port.close() };
      return line;
    },
  };
}
