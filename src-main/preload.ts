/**
 * The bridge between the page and the app, the only code that both can reach. It gives the page one frozen object of
 * plain functions; neither Electron nor Node nor a port of theirs ever gets across.
 */
import { contextBridge, ipcRenderer } from 'electron';
import * as v from 'valibot';

import type { DesktopBridge, EnginePort } from '../src-shared/api/bridge.ts';
import {
  BRIDGE_CALLS,
  type BridgeCall,
  type CallArguments,
  type CallResult,
  LINES_BROKE_CHANNEL,
  PORT_CHANNEL,
  callReply,
  channelOf,
} from './app/policy/bridge-calls.ts';

/** The part of a page's MessagePort that is used: the types of a page are not those of this program. */
type PagePort = {
  readonly postMessage: (message: unknown) => void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  readonly addEventListener: (type: 'close', listener: () => void) => void;
  readonly close: () => void;
};
const pagePort = v.custom<PagePort>((value) => typeof value === 'object' && value !== null && 'postMessage' in value);

/** Connections that were asked for and whose port has not come yet. */
const expected = new Map<unknown, (port: PagePort) => void>();
/** What to do for each open line when the engine is gone. */
const openLines = new Set<() => void>();
let lastConnection = 0;

async function call<Call extends BridgeCall>(name: Call, ...args: CallArguments<Call>): Promise<CallResult<Call>> {
  const reply = v.parse(callReply, await ipcRenderer.invoke(channelOf(name), ...args));
  if (!reply.ok) throw new Error(reply.message);
  return v.parse(BRIDGE_CALLS[name].result, reply.value);
}

ipcRenderer.on(PORT_CHANNEL, (event, connection: unknown) => {
  expected.get(connection)?.(v.parse(pagePort, event.ports[0]));
  expected.delete(connection);
});

ipcRenderer.on(LINES_BROKE_CHANNEL, () => {
  for (const broke of openLines) broke();
});

function enginePort(port: PagePort): EnginePort {
  let tell: () => void = () => undefined;
  const ended = (): void => {
    if (openLines.delete(ended)) tell();
  };
  openLines.add(ended);
  port.addEventListener('close', ended);
  return {
    post: (message) => port.postMessage(message),
    // Setting the handler starts the port; until then it keeps what arrives.
    onMessage: (listener) => {
      port.onmessage = (event) => listener(event.data);
    },
    onClose: (listener) => {
      tell = listener;
      if (!openLines.has(ended)) listener();
    },
    close: () => {
      port.close();
      ended();
    },
  };
}

async function connect(): Promise<EnginePort> {
  const connection = ++lastConnection;
  const arrival = new Promise<PagePort>((resolve) => expected.set(connection, resolve));
  try {
    await call('connect', connection);
  } catch (error) {
    expected.delete(connection);
    throw error;
  }
  return enginePort(await arrival);
}

const bridge: DesktopBridge = {
  connect,
  chooseFolder: (purpose) => call('chooseFolder', purpose),
  showFolder: async (handle) => {
    await call('showFolder', handle);
  },
  openLink: async (url) => {
    await call('openLink', url);
  },
  copyText: async (text) => {
    await call('copyText', text);
  },
  settings: () => call('settings'),
  changeSettings: (change) => call('changeSettings', change),
};

contextBridge.exposeInMainWorld('cairn', bridge);
