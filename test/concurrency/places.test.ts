/** Destinations that can't be written, and copies of one repository in two places. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OpenRepository, openEngine } from '../../src-main/engine/index.ts';
import { nodeFileSystem } from '../../src-main/engine/store/index.ts';
import { createLocalStore } from '../../src-main/engine/store/index.ts';
import { Lab, WRITER } from '../support/engine-lab.ts';
import { LOW_LIMITS, filesIn, noise, put } from '../support/lab-files.ts';
import { compareTrees } from '../support/walker.ts';

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init({ password: 'correct horse' });
  put(lab, 'large', noise(1, 50_000));
  put(lab, 'folder/small', 'a small file');
  await lab.backup(await lab.open(undefined, { limits: LOW_LIMITS }));
  put(lab, 'folder/small', 'another');
  await lab.backup(await lab.open(undefined, { limits: LOW_LIMITS }));
});
afterEach(() => lab.dispose());

describe('a destination that can’t be written', () => {
  /** As the system answers on a drive that is mounted read-only, whoever asks. */
  const refuse = (path: string): Promise<never> =>
    Promise.reject(Object.assign(new Error(`EROFS: ${path}`), { code: 'EROFS' }));
  const readOnly = () =>
    createLocalStore({
      root: lab.repositoryPath,
      random: lab.ports.random,
      fileSystem: {
        ...nodeFileSystem,
        openWrite: refuse,
        rename: refuse,
        unlink: refuse,
        mkdir: refuse,
        rmdir: refuse,
      },
    });

  test('gives everything back and is verified, without a lease', async () => {
    const repository = await lab.open(undefined, { store: readOnly() });
    expect((await lab.restore(repository, 'latest', lab.path('out'))).problems).toEqual([]);
    expect(compareTrees(lab.source, lab.path('out'))).toEqual([]);
    for (const kind of ['quick', 'deep'] as const) expect((await lab.verify(repository, { kind })).damage).toEqual([]);
    expect(filesIn(lab, 'sessions')).toEqual([]);
  });

  test('refuses a backup with a clear error and stays as it is', async () => {
    const before = filesIn(lab, '.');
    const repository = await lab.open(undefined, { store: readOnly() });
    await expect(repository.beginWrite(WRITER)).rejects.toMatchObject({ code: 'destination/read-only' });
    await expect(lab.backup(repository)).rejects.toMatchObject({ code: 'destination/read-only' });
    expect(filesIn(lab, '.')).toEqual(before);
  });
});

describe('two copies of one repository', () => {
  const copyPath = (): string => lab.path('copy');
  const engine = () => openEngine({ home: lab.path('home'), log: () => undefined });
  const openAt = (place: string): Promise<OpenRepository> =>
    engine().open(place, () => Promise.resolve({ kind: 'password', password: 'correct horse' }));

  test('are told apart by their instance ids, once the copy has a marker of its own', async () => {
    fs.cpSync(lab.repositoryPath, copyPath(), { recursive: true });
    fs.rmSync(path.join(copyPath(), 'instance'));
    const original = await openAt(lab.repositoryPath);
    const copy = await openAt(copyPath());
    const made = await copy.backup({ sources: [Buffer.from(lab.source)] });
    // What was seen in the copy is not missed in the original.
    expect((await original.snapshots()).map(({ id }) => id)).not.toContain(made.snapshotId);
    expect((await original.verify({ depth: { kind: 'quick' } })).damage).toEqual([]);
    expect((await copy.verify({ depth: { kind: 'quick' } })).damage).toEqual([]);
  });

  test('that swap places under a writer at work stop it before anything is published', async () => {
    fs.cpSync(lab.repositoryPath, copyPath(), { recursive: true });
    fs.rmSync(path.join(copyPath(), 'instance'));
    const store = createLocalStore({ root: copyPath(), random: lab.ports.random });
    const other = await lab.open(undefined, { store });
    await (await other.beginWrite(WRITER)).abort();
    const session = await (await lab.open()).beginWrite(WRITER);
    const before = filesIn(lab, '.').length;
    fs.renameSync(lab.repositoryPath, lab.path('away'));
    fs.renameSync(copyPath(), lab.repositoryPath);
    await expect(session.publish(() => new Uint8Array(10))).rejects.toMatchObject({
      code: 'repository/wrong-identity',
    });
    await session.abort();
    expect(filesIn(lab, 'commits').length + filesIn(lab, 'snapshots').length).toBeLessThanOrEqual(before);
  });

  test('that lose snapshots are noticed by a computer that saw them in that copy', async () => {
    const original = await openAt(lab.repositoryPath);
    const { snapshotId } = await original.backup({ sources: [Buffer.from(lab.source)] });
    for (const name of filesIn(lab, 'commits')) fs.rmSync(path.join(lab.repositoryPath, name));
    const again = await openAt(lab.repositoryPath);
    const { ok, damage } = await again.verify({ depth: { kind: 'quick' } });
    expect(ok).toBe(false);
    expect(damage.some(({ snapshots }) => snapshots.includes(snapshotId))).toBe(true);
  });
});
