/**
 * Seeded random folder trees on the real filesystem, with everything that makes backups go wrong: empty files and
 * folders, names of raw bytes, twins that differ only in Unicode form or case, deep nesting, links that lead nowhere,
 * hard links, odd modes, times to the nanosecond, before 1970 too. The same seed and options make the same tree.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { setModificationTime } from '../../src-main/engine/restore/target.ts';
import { seeded, type Seeded } from './seed.ts';

export type TreeOptions = {
  readonly seed: number;
  readonly files: number;
  readonly folders: number;
  /** Bytes of the largest file. */
  readonly fileBytesMax: number;
  /** Names that are not UTF-8; off where the filesystem takes only UTF-8 (macOS). */
  readonly rawNames?: boolean;
  readonly symlinks?: number;
  readonly hardLinks?: number;
  /** Made by the system’s mkfifo, under plain names. */
  readonly fifos?: number;
  /** Length in bytes of one very long path; 0 for none. Beyond 4,096 it can only be reached step by step. */
  readonly deepPathBytes?: number;
};

export type Change = {
  readonly kind: 'changed' | 'added' | 'renamed' | 'removed' | 'metadata' | 'retyped';
  /** Below the root, raw bytes. */
  readonly path: Buffer;
  readonly to?: Buffer;
};

const SLASH = Buffer.from('/');
const join = (...parts: readonly Uint8Array[]): Buffer =>
  parts.reduce<Buffer>(
    (path, part) => (path.length === 0 ? Buffer.from(part) : Buffer.concat([path, SLASH, part])),
    Buffer.alloc(0),
  );

const ODD_NAMES: readonly string[] = [
  ' leading and trailing ',
  '-rf',
  '.hidden',
  '..almost',
  'new\nline',
  'tab\tand\u001b[31mred',
  'back\\slash',
  '"quoted" \'name\'',
  'caf\u00e9',
  'cafe\u0301',
  'CASE',
  'case',
  'Ünïcödé',
  '漢字かな',
  '👩‍🚀 astronaut',
  'right\u202eleft',
  'CON',
  'a:b',
  'dot.',
  'x'.repeat(255),
  '\ufeffmark',
  '*?[star]',
  '$HOME',
  '%00',
  'é'.repeat(127),
];
const RAW_NAMES: readonly Buffer[] = [
  Buffer.from([0xff]),
  Buffer.from([0x61, 0xc3]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xc0, 0xaf, 0x62]),
  Buffer.from([0x80, 0x0a, 0xfe]),
];
const FILE_MODES = [0o644, 0o600, 0o755, 0o444, 0o640, 0o700, 0o666, 0o400] as const;
const FOLDER_MODES = [0o755, 0o700, 0o750, 0o775, 0o1777] as const;

/** Makes `root` (which must not exist) and fills it. */
export function buildTree(root: string, options: TreeOptions): void {
  const random = seeded(options.seed);
  fs.mkdirSync(root, { recursive: true, mode: 0o755 });
  const base = Buffer.from(root);
  const folders: Buffer[] = [base];
  const files: Buffer[] = [];
  const names = nameSource(random.fork(), options.rawNames ?? process.platform === 'linux');
  for (let index = 0; index < options.folders; index++) {
    const path = join(random.pick(folders), names());
    if (makeIfFree(path, () => fs.mkdirSync(path))) folders.push(path);
  }
  for (let index = 0; index < options.files; index++) {
    // The last folder stays as it is: an empty one belongs to every tree.
    const path = join(folders[random.between(0, Math.max(0, folders.length - 2))] ?? base, names());
    if (makeIfFree(path, () => fs.writeFileSync(path, contentOf(random, options.fileBytesMax), { flag: 'wx' })))
      files.push(path);
  }
  const places = { random, names, folders, files };
  addLinks(places, options);
  if ((options.deepPathBytes ?? 0) > 0) makeDeepPath(base, options.deepPathBytes ?? 0, random);
  for (const path of files) dress(path, random, FILE_MODES);
  // From the deepest up: what happens in a folder changes its time.
  for (const path of folders.reverse()) dress(path, random, FOLDER_MODES);
}

type Places = {
  readonly random: Seeded;
  readonly names: () => Buffer;
  readonly folders: readonly Buffer[];
  readonly files: readonly Buffer[];
};

