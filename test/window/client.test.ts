/** The window's client: it speaks the contract over a line, and says so when the line is gone. */
import { describe, expect, it } from 'vitest';
import { Client, type ConnectionState, SessionOverError } from '../../src-renderer/api.ts';
import { type EngineEvent, PROTOCOL_VERSION } from '../../src-shared/api/contract.ts';
import { WEB_RETRY_MS, WEB_RETRY_MS_MAX } from '../../src-shared/api/web.ts';
import { CairnError } from '../../src-shared/errors.ts';
import { FakeTimers, FakeTransport, settle } from './fake-line.ts';

async function connected() {
  const transport = new FakeTransport();
  const timers = new FakeTimers();
  const client = new Client(transport, timers);
  const states: ConnectionState['kind'][] = [];
  const events: EngineEvent[] = [];
  client.onState((state) => states.push(state.kind));
  client.onEvent((event) => events.push(event));
  client.start();
  await settle();
  transport.last.hear({ kind: 'hello', protocol: PROTOCOL_VERSION, version: '1.2.3' });
  await settle();
  return { transport, timers, client, states, events };
}

const overviewChanged: EngineEvent = { kind: 'changed', topic: 'overview', destinationId: null };

describe('the client', () => {
  it('is ready after hello, and not before', async () => {
    const { client, states } = await connected();
    expect(states).toEqual(['connecting', 'ready']);
    expect(client.state).toEqual({ kind: 'ready', version: '1.2.3' });
  });

  it('gives each call its own reply, in whatever order they come', async () => {
    const { client, transport } = await connected();
    const first = client.call('app.info', {});
    const second = client.call('jobs.list', {});
    expect(transport.last.sent.map(({ id, command }) => [id, command])).toEqual([
      [1, 'app.info'],
      [2, 'jobs.list'],
    ]);
    transport.last.hear({ kind: 'reply', id: 2, ok: true, value: [] });
    transport.last.hear({ kind: 'reply', id: 1, ok: true, value: { version: 'x' } });
    expect(await second).toEqual([]);
    expect(await first).toEqual({ version: 'x' });
  });

  it('turns a refusal into the error it was', async () => {
    const { client, transport } = await connected();
    const call = client.call('overview.get', {});
    const error = new CairnError('destination/full', 'The drive is full.', { hint: 'Free some space.' });
    transport.last.hear({ kind: 'reply', id: 1, ok: false, error: error.toWire() });
    await expect(call).rejects.toMatchObject({ code: 'destination/full', hint: 'Free some space.' });
  });

  it('takes an error of a newer engine for an internal one instead of breaking', async () => {
    const { client, transport } = await connected();
    const call = client.call('overview.get', {});
    transport.last.hear({ kind: 'reply', id: 1, ok: false, error: { code: 'moon/full' } } as never);
    await expect(call).rejects.toMatchObject({ code: 'engine/internal' });
  });

  it('hands on an event after the reply that came before it', async () => {
    const { client, transport, events } = await connected();
    const seen: string[] = [];
    const call = client.call('overview.get', {}).then(() => seen.push('reply'));
    client.onEvent(() => seen.push('event'));
    transport.last.hear({ kind: 'reply', id: 1, ok: true, value: null });
    await settle(); // Messages of a port are tasks of their own.
    transport.last.hear({ kind: 'event', event: overviewChanged });
    await call;
    expect(seen).toEqual(['reply', 'event']);
    expect(events).toEqual([overviewChanged]);
  });

  it('says why the engine can’t start, and tries again when asked and not before', async () => {
    const { client, transport, timers } = await connected();
    transport.last.end();
    timers.runAll();
    await settle();
    const busy = new CairnError('app/busy', 'Cairn runs already (process 7).', { hint: 'End it first.' });
    transport.last.hear({ kind: 'refused', error: busy.toWire() });
    await settle();
    expect(client.state).toMatchObject({ kind: 'refused', error: { code: 'app/busy', hint: 'End it first.' } });
    expect([transport.last.closed, timers.delaysMs]).toEqual([true, []]);
    expect(transport.lines).toHaveLength(2);
    client.retryNow();
    await settle();
    transport.last.hear({ kind: 'hello', protocol: PROTOCOL_VERSION, version: '1.2.3' });
    await settle();
    timers.runAll();
    expect(client.state.kind).toBe('ready');
  });

  it('fails what is under way when the line is lost, and connects again slower each time', async () => {
    const { client, transport, timers, states } = await connected();
    const call = client.call('jobs.list', {});
    transport.refuse = new Error('not there');
    transport.last.end();
    await expect(call).rejects.toMatchObject({
      code: 'engine/internal',
      message: 'The connection was lost before Cairn answered.',
    });
    const delaysMs: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      delaysMs.push(...timers.delaysMs);
      timers.runAll();
      await settle();
    }
    expect(delaysMs).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    expect(delaysMs[0]).toBe(WEB_RETRY_MS);
    expect(delaysMs.at(-1)).toBe(WEB_RETRY_MS_MAX);
    transport.refuse = null;
    timers.runAll();
    await settle();
    transport.last.hear({ kind: 'hello', protocol: PROTOCOL_VERSION, version: '1.2.3' });
    await settle();
    expect(client.state.kind).toBe('ready');
    expect(states.at(-1)).toBe('ready');
    // A call is not sent again by itself.
    expect(transport.last.sent).toEqual([]);
  });

  it('does not send while there is no line', async () => {
    const client = new Client(new FakeTransport(), new FakeTimers());
    await expect(client.call('app.info', {})).rejects.toMatchObject({ code: 'engine/internal' });
  });

  it('tries at once when a person asks', async () => {
    const { client, transport } = await connected();
    transport.last.end();
    client.retryNow();
    await settle();
    expect(transport.lines).toHaveLength(2);
  });

  it('does not talk to an engine of another protocol, nor try it again', async () => {
    const transport = new FakeTransport();
    const timers = new FakeTimers();
    const client = new Client(transport, timers);
    client.start();
    await settle();
    transport.last.hear({ kind: 'hello', protocol: PROTOCOL_VERSION + 1, version: '9.0.0' });
    await settle();
    expect(client.state).toEqual({ kind: 'mismatch', protocol: PROTOCOL_VERSION + 1 });
    expect(transport.last.closed).toBe(true);
    expect(timers.delaysMs).toEqual([]);
    await expect(client.call('app.info', {})).rejects.toBeInstanceOf(CairnError);
  });

  it('does not try again when the session is over', async () => {
    const { client, transport, timers } = await connected();
    transport.last.end('over');
    expect(client.state.kind).toBe('over');
    expect(timers.delaysMs).toEqual([]);
    const refused = new FakeTransport();
    refused.refuse = new SessionOverError('over');
    const second = new Client(refused, timers);
    second.start();
    await settle();
    expect(second.state.kind).toBe('over');
  });

  it('gives up a line that never says hello', async () => {
    const transport = new FakeTransport();
    const timers = new FakeTimers();
    const client = new Client(transport, timers);
    client.start();
    await settle();
    timers.runAll();
    expect(client.state).toEqual({ kind: 'lost', attempts: 1 });
    expect(transport.last.closed).toBe(true);
  });

  it('leaves what is no message of the contract alone', async () => {
    const { client, transport, events } = await connected();
    for (const message of [null, 7, 'text', {}, { kind: 'reply' }, { kind: 'event' }, { kind: 'hello' }]) {
      transport.last.hear(message as never);
    }
    await settle();
    expect(events).toEqual([]);
    expect(client.state.kind).toBe('ready');
  });

  it('does not hear an old line once a new one is open', async () => {
    const { client, transport, events } = await connected();
    const old = transport.last;
    old.end();
    client.retryNow();
    await settle();
    transport.last.hear({ kind: 'hello', protocol: PROTOCOL_VERSION, version: '1.2.3' });
    await settle();
    old.hear({ kind: 'event', event: overviewChanged });
    old.end();
    expect(events).toEqual([]);
    expect(client.state.kind).toBe('ready');
  });
});
