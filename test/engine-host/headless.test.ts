/**
 * The headless server over real sockets. Every route is met without a cookie, under a wrong name, from a wrong origin,
 * with a wrong method, too large, and without the CSRF text: the list of routes comes from the server's own code, so a
 * new one without its guards fails here.
 */
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { decode, encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  WEB_CSRF_HEADER,
  WEB_CSRF_PROTOCOL_PREFIX,
  WEB_FRAME_BYTES_MAX,
  WEB_PROTOCOL,
  WEB_SESSION_END_PATH,
  WEB_SESSION_PATH,
  WEB_SOCKET_PATH,
} from '../../src-shared/api/web.ts';
import { type Headless, startHeadless } from '../../src-main/engine-host/headless.ts';
import { readMetricsToken } from '../../src-main/engine-host/metrics-token.ts';
import { METRICS_PATH, POST_ROUTES } from '../../src-main/engine-host/headless-requests.ts';

const folder = fs.mkdtempSync('/tmp/cairn-headless-');
const pageFolder = path.join(folder, 'page');
const tokenFile = path.join(folder, 'metrics-token');
const METRICS_TOKEN = 'a4d1b07c'.repeat(5);
const logged: unknown[] = [];
let headless: Headless;
let port: number;
let origin: string;

type Answer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
};
type Asked = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
};

function ask({ method = 'GET', path: target = '/', headers = {}, body }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port, method, path: target, headers, agent: false, setHost: headers['host'] === undefined },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

const tokenOf = (link: string): string => new URL(link).hash.replace('#token=', '');
const JSON_TYPE = { 'content-type': 'application/json' };