function addLinks(places: Places, options: TreeOptions): void {
  const { random, names, folders, files } = places;
  const targets: readonly Buffer[] = [
    Buffer.from('nowhere'),
    Buffer.from('/etc/passwd'),
    Buffer.from('..'),
    Buffer.from('.'),
    Buffer.from([0xff, 0x2f, 0xfe]),
    ...[...folders, ...files]
      .map((path) => path.subarray((folders[0]?.length ?? 0) + 1))
      .filter((path) => path.length > 0),
  ];
  const inFolder = (): Buffer => join(random.pick(folders), names());
  for (let index = 0; index < (options.symlinks ?? 0); index++) {
    const path = inFolder();
    if (makeIfFree(path, () => fs.symlinkSync(random.pick(targets), path))) {
      setModificationTime({ kind: 'path', path, follow: false }, timeOf(random));
    }
  }
  for (let index = 0; index < (options.hardLinks ?? 0) && files.length > 0; index++) {
    const path = inFolder();
    makeIfFree(path, () => fs.linkSync(random.pick(files), path));
  }
  for (let index = 0; index < (options.fifos ?? 0); index++) {
    const path = join(folders[0] ?? Buffer.from('.'), Buffer.from(`fifo-${index}`));
    execFileSync('mkfifo', ['-m', '640', path.toString('utf8')]);
    setModificationTime({ kind: 'path', path, follow: false }, timeOf(random));
  }
}

/** Changes about `count` entries: contents, names, places, modes, times; adds and removes some. Says what it did. */
export function mutateTree(
  root: string,
  options: {
    readonly seed: number;
    readonly count: number;
    readonly fileBytesMax: number;
    readonly rawNames?: boolean;
  },
): Change[] {
  const random = seeded(options.seed);
  const base = Buffer.from(root);
  const names = nameSource(random.fork(), options.rawNames ?? process.platform === 'linux');
  const changes: Change[] = [];
  for (let index = 0; index < options.count; index++) {
    const { files, folders } = listTree(base);
    const step = random.pick(STEPS);
    const change = step({ random, names, folders, files, bytesMax: options.fileBytesMax });
    if (change !== undefined) changes.push(relative(change, base));
  }
  return changes;
}

type Step = (places: Places & { readonly bytesMax: number }) => Change | undefined;

const STEPS: readonly Step[] = [
  ({ random, files, bytesMax }) =>
    onFile(files, random, 'changed', (path) => fs.writeFileSync(path, contentOf(random, bytesMax))),
  ({ random, files }) =>
    onFile(files, random, 'changed', (path) => fs.appendFileSync(path, random.bytes(random.between(1, 5000)))),
  ({ random, files }) => onFile(files, random, 'changed', (path) => editInPlace(path, random)),
  ({ random, files }) => onFile(files, random, 'changed', (path) => fs.truncateSync(path, 0)),
  ({ random, files }) => onFile(files, random, 'metadata', (path) => dress(path, random, FILE_MODES)),
  ({ random, files }) => onFile(files, random, 'removed', (path) => fs.unlinkSync(path)),
  ({ random, files }) =>
    onFile(files, random, 'retyped', (path) => {
      fs.unlinkSync(path);
      if (random.chance(0.5)) fs.mkdirSync(path);
      else fs.symlinkSync('elsewhere', path);
    }),
  ({ random, names, folders, bytesMax }) => {
    const path = join(random.pick(folders), names());
    return makeIfFree(path, () => fs.writeFileSync(path, contentOf(random, bytesMax), { flag: 'wx' }))
      ? { kind: 'added', path }
      : undefined;
  },
  ({ random, names, folders }) => {
    const path = join(random.pick(folders), names());
    return makeIfFree(path, () => fs.mkdirSync(path)) ? { kind: 'added', path } : undefined;
  },
  ({ random, names, folders, files }) => {
    const from = random.pick([...files, ...folders]);
    const to = join(random.pick(folders), names());
    // A folder can't move into itself; the root stays where it is.
    if (from === folders[0] || Buffer.concat([to, SLASH]).indexOf(Buffer.concat([from, SLASH])) === 0) return undefined;
    return makeIfFree(to, () => fs.renameSync(from, to)) ? { kind: 'renamed', path: from, to } : undefined;
  },
  ({ random, folders }) => {
    const path = random.pick(folders);
    if (path === folders[0] || !random.chance(0.3)) return undefined;
    fs.rmSync(path, { recursive: true });
    return { kind: 'removed', path };
  },
];

function onFile(
  files: readonly Buffer[],
  random: Seeded,
  kind: Change['kind'],
  action: (path: Buffer) => void,
): Change | undefined {
  if (files.length === 0) return undefined;
  const path = random.pick(files);
  fs.chmodSync(path, fs.statSync(path).mode | 0o600);
  action(path);
  return { kind, path };
}

