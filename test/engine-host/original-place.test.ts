/**
 * Restores to where files came from: a snapshot names that place itself, and is believed only where it was made here, and
 * where a page in a browser is served only within the folders that a page may name.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConflictChoice } from '../../src-shared/api/index.ts';
import { ServiceLab, type TestClient } from '../support/service-lab.ts';

let lab: ServiceLab;
let client: TestClient;
let outside: string;

beforeEach(async () => {
  lab = new ServiceLab();
  outside = path.join(lab.folder, 'outside');
  fs.mkdirSync(outside);
  fs.writeFileSync(path.join(outside, 'secret.txt'), 'not for pages');
  lab.write('letter.txt', 'Dear Ada,');
  client = await lab.start();
});
afterEach(() => lab.dispose());

async function startAgain(change: Parameters<typeof lab.start>[0]): Promise<void> {
  await lab.service.close();
  client = await lab.start(change);
}

type At = { readonly destinationId: string; readonly snapshotId: string };

const atFirst = async (sources?: readonly string[]): Promise<At> => {
  const { set, snapshotId } = await lab.backedUp(client, { password: null, ...(sources && { sources }) });
  return { destinationId: set.destinationId, snapshotId };
};

const input = (at: At, paths: readonly string[]) => {
  const conflict: ConflictChoice = 'replace';
  return { ...at, paths, to: { kind: 'original' } as const, conflict };
};

async function refused(at: At, paths: readonly string[]): Promise<string> {
  const jobs = (await client.call('jobs.list', {})).length;
  const replies = await Promise.all(
    (['jobs.restore', 'jobs.planRestore'] as const).map((command) => client.ask(command, input(at, paths))),
  );
  expect(replies.map((reply) => !reply.ok && reply.error.code)).toEqual(Array(2).fill('restore/original-place'));
  expect(await client.call('jobs.list', {})).toHaveLength(jobs);
  return replies.map((reply) => (reply.ok ? '' : `${reply.error.message} ${reply.error.hint}`)).join('\n');
}

async function restored(at: At, paths: readonly string[]): Promise<void> {
  const { jobId } = await client.call('jobs.restore', input(at, paths));
  expect(await client.ended(jobId)).toMatchObject({ state: 'done', outcome: { report: { problems: [] } } });
}

describe('a snapshot of another computer', () => {
  it('is not written to its old paths, with a word about what to do, and goes into a chosen folder', async () => {
    const at = await atFirst();
    await startAgain({ hostName: 'another-computer' });
    fs.rmSync(lab.documents, { recursive: true });
    expect(await refused(at, ['letter.txt'])).toContain('Choose a folder');
    expect(fs.existsSync(lab.documents)).toBe(false);
    const target = path.join(lab.userHome, 'Found');
    const to = { kind: 'folder', handle: lab.handle(target) } as const;
    const { jobId } = await client.call('jobs.restore', { ...input(at, ['letter.txt']), to });
    expect(await client.ended(jobId)).toMatchObject({ state: 'done' });
    expect(fs.readdirSync(target)).toEqual(['letter.txt']);
  });

  it('is not one whose name the network has lengthened', async () => {
    const at = await atFirst();
    await startAgain({ hostName: `${os.hostname().split('.')[0]!.toUpperCase()}.fritz.box` });
    await restored(at, ['letter.txt']);
  });
});

describe('where a page is served', () => {
  it('nothing outside the home folder and the drives is written, whatever a snapshot names', async () => {
    const at = await atFirst([lab.documents, outside]);
    await startAgain({ confined: true });
    fs.writeFileSync(path.join(outside, 'secret.txt'), 'changed');
    expect(await refused(at, ['outside/secret.txt'])).toContain('lies outside your home folder');
    await refused(at, ['']);
    await refused(at, ['Documents/letter.txt', 'outside']);
    expect(fs.readFileSync(path.join(outside, 'secret.txt'), 'utf8')).toBe('changed');
    lab.write('letter.txt', 'changed too');
    await restored(at, ['Documents/letter.txt']);
    expect(fs.readFileSync(path.join(lab.documents, 'letter.txt'), 'utf8')).toBe('Dear Ada,');
  });

  it('a folder that is gone is made again, and one that became a link to elsewhere is refused', async () => {
    const deep = path.join(lab.documents, 'a', 'b');
    lab.write('a/b/deep.txt', 'deep');
    const at = await atFirst([deep]);
    await startAgain({ confined: true });
    fs.rmSync(path.join(lab.documents, 'a'), { recursive: true });
    await restored(at, ['deep.txt']);
    expect(fs.readdirSync(deep)).toEqual(['deep.txt']);
    fs.rmSync(path.join(lab.documents, 'a'), { recursive: true });
    fs.symlinkSync(outside, path.join(lab.documents, 'a'));
    await refused(at, ['deep.txt']);
    expect(fs.readdirSync(outside)).toEqual(['secret.txt']);
  });

  it('a chosen folder that has become a link to elsewhere is refused too', async () => {
    const at = await atFirst();
    await startAgain({ confined: true });
    const target = path.join(lab.userHome, 'Found');
    const to = { kind: 'folder', handle: lab.handle(target) } as const;
    fs.symlinkSync(outside, target);
    await expect(client.call('jobs.restore', { ...input(at, ['letter.txt']), to })).rejects.toThrow(
      'source/unreadable',
    );
    expect(fs.readdirSync(outside)).toEqual(['secret.txt']);
  });

  it('a backup that is brought here opens no folder that a page could not choose', async () => {
    const { set } = await lab.backedUp(client, { password: null, sources: [lab.documents, outside] });
    await client.call('sets.remove', { setId: set.setId });
    await startAgain({ confined: true });
    const adopted = await client.call('sets.adopt', {
      destination: lab.handle(lab.drive),
      secret: null,
      remember: false,
    });
    expect(adopted.sources.map(({ path: source }) => source)).toEqual([lab.documents]);
  });

  it('a backup of nothing but such folders is looked at and restored from, and backs up nothing', async () => {
    const { set } = await lab.backedUp(client, { password: null, sources: [outside] });
    await client.call('sets.remove', { setId: set.setId });
    await startAgain({ confined: true });
    const destination = lab.handle(lab.drive);
    const adopted = await client.call('sets.adopt', { destination, secret: null, remember: false });
    expect(adopted.sources).toEqual([]);
    const { jobId } = await client.call('jobs.backup', { setId: adopted.setId, reread: false });
    expect(await client.ended(jobId)).toMatchObject({ state: 'failed', error: { code: 'usage/invalid' } });
  });
});
