/** What only a store in a folder can get wrong: the order of operations, drives that go away, what a crash left behind. */
import { describe, expect, it } from 'vitest';

import { hash } from '../../../src-main/engine/codec/index.ts';
import { systemRandom } from '../../../src-main/engine/kernel/index.ts';
import {
  createLocalStore,
  createRoot,
  type FileSystem,
  type LocalStore,
  writeWhole,
} from '../../../src-main/engine/store/index.ts';
import { interceptFileSystem, recordFileSystem } from '../../support/intercept-filesystem.ts';
import { MemoryFileSystem, systemError } from '../../support/memory-filesystem.ts';
import { failureOf } from '../../support/store-contract.ts';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

function localStore(fileSystem: FileSystem): LocalStore {
  return createLocalStore({ root: '/backup', fileSystem, random: systemRandom });
}

function memory(): MemoryFileSystem {
  return new MemoryFileSystem({ folders: ['/backup'] });
}

describe('the order in which a file comes to be', () => {
  it('is write, size check, fsync, close, re-read, rename, fsync of the folder', async () => {
    const { fileSystem, operations } = recordFileSystem(memory());
    const writer = await localStore(fileSystem).create('packs');
    operations.length = 0;
    await writer.append(bytesOf('abc'));
    await writer.finish('packs/abc', { hash: hash(bytesOf('abc')) });
    const steps = operations.map((operation) => [operation.kind, operation.reason].filter(Boolean).join(' '));
    expect(steps).toEqual([
      'write',
      'sizeBytes',
      'sync file-content',
      'close',
      'openRead',
      'read',
      'read',
      'close',
      // Whether the root is still the folder that it was: a drive may have been exchanged.
      'stat',
      'rename',
      'syncFolder folder-after-rename',
    ]);
    const [temporary, target] = [operations[0]?.path, '/backup/packs/abc'];
    expect(temporary).toMatch(/^\/backup\/packs\/tmp-[0-9a-f]{16}$/);
    expect(operations.map((operation) => operation.path)).toEqual([
      ...Array.from({ length: 8 }, () => temporary),
      '/backup',
      temporary,
      '/backup/packs',
    ]);
    expect(operations[9]?.target).toBe(target);
  });

  it('fsyncs the parent of each new folder before the file gets its name', async () => {
    const { fileSystem, operations } = recordFileSystem(memory());
    await writeWhole(localStore(fileSystem), 'a/b/file', bytesOf('x'));
    const changes = operations
      .filter((operation) => ['mkdir', 'syncFolder', 'rename', 'openWrite'].includes(operation.kind))
      .map((operation) =>
        `${operation.kind} ${operation.path.replace(/tmp-.*/, 'tmp')} ${operation.reason ?? ''}`.trim(),
      );
    expect(changes).toEqual([
      'mkdir /backup/a',
      'syncFolder /backup new-ancestor',
      'mkdir /backup/a/b',
      'syncFolder /backup/a new-ancestor',
      'openWrite /backup/a/b/tmp',
      'rename /backup/a/b/tmp',
      'syncFolder /backup/a/b folder-after-rename',
    ]);
  });

  it('fsyncs a folder once whose sub-folders were all there before', async () => {
    const fileSystem = new MemoryFileSystem({ folders: ['/backup/packs/00', '/backup/packs/01', '/backup/packs/02'] });
    const recorded = recordFileSystem(fileSystem);
    const store = localStore(recorded.fileSystem);
    for (const folder of ['00', '01', '02']) await writeWhole(store, `packs/${folder}/x`, bytesOf('x'));
    const ancestors = recorded.operations.filter((operation) => operation.reason === 'new-ancestor');
    expect(ancestors.map((operation) => operation.path)).toEqual(['/backup', '/backup/packs']);
  });

  it('skips every fsync of the file and its name for a lease', async () => {
    const { fileSystem, operations } = recordFileSystem(new MemoryFileSystem({ folders: ['/backup'] }));
    const store = localStore(fileSystem);
    await writeWhole(store, 'lease', bytesOf('x'), { durable: false });
    await store.remove(['lease'], { durable: false });
    expect(await store.list('')).toEqual([]);
    expect(operations.filter((operation) => operation.reason !== undefined)).toEqual([]);
  });

  it('fsyncs the new folder of a moved file before the old one, and each folder of removed files once', async () => {
    const { fileSystem, operations } = recordFileSystem(memory());
    const store = localStore(fileSystem);
    for (const name of ['packs/a', 'packs/b', 'packs/c', 'trash/x']) await writeWhole(store, name, bytesOf(name));
    operations.length = 0;
    await store.move('packs/a', 'trash/a');
    await store.remove(['packs/b', 'trash/x', 'packs/c']);
    const syncs = operations.filter((operation) => operation.reason !== undefined);
    expect(syncs.map((operation) => `${operation.path} ${operation.reason}`)).toEqual([
      '/backup/trash folder-after-move-target',
      '/backup/packs folder-after-move-source',
      '/backup/packs folder-after-remove',
      '/backup/trash folder-after-remove',
    ]);
  });

  it('keeps the old file and leaves no temporary one when the bytes that arrived are not those sent', async () => {
    const inner = memory();
    const store = localStore(inner);
    await writeWhole(store, 'config', bytesOf('old'));
    const losesBytes = interceptFileSystem(inner, {
      around: (_operation, proceed) => proceed(),
      writeLength: () => 1,
    });
    const lying: FileSystem = {
      ...losesBytes,
      openWrite: async (path) => {
        const handle = await losesBytes.openWrite(path);
        return { ...handle, write: async (bytes) => (await handle.write(bytes), bytes.length) };
      },
    };
    const error = await failureOf(writeWhole(localStore(lying), 'config', bytesOf('new')));
    expect(error.code).toBe('destination/io');
    expect(error.message).toContain('3 bytes were written and 1 have arrived');
    expect([...inner.files().keys()]).toEqual(['/backup/config']);
    expect(await store.read('config')).toEqual(bytesOf('old'));
  });

  it('continues short writes to the end', async () => {
    const fileSystem = interceptFileSystem(memory(), {
      around: (_operation, proceed) => proceed(),
      writeLength: (_operation, length) => Math.min(length, 3),
    });
    const store = localStore(fileSystem);
    await writeWhole(store, 'config', bytesOf('ten bytes!'), { hash: hash(bytesOf('ten bytes!')) });
    expect(await store.read('config')).toEqual(bytesOf('ten bytes!'));
  });

  it('never fsyncs a file again whose fsync failed', async () => {
    let syncs = 0;
    const inner = memory();
    const fileSystem = interceptFileSystem(inner, {
      around: (operation, proceed) => {
        if (operation.kind !== 'sync') return proceed();
        syncs++;
        throw systemError('EIO', 'fsync', operation.path);
      },
    });
    const writer = await localStore(fileSystem).create('');
    await writer.append(bytesOf('x'));
    const first = await failureOf(writer.finish('config'));
    expect(await failureOf(writer.finish('config'))).toBe(first);
    expect(await failureOf(writer.append(bytesOf('y')))).toBe(first);
    expect(syncs).toBe(1);
    expect(inner.files().size).toBe(0);
  });
});

