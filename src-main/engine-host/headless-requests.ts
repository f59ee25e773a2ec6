/**
 * Every HTTP request of the headless server, in this order: is it for us (Host), from us (Origin), not too many, a route
 * we have, small enough, with a session. The first “no” is the answer, in one word and without a reason that would help
 * anybody but a person who reads the source. Nothing changes on a GET; no answer carries a CORS header.
 *
 * The figures at /metrics are for a program that has no session: it shows the token of a file that the person named, and
 * without such a file the route is not there. No page can: a browser sends that header to no other site's address without
 * asking first, and asking is refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as v from 'valibot';
import {
  WEB_CSRF_HEADER,
  WEB_SESSION_END_PATH,
  WEB_SESSION_PATH,
  WEB_SOCKET_PATH,
  type WebRefusal,
  type WebSessionReply,
} from '../../src-shared/api/web.ts';
import type { Clock } from '../engine/kernel/index.ts';
import type { PageFiles } from './headless-files.ts';
import type { TokenCheck } from './metrics-token.ts';
import { PAGE_HEADERS } from './page-files.ts';
import { PROMETHEUS_TYPE } from './prometheus.ts';
import type { Session, Sessions } from './headless-sessions.ts';

const TARGET_CHARACTERS_MAX = 2048;
const BODY_BYTES_MAX = 4096;
export const REQUESTS_A_SECOND_MAX = 200;

const sessionInput = v.strictObject({ token: v.nullable(v.pipe(v.string(), v.maxLength(128))) });
const nothing = v.strictObject({});

export type Refusal = { readonly status: number; readonly error: string };
const refusals = {
  notFound: { status: 404, error: 'not found' },
  wrongHost: { status: 421, error: 'wrong host' },
  wrongOrigin: { status: 403, error: 'wrong origin' },
  wrongMethod: { status: 405, error: 'wrong method' },
  tooMany: { status: 429, error: 'too many requests' },
  tooLong: { status: 414, error: 'too long' },
  tooLarge: { status: 413, error: 'too large' },
  notJson: { status: 415, error: 'not json' },
  malformed: { status: 400, error: 'malformed' },
  noSession: { status: 401, error: 'no session' },
  noCsrf: { status: 403, error: 'no csrf' },
  noToken: { status: 401, error: 'no token' },
} as const satisfies Record<string, Refusal>;

/** All routes but the files; tests go over them. */
export const POST_ROUTES = [WEB_SESSION_PATH, WEB_SESSION_END_PATH] as const;
export const METRICS_PATH = '/metrics';

/** Who may read the figures, and their text. */
export type MetricsRoute = { readonly isAllowed: TokenCheck; readonly text: () => Promise<string> };

export type RequestsOptions = {
  /** Exactly these values of Host are us. */
  readonly hosts: ReadonlySet<string>;
  readonly cookieName: string;
  readonly files: PageFiles;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly aSecondMax: number;
  readonly metrics: MetricsRoute | undefined;
};

export class Requests {
  readonly #options: RequestsOptions;
  #second = 0;
  #inSecond = 0;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = this.#refuseStranger(request);
    if (refused !== undefined) return refuse(response, refused);
    const { method = '' } = request;
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (isPostRoute(path)) {
      if (method !== 'POST') return refuse(response, refusals.wrongMethod);
      return this.#post(path, request, response);
    }
    // Answered by the upgrade; without one there is nothing to see.
    if (path === WEB_SOCKET_PATH) return refuse(response, refusals.wrongMethod);
    if (method !== 'GET' && method !== 'HEAD') return refuse(response, refusals.wrongMethod);
    if (path === METRICS_PATH && this.#options.metrics !== undefined)
      return this.#tellFigures(this.#options.metrics, request, response);
    const file = this.#options.files.get(path);
    if (file === undefined) return refuse(response, refusals.notFound);
    response.writeHead(200, {
      ...PAGE_HEADERS,
      'content-type': file.contentType,
      'content-length': file.bytes.length,
    });
    response.end(method === 'HEAD' ? undefined : file.bytes);
  }

  /** The session of a request to open a socket, or why not. `csrf` came with it. */
  admit(request: IncomingMessage, csrf: string | undefined): Session | Refusal {
    const refused = this.#refuseStranger(request) ?? this.#refuseForeignOrigin(request);
    if (refused !== undefined) return refused;
    if ((request.url ?? '') !== WEB_SOCKET_PATH) return refusals.notFound;
    const session = this.#options.sessions.find(this.#cookieOf(request));
    if (session === undefined) return refusals.noSession;
    return this.#options.sessions.matches(session, csrf) ? session : refusals.noCsrf;
  }

