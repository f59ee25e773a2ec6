/** The engine's end of the line to the app: frames in their order, and what the service may ask of the desktop. */
import { describe, expect, it } from 'vitest';

import { type ToMainFrame, parseToEngineFrame, parseToMainFrame } from '../../src-main/engine-host/frames.ts';
import { HostLink } from '../../src-main/engine-host/host-link.ts';
import type { EngineHost, EngineService, MessagePortLike } from '../../src-main/engine-host/port.ts';

const PORT: MessagePortLike = { post: () => {}, onMessage: () => {}, onClose: () => {}, close: () => {} };

function makeLink(service: Partial<EngineService> = {}, starting: Promise<void> = Promise.resolve()) {
  const sent: ToMainFrame[] = [];
  const served: MessagePortLike[] = [];
  const ended: string[] = [];
  const hosts: EngineHost[] = [];
  const link = new HostLink({ send: (frame) => sent.push(frame), exit: () => ended.push('exit') }, async (host) => {
    hosts.push(host);
    await starting;
    return {
      serveConnection: (port) => void served.push(port),
      activities: () => [{ title: 'Backing up Documents' }],
      close: async () => void ended.push('close'),
      ...service,
    };
  });
  return { link, sent, served, ended, host: () => hosts[0]! };
}

describe('the engine’s line to the app', () => {
  it('says that it is ready, and serves clients that came before', async () => {
    let start: () => void = () => {};
    const { link, sent, served } = makeLink({}, new Promise((resolve) => (start = resolve)));
    const early = link.receive({ type: 'port' }, PORT);
    expect([sent, served]).toEqual([[], []]);
    start();
    await Promise.all([link.start(), early]);
    expect(served).toEqual([PORT]);
    expect(sent).toEqual([{ type: 'ready' }]);
  });

  it('answers what is at work, and closes the service before it ends', async () => {
    const { link, sent, ended } = makeLink();
    await link.receive({ type: 'ask-activities', request: 4 });
    expect(sent).toEqual([{ type: 'activities', request: 4, activities: [{ title: 'Backing up Documents' }] }]);
    await link.receive({ type: 'close' });
    expect(ended).toEqual(['close', 'exit']);
  });

  it('knows the folders that were chosen, and no others', async () => {
    const { link, host } = makeLink();
    await link.receive({ type: 'folder', handle: 'h1', path: '/home/a' });
    expect(host().chosenFolder('h1')).toBe('/home/a');
    expect(host().chosenFolder('/home/a')).toBeUndefined();
    for (let index = 0; index < 1000; index++) {
      await link.receive({ type: 'folder', handle: `later ${index}`, path: '/' });
    }
    expect(host().chosenFolder('h1')).toBeUndefined();
  });

  it('asks for secrets and gives each answer to its question', async () => {
    const { link, sent, host } = makeLink();
    const read = host().secrets?.read('set/1');
    const written = host().secrets?.write('set/2', 'four stones');
    expect(sent).toEqual([
      { type: 'secret-read', name: 'set/1', request: 1 },
      { type: 'secret-write', name: 'set/2', secret: 'four stones', request: 2 },
    ]);
    await link.receive({ type: 'secret-answer', request: 2, error: 'no key store' });
    await link.receive({ type: 'secret-answer', request: 1, value: 'pebble' });
    await link.receive({ type: 'secret-answer', request: 9, value: 'nobody asked' });
    expect(await read).toBe('pebble');
    await expect(written).rejects.toThrow('no key store');
  });

  it('refuses to wait for more secrets than anyone needs', async () => {
    const { host } = makeLink();
    const waiting = Array.from({ length: 100 }, () => host().secrets?.read('x'));
    await expect(host().secrets?.read('x')).rejects.toThrow('Too many');
    expect(waiting).toHaveLength(100);
  });

  it('passes on sleep, and status and notices the other way', async () => {
    const { link, sent, host } = makeLink();
    const heard: string[] = [];
    host().onPower((event) => heard.push(event));
    await link.receive({ type: 'power', event: 'suspend' });
    host().showStatus({ state: 'working', text: '40 %' });
    host().notify({ title: 'Done', body: 'All is safe.' });
    expect(heard).toEqual(['suspend']);
    expect(sent).toEqual([
      { type: 'status', state: 'working', text: '40 %' },
      { type: 'notice', title: 'Done', body: 'All is safe.' },
    ]);
    expect(sent.map((frame) => parseToMainFrame(frame))).toEqual(sent);
  });

  it.each([{ type: 'folder', handle: 1, path: '/' }, { type: 'unheard-of' }, { type: 'close', more: true }, null])(
    'takes a frame that does not parse for a defect: %j',
    async (frame) => {
      const { link } = makeLink();
      await expect(link.receive(frame)).rejects.toThrow();
      expect(() => parseToEngineFrame(frame)).toThrow();
    },
  );

  it('takes a port frame without a port for a defect', async () => {
    await expect(makeLink().link.receive({ type: 'port' })).rejects.toThrow('without a port');
  });
});