describe('a drive in trouble', () => {
  const failing = (inner: FileSystem, kind: string, errno: string): FileSystem =>
    interceptFileSystem(inner, {
      around: (operation, proceed) => {
        if (operation.kind === kind) throw systemError(errno, kind, operation.path);
        return proceed();
      },
    });

  it.each([
    ['ENOSPC', 'destination/full'],
    ['EDQUOT', 'destination/full'],
    ['EROFS', 'destination/read-only'],
    ['EACCES', 'destination/denied'],
    ['EPERM', 'destination/denied'],
    ['EIO', 'destination/io'],
    ['ETIMEDOUT', 'destination/io'],
    ['EMFILE', 'destination/io'],
    ['ENXIO', 'destination/gone'],
    ['ENODEV', 'destination/gone'],
    ['ESTALE', 'destination/gone'],
    ['ENOTCONN', 'destination/gone'],
  ])('reports %s while writing as %s, names the file, and keeps the old one', async (errno, code) => {
    const inner = memory();
    await writeWhole(localStore(inner), 'config', bytesOf('old'));
    for (const kind of ['openWrite', 'write', 'sync', 'close', 'rename']) {
      const error = await failureOf(writeWhole(localStore(failing(inner, kind, errno)), 'config', bytesOf('new')));
      expect(error.code, kind).toBe(code);
      expect(error.message).toContain('/backup');
      if (code !== 'destination/gone') expect(error.context).toMatchObject({ errno });
      expect([...inner.files().keys()], kind).toEqual(['/backup/config']);
      expect(await localStore(inner).read('config')).toEqual(bytesOf('old'));
    }
  });

  it.each(['EIO', 'EACCES', 'ETIMEDOUT', 'ENOENT'])(
    'never takes %s for an absence or an empty folder',
    async (errno) => {
      const inner = memory();
      await writeWhole(localStore(inner), 'snapshots/a', bytesOf('x'));
      const blind = localStore(failing(inner, 'readFolder', errno));
      await expect(blind.list('snapshots')).rejects.toThrow();
      await expect(blind.listNames('snapshots')).rejects.toThrow();
      const sightless = localStore(failing(inner, 'stat', errno));
      await expect(sightless.stat('snapshots/a')).rejects.toThrow();
      await expect(sightless.list('snapshots')).rejects.toThrow();
      const unreadable = localStore(failing(inner, 'openRead', errno));
      const error = await failureOf(unreadable.read('snapshots/a'));
      expect(error.code).not.toBe('integrity/missing');
    },
  );

  it('sees through an ENOENT that is not true the second time', async () => {
    const inner = memory();
    await writeWhole(localStore(inner), 'snapshots/a', bytesOf('x'));
    for (const kind of ['stat', 'openRead']) {
      let lies = 1;
      const fileSystem = interceptFileSystem(inner, {
        around: (operation, proceed) => {
          if (operation.kind === kind && operation.path.endsWith('/a') && lies-- > 0)
            throw systemError('ENOENT', kind, '');
          return proceed();
        },
      });
      const store = localStore(fileSystem);
      expect(await store.stat('snapshots/a')).toEqual({ sizeBytes: 1 });
      expect(await store.read('snapshots/a')).toEqual(bytesOf('x'));
    }
  });

  it('is told from an absent file when the root is missing', async () => {
    const store = localStore(new MemoryFileSystem());
    const attempts: readonly (() => Promise<unknown>)[] = [
      () => store.read('config'),
      () => store.stat('config'),
      () => store.list(''),
      () => store.list('snapshots'),
      () => store.listNames('snapshots'),
      () => store.create('packs'),
      () => store.move('a', 'b'),
      () => store.remove(['a']),
      () => store.listTemporary(),
    ];
    for (const attempt of attempts) expect((await failureOf(attempt())).code).toBe('destination/gone');
  });

  it('writes nothing into the empty folder an unmounted drive leaves behind', async () => {
    const drive = memory();
    const store = localStore(drive);
    await writeWhole(store, 'snapshots/a', bytesOf('x'));
    const folder = drive.root.entries.get('backup');
    drive.root.entries.clear();
    drive.device = 2;
    await drive.mkdir('/backup');
    for (const attempt of [store.list('snapshots'), store.list(''), store.stat('config'), store.create('packs')]) {
      expect((await failureOf(attempt)).code).toBe('destination/gone');
    }
    expect(drive.files().size).toBe(0);
    drive.device = 1;
    if (folder !== undefined) drive.root.entries.set('backup', folder);
    expect(await store.list('snapshots')).toHaveLength(1);
  });

  it('is remembered as weakly durable where a folder can’t be fsynced, and works', async () => {
    const inner = memory();
    const store = localStore(failing(inner, 'syncFolder', 'EINVAL'));
    expect(store.weakDurability).toBe(false);
    await writeWhole(store, 'packs/a', bytesOf('a'));
    expect(store.weakDurability).toBe(true);
    expect(await store.read('packs/a')).toEqual(bytesOf('a'));
  });

  it('lets an error that is not the filesystem’s through as it is', async () => {
    const fileSystem = interceptFileSystem(memory(), {
      around: (operation, proceed) => {
        if (operation.kind === 'rename') throw new TypeError('a bug of ours');
        return proceed();
      },
    });
    await expect(writeWhole(localStore(fileSystem), 'config', bytesOf('x'))).rejects.toThrow(TypeError);
  });

  it('makes a folder again that somebody removed meanwhile', async () => {
    const inner = memory();
    const store = localStore(inner);
    await writeWhole(store, 'trash/a', bytesOf('a'));
    await store.remove(['trash/a']);
    await inner.rmdir('/backup/trash');
    await writeWhole(store, 'trash/b', bytesOf('b'));
    expect(await store.read('trash/b')).toEqual(bytesOf('b'));
    await store.remove(['trash/b']);
    await inner.rmdir('/backup/trash');
    await writeWhole(store, 'packs/c', bytesOf('c'));
    expect((await failureOf(store.move('packs/c', 'trash/c'))).code).toBe('destination/io');
    await store.move('packs/c', 'trash/c');
    expect(await store.read('trash/c')).toEqual(bytesOf('c'));
  });
});