  #refuseStranger(request: IncomingMessage): Refusal | undefined {
    // A page on another name that was made to point here (DNS rebinding) has that name in Host.
    if (!this.#options.hosts.has(request.headers.host ?? '')) return refusals.wrongHost;
    if ((request.url ?? '').length > TARGET_CHARACTERS_MAX) return refusals.tooLong;
    const second = Math.floor(this.#options.clock.monotonicMs() / 1000);
    if (second !== this.#second) this.#inSecond = 0;
    this.#second = second;
    this.#inSecond++;
    return this.#inSecond > this.#options.aSecondMax ? refusals.tooMany : undefined;
  }

  /** A browser names the page that asks in Origin, and no page can change that. “null” is nobody. */
  #refuseForeignOrigin({ headers }: IncomingMessage): Refusal | undefined {
    if (headers.origin !== `http://${headers.host ?? ''}`) return refusals.wrongOrigin;
    const site = headers['sec-fetch-site'];
    return site === undefined || site === 'same-origin' ? undefined : refusals.wrongOrigin;
  }

  async #tellFigures(
    { isAllowed, text }: MetricsRoute,
    { headers, method }: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    // A scraper has no origin. Whatever names one is a page.
    if (headers.origin !== undefined) return refuse(response, refusals.wrongOrigin);
    if (!isAllowed(headers.authorization)) {
      response.setHeader('www-authenticate', 'Bearer');
      return refuse(response, refusals.noToken);
    }
    const body = Buffer.from(await text());
    response.writeHead(200, { ...PAGE_HEADERS, 'content-type': PROMETHEUS_TYPE, 'content-length': body.length });
    response.end(method === 'HEAD' ? undefined : body);
  }

  async #post(path: (typeof POST_ROUTES)[number], request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = this.#refuseForeignOrigin(request);
    if (refused !== undefined) return refuse(response, refused);
    // A form can't send this type without asking first, and asking (OPTIONS) is refused.
    if (!/^application\/json(?:; ?charset=utf-8)?$/i.test(request.headers['content-type'] ?? ''))
      return refuse(response, refusals.notJson);
    const body = await readBody(request);
    if (body === undefined) {
      response.shouldKeepAlive = false;
      return refuse(response, refusals.tooLarge);
    }
    return path === WEB_SESSION_PATH
      ? this.#beginSession(body, request, response)
      : this.#endSession(body, request, response);
  }

  #beginSession(body: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const { sessions, cookieName } = this.#options;
    const input = parsed(sessionInput, body);
    if (input === undefined) return refuse(response, refusals.malformed);
    if (input.token === null) {
      const session = sessions.find(this.#cookieOf(request));
      return session === undefined ? refuse(response, refusals.noSession) : reply(response, { csrf: session.csrf });
    }
    if (sessions.isGuessedAt) return refuse(response, refusals.tooMany);
    const made = sessions.exchange(input.token);
    if (made === undefined) return refuse(response, refusals.noSession);
    response.setHeader('set-cookie', `${cookieName}=${made.cookie}; Path=/; HttpOnly; SameSite=Strict`);
    reply(response, { csrf: made.session.csrf });
  }

  #endSession(body: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const { sessions, cookieName } = this.#options;
    const session = sessions.find(this.#cookieOf(request));
    if (session === undefined) return refuse(response, refusals.noSession);
    const csrf = request.headers[WEB_CSRF_HEADER];
    if (!sessions.matches(session, typeof csrf === 'string' ? csrf : undefined))
      return refuse(response, refusals.noCsrf);
    if (parsed(nothing, body) === undefined) return refuse(response, refusals.malformed);
    sessions.end(session);
    response.setHeader('set-cookie', `${cookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`);
    reply(response, {});
  }

  /** Cookies know no ports: ours has the port in its name, and of two that claim it neither counts. */
  #cookieOf({ headers }: IncomingMessage): string | undefined {
    const prefix = `${this.#options.cookieName}=`;
    const ours = (headers.cookie ?? '').split('; ').filter((part) => part.startsWith(prefix));
    return ours.length === 1 ? ours[0]?.slice(prefix.length) : undefined;
  }
}

function isPostRoute(path: string): path is (typeof POST_ROUTES)[number] {
  return POST_ROUTES.some((route) => route === path);
}

/** Undefined where it is too large; the rest is not read then. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) return undefined;
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) return undefined;
    length += part.length;
    if (length > BODY_BYTES_MAX) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function parsed<Shape>(schema: v.GenericSchema<unknown, Shape>, body: Buffer): Shape | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    // An empty list would pass for a record without fields.
    const result = v.safeParse(schema, Array.isArray(value) ? null : value);
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, value: WebSessionReply | Readonly<Record<string, never>>): void {
  send(response, 200, value);
}

function refuse(response: ServerResponse, { status, error }: Refusal): void {
  const refusal: WebRefusal = { error };
  send(response, status, refusal);
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    ...PAGE_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
  });
  response.end(body);
}
