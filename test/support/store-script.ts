/**
 * A short life of a store, step by step, with what must be there after each: the scenario that the crash, mutation and
 * fault tests of the store run. Names, bytes and random numbers are the same in every run.
 */
import { hash } from '../../src-main/engine/codec/index.ts';
import type { Random } from '../../src-main/engine/kernel/index.ts';
import {
  createLocalStore,
  type FileSystem,
  isTemporaryName,
  type LocalStore,
  writeWhole,
} from '../../src-main/engine/store/index.ts';
import type { MemoryFileSystem } from './memory-filesystem.ts';
import { seededRandom } from './crash-filesystem.ts';

export const SCRIPT_ROOT = '/backup';

/** Names (inside the root) and the text of the file. */
export type Contents = ReadonlyMap<string, string>;

export type ScriptStep = {
  readonly title: string;
  run(store: LocalStore): Promise<void>;
  /** What is there when the step has ended, from what was there before. */
  after(before: Contents): Contents;
  /** A move: while it runs the file may stand under both names, never under neither. */
  readonly moves?: { readonly from: string; readonly to: string };
};

export function scriptStore(fileSystem: FileSystem, seed = 1): LocalStore {
  const random = seededRandom(seed);
  const bytes: Random['bytes'] = (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256));
  return createLocalStore({ root: SCRIPT_ROOT, fileSystem, random: { bytes } });
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
/** No run of zeros, no two blocks alike: a torn block shows. */
const long = (label: string, blocks: number): string =>
  Array.from({ length: blocks }, (_unused, index) => `${label}${index}.`.padEnd(1000, 'x')).join('');

function put(name: string, text: string): ScriptStep {
  return {
    title: `write ${name}`,
    run: (store) => writeWhole(store, name, bytesOf(text), { hash: hash(bytesOf(text)) }),
    after: (before) => new Map(before).set(name, text),
  };
}

/** Written in pieces in one folder, named in another when its hash is known: as packs are. */
function stream(folder: string, name: string, text: string): ScriptStep {
  return {
    title: `stream ${name}`,
    run: async (store) => {
      const writer = await store.create(folder);
      try {
        for (let at = 0; at < text.length; at += 3000) await writer.append(bytesOf(text.slice(at, at + 3000)));
        await writer.finish(name);
      } catch (error) {
        await writer.abort();
        throw error;
      }
    },
    after: (before) => new Map(before).set(name, text),
  };
}

function move(from: string, to: string): ScriptStep {
  return {
    title: `move ${from} to ${to}`,
    moves: { from, to },
    run: (store) => store.move(from, to),
    after: (before) => {
      const after = new Map(before);
      after.set(to, before.get(from) ?? '');
      after.delete(from);
      return after;
    },
  };
}

function remove(...names: readonly string[]): ScriptStep {
  return {
    title: `remove ${names.join(' ')}`,
    run: (store) => store.remove(names),
    after: (before) => new Map([...before].filter(([name]) => !names.includes(name))),
  };
}

/** Looks at everything and throws (not a CairnError) when a look gives a wrong answer. */
function look(contents: Contents): ScriptStep {
  return {
    title: 'look at everything',
    run: async (store) => {
      const folders = new Set([
        '',
        'absent',
        ...[...contents.keys()].map((name) => name.slice(0, Math.max(name.lastIndexOf('/'), 0))),
      ]);
      // Not the last look: an ENOENT that strikes here is the truth, and no failure.
      if ((await store.stat('absent/absent')) !== undefined) throw new Error('an absent file is found');
      const listed: string[] = [];
      for (const folder of folders) listed.push(...(await store.list(folder)).map((entry) => entry.name));
      mustEqual(listed.sort().join(' '), [...contents.keys()].sort().join(' '), 'the listing');
      for (const [name, text] of contents) {
        mustEqual(textOf(await store.read(name)), text, name);
        mustEqual(textOf(await store.read(name, { offset: 1, length: 2 })), text.slice(1, 3), `${name} by range`);
        mustEqual(String((await store.stat(name))?.sizeBytes), String(text.length), `${name} by stat`);
      }
    },
    after: (before) => before,
  };
}

function mustEqual(found: string, expected: string, what: string): void {
  if (found !== expected) throw new Error(`${what} is ${found.slice(0, 200)}, not ${expected.slice(0, 200)}`);
}

export function storeScript(): readonly ScriptStep[] {
  const changes = [
    put('config', 'first'),
    stream('packs', 'packs/0a/aa', long('pack-a', 10)),
    put('snapshots/01', long('snapshot', 1)),
    put('config', long('second', 5)),
    stream('packs', 'packs/0b/bb', long('pack-b', 6)),
    put('snapshots/02', 'snapshot two'),
    move('packs/0a/aa', 'trash/aa'),
    remove('snapshots/01'),
    move('packs/0b/bb', 'packs/0b/cc'),
    remove('trash/aa', 'packs/0b/absent', 'packs/0b/cc', 'config'),
  ];
  const steps: ScriptStep[] = [];
  let contents: Contents = new Map();
  for (const step of changes) {
    steps.push(step);
    contents = step.after(contents);
    if (steps.length % 4 === 0) steps.push(look(contents));
  }
  return [...steps, look(contents)];
}

/** What is really on the filesystem, temporary files left out. */
export function contentsOf(fileSystem: MemoryFileSystem): Contents {
  const found = new Map<string, string>();
  for (const [path, bytes] of fileSystem.files()) {
    const name = path.slice(SCRIPT_ROOT.length + 1);
    if (!isTemporaryName(name)) found.set(name, textOf(bytes));
  }
  return found;
}

/**
 * What is wrong with a state found in the middle of a step: every file has to be as before the step or as after it. With
 * `step` undefined nothing was under way. Undefined when all is well.
 */
export function wrongIn(found: Contents, before: Contents, step: ScriptStep | undefined): string | undefined {
  const after = step?.after(before) ?? before;
  for (const name of new Set([...found.keys(), ...before.keys(), ...after.keys()])) {
    const is = found.get(name);
    if (is === before.get(name) || is === after.get(name)) continue;
    return `${name} is ${is === undefined ? 'absent' : `${is.length} bytes: ${JSON.stringify(is.slice(0, 40))}`}`;
  }
  if (step?.moves !== undefined && !found.has(step.moves.from) && !found.has(step.moves.to)) {
    return `${step.moves.from} is under neither name`;
  }
  return undefined;
}
