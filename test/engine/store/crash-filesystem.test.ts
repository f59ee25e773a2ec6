/** The model of a power cut is itself checked: a lenient one would let every crash test pass. */
import { describe, expect, it } from 'vitest';

import { CRASH_CASES, CrashFileSystem, type CrashVariant, ProcessDied } from '../../support/crash-filesystem.ts';
import { systemError } from '../../support/memory-filesystem.ts';

const filled = (length: number, value = 7): Uint8Array => new Uint8Array(length).fill(value);

async function writeFile(drive: CrashFileSystem, path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const handle = await drive.openWrite(path);
  await handle.write(bytes);
  if (sync) await handle.sync('file-content');
  await handle.close();
}

function after(drive: CrashFileSystem, variant: CrashVariant, seed = 0): Record<string, number> {
  const survivor = drive.crashAfter(drive.operationCount, variant, seed);
  return Object.fromEntries([...survivor.files()].map(([path, bytes]) => [path, bytes.length]));
}

describe('the model of a power cut', () => {
  it('does not take the fsync of a file for one of its name, nor the other way round', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    await writeFile(drive, '/d/a', filled(10), true);
    expect(after(drive, 'nothing-unsynced')).toEqual({});
    await drive.syncFolder('/d');
    expect(after(drive, 'nothing-unsynced')).toEqual({ '/d/a': 10 });
    await writeFile(drive, '/d/b', filled(10), false);
    await drive.syncFolder('/d');
    expect(after(drive, 'nothing-unsynced')).toEqual({ '/d/a': 10, '/d/b': 0 });
  });

  it('keeps what each variant says it keeps', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    await writeFile(drive, '/d/old', filled(5), true);
    await drive.syncFolder('/d');
    await writeFile(drive, '/d/tmp', filled(5000), false);
    await drive.rename('/d/tmp', '/d/new');
    await drive.unlink('/d/old');
    expect(after(drive, 'nothing-unsynced')).toEqual({ '/d/old': 5 });
    expect(after(drive, 'data-without-names')).toEqual({ '/d/old': 5 });
    expect(after(drive, 'everything')).toEqual({ '/d/new': 5000 });
    expect(after(drive, 'names-without-data')).toEqual({ '/d/new': 0 });
    expect(after(drive, 'rename-without-data')).toEqual({ '/d/new': 5000, '/d/old': 5 });
    const zeros = drive.crashAfter(drive.operationCount, 'rename-without-data').files().get('/d/new');
    expect(zeros).toEqual(new Uint8Array(5000));
  });

  it('replaces a file in one piece within a folder: old or new, never neither', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    await writeFile(drive, '/d/config', filled(1), true);
    await drive.syncFolder('/d');
    await writeFile(drive, '/d/tmp', filled(2), true);
    await drive.rename('/d/tmp', '/d/config');
    for (let seed = 0; seed < 50; seed++) expect([1, 2]).toContain(after(drive, 'random-subset', seed)['/d/config']);
  });

  it('needs both folders fsynced after a rename across folders, and loses the file when only the old one is', async () => {
    const make = async (): Promise<CrashFileSystem> => {
      const drive = new CrashFileSystem({ folders: ['/a', '/b'] });
      await writeFile(drive, '/a/x', filled(3), true);
      await drive.syncFolder('/a');
      await drive.rename('/a/x', '/b/x');
      return drive;
    };
    const neither = await make();
    expect(after(neither, 'nothing-unsynced')).toEqual({ '/a/x': 3 });
    const target = await make();
    await target.syncFolder('/b');
    expect(after(target, 'nothing-unsynced')).toEqual({ '/a/x': 3, '/b/x': 3 });
    await target.syncFolder('/a');
    expect(after(target, 'nothing-unsynced')).toEqual({ '/b/x': 3 });
    const source = await make();
    await source.syncFolder('/a');
    expect(after(source, 'nothing-unsynced')).toEqual({});
  });

  it('loses everything below a folder whose own name is not durable', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    await drive.mkdir('/d/new');
    await writeFile(drive, '/d/new/x', filled(3), true);
    await drive.syncFolder('/d/new');
    expect(after(drive, 'nothing-unsynced')).toEqual({});
    await drive.syncFolder('/d');
    expect(after(drive, 'nothing-unsynced')).toEqual({ '/d/new/x': 3 });
  });

  it('brings back what was unlinked and not fsynced', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    await writeFile(drive, '/d/x', filled(3), true);
    await drive.syncFolder('/d');
    await drive.unlink('/d/x');
    expect(after(drive, 'nothing-unsynced')).toEqual({ '/d/x': 3 });
    await drive.syncFolder('/d');
    expect(after(drive, 'nothing-unsynced')).toEqual({});
  });

  it.each([
    ['torn-512', 512],
    ['torn-4096', 4096],
  ] as const)(
    '%s tears only what was not fsynced, in whole blocks, and never keeps all of it',
    async (variant, block) => {
      const drive = new CrashFileSystem({ folders: ['/d'] });
      const handle = await drive.openWrite('/d/x');
      await handle.write(filled(1000, 1));
      await handle.sync('file-content');
      await handle.write(filled(20_000, 2));
      const lengths = new Set<number>();
      for (let seed = 0; seed < 60; seed++) {
        const bytes = drive.crashAfter(drive.operationCount, variant, seed).files().get('/d/x') ?? new Uint8Array(0);
        expect(bytes.subarray(0, 1000)).toEqual(filled(1000, 1));
        const tail = bytes.subarray(1000);
        lengths.add(tail.length);
        expect(tail.length % block === 0 || tail.length === 20_000).toBe(true);
        for (let at = 0; at < tail.length; at += block) {
          const piece = tail.subarray(at, at + block);
          expect(piece.every((byte) => byte === piece[0])).toBe(true);
        }
        expect(tail.length === 20_000 && tail.every((byte) => byte === 2)).toBe(false);
      }
      expect(lengths.size).toBeGreaterThan(3);
    },
  );

  it('is the same for the same seed and differs between seeds', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    for (let index = 0; index < 20; index++) await writeFile(drive, `/d/${index}`, filled(100), false);
    const names = (seed: number): string => JSON.stringify(after(drive, 'random-subset', seed));
    expect(names(1)).toBe(names(1));
    expect(new Set([1, 2, 3, 4, 5].map(names)).size).toBe(5);
  });

  it('gives a drive that can crash again, on which all that survived is durable', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    await writeFile(drive, '/d/x', filled(3), false);
    const survivor = drive.crashAfter(drive.operationCount, 'everything');
    await writeFile(survivor, '/d/y', filled(4), true);
    await survivor.unlink('/d/x');
    expect(after(survivor, 'nothing-unsynced')).toEqual({ '/d/x': 3 });
    expect(after(drive, 'everything')).toEqual({ '/d/x': 3 });
    const earlier = survivor.crashAfter(0, 'everything');
    expect([...earlier.files().keys()]).toEqual(['/d/x']);
  });

  it('goes back to any operation, whatever happened since', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    for (let index = 0; index < 5; index++) await writeFile(drive, `/d/${index}`, filled(1), false);
    for (let index = 0; index < 5; index++) await drive.unlink(`/d/${index}`);
    const counts = Array.from(
      { length: drive.operationCount + 1 },
      (_unused, at) => drive.crashAfter(at, 'everything').files().size,
    );
    expect(counts).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 4, 3, 2, 1, 0]);
    expect(() => drive.crashAfter(drive.operationCount + 1, 'everything')).toThrow('the log has');
  });

  it('lets a process die: every call after the last operation throws, looking included', async () => {
    const drive = new CrashFileSystem({ folders: ['/d'] });
    await writeFile(drive, '/d/x', filled(1), true);
    drive.dieAfter(drive.operationCount + 1);
    await drive.syncFolder('/d');
    await expect(drive.syncFolder('/d')).rejects.toThrow(ProcessDied);
    await expect(drive.stat('/d/x')).rejects.toThrow(ProcessDied);
    await expect(drive.openRead('/d/x')).rejects.toThrow(ProcessDied);
    expect(after(drive, 'nothing-unsynced')).toEqual({ '/d/x': 1 });
  });

  it('gives the errors a real filesystem gives', async () => {
    const drive = new CrashFileSystem({ folders: ['/d/e'] });
    await writeFile(drive, '/d/x', filled(1), true);
    const errnoOf = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => 'none',
        (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
      );
    expect(await errnoOf(drive.openWrite('/d/x'))).toBe('EEXIST');
    expect(await errnoOf(drive.openWrite('/absent/x'))).toBe('ENOENT');
    expect(await errnoOf(drive.openRead('/d/absent'))).toBe('ENOENT');
    expect(await errnoOf(drive.openRead('/d/e'))).toBe('EISDIR');
    expect(await errnoOf(drive.stat('/d/x/below'))).toBe('ENOTDIR');
    expect(await errnoOf(drive.mkdir('/d/e'))).toBe('EEXIST');
    expect(await errnoOf(drive.rmdir('/d'))).toBe('ENOTEMPTY');
    expect(await errnoOf(drive.rename('/d/x', '/d/e'))).toBe('EISDIR');
    expect(await errnoOf(drive.rename('/d/absent', '/d/y'))).toBe('ENOENT');
    expect(await errnoOf(drive.unlink('/d/absent'))).toBe('ENOENT');
    expect(await errnoOf(drive.readFolder('/d/x'))).toBe('ENOTDIR');
    expect(systemError('EIO', 'read', '/d/x')).toMatchObject({ code: 'EIO', path: '/d/x' });
  });

  it('tries eight variants, the random one with two seeds', () => {
    expect(new Set(CRASH_CASES.map((crash) => crash.variant)).size).toBe(8);
    expect(CRASH_CASES).toHaveLength(9);
  });
});
