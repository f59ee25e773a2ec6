/**
 * How a page talks to `cairn serve`: the contract of contract.ts over one WebSocket on the loopback interface.
 *
 *   1. The person opens http://127.0.0.1:PORT/#token=TOKEN. A fragment is never sent to a server or written in its log.
 *      The page takes the token out of the address at once: history.replaceState(null, '', '/').
 *   2. POST /session with {"token": TOKEN}. The token works once, and for a few minutes only. The reply is
 *      {"csrf": CSRF}, and a cookie that scripts can't read and that no other site's request carries.
 *      After a reload there is no token: {"token": null} with the cookie gives the same CSRF text again. The page keeps
 *      it in memory only. 401: the session is over or never was; the person has to open a new link.
 *   3. new WebSocket(`ws://${location.host}/socket`, [WEB_PROTOCOL, `${WEB_CSRF_PROTOCOL_PREFIX}${csrf}`]), with
 *      binaryType 'arraybuffer'. The server answers with WEB_PROTOCOL, and its first message is `hello`.
 *   4. Every message is one binary frame: MessagePack (@msgpack/msgpack: encode(value, {ignoreUndefined: true}) and
 *      decode(bytes) with no further options) of a CallMessage to the server and of a ServerMessage to the page. Bytes of
 *      a preview arrive as Uint8Array. Text frames end the connection.
 *   5. When the socket closes without being asked to, the page tries again after WEB_RETRY_MS and twice as long each time
 *      up to WEB_RETRY_MS_MAX, beginning with step 2 and {"token": null}, then asks for what it shows once more. Calls that
 *      had no reply fail with engine/internal; the page doesn't send them again by itself. With WEB_CLOSE.sessionOver
 *      it doesn't try again.
 *
 * Every request has to name this server in Host and, unless it is a GET of a file, in Origin; a POST is JSON and beside
 * the cookie carries the CSRF text in WEB_CSRF_HEADER where it has it (POST /session is how it gets it).
 */

/** Of the fragment in the first address: `#token=…`. */
export const WEB_TOKEN_KEY = 'token';
/** Random bytes as base64url without padding: 32 bytes, 43 characters, as is the CSRF text. */
export const WEB_TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/;

/** POST: {token} → {csrf}. */
export const WEB_SESSION_PATH = '/session';
/** POST {}, with WEB_CSRF_HEADER: ends the session and closes its sockets. */
export const WEB_SESSION_END_PATH = '/session/end';
/** GET, upgraded to a WebSocket. */
export const WEB_SOCKET_PATH = '/socket';

export const WEB_CSRF_HEADER = 'x-cairn-csrf';
/** Subprotocols of the WebSocket: a page can't set a header there. */
export const WEB_PROTOCOL = 'cairn.1';
export const WEB_CSRF_PROTOCOL_PREFIX = 'cairn.csrf.';

export type WebSessionReply = { readonly csrf: string };
/** What every refused request gets as JSON: no more than that. */
export type WebRefusal = { readonly error: string };

/** A frame from the page; larger ones end the connection. A reply may be as large as the largest preview. */
export const WEB_FRAME_BYTES_MAX = 4 * 1024 * 1024;

export const WEB_RETRY_MS = 500;
export const WEB_RETRY_MS_MAX = 15_000;

/** Why the server closed a socket, besides the standard's own codes. */
export const WEB_CLOSE = {
  /** `cairn serve` ends in good order. */
  goingAway: 1001,
  /** The page sent something that is no message of the contract. */
  badMessage: 1007,
  tooLarge: 1009,
  /** The session was ended or has expired: open a new link. */
  sessionOver: 4401,
  /** The page did not read what it was sent. It may connect again. */
  tooSlow: 4408,
  /** It sent calls without waiting for their replies. */
  tooManyCalls: 4429,
} as const;
