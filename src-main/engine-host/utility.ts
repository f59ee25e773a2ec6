/**
 * The entry of the engine's own process in the desktop app (Electron's utilityProcess). It connects the service with
 * the line to the main process and ends on any defect: the supervisor in the main process then starts a new one, which
 * is safer than going on with a state that nobody understands.
 */
import { HostLink } from './host-link.ts';
import type { MessagePortLike } from './port.ts';
import { startService } from './service.ts';

const DEFECT_EXIT_STATUS = 70;

/** What went wrong goes to standard error, which the main process writes to the log; then the process ends. */
function fail(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${text}\n`, () => process.exit(DEFECT_EXIT_STATUS));
}

// Since Electron 37 an unhandled rejection in a utility process would only be a warning.
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

function clientPort(port: Electron.MessagePortMain): MessagePortLike {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => {
      port.on('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  };
}

const parent = process.parentPort;
const link = new HostLink({ send: (frame) => parent.postMessage(frame), exit: () => process.exit(0) }, startService);

parent.on('message', (event) => {
  const [port] = event.ports;
  link.receive(event.data, port === undefined ? undefined : clientPort(port)).catch(fail);
});
// A terminal or a service manager signals all processes of the app. Each way to the end closes what is open.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    link.receive({ type: 'close' }).catch(fail);
  });
}
await link.start();
