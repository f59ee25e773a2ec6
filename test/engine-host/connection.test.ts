/** One client on one line: order, bounds, and what a client gets that does not read. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src-shared/api/index.ts';
import type { Job } from '../../src-shared/model/index.ts';
import { serveClient } from '../../src-main/engine-host/connection.ts';
import { TestClient } from '../support/service-lab.ts';

const JOB: Job = {
  jobId: 'ab'.repeat(16),
  kind: 'backup',
  setId: null,
  destinationId: 'cd'.repeat(16),
  state: 'running',
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: null,
  progress: null,
  outcome: null,
  error: null,
  undoable: false,
};

let client: TestClient;
let tell: (event: EngineEvent) => void;
let answers: (() => void)[];
let isListening: boolean;
let closed: number;

beforeEach(() => {
  client = new TestClient();
  answers = [];
  closed = 0;
  isListening = false;
  serveClient(client.port, {
    version: '1.2.3',
    dispatch: (call) =>
      new Promise((resolve) => answers.push(() => resolve({ kind: 'reply', id: call.id, ok: true, value: 'done' }))),
    listen: (listener) => {
      isListening = true;
      tell = listener;
      return () => {
        isListening = false;
      };
    },
    onClosed: () => closed++,
  });
});
afterEach(() => client.leave());

const job = (change: Partial<Job>): EngineEvent => ({ kind: 'job', job: { ...JOB, ...change } });

describe('a client', () => {
  it('is greeted first and told events as they come', () => {
    tell(job({ state: 'queued' }));
    tell(job({ state: 'running' }));
    expect(client.received).toEqual([
      { kind: 'hello', protocol: 1, version: '1.2.3' },
      { kind: 'event', event: job({ state: 'queued' }) },
      { kind: 'event', event: job({ state: 'running' }) },
    ]);
  });

  it('that does not read gets the newest of each event once it reads again, in the order of their news', () => {
    client.isFull = true;
    for (let files = 0; files < 10_000; files++) {
      tell(job({ startedAt: String(files) }));
      tell({ kind: 'changed', topic: 'runs', destinationId: null });
    }
    tell(job({ state: 'done' }));
    expect(client.events).toEqual([]);
    client.isFull = false;
    client.onFree();
    expect(client.events).toEqual([{ kind: 'changed', topic: 'runs', destinationId: null }, job({ state: 'done' })]);
    tell({ kind: 'show', screen: 'restore' });
    expect(client.events.at(-1)).toEqual({ kind: 'show', screen: 'restore' });
  });

  it.each([
    ['a text', 'hello'],
    ['nothing', undefined],
    ['another kind', { kind: 'reply', id: 1, command: 'app.info', input: {} }],
    ['no number', { kind: 'call', id: 'one', command: 'app.info', input: {} }],
    ['a negative number', { kind: 'call', id: -1, command: 'app.info', input: {} }],
    ['one field more', { kind: 'call', id: 1, command: 'app.info', input: {}, admin: true }],
    ['a command without end', { kind: 'call', id: 1, command: 'x'.repeat(10_000), input: {} }],
  ])('that sends %s is cut off', (_, message) => {
    client.sendRaw(message);
    expect(client.isClosed).toBe(true);
    expect(closed).toBe(1);
    expect(isListening).toBe(false);
  });

  it('that asks without waiting is refused beyond 128 open calls, and served again afterwards', async () => {
    const replies = Array.from({ length: 130 }, () => client.ask('app.info', {}));
    expect(await Promise.all(replies.slice(128))).toMatchObject([
      { ok: false, error: { code: 'app/busy' } },
      { ok: false, error: { code: 'app/busy' } },
    ]);
    for (const answer of answers) answer();
    expect((await Promise.all(replies.slice(0, 128))).every(({ ok }) => ok)).toBe(true);
    const late = client.ask('app.info', {});
    answers.at(-1)?.();
    expect(await late).toMatchObject({ ok: true });
  });

  it('that has gone is told nothing and costs nothing', async () => {
    const reply = client.ask('app.info', {});
    client.leave();
    tell(job({ state: 'done' }));
    answers[0]?.();
    await Promise.race([reply, Promise.resolve()]);
    expect(client.received).toHaveLength(1);
    expect(isListening).toBe(false);
  });
});
