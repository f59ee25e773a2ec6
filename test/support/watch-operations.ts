/**
 * Random changes of a tree, from a seed: everything that people, editors, compilers and package managers do.
 *
 * They are meant for a folder in which nothing else is, and stay in it: links lead nowhere else, and no call is given one
 * that it would follow.
 */
import fs from 'node:fs';
import type { Seeded } from './seed.ts';

const SLASH = Buffer.from('/');
const NAMES: readonly Buffer[] = [
  ...[
    'a',
    'b',
    'c',
    'd',
    'e',
    'new\nline',
    'back\\slash',
    'tilde~',
    '.x.swp',
    '.subl1.tmp',
    ' space ',
    '漢字',
    '*?[x]',
    '-rf',
  ],
].map((name) => Buffer.from(name));
const RAW_NAMES: readonly Buffer[] = [Buffer.from([0xff]), Buffer.from([0x61, 0xc3]), Buffer.from([0x80, 0x0a, 0xfe])];
const FOLDERS_MAX = 120;
const DEPTH_MAX = 9;

export const joined = (...parts: readonly Buffer[]): Buffer =>
  parts.reduce((left, right) => Buffer.concat([left, SLASH, right]));

export type Operations = {
  /** One change; says which. */
  readonly step: () => string;
};

/** `outside`: an empty folder on the same filesystem, for what moves in and out. */
export function createOperations(root: Buffer, outside: Buffer, random: Seeded, rawNames: boolean): Operations {
  const names = rawNames ? [...NAMES, ...RAW_NAMES] : NAMES;
  const newName = (): Buffer => random.pick(names);
  const { folders, files } = lister(root);
  const aFolder = (): Buffer => random.pick(folders());
  const aSubfolder = (): Buffer | undefined => {
    const found = folders().slice(1);
    return found.length === 0 ? undefined : random.pick(found);
  };
  const aFile = (): Buffer | undefined => {
    const found = files();
    return found.length === 0 ? undefined : random.pick(found);
  };
  /** Where something may be put, or is already: never a link, which a call might follow to where nothing is ours. */
  const place = (): Buffer => {
    const path = joined(aFolder(), newName());
    if (isLink(path)) throw Object.assign(new Error('a link stands there'), { code: 'EEXIST' });
    return path;
  };
  const remove = (path: Buffer): void => fs.rmSync(path, { recursive: true, force: true });

  /** A tree with folders in folders and files in each, made as fast as it goes. */
  const makeTree = (top: Buffer, depth: number): void => {
    if (isLink(top) || isLink(joined(top, Buffer.from('file')))) return;
    fs.mkdirSync(top, { recursive: true });
    fs.writeFileSync(joined(top, Buffer.from('file')), random.bytes(random.between(0, 40)));
    if (depth === 0) return;
    for (let count = random.between(1, 3); count > 0; count--) makeTree(joined(top, newName()), depth - 1);
  };
  const isRoomFor = (): boolean => folders().length < FOLDERS_MAX;

  const operations: Readonly<Record<string, () => void>> = {
    create: () => fs.writeFileSync(place(), random.bytes(random.between(0, 100))),
    append: () => withIt(aFile(), (file) => fs.appendFileSync(file, random.bytes(10))),
    truncate: () => withIt(aFile(), (file) => fs.truncateSync(file, random.between(0, 20))),
    touch: () => withIt(aFile(), (file) => fs.utimesSync(file, random.between(1, 2e9), random.between(1, 2e9))),
    'rename file': () => withIt(aFile(), (file) => fs.renameSync(file, place())),
    'save as editors do': () =>
      withIt(aFile(), (file) => {
        const temporary = Buffer.concat([file, Buffer.from('.tmp')]);
        fs.writeFileSync(temporary, random.bytes(30), { flag: 'wx' });
        fs.renameSync(temporary, file);
      }),
    'rename folder': () => withIt(aSubfolder(), (folder) => fs.renameSync(folder, place())),
    'swap folders': () =>
      withIt(aSubfolder(), (left) =>
        withIt(aSubfolder(), (right) => {
          const aside = joined(outside, Buffer.from('aside'));
          fs.renameSync(left, aside);
          if (fs.existsSync(right)) fs.renameSync(right, left);
          fs.renameSync(aside, fs.existsSync(left) ? right : left);
        }),
      ),
    'chmod file': () => withIt(aFile(), (file) => fs.chmodSync(file, random.pick([0o600, 0o644, 0o755]))),
    'chmod folder': () => withIt(aSubfolder(), (folder) => fs.chmodSync(folder, random.pick([0o700, 0o755, 0o750]))),
    'hard link': () => withIt(aFile(), (file) => fs.linkSync(file, place())),
    symlink: () => fs.symlinkSync(random.pick(['.', 'nowhere', 'file']), place()),
    'delete file': () => withIt(aFile(), (file) => fs.unlinkSync(file)),
    'delete folder': () => withIt(aSubfolder(), remove),
    'file where a folder was': () =>
      withIt(aSubfolder(), (folder) => {
        remove(folder);
        fs.writeFileSync(folder, 'no folder any more');
      }),
    'folder where a file was': () =>
      withIt(aFile(), (file) => {
        fs.unlinkSync(file);
        makeTree(file, 1);
      }),
    'another folder of the same name': () =>
      withIt(aSubfolder(), (folder) => {
        remove(folder);
        makeTree(folder, random.between(0, 2));
      }),
    'made at once': () => isRoomFor() && makeTree(place(), random.between(0, 3)),
    'moved in': () => {
      if (!isRoomFor()) return;
      const tree = joined(outside, Buffer.from('tree'));
      makeTree(tree, random.between(0, 3));
      fs.renameSync(tree, place());
    },
    'moved out, changed, and in again': () =>
      withIt(aSubfolder(), (folder) => {
        const aside = joined(outside, Buffer.from('aside'));
        fs.renameSync(folder, aside);
        const inside = joined(aside, newName());
        if (!isLink(inside)) fs.writeFileSync(inside, 'changed meanwhile');
        fs.renameSync(aside, random.chance(0.5) ? folder : place());
      }),
    'moved out': () =>
      withIt(aSubfolder(), (folder) => {
        const aside = joined(outside, Buffer.from('gone'));
        fs.renameSync(folder, aside);
      }),
    'came and went': () => {
      const file = joined(aFolder(), Buffer.from('came and went'));
      fs.writeFileSync(file, '', { flag: 'wx' });
      fs.unlinkSync(file);
    },
  };
  const kinds = Object.keys(operations);
  return {
    step: () => {
      const kind = random.pick(kinds);
      try {
        operations[kind]?.();
      } catch (error) {
        // A name that is taken, a folder into itself, what is no longer there: nothing happened, or half of it.
        if (!(error instanceof Error && 'code' in error)) throw error;
      } finally {
        for (const name of fs.readdirSync(outside, { encoding: 'buffer' })) remove(joined(outside, name));
      }
      return kind;
    },
  };
}

function withIt<Item>(item: Item | undefined, use: (item: Item) => void): void {
  if (item !== undefined) use(item);
}

function isLink(path: Buffer): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** What there is now: folders and regular files. The lab's own folder is left alone, and so are links. */
function lister(root: Buffer): { readonly folders: () => readonly Buffer[]; readonly files: () => readonly Buffer[] } {
  const walk = (folder: Buffer, depth: number, take: (path: Buffer, isFolder: boolean) => void): void => {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const path = joined(folder, entry.name);
      if (entry.name.toString() === 'sentinel~' || (entry.isDirectory() && depth >= DEPTH_MAX)) continue;
      if (entry.isDirectory() || entry.isFile()) take(path, entry.isDirectory());
      if (entry.isDirectory()) walk(path, depth + 1, take);
    }
  };
  const all = (wanted: boolean): Buffer[] => {
    const found: Buffer[] = [];
    walk(root, 0, (path, isFolder) => {
      if (isFolder === wanted) found.push(path);
    });
    return found;
  };
  return { folders: () => [root, ...all(true)], files: () => all(false) };
}
