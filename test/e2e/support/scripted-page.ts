/**
 * Runs in the page before the window's own code: puts the scripted engine where the preload would put its bridge. Which
 * scenario it plays is asked of the page's address, so that a reload plays it again.
 */
import type { DesktopBridge, EnginePort } from '../../../src-shared/api/bridge.ts';
import type { Settings } from '../../../src-shared/model/index.ts';
import { SCENARIOS, type Scenario } from './scripted-data.ts';
import { ScriptedEngine } from './scripted-engine.ts';

declare global {
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- only an interface adds to the browser's
  interface Window {
    scripted: {
      readonly engine: ScriptedEngine;
      readonly drop: () => void;
      refuse: boolean;
      readonly copied: string[];
    };
  }
}

const query = new URLSearchParams(location.search);
const wanted = query.get('scenario');
const scenario: Scenario = SCENARIOS.find((name) => name === wanted) ?? 'healthy';
const theme: Settings['theme'] = (['dark', 'system'] as const).find((one) => one === query.get('theme')) ?? 'light';

type End = { readonly port: MessagePort; readonly broke: () => void };
let connected: End | null = null;

function connect(): Promise<EnginePort> {
  if (window.scripted.refuse) return Promise.reject(new Error('the engine is not there'));
  const { port1, port2 } = new MessageChannel();
  let broke: () => void = () => undefined;
  port1.onmessage = (event: MessageEvent<unknown>) => window.scripted.engine.receive(event.data);
  connected = { port: port1, broke: () => broke() };
  queueMicrotask(() => window.scripted.engine.hello());
  return Promise.resolve({
    post: (message) => port2.postMessage(message),
    onMessage: (listener) => {
      port2.onmessage = (event: MessageEvent<unknown>) => listener(event.data);
    },
    onClose: (listener) => (broke = listener),
    close: () => port2.close(),
  });
}

const bridge: Pick<DesktopBridge, 'connect' | 'copyText'> = {
  connect,
  copyText: (text) => {
    window.scripted.copied.push(text);
    return Promise.resolve();
  },
};

window.scripted = {
  engine: new ScriptedEngine(scenario, theme, (message) => connected?.port.postMessage(message)),
  drop: () => {
    const end = connected;
    connected = null;
    end?.broke();
  },
  refuse: false,
  copied: [],
};
Object.defineProperty(window, 'cairn', { value: bridge });
localStorage.setItem('cairn.theme', theme);
