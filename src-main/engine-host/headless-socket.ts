/**
 * The WebSocket of a page, as a line to the service: MessagePack in binary frames, a ping now and then, and an end for
 * whoever sends too much, sends what is no message, or does not read.
 */
import { decode, encode } from '@msgpack/msgpack';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { parseCall } from '../../src-shared/api/index.ts';
import { WEB_CLOSE, WEB_CSRF_PROTOCOL_PREFIX, WEB_FRAME_BYTES_MAX, WEB_PROTOCOL } from '../../src-shared/api/web.ts';
import type { Clock } from '../engine/kernel/index.ts';
import type { Requests } from './headless-requests.ts';
import type { Session, Sessions } from './headless-sessions.ts';
import type { MessagePortLike } from './port.ts';

const SOCKETS_MAX = 16;
const PROTOCOLS_HEADER_MAX = 512;
const PING_EVERY_MS = 20_000;
const MESSAGES_A_SECOND_MAX = 200;
/** Beyond this events wait, the newest of each only. */
const WAITING_BYTES_FULL = 1024 * 1024;
/** Replies are not held back, but a page that lets so much pile up is gone. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
const LENGTHS = {
  maxStrLength: WEB_FRAME_BYTES_MAX,
  maxBinLength: 1024,
  maxArrayLength: 10_000,
  maxMapLength: 1000,
  maxExtLength: 0,
} as const;

export type SocketsOptions = {
  readonly requests: Requests;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly serve: (port: MessagePortLike) => void;
};

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: WEB_FRAME_BYTES_MAX,
    perMessageDeflate: false,
    handleProtocols: () => WEB_PROTOCOL,
  });
  readonly #open = new Set<WebSocket>();

  constructor(options: SocketsOptions) {
    this.#options = options;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const admitted = this.#options.requests.admit(request, csrfOf(request));
    if ('status' in admitted) return refuseUpgrade(socket, admitted.status);
    if (!hasProtocol(request)) return refuseUpgrade(socket, 400);
    if (this.#open.size >= SOCKETS_MAX) return refuseUpgrade(socket, 503);
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#begin(webSocket, admitted));
  }

  close(): void {
    for (const socket of this.#open) socket.close(WEB_CLOSE.goingAway);
    this.#server.close();
  }

  /** What has not said goodbye by now is cut off. */
  terminate(): void {
    for (const socket of this.#open) socket.terminate();
  }

  #begin(socket: WebSocket, session: Session): void {
    const end = (): void => socket.close(WEB_CLOSE.sessionOver);
    let isAlive = true;
    const ping = setInterval(() => {
      if (!isAlive) return socket.terminate();
      isAlive = false;
      socket.ping();
    }, PING_EVERY_MS);
    ping.unref();
    socket.on('pong', () => {
      isAlive = true;
      this.#options.sessions.touch(session);
    });
    // Wrong frames and lost connections: the socket closes by itself.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(ping);
      session.onEnd.delete(end);
      this.#open.delete(socket);
    });
    this.#open.add(socket);
    session.onEnd.add(end);
    this.#options.serve({ ...portOf(socket, this.#options.clock), proofs: session.proofs });
  }
}

function protocolsOf(request: IncomingMessage): readonly string[] {
  const text = request.headers['sec-websocket-protocol'] ?? '';
  return text.length > PROTOCOLS_HEADER_MAX ? [] : text.split(',').map((name) => name.trim());
}

function hasProtocol(request: IncomingMessage): boolean {
  return protocolsOf(request).includes(WEB_PROTOCOL);
}

function csrfOf(request: IncomingMessage): string | undefined {
  const found = protocolsOf(request).find((name) => name.startsWith(WEB_CSRF_PROTOCOL_PREFIX));
  return found?.slice(WEB_CSRF_PROTOCOL_PREFIX.length);
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function portOf(socket: WebSocket, clock: Clock): MessagePortLike {
  const pace = new Pace(clock);
  let onFree: () => void = () => undefined;
  const isFull = (): boolean => socket.bufferedAmount > WAITING_BYTES_FULL;
  return {
    post: (message) => {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(encode(message, { ignoreUndefined: true }), () => {
        if (!isFull()) onFree();
      });
      if (socket.bufferedAmount > WAITING_BYTES_MAX) socket.close(WEB_CLOSE.tooSlow);
    },
    onMessage: (listener) => {
      socket.on('message', (data, isBinary) => {
        if (!pace.take()) return socket.close(WEB_CLOSE.tooManyCalls);
        const message = isBinary ? messageOf(data) : undefined;
        if (message === undefined) return socket.close(WEB_CLOSE.badMessage);
        listener(message);
      });
    },
    onClose: (listener) => void socket.on('close', listener),
    close: () => socket.close(WEB_CLOSE.goingAway),
    isFull,
    onFree: (listener) => {
      onFree = listener;
    },
  };
}

/** A call of the contract, or undefined for anything else. */
function messageOf(data: unknown): unknown {
  if (!Buffer.isBuffer(data)) return undefined;
  try {
    return parseCall(decode(data, LENGTHS));
  } catch {
    return undefined;
  }
}

/** So many messages a second. */
class Pace {
  readonly #clock: Clock;
  #second = 0;
  #inSecond = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(): boolean {
    const second = Math.floor(this.#clock.monotonicMs() / 1000);
    if (second !== this.#second) this.#inSecond = 0;
    this.#second = second;
    this.#inSecond++;
    return this.#inSecond <= MESSAGES_A_SECOND_MAX;
  }
}
