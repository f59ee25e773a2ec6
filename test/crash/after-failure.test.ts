/** What a process that goes on after a failure must not carry with it. */
import { describe, expect, it, afterEach, beforeEach } from 'vitest';
import { listSnapshots } from '../../src-main/engine/snapshot/index.ts';
import { CrashFileSystem } from '../support/crash-filesystem.ts';
import { type FileOperation, interceptFileSystem } from '../support/intercept-filesystem.ts';
import { systemError } from '../support/memory-filesystem.ts';
import { DRIVE, ROOT, World } from '../support/scenario.ts';
import { ScenarioSource } from '../support/scenario-source.ts';

describe('after a failure that is over', () => {
  let source: ScenarioSource;
  let drive: CrashFileSystem;
  let fails: (operation: FileOperation) => boolean;
  let world: World;

  beforeEach(async () => {
    source = new ScenarioSource();
    source.become(0);
    drive = new CrashFileSystem({ folders: [DRIVE] });
    fails = () => false;
    const fileSystem = interceptFileSystem(drive, {
      around: async (operation, proceed) => {
        if (fails(operation)) throw systemError('EIO', operation.kind, operation.path);
        return proceed();
      },
    });
    world = new World({ fileSystem, source, encrypted: false });
    world.begin(0);
    await world.init();
    await world.backup();
  });

  afterEach(() => source.remove());

  it('an open repository reads its index again', async () => {
    const repository = await world.open();
    fails = ({ kind, path }) => kind === 'openRead' && path.startsWith(`${ROOT}/index/`);
    await expect(repository.index()).rejects.toMatchObject({ code: 'destination/io' });
    await expect(repository.scannedIndex()).rejects.toMatchObject({ code: 'destination/io' });
    fails = () => false;
    expect((await repository.index()).runs).toHaveLength(1);
  });

  it('a lease that could not be removed is removed by the next session of the same process', async () => {
    fails = ({ kind, path }) => kind === 'unlink' && path.startsWith(`${ROOT}/sessions/`);
    await world.backup();
    expect(await world.store.list('sessions')).toHaveLength(1);
    fails = () => false;
    await world.backup();
    expect(await world.store.list('sessions')).toEqual([]);
    expect((await listSnapshots(await world.open())).snapshots).toHaveLength(3);
  });

  it('any number of stale leases is cleared away over the next backups, and none of these fails', async () => {
    const torn = 1500;
    for (let index = 0; index < torn; index++) {
      const handle = await drive.openWrite(`${ROOT}/sessions/${index.toString(16).padStart(32, '0')}`);
      await handle.close();
    }
    await world.backup();
    expect((await world.store.list('sessions')).length).toBeLessThan(torn);
    await world.backup();
    expect(await world.store.list('sessions')).toEqual([]);
  });
});
