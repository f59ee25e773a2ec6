/**
 * The headless host: the same service and the same page as the desktop app, for a browser on this computer. It listens on
 * the loopback interface only, and there is no way to make it listen elsewhere.
 */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WEB_TOKEN_KEY } from '../../src-shared/api/web.ts';
import { CairnError } from '../../src-shared/errors.ts';
import { type Log, systemClock, systemRandom } from '../engine/kernel/index.ts';
import { readPageFiles } from './headless-files.ts';
import { type MetricsRoute, REQUESTS_A_SECOND_MAX, Requests } from './headless-requests.ts';
import { Sessions } from './headless-sessions.ts';
import { Sockets } from './headless-socket.ts';
import { readMetricsToken } from './metrics-token.ts';
import type { EngineHost } from './port.ts';
import { prometheusText } from './prometheus.ts';
import { type OpenService, type ServiceOptions, openService } from './service.ts';

const IPV4 = '127.0.0.1';
const IPV6 = '::1';
const CONNECTIONS_MAX = 64;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 5000;
const HEADER_BYTES_MAX = 16 * 1024;
/** Sockets have so long to say goodbye. */
const GOODBYE_MS = 500;

export type HeadlessOptions = Pick<ServiceOptions, 'home' | 'log' | 'userHome' | 'kdfCost' | 'every'> & {
  /** 0: any free one. */
  readonly port: number;
  readonly ipv6: boolean;
  /** Where the page was built to. */
  readonly pageFolder: string;
  /** Holds what a scraper has to show for the figures; without it nobody can read them. */
  readonly metricsTokenFile?: string;
  /** Changed by tests only. */
  readonly requestsASecondMax?: number;
};

export type Headless = {
  readonly service: OpenService;
  /** Without a token: safe to show anywhere. */
  readonly address: string;
  /** A link that opens the page once, within some minutes. */
  readonly link: () => string;
  readonly close: () => Promise<void>;
};

/** @throws CairnError app/unavailable, app/busy, engine/local-state */
export async function startHeadless(options: HeadlessOptions): Promise<Headless> {
  const files = await readPageFiles(options.pageFolder);
  const isAllowed =
    options.metricsTokenFile === undefined ? undefined : await readMetricsToken(options.metricsTokenFile);
  const service = await openService({ ...options, host: headlessHost(options.log), confined: true });
  try {
    const sessions = new Sessions(systemClock, systemRandom);
    const servers = await listen(options.port, options.ipv6);
    const port = portNumberOf(servers[0]);
    const hosts = new Set([`${IPV4}:${port}`, `localhost:${port}`, ...(options.ipv6 ? [`[${IPV6}]:${port}`] : [])]);
    const aSecondMax = options.requestsASecondMax ?? REQUESTS_A_SECOND_MAX;
    const cookieName = `cairn-${port}`;
    const metrics: MetricsRoute | undefined = isAllowed && {
      isAllowed,
      text: async () => prometheusText(await service.metrics()),
    };
    const requests = new Requests({ hosts, cookieName, files, sessions, clock: systemClock, aSecondMax, metrics });
    const sockets = new Sockets({ requests, sessions, clock: systemClock, serve: service.serveConnection });
    for (const server of servers) serveOn(server, requests, sockets, options.log);
    const address = `http://${IPV4}:${port}/`;
    await service.lock.announce(address);
    return {
      service,
      address,
      link: () => `${address}#${WEB_TOKEN_KEY}=${sessions.makeToken()}`,
      close: async () => {
        const closed = Promise.all(servers.map(closeServer));
        await service.close();
        sockets.close();
        setTimeout(() => sockets.terminate(), GOODBYE_MS).unref();
        sessions.endAll();
        await closed;
      },
    };
  } catch (error) {
    await service.close();
    throw error;
  }
}

function serveOn(server: Server, requests: Requests, sockets: Sockets, log: Log): void {
  server.on('request', (request, response) => {
    requests.answer(request, response).catch((error: unknown) => {
      // Most often the other side went away in the middle of its request.
      log('warn', 'a request could not be answered', { error });
      response.destroy();
    });
  });
  server.on('upgrade', (request, socket, head) => sockets.upgrade(request, socket, head));
  // What is no HTTP at all gets no answer: there is nothing to say to it.
  server.on('clientError', (_error, socket) => socket.destroy());
}

async function listen(port: number, ipv6: boolean): Promise<readonly [Server, ...Server[]]> {
  const first = await listenOn(IPV4, port);
  return ipv6 ? [first, await listenOn(IPV6, portNumberOf(first))] : [first];
}

function listenOn(host: string, port: number): Promise<Server> {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1000,
  });
  server.maxConnections = CONNECTIONS_MAX;
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(port, error)));
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

function listenError(port: number, error: Error): CairnError {
  const errno = 'code' in error ? String(error.code) : 'unknown';
  const isTaken = errno === 'EADDRINUSE';
  return new CairnError('app/busy', isTaken ? `Port ${port} is in use.` : `Port ${port} can’t be used (${errno}).`, {
    hint: 'Nothing was changed. Choose another one with --port, or leave it out.',
    cause: error,
  });
}

function portNumberOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string')
    throw new CairnError('engine/internal', 'The server has no port.');
  return address.port;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), GOODBYE_MS).unref();
  });
}

/** A browser is no desktop: folders are browsed in the page, and passwords are typed. */
function headlessHost(log: Log): EngineHost {
  return {
    abilities: { host: 'headless', keychain: 'none', tray: false },
    secrets: undefined,
    onPower: () => undefined,
    showStatus: () => undefined,
    notify: ({ title, body }) => log('info', title, { body }),
  };
}
