/**
 * The line of a page that `cairn serve` gave out: web.ts of the contract says how a session begins, how messages are
 * framed and when it is over. The token of the address is used once and taken out of the address before anything else.
 */
import { decode, encode } from '@msgpack/msgpack';
import {
  WEB_CLOSE,
  WEB_CSRF_PROTOCOL_PREFIX,
  WEB_PROTOCOL,
  WEB_SESSION_PATH,
  WEB_SOCKET_PATH,
  WEB_TOKEN_KEY,
  WEB_TOKEN_SHAPE,
} from '../../src-shared/api/web.ts';
import { type Line, type LineHandlers, SessionOverError, type Transport } from '../api.ts';

const UNAUTHORIZED = 401;

export function socketTransport(): Transport {
  let token = takeToken();
  return {
    open: async (handlers) => {
      const csrf = await beginSession(token);
      token = null;
      return openSocket(csrf, handlers);
    },
  };
}

function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get(WEB_TOKEN_KEY);
  if (token === null) return null;
  history.replaceState(null, '', '/');
  return WEB_TOKEN_SHAPE.test(token) ? token : null;
}

async function beginSession(token: string | null): Promise<string> {
  const response = await fetch(WEB_SESSION_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  if (response.status === UNAUTHORIZED) throw new SessionOverError('The session is over.');
  if (!response.ok) throw new Error(`The session could not be begun (${response.status}).`);
  const reply: unknown = await response.json();
  const csrf = typeof reply === 'object' && reply !== null && 'csrf' in reply ? reply.csrf : undefined;
  if (typeof csrf !== 'string' || !WEB_TOKEN_SHAPE.test(csrf)) throw new Error('The session’s reply is not one.');
  return csrf;
}

function openSocket(csrf: string, handlers: LineHandlers): Promise<Line> {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = new WebSocket(`${scheme}://${location.host}${WEB_SOCKET_PATH}`, [
    WEB_PROTOCOL,
    `${WEB_CSRF_PROTOCOL_PREFIX}${csrf}`,
  ]);
  socket.binaryType = 'arraybuffer';
  const { promise, resolve, reject } = Promise.withResolvers<Line>();
  let closing = false;
  socket.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (event.data instanceof ArrayBuffer) handlers.message(decode(new Uint8Array(event.data)));
  });
  socket.addEventListener('open', () => {
    resolve({
      send: (message) => socket.send(encode(message, { ignoreUndefined: true })),
      close: () => {
        closing = true;
        socket.close();
      },
    });
  });
  socket.addEventListener('close', (event) => {
    if (closing) return;
    const isOver = event.code === WEB_CLOSE.sessionOver;
    reject(isOver ? new SessionOverError('The session is over.') : new Error('The connection was closed.'));
    handlers.ended(isOver ? 'over' : 'lost');
  });
  return promise;
}
