/**
 * The engine's service: what a connected client can ask for. It greets a client, so that the page knows that the engine
 * is there and which version answers.
 */
import packageFile from '../../package.json' with { type: 'json' };
import type { StartService } from './port.ts';

export const startService: StartService = () =>
  Promise.resolve({
    serveConnection: (port) => port.post({ type: 'hello', version: packageFile.version }),
    activities: () => [],
    close: () => Promise.resolve(),
  });
