/**
 * Runs in the page before the window's own code: puts the scripted engine where the preload would put its bridge. Which
 * scenario it plays is asked of the page's address, so that a reload plays it again.
 */
import type { CairnBridge, PortLike } from '../../../src-renderer/transport/port.ts';
import type { Settings } from '../../../src-shared/model/index.ts';
import { SCENARIOS, type Scenario } from './scripted-data.ts';
import { ScriptedEngine } from './scripted-engine.ts';

declare global {
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- only an interface adds to the browser's
  interface Window {
    scripted: { readonly engine: ScriptedEngine; readonly drop: () => void; refuse: boolean };
  }
}

const query = new URLSearchParams(location.search);
const wanted = query.get('scenario');
const scenario: Scenario = SCENARIOS.find((name) => name === wanted) ?? 'healthy';
const theme: Settings['theme'] = query.get('theme') === 'dark' ? 'dark' : 'light';

let connected: { readonly port: MessagePort; readonly close: () => void } | null = null;

const bridge: CairnBridge = {
  connect: () => {
    if (window.scripted.refuse) return Promise.reject(new Error('the engine is not there'));
    const { port1, port2 } = new MessageChannel();
    // As the preload does: a port that went silent says so.
    const bridged: PortLike = port2;
    connected = { port: port1, close: () => bridged.onclose?.() };
    port1.onmessage = (event: MessageEvent<unknown>) => window.scripted.engine.receive(event.data);
    queueMicrotask(() => window.scripted.engine.hello());
    return port2;
  },
};

window.scripted = {
  engine: new ScriptedEngine(scenario, theme, (message) => connected?.port.postMessage(message)),
  drop: () => {
    const line = connected;
    connected = null;
    line?.close();
  },
  refuse: false,
};
Object.defineProperty(window, 'cairn', { value: bridge });
localStorage.setItem('cairn.theme', theme);
