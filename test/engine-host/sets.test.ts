/** Backup sets while another process, or a person with an editor, changes them too. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SetsState } from '../../src-main/engine/sets/index.ts';
import { PASSWORD, RULES, ServiceLab, type TestClient } from '../support/service-lab.ts';

// Many processes, or a year: a busy computer takes its time.
vi.setConfig({ testTimeout: 240_000 });

const PROGRAM = path.resolve(import.meta.dirname, '../../out/main/cli.js');

let lab: ServiceLab;
let client: TestClient;
beforeEach(() => {
  lab = new ServiceLab();
  lab.write('letter.txt', 'Dear Ada,');
});
afterEach(() => lab.dispose());

const file = (): string => path.join(lab.home, 'sets.json');
const configuration = () => JSON.parse(fs.readFileSync(file(), 'utf8')) as SetsState & { version: number };
const configure = (change: (before: ReturnType<typeof configuration>) => object): void =>
  fs.writeFileSync(file(), JSON.stringify({ ...configuration(), ...change(configuration()) }, null, 2));

function cairn(...args: readonly string[]): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args, '--json'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: lab.userHome, CAIRN_HOME: lab.home, CAIRN_PASSWORD: PASSWORD },
  });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

async function overview() {
  await lab.service.desk.look();
  return client.call('overview.get', {});
}

describe('while the app runs, a command', () => {
  it('adds a set, changes one and removes one, and the app shows it', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    const repository = (await overview()).destinations[0]!.path;
    cairn('set', 'add', '--repo', repository, '--source', lab.userHome, '--name', 'From a terminal');
    expect((await overview()).sets.map(({ name }) => name)).toEqual(['Documents', 'From a terminal']);
    cairn('set', 'edit', set.setId, '--name', 'Papers', '--schedule', 'daily 21:00');
    expect((await overview()).sets.map(({ name }) => name)).toEqual(['Papers', 'From a terminal']);
    // What the app changes now keeps what the command set.
    await client.call('sets.edit', {
      setId: set.setId,
      name: 'Letters',
      keepSources: [0],
      addSources: [],
      rules: RULES,
    });
    expect(configuration().sets[0]).toMatchObject({ name: 'Letters', schedule: { timing: { at: '21:00' } } });
    cairn('set', 'remove', 'From a terminal');
    cairn('set', 'remove', 'Letters');
    expect(await overview()).toMatchObject({ sets: [], destinations: [], verdict: { level: 'empty' } });
    expect(lab.service.desk.destinations.status(set.destinationId).state).toBe('away');
  });

  it('backs up, and the app shows the snapshot and remembers the run', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    lab.write('second.txt', 'Dear Charles,');
    const { snapshotId } = cairn('set', 'run', 'Documents') as { snapshotId: string };
    await lab.service.desk.destinations.recount(set.destinationId);
    expect((await overview()).sets[0]!.lastBackup).toMatchObject({ snapshotId, files: 2 });
    const record = lab.service.desk.sets.set(set.setId);
    const { lastGoodMs, state } = lab.service.desk.book.entry(record);
    expect(state.unfinished).toBeNull();
    expect(lastGoodMs).not.toBeNull();
  });
});

describe('the app', () => {
  it('remembers of each run how it ended', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    const record = lab.service.desk.sets.set(set.setId);
    const good = lab.service.desk.book.entry(record);
    expect(good.lastGoodMs).toBe(good.state.answeredMs);
    fs.renameSync(lab.drive, `${lab.drive}-away`);
    const { jobId } = await client.call('jobs.backup', { setId: set.setId, reread: false });
    expect(await client.ended(jobId)).toMatchObject({ state: 'failed' });
    const failed = lab.service.desk.book.entry(record);
    expect(failed).toMatchObject({ lastGoodMs: good.lastGoodMs, state: { unfinished: { tries: 1 } } });
    fs.renameSync(`${lab.drive}-away`, lab.drive);
  });

  it('opens a destination with the password file of the configuration, once that is right', async () => {
    client = await lab.start();
    await lab.backedUp(client);
    const passwordFile = lab.write('password', `${PASSWORD}\n`, lab.folder);
    fs.chmodSync(passwordFile, 0o644);
    await lab.service.close();
    configure(({ destinations }) => ({
      destinations: destinations.map((one) => ({ ...one, remembered: false, passwordFile })),
    }));
    client = await lab.start();
    expect((await overview()).destinations).toMatchObject([{ state: 'locked' }]);
    await overview();
    expect(lab.logged.filter(({ message }) => message.includes('password file'))).toHaveLength(1);
    fs.chmodSync(passwordFile, 0o600);
    expect((await overview()).destinations).toMatchObject([{ state: 'ready', remembered: false }]);
    expect(JSON.stringify(lab.logged)).not.toContain(PASSWORD);
  });

  it('keeps what it knows while a person spoils the file, and refuses to write over it', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    const good = fs.readFileSync(file(), 'utf8');
    fs.writeFileSync(file(), `${good} oops`);
    expect((await overview()).sets).toHaveLength(1);
    const edit = { setId: set.setId, name: 'x', keepSources: [0], addSources: [], rules: RULES };
    await expect(client.call('sets.edit', edit)).rejects.toThrow('can’t be understood');
    expect(fs.readFileSync(file(), 'utf8')).toBe(`${good} oops`);
    fs.writeFileSync(file(), good);
    await client.call('sets.edit', edit);
    expect((await overview()).sets[0]!.name).toBe('x');
  });
});

const run = async (setId: string) => client.ended((await client.call('jobs.backup', { setId, reread: false })).jobId);

describe('schedules', () => {
  it('are set from the app, begin anew, and are saved; a cron text that means nothing is refused', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    const { sets, book, destinations } = lab.service.desk;
    const schedule = { ...sets.set(set.setId).schedule, timing: { kind: 'daily', at: '21:00' } } as const;
    const { answeredMs } = book.entry(sets.set(set.setId)).state;
    expect(await sets.setSchedule(set.setId, schedule)).toMatchObject({ schedule });
    expect(book.entry(sets.set(set.setId)).state.answeredMs).toBeGreaterThan(answeredMs);
    expect(await destinations.repository(set.destinationId).storedSets()).toMatchObject([{ schedule }]);
    const odd = { ...schedule, timing: { kind: 'cron', text: '0 6 31 2 *' } } as const;
    await expect(sets.setSchedule(set.setId, odd)).rejects.toThrow('never comes round');
    expect(sets.set(set.setId).schedule).toEqual(schedule);
  });

  it('are paused for one set or for all, from when it was paused first', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    const { sets } = lab.service.desk;
    expect(await sets.pause(null, 'forever')).toMatchObject([{ setId: set.setId, pausedUntil: 'forever' }]);
    const { pausedAt } = sets.set(set.setId);
    expect(pausedAt).not.toBeNull();
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect(await sets.pause(set.setId, until)).toMatchObject([{ pausedUntil: until, pausedAt }]);
    expect(await sets.pause(null, null)).toMatchObject([{ pausedUntil: null, pausedAt: null }]);
    await expect(sets.pause('0'.repeat(32), 'forever')).rejects.toMatchObject({ code: 'app/not-found' });
  });
});

describe('commands of a set', () => {
  const mark = (): string => path.join(lab.folder, 'mark');
  const hooks = () => {
    const script = `require('fs').writeFileSync(${JSON.stringify(mark())}, process.env.CAIRN_RESULT)`;
    return { before: null, after: { arguments: [process.execPath, '-e', script], timeoutSeconds: 60 } };
  };
  const run = async (setId: string) => client.ended((await client.call('jobs.backup', { setId, reread: false })).jobId);

  it('run around a backup in the app', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    configure(({ sets }) => ({ sets: sets.map((one) => ({ ...one, hooks: hooks() })) }));
    await overview();
    expect(await run(set.setId)).toMatchObject({ state: 'done' });
    expect(fs.readFileSync(mark(), 'utf8')).toBe('done');
  });

  it('are refused in the browser, with the whole backup, until the file allows them', async () => {
    client = await lab.start({ confined: true });
    const { set } = await lab.backedUp(client);
    configure(({ sets }) => ({ sets: sets.map((one) => ({ ...one, hooks: hooks() })) }));
    await overview();
    expect(await run(set.setId)).toMatchObject({ state: 'failed', error: { code: 'app/unavailable' } });
    expect(fs.existsSync(mark())).toBe(false);
    configure(() => ({ hooksInWebHost: true }));
    await overview();
    expect(await run(set.setId)).toMatchObject({ state: 'done' });
    expect(fs.existsSync(mark())).toBe(true);
  });
});

describe('a new computer', () => {
  const secret = { kind: 'password', password: PASSWORD } as const;

  /** The old home is lost; the drive is all there is. */
  async function startAnew(): Promise<void> {
    await lab.service.close();
    fs.renameSync(lab.home, `${lab.home}-lost`);
    client = await lab.start();
  }
  const adopt = () => client.call('sets.adopt', { destination: lab.handle(lab.drive), secret, remember: false });

  it('goes on with the sets of its repository: names, folders, rules and schedules, and nothing that runs', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    const repository = (await overview()).destinations[0]!.path;
    const pictures = path.join(lab.userHome, 'Pictures');
    fs.mkdirSync(pictures);
    cairn('set', 'edit', set.setId, '--schedule', 'daily 21:00', '--exclude', '*.tmp', '--only-on-power');
    cairn('set', 'edit', set.setId, '--before', '/bin/true', '--webhook', 'https://example.org/key');
    cairn('set', 'add', '--repo', repository, '--source', pictures, '--name', 'Pictures', '--schedule', 'every 4h');
    const before = configuration();
    await startAnew();
    expect(await adopt()).toMatchObject({ sources: [{ state: 'there' }] });
    const after = configuration();
    const shown = ({ sets }: SetsState) =>
      sets
        .map(({ setId, name, sources, rules, schedule }) => ({ setId, name, sources, rules, schedule }))
        .sort((left, right) => left.name.localeCompare(right.name));
    expect(shown(after)).toEqual(shown(before));
    expect(after.sets.map(({ hooks, webhook }) => [hooks, webhook])).toEqual(
      Array.from({ length: 2 }, () => [{ before: null, after: null }, null]),
    );
    // Adopted again, it is what it is.
    await adopt();
    expect(configuration().sets).toHaveLength(2);
    expect(await run(set.setId)).toMatchObject({ state: 'done' });
  });

  it('takes the newest snapshot for it where nothing is saved', async () => {
    client = await lab.start();
    await lab.backedUp(client);
    const [folder] = fs.globSync(path.join(lab.drive, '**/sets'));
    fs.rmSync(folder!, { recursive: true });
    await startAnew();
    expect(await adopt()).toMatchObject({ name: 'Documents', sources: [{ path: lab.documents }] });
    // And saves it from now on.
    expect(fs.readdirSync(folder!)).toHaveLength(1);
  });

  it('finds what was changed in the app as well, at once or with the next backup', async () => {
    client = await lab.start();
    const { set } = await lab.backedUp(client);
    const edit = { setId: set.setId, name: 'Letters', keepSources: [0], addSources: [], rules: RULES };
    await client.call('sets.edit', edit);
    const saved = async () =>
      (await lab.service.desk.destinations.repository(set.destinationId).storedSets()).map(({ name }) => name);
    expect(await saved()).toEqual(['Letters']);
    fs.renameSync(lab.drive, `${lab.drive}-away`);
    await overview();
    await client.call('sets.edit', { ...edit, name: 'Papers' });
    fs.renameSync(`${lab.drive}-away`, lab.drive);
    await overview();
    expect(await saved()).toEqual(['Letters']);
    expect(await run(set.setId)).toMatchObject({ state: 'done' });
    expect(await saved()).toEqual(['Papers']);
  });
});
