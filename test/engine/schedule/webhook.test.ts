/** A ping, to a real server on this computer. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ping, type PingOptions, checkWebhook, ping } from '../../../src-main/engine/schedule/index.ts';

type Asked = { readonly method: string | undefined; readonly url: string | undefined; readonly body: string };
let server: Server;
let address: string;
let asked: Asked[];
let logged: string[];
let answer: (response: ServerResponse, count: number) => void;

beforeEach(async () => {
  asked = [];
  logged = [];
  answer = (response) => response.writeHead(200).end('ok');
  server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString()));
    request.on('end', () => {
      asked.push({ method: request.method, url: request.url, body });
      answer(response, asked.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const MESSAGE: Ping = {
  set: 'Laptop',
  result: 'done',
  time: '2026-06-15T12:00:00.000Z',
  snapshotId: 'abcd',
  problemCount: 0,
  durationMs: 5,
};
const send = (url: string, options: Partial<PingOptions> = {}): Promise<boolean> =>
  ping(url, MESSAGE, {
    log: (level, message, fields) => void logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
    pausesMs: [1, 1],
    ...options,
  });

describe('a webhook', () => {
  it('is told in one small POST how the run ended', async () => {
    expect(await send(`${address}/ping/laptop`)).toBe(true);
    expect(asked).toEqual([{ method: 'POST', url: '/ping/laptop', body: JSON.stringify(MESSAGE) }]);
    expect(logged).toEqual([]);
  });

  it('is asked again where that may help, and three times at most', async () => {
    answer = (response, count) => response.writeHead(count < 3 ? 503 : 204).end();
    expect(await send(address)).toBe(true);
    expect(asked).toHaveLength(3);
    answer = (response) => response.writeHead(500).end();
    expect(await send(address)).toBe(false);
    expect(asked).toHaveLength(6);
  });

  it('is not asked again where it says no', async () => {
    answer = (response) => response.writeHead(404).end();
    expect(await send(`${address}/secret-key`)).toBe(false);
    expect(asked).toHaveLength(1);
    expect(logged).toEqual([expect.stringContaining('status 404')]);
    expect(logged[0]).not.toContain('secret-key');
  });

  it('leads nowhere else: a redirect is not followed', async () => {
    answer = (response) => response.writeHead(302, { location: `${address}/elsewhere` }).end();
    expect(await send(address)).toBe(false);
    expect(asked.map(({ url }) => url)).toEqual(['/']);
  });

  it('that does not answer, or does not exist, is given up', async () => {
    answer = () => undefined;
    expect(await send(address, { timeoutMs: 100 })).toBe(false);
    expect(asked).toHaveLength(3);
    expect(await send('http://127.0.0.1:1/')).toBe(false);
    expect(logged.at(-1)).toMatch(/ECONNREFUSED|bad port|TypeError|Error/);
  });

  it('does not hold up a Cairn that is ending', async () => {
    answer = (response) => response.writeHead(503).end();
    const stop = new AbortController();
    const sent = send(address, { signal: stop.signal, pausesMs: [600_000] });
    setTimeout(() => stop.abort(), 200);
    expect(await sent).toBe(false);
  });

  it.each([
    'ftp://example.org/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'example.org/ping',
    '',
    'http://',
    `https://a/${'x'.repeat(3000)}`,
  ])('is not “%s”', async (url) => {
    expect(() => checkWebhook(url)).toThrow('not an address of the web');
    expect(await send(url)).toBe(false);
    expect(asked).toEqual([]);
  });

  it('has no name and password in its address', () => {
    expect(() => checkWebhook('https://me:secret@example.org/')).toThrow('a name or a password');
    expect(() => checkWebhook('https://example.org/ping/0123')).not.toThrow();
  });
});