describe('a file that ends early', () => {
  it('is damaged even when its size promised more', async () => {
    const inner = memory();
    await writeWhole(localStore(inner), 'config', bytesOf('short'));
    const promising: FileSystem = {
      ...interceptFileSystem(inner, { around: (_operation, proceed) => proceed() }),
      openRead: async (path) => ({ ...(await inner.openRead(path)), sizeBytes: () => Promise.resolve(100) }),
    };
    expect((await failureOf(localStore(promising).read('config'))).code).toBe('integrity/damaged');
  });
});

describe('temporary files', () => {
  it('are looked for no deeper than a name can reach', async () => {
    const path = '/backup/1/2/3/4/5';
    const store = localStore(new MemoryFileSystem({ folders: [`${path}/6/7/8`] }));
    const inner = new MemoryFileSystem({ folders: [`${path}/6`] });
    for (const folder of [path, `${path}/6`]) await inner.openWrite(`${folder}/tmp-0123456789abcdef`);
    expect(await store.listTemporary()).toEqual([]);
    expect((await localStore(inner).listTemporary()).map((file) => file.name)).toEqual([
      '1/2/3/4/5/tmp-0123456789abcdef',
    ]);
  });

  it('are found wherever a crash left them, and removed by age, except those being written', async () => {
    const inner = memory();
    inner.nowMs = 1000;
    const dead = localStore(inner);
    for (const folder of ['', 'packs', 'keys']) await (await dead.create(folder)).append(bytesOf('left'));
    inner.nowMs = 5000;
    const store = localStore(inner);
    await writeWhole(store, 'packs/ab/real', bytesOf('real'));
    const late = await dead.create('packs/ab');
    await late.append(bytesOf('late'));
    const mine = await store.create('keys');
    await mine.append(bytesOf('mine'));
    expect(await store.listTemporary()).toHaveLength(5);
    const removed = await store.removeTemporary({ modifiedBeforeMs: 5000 });
    expect(removed.map((entry) => entry.name.replace(/tmp-.*/, ''))).toEqual(['', 'packs/', 'keys/']);
    expect(await store.removeTemporary({ modifiedBeforeMs: Number.POSITIVE_INFINITY })).toHaveLength(1);
    await mine.finish('keys/mine');
    expect(await store.read('keys/mine')).toEqual(bytesOf('mine'));
    expect(await store.read('packs/ab/real')).toEqual(bytesOf('real'));
    expect(await store.listTemporary()).toEqual([]);
  });
});

describe('the root', () => {
  it('is made only on request, one level deep, and not twice', async () => {
    const fileSystem = new MemoryFileSystem({ folders: ['/mnt'] });
    const recorded = recordFileSystem(fileSystem);
    expect((await failureOf(createRoot('/mnt/drive/cairn', recorded.fileSystem))).code).toBe('destination/gone');
    expect(await createRoot('/mnt/cairn/', recorded.fileSystem)).toEqual({ created: true });
    expect(recorded.operations.at(-1)).toMatchObject({ kind: 'syncFolder', path: '/mnt', reason: 'new-ancestor' });
    expect(await createRoot('/mnt/cairn', recorded.fileSystem)).toEqual({ created: false });
    await writeWhole(
      createLocalStore({ root: '/mnt/cairn/', fileSystem, random: systemRandom }),
      'config',
      bytesOf('x'),
    );
    expect([...fileSystem.files().keys()]).toEqual(['/mnt/cairn/config']);
  });
});
