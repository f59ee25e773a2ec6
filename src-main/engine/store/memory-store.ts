/** A store in memory, for tests and for building a small repository before it is written anywhere. */
import { assert } from '../../../src-shared/assert.ts';
import type { CairnError } from '../../../src-shared/errors.ts';
import { hash } from '../codec/index.ts';
import { concatBytes, equalBytes } from '../kernel/index.ts';
import { attemptError } from './destination-error.ts';
import { baseOf, checkFolder, checkName, checkTargetName, folderOf, joinName } from './names.ts';
import { checkReadSize, missingError, shortError, type Store, type StoreWriter } from './store.ts';

const DESCRIPTION = 'memory';

export function createMemoryStore(): Store {
  const folders = new Map<string, Map<string, Uint8Array>>([['', new Map()]]);
  const find = (name: string): Uint8Array | undefined => {
    checkName(name);
    return folders.get(folderOf(name))?.get(baseOf(name));
  };
  const makeFolder = (folder: string): Map<string, Uint8Array> => {
    const known = folders.get(folder);
    if (known !== undefined) return known;
    if (makeFolder(folderOf(folder)).has(baseOf(folder))) throw wrongKind(folder);
    const made = new Map<string, Uint8Array>();
    folders.set(folder, made);
    return made;
  };
  const put = (name: string, bytes: Uint8Array): void => {
    checkTargetName(name);
    if (folders.has(name)) throw wrongKind(name);
    makeFolder(folderOf(name)).set(baseOf(name), bytes);
  };
  const store: Store = {
    description: DESCRIPTION,
    create: async (folder, check) => {
      await check?.(store);
      checkFolder(folder);
      checkName(joinName(folder, 'tmp-0000000000000000'));
      makeFolder(folder);
      return memoryWriter(put);
    },
    read: (name, range, options) =>
      attempted(() => {
        const bytes = find(name);
        if (bytes === undefined) throw missingError(name, DESCRIPTION);
        const wanted = range ?? { offset: 0, length: bytes.length };
        assert(wanted.offset >= 0 && wanted.length >= 0, 'a byte range is two whole numbers');
        checkReadSize(name, wanted.length, options);
        if (wanted.offset + wanted.length > bytes.length) throw shortError(name, DESCRIPTION, wanted);
        return bytes.slice(wanted.offset, wanted.offset + wanted.length);
      }),
    stat: (name) =>
      attempted(() => {
        const bytes = find(name);
        return bytes === undefined ? undefined : { sizeBytes: bytes.length };
      }),
    list: (folder) =>
      attempted(() => {
        checkFolder(folder);
        const files = [...(folders.get(folder) ?? [])].map(([base, bytes]) => ({
          name: joinName(folder, base),
          sizeBytes: bytes.length,
        }));
        return files.sort((left, right) => (left.name < right.name ? -1 : 1));
      }),
    listNames: async (folder) => (await store.list(folder)).map(({ name }) => name),
    move: (from, to) =>
      attempted(() => {
        const bytes = find(from);
        checkTargetName(to);
        if (bytes === undefined) throw missingError(from, DESCRIPTION);
        if (from === to) return;
        put(to, bytes);
        folders.get(folderOf(from))?.delete(baseOf(from));
      }),
    remove: (names) =>
      attempted(() => {
        for (const name of names) checkName(name);
        for (const name of names) folders.get(folderOf(name))?.delete(baseOf(name));
      }),
  };
  return store;
}

/** Turns a thrown error into a rejected promise, as every other store reports it. */
function attempted<Value>(step: () => Value): Promise<Value> {
  return new Promise((resolve) => resolve(step()));
}

function wrongKind(name: string): CairnError {
  return attemptError(
    { action: 'write', name, description: DESCRIPTION },
    'integrity/damaged',
    'a file and a folder would share the name',
  );
}

function memoryWriter(put: (name: string, bytes: Uint8Array) => void): StoreWriter {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  let ended = false;
  return {
    get sizeBytes() {
      return sizeBytes;
    },
    append: (bytes) =>
      attempted(() => {
        assert(!ended, 'a store writer is used after it ended');
        parts.push(bytes.slice());
        sizeBytes += bytes.length;
      }),
    finish: (name, options) =>
      attempted(() => {
        checkTargetName(name);
        assert(!ended, 'a store writer is used after it ended');
        ended = true;
        const whole = concatBytes(parts);
        if (options?.hash !== undefined && !equalBytes(hash(whole), options.hash)) {
          throw attemptError(
            { action: 'write', name, description: DESCRIPTION },
            'destination/io',
            'the bytes are not those that were meant',
          );
        }
        put(name, whole);
      }),
    abort: () =>
      attempted(() => {
        ended = true;
      }),
  };
}
