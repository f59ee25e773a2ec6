/** The line inside the desktop app: the preload hands over one end of a MessagePort, the engine holds the other. */
import type { Line, Transport } from '../api.ts';

/** As much of a MessagePort as the preload gives. */
export type PortLike = {
  postMessage: (message: unknown) => void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose?: (() => void) | null;
  start?: () => void;
  close?: () => void;
};

export type CairnBridge = { readonly connect: () => PortLike | Promise<PortLike> };

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
      port.onmessage = (event) => handlers.message(event.data);
      port.onclose = () => handlers.ended('lost');
      port.start?.();
      const line: Line = {
        send: (message) => port.postMessage(message),
        close: () => {
          port.onmessage = null;
          port.onclose = null;
          port.close?.();
        },
      };
      return line;
    },
  };
}
