/** `cairn serve` as a program: its link, its one home, and how it ends while something runs. */
import { existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BY_HAND, RULES } from '../support/service-lab.ts';
import { WebClient } from '../support/web-client.ts';
import { FAST_KDF, PASSWORD, Place, ended, errorDocument } from './cairn.ts';

/** Sparse, and minutes of reading: no backup of it ends before it is stopped. */
const ENDLESS_BYTES = 2 ** 40;

let place: Place;
let children: ChildProcessWithoutNullStreams[];

beforeEach(() => {
  place = new Place();
  children = [];
  mkdirSync(place.path('page'));
  writeFileSync(place.path('page', 'index.html'), '<!doctype html>');
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  place.dispose();
});

type Served = { readonly url: string; readonly address: string; readonly end: ReturnType<typeof ended> };

async function serve(...more: readonly string[]): Promise<Served & { readonly child: ChildProcessWithoutNullStreams }> {
  const args = ['serve', '--json', '--page-folder', place.path('page'), ...FAST_KDF, ...more];
  const child = place.start(args, { environment: { DISPLAY: '', CAIRN_REPO: '' } });
  children.push(child);
  const end = ended(child);
  let text = '';
  const document = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      if (text.trimEnd().endsWith('}')) resolve(text);
    });
    end.then(({ stderr }) => reject(new Error(`it ended: ${text}${stderr}`)), reject);
  });
  return { child, end, ...(JSON.parse(document) as { readonly url: string; readonly address: string }) };
}

/** A set with everything in the source, on a new folder of the home. */
async function makeSet(client: WebClient) {
  const listing = await client.call('places.browse', { handle: null, hidden: false });
  const source = listing.folders.find(({ name }) => name === 'source');
  const destination = await client.call('places.makeFolder', { handle: listing.place.handle, name: 'backups' });
  return client.call('sets.create', {
    name: 'Everything',
    sources: [source!.handle],
    rules: RULES,
    destination: destination.handle,
    password: PASSWORD,
    compression: 'zstd:1',
    schedule: BY_HAND,
  });
}

async function jobEnded(client: WebClient, jobId: string): Promise<string> {
  for (;;) {
    const job = (await client.call('jobs.list', {})).find((listed) => listed.jobId === jobId);
    if (job !== undefined && ['done', 'failed', 'cancelled'].includes(job.state)) return job.state;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('cairn serve', () => {
  it('gives a link that works once, backs up through it, and ends in good order', async () => {
    place.write('letter.txt', 'Dear Ada,');
    const { url, address, child, end } = await serve();
    expect(url.startsWith(`${address}#token=`)).toBe(true);
    const client = await WebClient.open(url);
    await expect(WebClient.open(url)).rejects.toThrow('401');
    const { job, recoveryKey } = await makeSet(client);
    expect(recoveryKey).not.toBeNull();
    expect(await jobEnded(client, job.jobId)).toBe('done');
    child.kill('SIGINT');
    expect(await client.closed).toBe(1001);
    expect(await end).toMatchObject({ status: 0 });
    const log = readFileSync(place.path('home/log/cairn.log'), 'utf8');
    expect(log).not.toContain(url.slice(url.indexOf('=') + 1));
    expect(log).not.toContain(PASSWORD);
    expect(existsSync(place.path('home/engine-host.lock'))).toBe(false);
    // The same backup from the command line.
    const snapshots = await place.json(['snapshots', '--repo', place.path('backups')]);
    expect(snapshots).toHaveLength(1);
  });

  it('unlocks at the start what the password file opens', async () => {
    place.write('letter.txt', 'Dear Ada,');
    const first = await serve();
    const client = await WebClient.open(first.url);
    await jobEnded(client, (await makeSet(client)).job.jobId);
    first.child.kill('SIGTERM');
    await first.end;
    const second = await serve('--password-file', place.passwordFile);
    const again = await WebClient.open(second.url);
    expect((await again.call('overview.get', {})).destinations).toMatchObject([{ state: 'ready', remembered: false }]);
    second.child.kill('SIGTERM');
    await second.end;
  });

  it('knows after a crash what was interrupted, and says what it stops when it is asked to end', async () => {
    truncateSync(place.write('endless', ''), ENDLESS_BYTES);
    const { url, child, end } = await serve();
    const client = await WebClient.open(url);
    const { job } = await makeSet(client);
    const running = place.path('home/runs/running');
    while (!readdirSync(running).some((name) => name.endsWith('.json'))) await client.call('jobs.list', {});
    child.kill('SIGKILL');
    await end;
    const second = await serve();
    const again = await WebClient.open(second.url);
    const runs = await again.call('activity.runs', { before: null, limit: 5 });
    expect(runs).toMatchObject([{ runId: job.jobId, state: 'interrupted' }]);
    const { sets, destinations } = await again.call('overview.get', {});
    const secret = { kind: 'password', password: PASSWORD } as const;
    await again.call('destinations.unlock', { destinationId: destinations[0]!.destinationId, secret, remember: false });
    await again.call('jobs.backup', { setId: sets[0]!.setId, reread: false });
    second.child.kill('SIGINT');
    const result = await second.end;
    expect(result.status).toBe(0);
    expect(result.stderr).toContain('Backing up “Everything”: stopping at a safe point');
  });

  it('is refused where one runs already, with its address', async () => {
    const { address } = await serve();
    const second = await place.run(['serve', '--json', '--page-folder', place.path('page')]);
    expect(second.status).toBe(11);
    expect(errorDocument(second)).toMatchObject({
      code: 'app/busy',
      message: expect.stringContaining(address) as string,
    });
  });

  it('says that the page is missing, and which port is taken', async () => {
    const missing = await place.run(['serve', '--json', '--page-folder', place.path('nothing')]);
    expect(errorDocument(missing)).toMatchObject({ code: 'app/unavailable' });
    const { address } = await serve();
    const port = new URL(address).port;
    const other = { environment: { CAIRN_HOME: place.path('other') } };
    const taken = await place.run(['serve', '--json', '--port', port, '--page-folder', place.path('page')], other);
    expect(errorDocument(taken)).toMatchObject({ code: 'app/busy' });
    expect((await place.run(['serve', '--port', '99999999'])).status).toBe(2);
  });
});
