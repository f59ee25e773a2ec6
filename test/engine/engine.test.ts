/** The engine's door, as the command line and the app use it: nothing here reaches behind it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Engine, type OpenRepository, type Secret, openEngine } from '../../src-main/engine/index.ts';
import { compareTrees, walkTree } from '../support/walker.ts';

const KDF_COST = 4;
const NOTHING = new Uint8Array();

let folder: string;
let engine: Engine;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-door-'));
  engine = openEngine({ home: at('home'), log: () => undefined });
  fs.mkdirSync(at('source', 'inner'), { recursive: true });
  fs.writeFileSync(at('source', 'inner', 'file.txt'), 'content');
  fs.writeFileSync(at('source', 'top.txt'), 'top');
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const at = (...names: readonly string[]): string => path.join(folder, ...names);
const password = (text: string) => (): Promise<Secret> => Promise.resolve({ kind: 'password', password: text });
const nobody = (): Promise<Secret> => Promise.reject(new Error('nobody is to be asked'));
const repositoryAt = (): string => at('repository');
const backUp = (repository: OpenRepository) => repository.backup({ sources: [Buffer.from(at('source'))] });

async function collect<Item>(items: AsyncGenerator<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('opening', () => {
  test.each(['nothing here', 'nothing/at/all'])(
    'a path that is not there (%s) says “not found”, asks nobody, and makes nothing',
    async (name) => {
      await expect(engine.open(at(name), nobody)).rejects.toMatchObject({ code: 'repository/not-found', exitCode: 10 });
      expect(fs.existsSync(at(name))).toBe(false);
    },
  );

  test('an empty folder, somebody’s folder or a file says “not found” too', async () => {
    fs.mkdirSync(at('empty'));
    for (const name of ['empty', 'source', 'source/top.txt'])
      await expect(engine.open(at(name), nobody), name).rejects.toMatchObject({ code: 'repository/not-found' });
  });
});

describe('making a repository', () => {
  test.each(['lost+found/', 'My letter.docx', '.hidden', 'packs.txt', 'photos/', 'config/', 'résumé'])(
    'refuses a folder that holds “%s”, and changes nothing',
    async (name) => {
      fs.mkdirSync(repositoryAt());
      if (name.endsWith('/')) fs.mkdirSync(path.join(repositoryAt(), name));
      else fs.writeFileSync(path.join(repositoryAt(), name), 'somebody’s own');
      const before = walkTree(repositoryAt());
      await expect(engine.init({ repository: repositoryAt(), compression: 'zstd:3' })).rejects.toMatchObject({
        code: 'repository/not-empty',
      });
      expect(compareTrees(before, repositoryAt())).toEqual([]);
    },
  );

  test('refuses where one is, also with a stranger’s file beside it', async () => {
    await engine.init({ repository: repositoryAt(), compression: 'none' });
    await expect(engine.init({ repository: repositoryAt(), compression: 'none' })).rejects.toMatchObject({
      code: 'repository/exists',
    });
    fs.writeFileSync(path.join(repositoryAt(), 'a note'), 'x');
    await expect(engine.init({ repository: repositoryAt(), compression: 'none' })).rejects.toMatchObject({
      code: 'repository/exists',
    });
  });

  test('refuses what it does not know and a parent that is not there', async () => {
    await expect(engine.init({ repository: repositoryAt(), compression: 'rar' })).rejects.toMatchObject({
      code: 'usage/invalid',
    });
    expect(fs.existsSync(repositoryAt())).toBe(false);
    await expect(engine.init({ repository: at('no', 'parent'), compression: 'none' })).rejects.toMatchObject({
      name: 'CairnError',
    });
    expect(fs.existsSync(at('no'))).toBe(false);
  });
});

describe.each([
  { mode: 'encrypted', secret: 'correct horse' },
  { mode: 'plain', secret: undefined },
])('a repository ($mode)', ({ secret }) => {
  let repository: OpenRepository;
  beforeEach(async () => {
    const report = await engine.init({
      repository: repositoryAt(),
      compression: 'zstd:3',
      kdfCost: KDF_COST,
      ...(secret === undefined ? {} : { password: secret }),
    });
    expect(report.encrypted).toBe(secret !== undefined);
    expect(report.recoveryKey === undefined).toBe(secret === undefined);
    repository = await engine.open(repositoryAt(), secret === undefined ? nobody : password(secret));
  });

  test('goes the whole way round: back up, list, look, read, compare, restore, verify', async () => {
    const first = await backUp(repository);
    expect(first).toMatchObject({ kind: 'base', filesNew: 2, problems: [] });
    fs.writeFileSync(at('source', 'top.txt'), 'top, changed');
    expect(await repository.diff('latest', 'live', NOTHING)).toMatchObject({
      added: [],
      removed: [],
      changed: ['top.txt'],
    });
    const second = await backUp(repository);
    expect(second).toMatchObject({ kind: 'incremental', filesChanged: 1, parentId: first.snapshotId });
    expect((await repository.snapshots()).map(({ id }) => id)).toEqual([first.snapshotId, second.snapshotId]);
    expect(await repository.chains()).toMatchObject([{ snapshots: 2 }]);
    const from = (text: string, snapshot = 'latest') => ({ snapshot, path: Buffer.from(text) });
    expect((await collect(repository.list(from(''), { recursive: true }))).map((entry) => entry.path)).toEqual([
      'inner',
      'inner/file.txt',
      'top.txt',
    ]);
    expect(Buffer.concat(await collect(repository.cat(from('top.txt', first.snapshotId.slice(0, 8))))).toString()).toBe(
      'top',
    );
    expect(await repository.diff('latest~1', 'latest', NOTHING)).toMatchObject({ changed: ['top.txt'] });
    expect(await repository.find('*.txt')).toHaveLength(3);
    expect(await repository.versions(Buffer.from('top.txt'))).toHaveLength(2);
    const report = await repository.restore({ from: from(''), target: Buffer.from(at('out')) });
    expect(report).toMatchObject({ problems: [], conflicts: [] });
    expect(compareTrees(at('source'), at('out'))).toEqual([]);
    for (const depth of [{ kind: 'quick' }, { kind: 'sample', percent: 50 }, { kind: 'deep' }] as const)
      expect(await repository.verify({ depth })).toMatchObject({ ok: true, damage: [] });
    expect((await repository.stats()).repository).toMatchObject({
      snapshots: 2,
      chains: 1,
      encrypted: secret !== undefined,
    });
    await repository.close();
  });

  test('refuses to read a folder, a link, nothing, or everything as a file', async () => {
    fs.symlinkSync('top.txt', at('source', 'link'));
    await backUp(repository);
    for (const name of ['inner', 'link', 'nothing', '']) {
      await expect(
        collect(repository.cat({ snapshot: 'latest', path: Buffer.from(name) })),
        name,
      ).rejects.toMatchObject({ code: 'path/not-found' });
    }
    await expect(
      collect(repository.cat({ snapshot: 'latest', path: Buffer.from('inner/../top.txt') })),
    ).rejects.toMatchObject({ code: 'usage/invalid' });
    await expect(
      collect(repository.list({ snapshot: 'ffff', path: NOTHING }, { recursive: false })),
    ).rejects.toMatchObject({ code: 'snapshot/not-found' });
  });

  test('backs itself and its home up never, and a restore with delete leaves them alone', async () => {
    // Everything lies in the one folder that is backed up: source, repository and home.
    const whole = { sources: [Buffer.from(`${folder}/`)] };
    await repository.backup(whole);
    expect(
      (await collect(repository.list({ snapshot: 'latest', path: NOTHING }, { recursive: false }))).map(
        (entry) => entry.path,
      ),
    ).toEqual(['source']);
    expect(await repository.diff('latest', 'live', NOTHING)).toMatchObject({ added: [], removed: [], changed: [] });
    fs.writeFileSync(at('stranger'), 'goes');
    const [repositoryBefore, homeBefore] = [walkTree(repositoryAt()), walkTree(at('home'))];
    const report = await repository.restore({ from: { snapshot: 'latest', path: NOTHING }, delete: true });
    expect(report).toMatchObject({ removed: 1, problems: [] });
    expect(fs.existsSync(at('stranger'))).toBe(false);
    expect(compareTrees(repositoryBefore, repositoryAt())).toEqual([]);
    expect(compareTrees(homeBefore, at('home'))).toEqual([]);
    await expect(
      repository.restore({
        from: { snapshot: 'latest', path: NOTHING },
        target: Buffer.from(repositoryAt()),
        delete: true,
      }),
    ).rejects.toMatchObject({ code: 'restore/target' });
    expect((await repository.verify({ depth: { kind: 'deep' } })).damage).toEqual([]);
  });

  test('tells the doctor that all is well', async () => {
    await backUp(repository);
    const findings = await engine.doctor(repositoryAt(), secret === undefined ? undefined : password(secret));
    expect(findings.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
    expect(findings.find(({ check }) => check === 'repository')?.detail).toContain('1 snapshots');
  });

  test('stops a backup and a restore when told to', async () => {
    await backUp(repository);
    const signal = AbortSignal.abort();
    await expect(repository.backup({ sources: [Buffer.from(at('source'))], signal })).rejects.toMatchObject({
      code: 'engine/cancelled',
    });
    await expect(
      repository.restore({ from: { snapshot: 'latest', path: NOTHING }, target: Buffer.from(at('out')), signal }),
    ).rejects.toMatchObject({ code: 'engine/cancelled' });
    expect(await repository.snapshots()).toHaveLength(1);
  });

  test('notices a snapshot that it has seen and that is gone', async () => {
    await backUp(repository);
    fs.writeFileSync(at('source', 'more.txt'), 'more');
    await backUp(repository);
    const commits = path.join(repositoryAt(), 'commits');
    const newest =
      fs
        .readdirSync(commits)
        .map((name) => path.join(commits, name))
        .sort((left, right) => fs.statSync(right).mtimeMs - fs.statSync(left).mtimeMs)[0] ?? '';
    fs.rmSync(newest);
    const again = await engine.open(repositoryAt(), secret === undefined ? nobody : password(secret));
    for (const depth of [{ kind: 'quick' }, { kind: 'deep' }] as const)
      expect((await again.verify({ depth })).ok).toBe(false);
  });
});

describe('the keys of an encrypted repository', () => {
  let repository: OpenRepository;
  let recoveryKey: string;
  const opens = (secret: Secret) => engine.open(repositoryAt(), () => Promise.resolve(secret));
  beforeEach(async () => {
    recoveryKey =
      (await engine.init({ repository: repositoryAt(), compression: 'none', kdfCost: KDF_COST, password: 'first' }))
        .recoveryKey ?? '';
    repository = await engine.open(repositoryAt(), password('first'));
  });

  test('a changed password opens and the old one does not, also after a second change in the same session', async () => {
    await backUp(repository);
    await repository.changePassword('second', KDF_COST);
    await expect(opens({ kind: 'password', password: 'first' })).rejects.toMatchObject({
      code: 'key/wrong-password',
      exitCode: 12,
    });
    expect((await repository.keys()).filter(({ current }) => current)).toHaveLength(1);
    await repository.changePassword('third', KDF_COST);
    await expect(opens({ kind: 'password', password: 'second' })).rejects.toMatchObject({ code: 'key/wrong-password' });
    const opened = await opens({ kind: 'password', password: 'third' });
    expect(await opened.snapshots()).toHaveLength(1);
    expect((await repository.keys()).map(({ type }) => type).sort()).toEqual(['password', 'recovery']);
    await opens({ kind: 'recovery', recoveryKey });
  });

  test('a person who forgot the password gets in with the recovery key and sets a new one', async () => {
    const opened = await opens({
      kind: 'recovery',
      recoveryKey: ` ${recoveryKey.toLowerCase().replaceAll('-', ' ')} `,
    });
    await opened.changePassword('new', KDF_COST);
    await opens({ kind: 'password', password: 'new' });
    await opens({ kind: 'recovery', recoveryKey });
    await expect(opens({ kind: 'recovery', recoveryKey: 'nonsense' })).rejects.toMatchObject({ name: 'CairnError' });
  });

  test('are added, listed with the one that opened it marked, and removed by a prefix of their id', async () => {
    const added = await repository.addPassword('second', 'office', KDF_COST);
    const { id, recoveryKey: paper } = await repository.addRecoveryKey('paper');
    const keys = await repository.keys();
    expect(keys.map(({ label }) => label).sort()).toEqual(['office', 'paper', 'password', 'recovery key']);
    expect(keys.filter(({ current }) => current).map(({ label }) => label)).toEqual(['password']);
    await opens({ kind: 'recovery', recoveryKey: paper });
    await expect(repository.removeKey(added.slice(0, 3))).rejects.toMatchObject({ code: 'key/not-found' });
    await repository.removeKey(added.slice(0, 12).toUpperCase());
    await expect(opens({ kind: 'password', password: 'second' })).rejects.toMatchObject({ code: 'key/wrong-password' });
    await repository.removeKey(id);
    await expect(opens({ kind: 'recovery', recoveryKey: paper })).rejects.toMatchObject({ code: 'key/wrong-password' });
  });

  test('the last one can’t be removed', async () => {
    const [first, ...others] = await repository.keys();
    for (const { id } of others) await repository.removeKey(id);
    await expect(repository.removeKey(first?.id ?? '')).rejects.toMatchObject({ code: 'key/last-slot' });
  });

  test('a repository without encryption has none, and says so', async () => {
    await engine.init({ repository: at('plain'), compression: 'none' });
    const plain = await engine.open(at('plain'), nobody);
    expect(await plain.keys()).toEqual([]);
    await expect(plain.addPassword('x', 'x', KDF_COST)).rejects.toMatchObject({ code: 'usage/invalid' });
    await expect(plain.changePassword('x', KDF_COST)).rejects.toMatchObject({ code: 'usage/invalid' });
    await expect(plain.addRecoveryKey('x')).rejects.toMatchObject({ code: 'usage/invalid' });
  });
});