function editInPlace(path: Buffer, random: Seeded): void {
  const size = fs.statSync(path).size;
  const fd = fs.openSync(path, 'r+');
  const bytes = random.bytes(random.between(1, 4096));
  fs.writeSync(fd, bytes, 0, bytes.length, random.between(0, Math.max(0, size - bytes.length)));
  fs.closeSync(fd);
}

/** Regular files and folders, sorted, the root first. Links are not followed. */
function listTree(base: Buffer): { files: Buffer[]; folders: Buffer[] } {
  const files: Buffer[] = [];
  const folders: Buffer[] = [base];
  for (let index = 0; index < folders.length; index++) {
    const folder = folders[index] ?? base;
    if (folder.length > 3500) continue;
    for (const name of fs
      .readdirSync(folder, { encoding: 'buffer' })
      .sort((left, right) => Buffer.compare(left, right))) {
      const path = join(folder, name);
      const stats = fs.lstatSync(path);
      if (stats.isDirectory()) folders.push(path);
      else if (stats.isFile()) files.push(path);
    }
  }
  return { files, folders };
}

function relative(change: Change, base: Buffer): Change {
  const cut = (path: Buffer): Buffer => path.subarray(base.length + 1);
  return { ...change, path: cut(change.path), ...(change.to === undefined ? {} : { to: cut(change.to) }) };
}

function nameSource(random: Seeded, rawNames: boolean): () => Buffer {
  let count = 0;
  return () => {
    count++;
    const draw = random.next();
    if (rawNames && draw < 0.06) return Buffer.concat([random.pick(RAW_NAMES), Buffer.from(String(count % 10))]);
    if (draw < 0.3) return Buffer.from(random.pick(ODD_NAMES));
    const ending = random.pick(['.txt', '.jpg', '', '.log', '.tar.gz']);
    return Buffer.from(`${random.pick(['note', 'photo', 'Report', 'data', 'x'])}-${count}${ending}`);
  };
}

/** From nothing to `bytesMax`, mostly small: text, noise, zeros, and text with noise in it. */
function contentOf(random: Seeded, bytesMax: number): Buffer {
  const size = random.chance(0.1) ? 0 : Math.floor(bytesMax ** random.next());
  const kind = random.between(0, 3);
  if (kind === 0) return random.bytes(size);
  if (kind === 1) return Buffer.alloc(size);
  const text = Buffer.alloc(size, `line ${random.between(0, 5)} of a text that repeats itself\n`);
  if (kind === 3 && size > 100) random.bytes(50).copy(text, random.between(0, size - 50));
  return text;
}

function timeOf(random: Seeded): bigint {
  const seconds = random.chance(0.05) ? -random.between(1, 1_000_000_000) : random.between(0, 1_900_000_000);
  const nanoseconds = random.chance(0.2) ? 0 : random.between(0, 999_999_999);
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

function dress(path: Buffer, random: Seeded, modes: readonly number[]): void {
  fs.chmodSync(path, random.pick(modes));
  setModificationTime({ kind: 'path', path, follow: false }, timeOf(random));
}

/** False when the name is taken (also by its twin in another case or Unicode form) or the path too long. */
function makeIfFree(path: Buffer, make: () => void): boolean {
  try {
    if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
    make();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EEXIST' || error.code === 'ENAMETOOLONG'))
      return false;
    throw error;
  }
}

/** A chain of folders named deep-ddd… with a file at its end, made step by step from open folders, as no single path could name it. */
export function makeDeepPath(base: Buffer, pathBytes: number, random: Seeded): void {
  if (process.platform !== 'linux') return;
  const name = `deep-${'d'.repeat(195)}`;
  const open = (path: Buffer | string): number => fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  const fds = [open(base)];
  for (let length = base.length; length < pathBytes; length += name.length + 1) {
    const path = `/proc/self/fd/${fds.at(-1)}/${name}`;
    fs.mkdirSync(path);
    fds.push(open(path));
  }
  fs.writeFileSync(`/proc/self/fd/${fds.at(-1)}/at the bottom`, random.bytes(1000));
  setModificationTime(
    { kind: 'path', path: Buffer.from(`/proc/self/fd/${fds.at(-1)}/at the bottom`), follow: false },
    timeOf(random),
  );
  for (const fd of fds.reverse()) {
    setModificationTime({ kind: 'path', path: Buffer.from(`/proc/self/fd/${fd}`), follow: true }, timeOf(random));
    fs.closeSync(fd);
  }
}
