/** Comparing over the contract, with the real engine and real files: two snapshots, and a snapshot with the folder now. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InputOf } from '../../src-shared/api/index.ts';
import { ServiceLab, type TestClient } from '../support/service-lab.ts';

const KINDS = ['added', 'removed', 'changed', 'metadata'] as const;

let lab: ServiceLab;
let client: TestClient;

beforeEach(async () => {
  lab = new ServiceLab();
  lab.write('letter.txt', 'Dear Ada,\nyours\n');
  lab.write('notes/keep.md', 'same\n');
  lab.write('notes/gone.md', 'bye\n');
  client = await lab.start();
});
afterEach(() => lab.dispose());

type Made = { readonly destinationId: string; readonly first: string; readonly second: string };

async function twoSnapshots(): Promise<Made> {
  const { set, snapshotId } = await lab.backedUp(client);
  lab.write('letter.txt', 'Dear Ada,\nhow are you?\nyours\n');
  fs.rmSync(path.join(lab.documents, 'notes/gone.md'));
  lab.write('notes/new.md', 'hello\n');
  const job = await client.call('jobs.backup', { setId: set.setId, reread: false });
  const ended = await client.ended(job.jobId);
  if (ended.outcome?.kind !== 'backup') throw new Error('the backup failed');
  return { destinationId: set.destinationId, first: snapshotId, second: ended.outcome.report.snapshotId };
}

const list = (made: Made, change: Partial<InputOf<'compare.list'>> = {}) =>
  client.call('compare.list', {
    destinationId: made.destinationId,
    before: made.first,
    after: made.second,
    path: '',
    kinds: [...KINDS],
    offset: 0,
    limit: 100,
    ...change,
  });

const files = (page: Awaited<ReturnType<typeof list>>) =>
  page.entries
    .filter(({ type }) => type === 'file')
    .map(({ path: at, change, sizeBefore, sizeAfter }) => [at, change, sizeBefore, sizeAfter]);

describe('a comparison', () => {
  it('lists what differs between two snapshots with sizes, in the order of paths, page by page', async () => {
    const made = await twoSnapshots();
    const page = await list(made);
    expect(files(page)).toEqual([
      ['letter.txt', 'changed', 16, 29],
      ['notes/gone.md', 'removed', 4, null],
      ['notes/new.md', 'added', null, 6],
    ]);
    expect(page.totals).toMatchObject({ added: 1, removed: 1, changed: 1 });
    const added = await list(made, { kinds: ['added'], path: 'notes' });
    expect([files(added), added.totals.removed]).toEqual([[['notes/new.md', 'added', null, 6]], 1]);
    const next = await list(made, { offset: 1, limit: 1 });
    expect(next.entries).toEqual([page.entries[1]]);
  });

  it('lists what differs from the folder as it is now, and looks again when it is asked again', async () => {
    const made = await twoSnapshots();
    const live = { before: made.second, after: 'live' } as const;
    expect(files(await list(made, live))).toEqual([]);
    lab.write('letter.txt', 'Dear Charles,\n');
    lab.write('later.txt', 'x');
    expect(files(await list(made, live))).toEqual([
      ['later.txt', 'added', null, 1],
      ['letter.txt', 'changed', 29, 14],
    ]);
  });

  it('reads a text line by line, of two snapshots and of now', async () => {
    const made = await twoSnapshots();
    const at = { destinationId: made.destinationId, before: made.first, after: made.second };
    const text = await client.call('compare.text', { ...at, path: 'letter.txt' });
    expect(text).toMatchObject({
      kind: 'text',
      hunks: [
        { lines: [{ kind: 'same', text: 'Dear Ada,' }, { kind: 'added', text: 'how are you?' }, { kind: 'same' }] },
      ],
    });
    lab.write('letter.txt', 'Dear Charles,\nyours\n');
    const now = await client.call('compare.text', { ...at, after: 'live', path: 'letter.txt' });
    expect(now).toMatchObject({
      hunks: [{ lines: [{ kind: 'removed' }, { kind: 'added', text: 'Dear Charles,' }, {}] }],
    });
    expect(await client.call('compare.text', { ...at, path: 'notes/gone.md' })).toMatchObject({
      hunks: [{ lines: [{ kind: 'removed', text: 'bye' }] }],
    });
    expect(await client.call('compare.text', { ...at, path: 'notes' })).toEqual({ kind: 'none' });
    expect(await client.call('compare.text', { ...at, path: 'nowhere' })).toEqual({ kind: 'none' });
  });

  it('knows the versions of a file, newest first, with the snapshots to restore them from', async () => {
    const made = await twoSnapshots();
    const at = { destinationId: made.destinationId, snapshotId: made.second };
    const versions = await client.call('search.versions', { ...at, path: 'letter.txt' });
    expect(versions.map(({ snapshotId, size, isCurrent }) => [snapshotId, size, isCurrent])).toEqual([
      [made.second, 29, true],
      [made.first, 16, false],
    ]);
    expect(versions[1]!.lastTime < versions[0]!.firstTime).toBe(true);
    const kept = await client.call('search.versions', { ...at, path: 'notes/keep.md' });
    expect(kept).toMatchObject([{ snapshotId: made.second, isCurrent: true }]);
    const gone = await client.call('search.versions', { ...at, path: 'notes/gone.md' });
    expect(gone).toMatchObject([{ snapshotId: made.first, isCurrent: false }]);
  });

  it('says that something is no text, or too large', async () => {
    lab.write('picture.bin', Uint8Array.of(0, 1, 2, 3));
    lab.write('huge.txt', 'x'.repeat(1024 * 1024 + 1));
    const made = await twoSnapshots();
    const at = { destinationId: made.destinationId, before: made.first, after: 'live' };
    expect(await client.call('compare.text', { ...at, path: 'picture.bin' })).toEqual({ kind: 'binary' });
    expect(await client.call('compare.text', { ...at, path: 'huge.txt' })).toEqual({ kind: 'too-large' });
  });

  it('never reads now what lies outside of the protected folders', async () => {
    const made = await twoSnapshots();
    const secret = path.join(lab.folder, 'secret.txt');
    fs.writeFileSync(secret, 'a secret');
    fs.symlinkSync(secret, path.join(lab.documents, 'link.txt'));
    fs.symlinkSync(lab.folder, path.join(lab.documents, 'folder'));
    const at = { destinationId: made.destinationId, before: made.first, after: 'live' };
    const wayOut = path.relative(lab.documents, secret);
    for (const out of [wayOut, `notes/../${wayOut}`])
      await expect(client.call('compare.text', { ...at, path: out })).rejects.toThrow('usage/invalid');
    for (const out of ['..\\x2fsecret.txt', '/', 'link.txt', 'folder/secret.txt'])
      expect(await client.call('compare.text', { ...at, path: out })).toEqual({ kind: 'none' });
    expect(JSON.stringify(client.received)).not.toContain('a secret');
  });

  it('compares a source that is a file with what it is now', async () => {
    const letter = path.join(lab.documents, 'letter.txt');
    const { set, snapshotId } = await lab.backedUp(client, { sources: [letter] });
    fs.writeFileSync(letter, 'Dear Charles,\nyours\n');
    const made = { destinationId: set.destinationId, first: snapshotId, second: 'live' };
    expect(files(await list(made))).toEqual([['letter.txt', 'changed', 16, 20]]);
    const at = { destinationId: set.destinationId, before: snapshotId, after: 'live', path: 'letter.txt' };
    expect(await client.call('compare.text', at)).toMatchObject({
      hunks: [{ lines: [{ kind: 'removed' }, { kind: 'added', text: 'Dear Charles,' }, {}] }],
    });
  });

  it('compares with nothing here what a repository only says is here', async () => {
    const made = await twoSnapshots();
    const other = path.join(lab.folder, 'other');
    fs.mkdirSync(other);
    const { sets } = await client.call('overview.get', {});
    const { setId, name, rules } = sets[0]!;
    await client.call('sets.edit', { setId, name, rules, keepSources: [], addSources: [lab.handle(other)] });
    await expect(list(made, { after: 'live' })).rejects.toThrow('app/unavailable');
    expect(files(await list(made))).toHaveLength(3);
  });
});