function post(target: string, body: unknown, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
  return ask({
    method: 'POST',
    path: target,
    headers: { origin, ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
  });
}

type Login = { readonly cookie: string; readonly csrf: string };

async function login(): Promise<Login> {
  const answer = await post(WEB_SESSION_PATH, { token: tokenOf(headless.link()) });
  expect(answer.status).toBe(200);
  const cookie = answer.headers['set-cookie']![0]!.split(';')[0]!;
  return { cookie, csrf: (JSON.parse(answer.body) as { csrf: string }).csrf };
}

type SocketOptions = {
  readonly cookie?: string;
  readonly csrf?: string;
  readonly origin?: string;
  readonly host?: string;
  readonly path?: string;
  readonly protocols?: readonly string[];
};

function socket(options: SocketOptions): WebSocket {
  const { cookie, csrf, path: target = WEB_SOCKET_PATH } = options;
  const protocols = options.protocols ?? [
    WEB_PROTOCOL,
    ...(csrf === undefined ? [] : [`${WEB_CSRF_PROTOCOL_PREFIX}${csrf}`]),
  ];
  return new WebSocket(`ws://127.0.0.1:${port}${target}`, [...protocols], {
    headers: {
      ...(cookie === undefined ? {} : { cookie }),
      ...(options.host === undefined ? {} : { host: options.host }),
    },
    origin: options.origin ?? origin,
  });
}

/** “101”, or the status of the refusal. */
function knock(options: SocketOptions): Promise<number> {
  return new Promise((resolve) => {
    const client = socket(options);
    client.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    client.on('open', () => {
      resolve(101);
      client.close();
    });
    client.on('error', () => undefined);
  });
}

async function connected(login: Login): Promise<{ readonly client: WebSocket; readonly closed: Promise<number> }> {
  const client = socket(login);
  const closed = new Promise<number>((resolve) => client.on('close', resolve));
  client.on('error', () => undefined);
  await new Promise((resolve) => client.once('message', resolve));
  return { client, closed };
}

beforeAll(async () => {
  fs.mkdirSync(path.join(pageFolder, 'assets'), { recursive: true });
  fs.writeFileSync(path.join(pageFolder, 'index.html'), '<!doctype html><title>Cairn</title>');
  fs.writeFileSync(path.join(pageFolder, 'assets/main.js'), 'export {};');
  fs.writeFileSync(path.join(pageFolder, 'notes.secret'), 'not a page');
  fs.writeFileSync(path.join(folder, 'outside.html'), 'outside');
  fs.writeFileSync(tokenFile, `${METRICS_TOKEN}\n`, { mode: 0o600 });
  headless = await startHeadless({
    home: path.join(folder, 'home'),
    userHome: folder,
    log: (...line) => void logged.push(line),
    port: 0,
    ipv6: false,
    pageFolder,
    metricsTokenFile: tokenFile,
    requestsASecondMax: 10_000,
  });
  port = Number(new URL(headless.address).port);
  origin = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  await headless.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const GET_ROUTES = ['/', '/index.html', '/assets/main.js'];
const ALL_ROUTES = [...GET_ROUTES, ...POST_ROUTES, WEB_SOCKET_PATH, METRICS_PATH, '/nothing-here'];

describe.each(ALL_ROUTES)('%s', (route) => {
  const isPost = (POST_ROUTES as readonly string[]).includes(route);
  const right: Asked = isPost
    ? { method: 'POST', path: route, headers: { origin: 'later', ...JSON_TYPE }, body: '{}' }
    : { path: route };
  const asked = (headers: http.OutgoingHttpHeaders): Asked => ({
    ...right,
    headers: { ...right.headers, ...(isPost ? { origin } : {}), ...headers },
  });

  it.each(['evil.example', 'localhost', '127.0.0.1', '127.0.0.1:1', '127.0.0.1.evil.example', '[::1]', '0.0.0.0', ''])(
    'is not there under the name %j (DNS rebinding)',
    async (host) => {
      expect((await ask(asked({ host }))).status).toBe(421);
    },
  );

  it('refuses every other method, and no answer has a CORS header', async () => {
    const methods = ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', isPost ? 'GET' : 'POST', isPost ? 'HEAD' : 'PUT'];
    for (const method of methods) {
      const answer = await ask({ ...asked({ origin: 'http://evil.example' }), method });
      expect([method, answer.status]).toEqual([method, 405]);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  it('keeps the page to itself with every answer', async () => {
    const { headers } = await ask(asked({}));
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(headers['content-security-policy']).toContain("style-src-attr 'unsafe-inline'");
    expect(headers['content-security-policy']).not.toContain("script-src 'self' ");
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
  });

  it('is refused when its address is without end', async () => {
    const { status } = await ask({ ...asked({}), path: `${route}?${'x'.repeat(3000)}` });
    expect(status).toBe(414);
  });
});

describe('the figures for a scraper', () => {
  const right = { authorization: `Bearer ${METRICS_TOKEN}` };

  it('are given to whoever has the token of the file, as Prometheus reads them', async () => {
    const { status, headers, body } = await ask({ path: METRICS_PATH, headers: right });
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
    });
    expect(body).toContain('# TYPE cairn_build_info gauge\n');
    expect(body.endsWith('\n')).toBe(true);
    const head = await ask({ method: 'HEAD', path: METRICS_PATH, headers: right });
    expect([head.status, head.body]).toEqual([200, '']);
  });

  it.each([
    ['nothing', {}],
    ['another token', { authorization: `Bearer ${METRICS_TOKEN}x` }],
    ['a shorter one', { authorization: `Bearer ${METRICS_TOKEN.slice(1)}` }],
    ['the token in another scheme', { authorization: `Basic ${METRICS_TOKEN}` }],
    ['the token alone', { authorization: METRICS_TOKEN }],
    ['an empty token', { authorization: 'Bearer ' }],
  ])('are not given to whoever shows %s', async (_what, headers) => {
    const answer = await ask({ path: METRICS_PATH, headers });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(answer.body).not.toContain('cairn_');
  });

  it('are not given for a session, nor for a token in the address', async () => {
    const { cookie, csrf } = await login();
    expect((await ask({ path: METRICS_PATH, headers: { cookie, [WEB_CSRF_HEADER]: csrf } })).status).toBe(401);
    expect((await ask({ path: `${METRICS_PATH}?token=${METRICS_TOKEN}` })).status).toBe(401);
  });

  it.each(['http://evil.example', 'null', 'own'])('are not given to a page: %s', async (from) => {
    const foreign = from === 'own' ? origin : from;
    expect((await ask({ path: METRICS_PATH, headers: { ...right, origin: foreign } })).status).toBe(403);
  });
});

describe('a token file', () => {
  const file = path.join(folder, 'other-token');

  it.each([
    ['too short a token', 'short\n', 0o600, 'holds no token'],
    ['no text', Buffer.from([0xff, 0xfe]), 0o600, 'holds no token'],
    ['a token with a space', `${'a'.repeat(40)} b`, 0o600, 'holds no token'],
    ['a token that others can read', METRICS_TOKEN, 0o644, 'is open to other users'],
  ])('with %s is refused', async (_what, content, mode, reason) => {
    fs.rmSync(file, { force: true });
    fs.writeFileSync(file, content);
    fs.chmodSync(file, mode);
    await expect(readMetricsToken(file)).rejects.toThrow(reason);
  });

  it('that is not there is refused', async () => {
    await expect(readMetricsToken(path.join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'usage/invalid' });
  });
});

describe.each(POST_ROUTES)('POST %s', (route) => {
  const body = route === WEB_SESSION_PATH ? { token: null } : {};

  it.each(['http://evil.example', 'null', 'http://localhost', 'https://127.0.0.1', ''])(
    'refuses the origin %j',
    async (foreign) => {
      const { cookie, csrf } = await login();
      const headers = { cookie, [WEB_CSRF_HEADER]: csrf, origin: foreign };
      expect((await post(route, body, headers)).status).toBe(403);
    },
  );

  it('refuses a request without an origin', async () => {
    const { cookie, csrf } = await login();
    const headers = { cookie, [WEB_CSRF_HEADER]: csrf, ...JSON_TYPE };
    expect((await ask({ method: 'POST', path: route, headers, body: JSON.stringify(body) })).status).toBe(403);
  });

  it('refuses what another site’s page sends, whatever it claims', async () => {
    const { cookie, csrf } = await login();
    for (const site of ['cross-site', 'same-site', 'none'])
      expect((await post(route, body, { cookie, [WEB_CSRF_HEADER]: csrf, 'sec-fetch-site': site })).status).toBe(403);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data', 'application/json; x=y', ''])(
    'refuses a form or anything else that is not JSON: %j',
    async (type) => {
      const { cookie, csrf } = await login();
      expect((await post(route, body, { cookie, [WEB_CSRF_HEADER]: csrf, 'content-type': type })).status).toBe(415);
    },
  );

  it('refuses a body that is too large, announced or not', async () => {
    const { cookie, csrf } = await login();
    const headers = { cookie, [WEB_CSRF_HEADER]: csrf };
    expect((await post(route, { token: 'x'.repeat(10_000) }, headers)).status).toBe(413);
    const chunked = { ...headers, 'transfer-encoding': 'chunked' };
    expect((await post(route, { token: 'x'.repeat(100_000) }, chunked)).status).toBe(413);
  });

  it.each(['{', '[]', 'null', '"x"', '{"token":5}', '{"token":null,"more":1}', '{"__proto__":{}}', '\u00ff'])(
    'refuses the body %j',
    async (text) => {
      const { cookie, csrf } = await login();
      const headers = { origin, ...JSON_TYPE, cookie, [WEB_CSRF_HEADER]: csrf };
      expect((await ask({ method: 'POST', path: route, headers, body: text })).status).toBe(400);
    },
  );

  it.each([
    ['no cookie', {}],
    ['a wrong cookie', { cookie: () => `cairn-${port}=${'A'.repeat(43)}` }],
    ['a cookie of another port', { cookie: () => `cairn-1=${'A'.repeat(43)}` }],
    ['a malformed cookie', { cookie: () => `cairn-${port}=` }],
  ])('refuses %s', async (_, { cookie }: { readonly cookie?: () => string }) => {
    const answer = await post(route, body, cookie === undefined ? {} : { cookie: cookie() });
    expect(answer.status).toBe(401);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('refuses a cookie that is there twice: a neighbour on another port may have put one of them', async () => {
    const { cookie, csrf } = await login();
    const twice = `${cookie}; cairn-${port}=${'A'.repeat(43)}`;
    expect((await post(route, body, { cookie: twice, [WEB_CSRF_HEADER]: csrf })).status).toBe(401);
  });
});

describe('a file', () => {
  it.each([
    '/../outside.html',
    '/..%2foutside.html',
    '/%2e%2e/outside.html',
    '/%2e%2e%2foutside.html',
    '/assets/../../outside.html',
    '/assets/..%5c..%5coutside.html',
    '/....//outside.html',
    '//outside.html',
    '/index.html%00.js',
    '/./index.html',
    '/assets',
    '/assets/',
    '/notes.secret',
    '/INDEX.HTML',
  ])('that is not on the list is not there: %s', async (target) => {
    const answer = await ask({ path: target });
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('outside');
  });

  it('on the list comes with its type, and HEAD gives no body', async () => {
    const answer = await ask({ path: '/assets/main.js?v=1' });
    expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([
      200,
      'text/javascript; charset=utf-8',
      'export {};',
    ]);
    expect((await ask({ method: 'HEAD', path: '/' })).body).toBe('');
  });
});

describe('a session', () => {
  it('is begun by a token once, with a cookie that no script and no other site gets', async () => {
    const token = tokenOf(headless.link());
    const first = await post(WEB_SESSION_PATH, { token });
    expect(first.headers['set-cookie']![0]).toMatch(/^cairn-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect((await post(WEB_SESSION_PATH, { token })).status).toBe(401);
  });

  it('gives a reloaded page the same CSRF text', async () => {
    const { cookie, csrf } = await login();
    const again = await post(WEB_SESSION_PATH, { token: null }, { cookie });
    expect(JSON.parse(again.body)).toEqual({ csrf });
  });

  it('is ended by whoever has cookie and CSRF text, and by nobody with one of them', async () => {
    const { cookie, csrf } = await login();
    const { closed } = await connected({ cookie, csrf });
    expect((await post(WEB_SESSION_END_PATH, {}, { cookie })).status).toBe(403);
    expect((await post(WEB_SESSION_END_PATH, {}, { cookie, [WEB_CSRF_HEADER]: 'A'.repeat(43) })).status).toBe(403);
    expect((await post(WEB_SESSION_END_PATH, {}, { cookie, [WEB_CSRF_HEADER]: csrf })).status).toBe(200);
    expect(await closed).toBe(4401);
    expect((await post(WEB_SESSION_PATH, { token: null }, { cookie })).status).toBe(401);
  });

  it('leaves no secret in the log', async () => {
    const { cookie, csrf } = await login();
    const text = JSON.stringify(logged);
    expect(text).not.toContain(csrf);
    expect(text).not.toContain(cookie.split('=')[1]);
  });
});

describe('a socket', () => {
  it('opens with cookie, origin and CSRF text, is greeted, and answers', async () => {
    const { client } = await connected(await login());
    expect(client.protocol).toBe(WEB_PROTOCOL);
    const replied = new Promise<unknown>((resolve) => {
      client.on('message', (data: Buffer) => {
        const message = decode(data) as { readonly kind: string };
        if (message.kind === 'reply') resolve(message);
      });
    });
    client.send(encode({ kind: 'call', id: 7, command: 'app.info', input: {} }));
    expect(await replied).toMatchObject({ id: 7, ok: true, value: { host: 'headless', folderDialog: false } });
    client.terminate();
  });

  it.each<[string, (login: Login) => SocketOptions, number]>([
    ['without a cookie', ({ csrf }) => ({ csrf }), 401],
    ['with a wrong cookie', ({ csrf }) => ({ csrf, cookie: `cairn-${port}=${'B'.repeat(43)}` }), 401],
    ['without the CSRF text', ({ cookie }) => ({ cookie }), 403],
    ['with a wrong CSRF text', ({ cookie }) => ({ cookie, csrf: 'B'.repeat(43) }), 403],
    ['from another origin', (good) => ({ ...good, origin: 'http://evil.example' }), 403],
    ['from “null”', (good) => ({ ...good, origin: 'null' }), 403],
    ['from https', (good) => ({ ...good, origin: `https://127.0.0.1:${port}` }), 403],
    ['under another name', (good) => ({ ...good, host: `evil.example:${port}` }), 421],
    ['at another path', (good) => ({ ...good, path: '/socket/' }), 404],
    ['with a query', (good) => ({ ...good, path: '/socket?x' }), 404],
    [
      'without our protocol',
      ({ cookie, csrf }) => ({ cookie, protocols: [`${WEB_CSRF_PROTOCOL_PREFIX}${csrf}`] }),
      400,
    ],
  ])('is refused %s', async (_, options, status) => {
    expect(await knock(options(await login()))).toBe(status);
  });

  it.each<[string, (client: WebSocket) => void, number]>([
    ['a text frame', (client) => client.send('{"kind":"call"}'), 1007],
    ['bytes that are no MessagePack', (client) => client.send(Uint8Array.of(0xc1, 0xff)), 1007],
    ['MessagePack that is cut off', (client) => client.send(encode({ kind: 'call', id: 1 }).subarray(0, 5)), 1007],
    ['two messages in one frame', (client) => client.send(Buffer.concat([encode(1), encode(2)])), 1007],
    ['a message that is no call', (client) => client.send(encode({ kind: 'reply', id: 1 })), 1007],
    ['a key __proto__', (client) => client.send(encode(JSON.parse('{"__proto__":{"x":1}}'))), 1007],
    [
      'a list that claims four thousand million entries',
      (client) => client.send(Uint8Array.of(0xdd, 255, 255, 255, 255)),
      1007,
    ],
    ['an empty frame', (client) => client.send(new Uint8Array()), 1007],
    ['lists in lists without end', (client) => client.send(new Uint8Array(1_000_000).fill(0x91)), 1007],
    ['a frame that is too large', (client) => client.send(new Uint8Array(WEB_FRAME_BYTES_MAX + 1)), 1009],
    [
      'messages without a pause',
      (client) => {
        for (let id = 0; id < 1000; id++) client.send(encode({ kind: 'call', id, command: 'app.info', input: {} }));
      },
      4429,
    ],
  ])('that sends %s is closed', async (_, send, code) => {
    const { client, closed } = await connected(await login());
    send(client);
    expect(await closed).toBe(code);
  });

  it('knows no path of this computer that was not given out, and none outside the home folder', async () => {
    const { desk } = headless.service;
    await expect(desk.places.browse(desk.handles.give(Buffer.from('/etc')), false)).rejects.toThrow(
      'can’t be looked at',
    );
    fs.symlinkSync('/etc', path.join(folder, 'way-out'));
    const listing = await desk.places.browse(null, false);
    expect(listing.folders.map(({ name }) => name)).not.toContain('way-out');
    expect(listing.parent).toBeNull();
    expect((await desk.places.drives()).map(({ place }) => place.path)).not.toContain('/');
  });
});

describe('the server', () => {
  it('listens on the loopback interface only', async () => {
    const elsewhere = Object.values((await import('node:os')).networkInterfaces())
      .flat()
      .find((found) => found?.internal === false && found.family === 'IPv4');
    if (elsewhere === undefined) return;
    const refused = await new Promise((resolve) => {
      const probe = net.connect({ host: elsewhere.address, port });
      probe.on('connect', () => resolve(false)).on('error', () => resolve(true));
    });
    expect(refused).toBe(true);
  });

  it('hangs up on what is no HTTP', async () => {
    const ended = await new Promise((resolve) => {
      const client = net.connect({ host: '127.0.0.1', port }, () =>
        client.write('\u0016\u0003\u0001 not http\r\n\r\n'),
      );
      client.on('close', () => resolve(true)).on('error', () => undefined);
      client.resume();
    });
    expect(ended).toBe(true);
  });

  it('does not start twice in one home, and says where the first one is', async () => {
    const second = startHeadless({
      home: path.join(folder, 'home'),
      userHome: folder,
      log: () => undefined,
      port: 0,
      ipv6: false,
      pageFolder,
    });
    await expect(second).rejects.toThrow(headless.address);
  });

  it('says what to do where the page was not built', async () => {
    const options = { home: path.join(folder, 'other'), log: () => undefined, port: 0, ipv6: false };
    await expect(startHeadless({ ...options, pageFolder: path.join(folder, 'none') })).rejects.toMatchObject({
      code: 'app/unavailable',
      hint: expect.stringContaining('npm run build') as string,
    });
  });

  it('answers so many requests a second and no more', async () => {
    const options = {
      home: path.join(folder, 'slow'),
      userHome: folder,
      log: () => undefined,
      ipv6: false,
      pageFolder,
    };
    const slow = await startHeadless({ ...options, port: 0, requestsASecondMax: 3 });
    const get = () => fetch(slow.address).then(({ status }) => status);
    const statuses = await Promise.all(Array.from({ length: 20 }, get));
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(10);
    await slow.close();
  });

  // The last one: what it does to the server lasts a minute.
  it('takes no token at all for a minute after five wrong ones, and goes on with those who are in', async () => {
    const { cookie, csrf } = await login();
    for (let tries = 0; tries < 5; tries++)
      expect((await post(WEB_SESSION_PATH, { token: 'C'.repeat(43) })).status).toBeLessThan(430);
    expect((await post(WEB_SESSION_PATH, { token: tokenOf(headless.link()) })).status).toBe(429);
    expect(JSON.parse((await post(WEB_SESSION_PATH, { token: null }, { cookie })).body)).toEqual({ csrf });
  });
});
