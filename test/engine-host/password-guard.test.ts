/** The password that a page in a browser has to ask for once more: when, for what, and what counts as having typed it. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandName } from '../../src-shared/api/index.ts';
import type { BackupSet } from '../../src-shared/model/index.ts';
import { FRESH_MS, Proofs } from '../../src-main/engine-host/password-guard.ts';
import { heldClock } from '../support/engine-lab.ts';
import { PASSWORD, ServiceLab, type TestClient } from '../support/service-lab.ts';

let lab: ServiceLab;
let window: TestClient;
let clock: ReturnType<typeof heldClock>;

beforeEach(async () => {
  lab = new ServiceLab();
  lab.write('letter.txt', 'Dear Ada,');
  window = await lab.start();
  clock = heldClock();
});
afterEach(() => lab.dispose());

const page = (): TestClient => lab.connect(new Proofs(clock));
const secret = (password: string) => ({ kind: 'password', password }) as const;

/** What needs it, each as the page would ask for it. */
async function deeds(set: BackupSet, snapshotId: string) {
  const { destinationId } = set;
  const keys = await window.call('keys.list', { destinationId });
  const keyId = keys.find(({ current }) => !current)?.id ?? 'ab'.repeat(32);
  const to = { kind: 'folder', handle: lab.handle(path.join(lab.userHome, 'Found')) } as const;
  return {
    'jobs.restore': { destinationId, snapshotId, paths: [''], to, conflict: 'keep-both' },
    'keys.addRecovery': { destinationId, label: 'another' },
    'keys.remove': { destinationId, keyId },
  } as const;
}

async function codes(client: TestClient, asked: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const replies: string[] = [];
  for (const [command, input] of Object.entries(asked)) {
    const reply = await client.ask(command, input);
    replies.push(reply.ok ? 'done' : reply.error.code);
  }
  return replies;
}

describe('the password of a backup', () => {
  it('is not asked for again in the first quarter of an hour of a session', async () => {
    const { set, snapshotId } = await lab.backedUp(window);
    const client = page();
    clock.advance(FRESH_MS - 1);
    expect(await codes(client, await deeds(set, snapshotId))).toEqual(['done', 'done', 'done']);
  });

  it('is needed for each deed after that, until it is typed, and again a quarter of an hour later', async () => {
    const { set, snapshotId } = await lab.backedUp(window);
    const { destinationId } = set;
    const client = page();
    clock.advance(FRESH_MS);
    const asked = await deeds(set, snapshotId);
    const keysBefore = await window.call('keys.list', { destinationId });
    expect(await codes(client, asked)).toEqual(['key/retype', 'key/retype', 'key/retype']);
    expect(await window.call('keys.list', { destinationId })).toEqual(keysBefore);
    expect((await window.call('jobs.list', {})).map(({ kind }) => kind)).toEqual(['backup']);

    const wrong = { destinationId, secret: secret('not this one'), remember: false };
    await expect(client.call('destinations.unlock', wrong)).rejects.toThrow('key/wrong-password');
    expect(await codes(client, { 'keys.addRecovery': asked['keys.addRecovery'] })).toEqual(['key/retype']);
    // Typed on another session, it says nothing about who sits at this one.
    await page().call('destinations.unlock', { destinationId, secret: secret(PASSWORD), remember: false });
    expect(await codes(client, { 'keys.addRecovery': asked['keys.addRecovery'] })).toEqual(['key/retype']);
    await client.call('destinations.unlock', { destinationId, secret: secret(PASSWORD), remember: false });
    expect(await codes(client, asked)).toEqual(['done', 'done', 'done']);
    clock.advance(FRESH_MS);
    expect(await codes(client, await deeds(set, snapshotId))).toEqual(['key/retype', 'key/retype', 'key/retype']);
  });

  it('is shown by whoever changes it', async () => {
    const { set, snapshotId } = await lab.backedUp(window);
    const { destinationId } = set;
    const client = page();
    clock.advance(FRESH_MS);
    const change = { destinationId, currentPassword: PASSWORD, newPassword: 'quartz meadow lantern' };
    await client.call('keys.changePassword', change);
    expect(await codes(client, await deeds(set, snapshotId))).toEqual(['done', 'done', 'done']);
  });

  it('is not needed for looking, backing up, the original place, or counting what a restore would do', async () => {
    const { set, snapshotId } = await lab.backedUp(window);
    const client = page();
    clock.advance(FRESH_MS);
    const restore = (await deeds(set, snapshotId))['jobs.restore'];
    const free: Partial<Record<CommandName, unknown>> = {
      'jobs.planRestore': restore,
      'jobs.restore': { ...restore, to: { kind: 'original' } },
      'jobs.backup': { setId: set.setId, reread: false },
      'snapshots.list': { destinationId: set.destinationId },
    };
    expect(await codes(client, free)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('can’t be asked for where a backup has none', async () => {
    const { set, snapshotId } = await lab.backedUp(window, { password: null });
    const client = page();
    clock.advance(FRESH_MS);
    expect(await codes(client, { 'jobs.restore': (await deeds(set, snapshotId))['jobs.restore'] })).toEqual(['done']);
  });

  it('is never asked for again in the app’s own window', async () => {
    const { set, snapshotId } = await lab.backedUp(window);
    clock.advance(FRESH_MS);
    expect(await codes(window, await deeds(set, snapshotId))).toEqual(['done', 'done', 'done']);
  });

  it('that brought a destination here counts as typed', async () => {
    const { set, snapshotId } = await lab.backedUp(window);
    await window.call('sets.remove', { setId: set.setId });
    const client = page();
    clock.advance(FRESH_MS);
    const destination = lab.handle(lab.drive);
    const adopted = await client.call('sets.adopt', { destination, secret: secret(PASSWORD), remember: false });
    expect(await codes(client, await deeds(adopted, snapshotId))).toEqual(['done', 'done', 'done']);
  });
});
