/** The local store on the system's own filesystem: fsyncs that really happen, links, pipes, modes, folders that vanish. */
import { execFile } from 'node:child_process';
import {
  access,
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { systemRandom } from '../../../src-main/engine/kernel/index.ts';
import {
  createLocalStore,
  createRoot,
  type LocalStore,
  nodeFileSystem,
  writeWhole,
} from '../../../src-main/engine/store/index.ts';
import { failureOf } from '../../support/store-contract.ts';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

describe.skipIf(process.platform === 'win32')('on a real filesystem', () => {
  let base: string;
  let root: string;
  let store: LocalStore;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'cairn-local-'));
    root = join(base, 'repository');
    expect(await createRoot(root)).toEqual({ created: true });
    store = createLocalStore({ root, random: systemRandom });
  });
  afterEach(async () => {
    await rm(base, { recursive: true, force: true });
  });

  it.runIf(process.platform === 'linux')('asks the system for every fsync it promises, on the right file', async () => {
    const probe = await open(base, 'r');
    const prototype = Object.getPrototypeOf(probe) as { sync: (this: FileHandle) => Promise<void> };
    await probe.close();
    const real = prototype.sync;
    const synced: string[] = [];
    const spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
      synced.push((await readlink(`/proc/self/fd/${this.fd}`)).replace(/tmp-[0-9a-f]{16}$/, 'tmp'));
      await real.call(this);
    });
    try {
      await writeWhole(store, 'packs/x', bytesOf('x'));
      await store.remove(['packs/x']);
    } finally {
      spy.mockRestore();
    }
    expect(synced).toEqual([root, join(root, 'packs/tmp'), join(root, 'packs'), join(root, 'packs')]);
  });

  it('makes files and folders only their owner may open', async () => {
    await writeWhole(store, 'packs/ab/x', bytesOf('x'));
    expect((await stat(join(root, 'packs/ab/x'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(root, 'packs/ab'))).mode & 0o777).toBe(0o700);
  });

  it('does not follow a link planted under the name of a temporary file', async () => {
    const outside = join(base, 'outside');
    const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    let asked = 0;
    const random = { bytes: (count: number) => (asked++ === 0 ? bytes.slice(0, count) : systemRandom.bytes(count)) };
    await symlink(outside, join(root, 'tmp-0102030405060708'));
    await writeWhole(createLocalStore({ root, random }), 'config', bytesOf('secret'));
    await expect(access(outside)).rejects.toThrow();
    expect(asked).toBe(2);
    expect(await readFile(join(root, 'config'), 'utf8')).toBe('secret');
  });

  it('replaces a link under the name of a file and does not write through it', async () => {
    const outside = join(base, 'outside');
    await writeFile(outside, 'theirs');
    await symlink(outside, join(root, 'config'));
    await writeWhole(store, 'config', bytesOf('ours'));
    expect(await readFile(outside, 'utf8')).toBe('theirs');
    expect(await store.read('config')).toEqual(bytesOf('ours'));
  });

  it('reads no link, folder or pipe as a file, and waits on none', async () => {
    await writeFile(join(base, 'outside'), 'theirs');
    await symlink(join(base, 'outside'), join(root, 'link'));
    await mkdir(join(root, 'folder'));
    await promisify(execFile)('mkfifo', [join(root, 'pipe')]);
    for (const name of ['link', 'folder', 'pipe']) {
      expect((await failureOf(store.read(name))).code, name).toBe('integrity/damaged');
      expect((await failureOf(store.stat(name))).code, name).toBe('integrity/damaged');
    }
    expect(await store.list('')).toEqual([]);
  });

  it('does not write through a link in the place of a folder', async () => {
    const outside = join(base, 'outside');
    await mkdir(outside);
    await symlink(outside, join(root, 'packs'));
    expect((await failureOf(writeWhole(store, 'packs/x', bytesOf('x')))).code).toBe('integrity/damaged');
    expect(await readdir(outside)).toEqual([]);
  });

  it('may be reached through a link itself', async () => {
    await symlink(root, join(base, 'link'));
    const linked = createLocalStore({ root: join(base, 'link'), random: systemRandom });
    await writeWhole(linked, 'packs/x', bytesOf('x'));
    expect(await store.read('packs/x')).toEqual(bytesOf('x'));
  });

  it('reports the root as gone when its folder is renamed away, and goes on when it is back', async () => {
    await writeWhole(store, 'packs/x', bytesOf('x'));
    await rename(root, `${root}-away`);
    expect((await failureOf(store.read('packs/x'))).code).toBe('destination/gone');
    expect((await failureOf(store.list('packs'))).code).toBe('destination/gone');
    expect((await failureOf(writeWhole(store, 'packs/y', bytesOf('y')))).code).toBe('destination/gone');
    await expect(access(root)).rejects.toThrow();
    await rename(`${root}-away`, root);
    expect(await store.read('packs/x')).toEqual(bytesOf('x'));
  });

  it.runIf(process.platform === 'linux')('ignores what a repository can’t have named', async () => {
    await writeFile(join(root, 'a name with spaces'), 'x');
    await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), 'x');
    expect(await store.list('')).toEqual([]);
    expect(await store.listTemporary()).toEqual([]);
  });

  it('judges the age of a temporary file by when it was last written', async () => {
    await writeFile(join(root, 'tmp-0123456789abcdef'), 'left');
    await utimes(join(root, 'tmp-0123456789abcdef'), 1000, 1000);
    expect(await store.removeTemporary({ modifiedBeforeMs: 999_000 })).toEqual([]);
    expect(await store.removeTemporary({ modifiedBeforeMs: 1_000_001 })).toHaveLength(1);
  });

  it('fsyncs, lists, makes and removes folders through the same port', async () => {
    await nodeFileSystem.mkdir(join(root, 'made'));
    await nodeFileSystem.syncFolder(root, 'new-ancestor');
    expect(await nodeFileSystem.readFolder(root)).toEqual([{ name: 'made', kind: 'folder' }]);
    await nodeFileSystem.rmdir(join(root, 'made'));
    await expect(rmdir(join(root, 'made'))).rejects.toThrow();
  });
});
