/** The way of a person from the first start to the first restored file, over the contract and with the real engine. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PASSWORD, RULES, ServiceLab, type TestClient } from '../support/service-lab.ts';

let lab: ServiceLab;
let client: TestClient;

beforeEach(async () => {
  lab = new ServiceLab();
  client = await lab.start();
});
afterEach(() => lab.dispose());

describe('a person', () => {
  it('is greeted with the protocol before anything else', () => {
    expect(client.received[0]).toMatchObject({ kind: 'hello', protocol: 1 });
  });

  it('finds the folders that are there, sees what they hold, and begins a backup', async () => {
    lab.write('letter.txt', 'Dear Ada,');
    lab.write('junk/node_modules/a.js', 'x'.repeat(1000));
    const places = await client.call('places.suggested', {});
    expect(places.map(({ kind }) => kind)).toEqual(['documents', 'home']);
    const { measureId } = await client.call('places.measure', { handles: [places[0]!.handle], rules: RULES });
    const measured = await client.until((event) =>
      event.kind === 'measurement' && event.measurement.done ? event.measurement : undefined,
    );
    expect(measured).toMatchObject({ measureId, sources: [{ files: 2, bytes: 1009, unreadable: 0 }] });

    const probe = await client.call('places.probe', { handle: lab.handle(lab.drive), sources: [places[0]!.handle] });
    expect(probe).toMatchObject({ state: 'free', repositoryId: null, repository: { path: lab.drive } });
    const { set, recoveryKey } = await lab.backedUp(client);
    expect(recoveryKey).toMatch(/\w{4}-/);
    expect(set.sources).toEqual([{ path: lab.documents, name: 'Documents', state: 'there' }]);
    const overview = await client.call('overview.get', {});
    expect(overview.verdict).toEqual({ level: 'good', reasons: [] });
    expect(overview.sets[0]!.lastBackup).toMatchObject({ files: 2, problemCount: 0 });
    expect(overview.destinations[0]).toMatchObject({ state: 'ready', snapshots: 1, encrypted: true });
  });

  it('browses, previews, restores into a folder and to the original place', async () => {
    lab.write('letter.txt', 'Dear Ada,');
    lab.write('photos/one.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1));
    const { set, snapshotId } = await lab.backedUp(client);
    const at = { destinationId: set.destinationId, snapshotId };
    const sort = { by: 'name', descending: false } as const;
    const page = await client.call('browse.list', { ...at, path: '', sort, filter: '', offset: 0, limit: 10 });
    expect(page.entries.map(({ name, type }) => [name, type])).toEqual([
      ['photos', 'directory'],
      ['letter.txt', 'file'],
    ]);
    expect(await client.call('browse.preview', { ...at, path: 'letter.txt' })).toEqual({
      kind: 'text',
      text: 'Dear Ada,',
      truncated: false,
    });
    expect(await client.call('browse.preview', { ...at, path: 'photos/one.png' })).toMatchObject({
      kind: 'image',
      mediaType: 'image/png',
    });

    const target = path.join(lab.folder, 'restored');
    fs.mkdirSync(target);
    const to = { kind: 'folder', handle: lab.handle(target) } as const;
    const restore = { ...at, paths: ['letter.txt', 'photos'], to, conflict: 'keep-both' } as const;
    const plan = await client.ended((await client.call('jobs.planRestore', restore)).jobId);
    expect(plan.outcome).toMatchObject({ kind: 'restore-plan', report: { restored: 3 }, problemCount: 0 });
    expect(fs.readdirSync(target)).toEqual([]);
    const done = await client.ended((await client.call('jobs.restore', restore)).jobId);
    expect(done.outcome).toMatchObject({ kind: 'restore', place: { path: target, safetyFolder: null } });
    expect(fs.readFileSync(path.join(target, 'letter.txt'), 'utf8')).toBe('Dear Ada,');
    expect(fs.readdirSync(path.join(target, 'photos'))).toEqual(['one.png']);

    fs.rmSync(path.join(lab.documents, 'letter.txt'));
    const original = { ...restore, paths: ['letter.txt'], to: { kind: 'original' } as const };
    const back = await client.ended((await client.call('jobs.restore', original)).jobId);
    expect(back.outcome).toMatchObject({ place: { path: lab.documents } });
    expect(fs.readFileSync(path.join(lab.documents, 'letter.txt'), 'utf8')).toBe('Dear Ada,');
  });

  it('verifies, and sees on every screen that it was done', async () => {
    lab.write('letter.txt', 'Dear Ada,');
    const { set } = await lab.backedUp(client);
    const { destinationId } = set;
    const job = await client.call('jobs.verify', { destinationId, depth: { kind: 'deep' } });
    expect((await client.ended(job.jobId)).outcome).toMatchObject({ kind: 'verify', damageCount: 0, depth: 'deep' });
    const status = await client.call('integrity.status', { destinationId });
    expect(status.verified.deep).not.toBeNull();
    expect(status.chains[0]!.beads).toHaveLength(1);
    const runs = await client.call('activity.runs', { before: null, limit: 10 });
    expect(runs.map(({ kind, state }) => [kind, state])).toEqual([
      ['verify', 'done'],
      ['backup', 'done'],
    ]);
    const details = await client.call('activity.run', { runId: runs[1]!.runId });
    expect(details.outcome).toMatchObject({ kind: 'backup', report: { filesNew: 1 } });
  });

  it('locks and unlocks, and a wrong password changes nothing', async () => {
    lab.write('letter.txt', 'Dear Ada,');
    const { set, recoveryKey } = await lab.backedUp(client);
    const { destinationId } = set;
    const unlock = (secret: Parameters<typeof client.call<'destinations.unlock'>>[1]['secret']) =>
      client.call('destinations.unlock', { destinationId, secret, remember: false });
    expect(await client.call('destinations.lock', { destinationId, forget: true })).toMatchObject({ state: 'locked' });
    expect(lab.secrets.size).toBe(0);
    await expect(client.call('snapshots.list', { destinationId })).rejects.toThrow('key/password-needed');
    await expect(unlock({ kind: 'password', password: 'wrong' })).rejects.toThrow('key/wrong-password');
    expect(await unlock({ kind: 'password', password: PASSWORD })).toMatchObject({ state: 'ready' });
    await client.call('destinations.lock', { destinationId, forget: false });
    expect(await unlock({ kind: 'recovery', recoveryKey: recoveryKey! })).toMatchObject({ state: 'ready' });
    expect(JSON.stringify(lab.logged)).not.toContain(PASSWORD);
  });

  it('changes the password with the old one, adds a recovery key and removes it', async () => {
    const { set } = await lab.backedUp(client);
    const { destinationId } = set;
    const change = (currentPassword: string, newPassword: string) =>
      client.call('keys.changePassword', { destinationId, currentPassword, newPassword });
    await expect(change('wrong', 'new one')).rejects.toThrow('key/wrong-password');
    await change(PASSWORD, 'new one');
    await client.call('destinations.lock', { destinationId, forget: true });
    const secret = { kind: 'password', password: 'new one' } as const;
    await client.call('destinations.unlock', { destinationId, secret, remember: false });
    const before = await client.call('keys.list', { destinationId });
    expect(before.filter(({ current }) => current)).toHaveLength(1);
    await client.call('keys.addRecovery', { destinationId, label: 'in the safe' });
    const added = (await client.call('keys.list', { destinationId })).find(({ label }) => label === 'in the safe');
    await client.call('keys.remove', { destinationId, keyId: added!.id });
    expect(await client.call('keys.list', { destinationId })).toHaveLength(before.length);
  });

  it('edits a set, and the next backup follows', async () => {
    lab.write('letter.txt', 'Dear Ada,');
    const pictures = path.join(lab.userHome, 'Pictures');
    lab.write('sun.raw', 'light', pictures);
    const { set } = await lab.backedUp(client);
    const edited = await client.call('sets.edit', {
      setId: set.setId,
      name: 'All',
      keepSources: [0],
      addSources: [lab.handle(pictures)],
      rules: { ...RULES, excludes: ['*.raw'] },
    });
    expect(edited.sources.map(({ name }) => name)).toEqual(['Documents', 'Pictures']);
    const job = await client.call('jobs.backup', { setId: set.setId, reread: false });
    expect((await client.ended(job.jobId)).outcome).toMatchObject({ report: { filesNew: 1 } });
  });

  it('forgets a set and adopts the backup again with its sources', async () => {
    lab.write('letter.txt', 'Dear Ada,');
    const { set } = await lab.backedUp(client);
    await client.call('sets.remove', { setId: set.setId });
    expect((await client.call('overview.get', {})).verdict.level).toBe('empty');
    const destination = lab.handle(lab.drive);
    const adopt = (secret: { readonly kind: 'password'; readonly password: string } | null) =>
      client.call('sets.adopt', { destination, secret, remember: true });
    await expect(adopt(null)).rejects.toThrow('key/password-needed');
    const adopted = await adopt({ kind: 'password', password: PASSWORD });
    expect(adopted.sources.map(({ path: source }) => source)).toEqual([lab.documents]);
    expect(adopted.lastBackup).toMatchObject({ files: 1 });
    expect(await adopt({ kind: 'password', password: PASSWORD })).toMatchObject({ setId: adopted.setId });
    expect([...lab.secrets.values()]).toEqual([PASSWORD]);
  });
});
