/** The engine's end of the line to the app: frames in their order, and what the service may ask of the desktop. */
import { describe, expect, it } from 'vitest';

import { CairnError } from '../../src-shared/errors.ts';
import { type ToMainFrame, parseToEngineFrame, parseToMainFrame } from '../../src-main/engine-host/frames.ts';
import { HostLink } from '../../src-main/engine-host/host-link.ts';
import type { EngineHost, EngineService, MessagePortLike } from '../../src-main/engine-host/port.ts';

const BEGIN = { type: 'begin', keychain: 'ready', tray: true, startsAtLogin: false } as const;
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
    const begun = link.receive(BEGIN);
    start();
    await Promise.all([begun, early]);
    expect(served).toEqual([PORT]);
    expect(sent).toEqual([{ type: 'ready' }]);
    await expect(link.receive(BEGIN)).rejects.toThrow('twice');
  });

  it('answers what is at work, and closes the service before it ends', async () => {
    const { link, sent, ended } = makeLink();
    await link.receive(BEGIN);
    await link.receive({ type: 'ask-activities', request: 4 });
    expect(sent.slice(1)).toEqual([
      { type: 'activities', request: 4, activities: [{ title: 'Backing up Documents' }] },
    ]);
    await link.receive({ type: 'close' });
    expect(ended).toEqual(['close', 'exit']);
  });

  it('asks the desktop for a folder, and takes a closed dialog for no choice', async () => {
    const { link, sent, host } = makeLink();
    await link.receive(BEGIN);
    const [chosen, closed] = [host().chooseFolder?.('target'), host().chooseFolder?.('source')];
    const shown = host().reveal?.('/home/a');
    expect(sent.slice(1)).toEqual([
      { type: 'choose-folder', purpose: 'target', request: 1 },
      { type: 'choose-folder', purpose: 'source', request: 2 },
      { type: 'reveal', path: '/home/a', request: 3 },
    ]);
    await link.receive({ type: 'answer', request: 2 });
    await link.receive({ type: 'answer', request: 1, value: '/home/a' });
    await link.receive({ type: 'answer', request: 3, error: 'no file manager' });
    expect(await chosen).toBe('/home/a');
    expect(await closed).toBeUndefined();
    await expect(shown).rejects.toThrow('no file manager');
  });

  it.each(['weak', 'none'] as const)('offers no key store where it is %s', async (keychain) => {
    const { link, host } = makeLink();
    await link.receive({ ...BEGIN, keychain });
    expect(host().secrets).toBeUndefined();
    expect(host().abilities).toEqual({ host: 'electron', keychain, tray: true });
  });

  it('asks for secrets and gives each answer to its question', async () => {
    const { link, sent, host } = makeLink();
    await link.receive(BEGIN);
    const read = host().secrets?.read('set/1');
    const written = host().secrets?.write('set/2', 'four stones');
    expect(sent.slice(1)).toEqual([
      { type: 'secret-read', name: 'set/1', request: 1 },
      { type: 'secret-write', name: 'set/2', secret: 'four stones', request: 2 },
    ]);
    await link.receive({ type: 'answer', request: 2, error: 'no key store' });
    await link.receive({ type: 'answer', request: 1, value: 'pebble' });
    await link.receive({ type: 'answer', request: 9, value: 'nobody asked' });
    expect(await read).toBe('pebble');
    await expect(written).rejects.toThrow('no key store');
  });

  it('refuses to wait for more secrets than anyone needs', async () => {
    const { link, host } = makeLink();
    await link.receive(BEGIN);
    const waiting = Array.from({ length: 100 }, () => host().secrets?.read('x'));
    await expect(host().secrets?.read('x')).rejects.toThrow('Too many');
    expect(waiting).toHaveLength(100);
  });

  it('passes on sleep, and status and notices the other way', async () => {
    const { link, sent, host } = makeLink();
    await link.receive(BEGIN);
    const heard: string[] = [];
    host().onPower((event) => heard.push(event));
    await link.receive({ type: 'power', event: 'suspend' });
    host().showStatus({ state: 'working', text: '40 %' });
    host().notify({ title: 'Done', body: 'All is safe.' });
    host().showTheme?.('dark');
    expect(heard).toEqual(['suspend']);
    expect(sent.slice(1)).toEqual([
      { type: 'status', state: 'working', text: '40 %' },
      { type: 'notice', title: 'Done', body: 'All is safe.' },
      { type: 'theme', theme: 'dark' },
    ]);
    expect(sent.map((frame) => parseToMainFrame(frame))).toEqual(sent);
  });

  it('says why it can’t start where a person has to see to it, and ends when it is told to', async () => {
    const busy = new CairnError('app/busy', 'Cairn runs already in its own window (process 7).');
    const { link, sent, ended } = makeLink({}, Promise.reject(busy));
    await link.receive(BEGIN);
    expect(sent.map((frame) => parseToMainFrame(frame))).toEqual([{ type: 'refused', error: busy.toWire() }]);
    await link.receive({ type: 'close' });
    expect(ended).toEqual(['exit']);
  });

  it('takes any other failure to start for a defect', async () => {
    const { link, sent } = makeLink({}, Promise.reject(new Error('what is undefined')));
    await expect(link.receive(BEGIN)).rejects.toThrow('what is undefined');
    expect(sent).toEqual([]);
  });

  it.each([{ type: 'power', event: 'birthday' }, { type: 'unheard-of' }, { type: 'close', more: true }, null])(
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
