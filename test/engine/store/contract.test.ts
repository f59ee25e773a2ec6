import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemRandom } from '../../../src-main/engine/kernel/index.ts';
import { createLocalStore, createMemoryStore } from '../../../src-main/engine/store/index.ts';
import { CrashFileSystem } from '../../support/crash-filesystem.ts';
import { MemoryFileSystem } from '../../support/memory-filesystem.ts';
import { describeStore } from '../../support/store-contract.ts';

describeStore('a store in a real folder', async () => {
  const root = await mkdtemp(join(tmpdir(), 'cairn-store-'));
  return {
    store: createLocalStore({ root, random: systemRandom }),
    dispose: () => rm(root, { recursive: true, force: true }),
  };
});

describeStore('a local store on a filesystem in memory', () => {
  const fileSystem = new MemoryFileSystem({ folders: ['/backup'] });
  return Promise.resolve({ store: createLocalStore({ root: '/backup', fileSystem, random: systemRandom }) });
});

describeStore('a local store on a filesystem that logs for crashes', () => {
  const fileSystem = new CrashFileSystem({ folders: ['/backup'] });
  return Promise.resolve({ store: createLocalStore({ root: '/backup', fileSystem, random: systemRandom }) });
});

describeStore('a store in memory', () => Promise.resolve({ store: createMemoryStore() }));
