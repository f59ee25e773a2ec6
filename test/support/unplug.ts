/**
 * Run in a mount namespace of its own with a folder: unplugs a drive, or puts another one into its place, in the middle of
 * backups, and prints as JSON what happened. The drive is a folder of a tmpfs that is mounted in the place of the
 * repository: unmounting it lazily leaves the empty folder below, as a drive does that is pulled out.
 *
 * Everything is done by the real system calls; only the moment is chosen by counting them.
 */
import fs from 'node:fs';
import path from 'node:path';
import { isCairnError } from '../../src-shared/errors.ts';
import { type FileSystem, createLocalStore, nodeFileSystem } from '../../src-main/engine/store/index.ts';
import { Lab } from './engine-lab.ts';
import { interceptFileSystem } from './intercept-filesystem.ts';
import { LOW_LIMITS, noise, put } from './lab-files.ts';
import { mustRun } from './mounted-drive.ts';
import { compareTrees } from './walker.ts';

export type UnplugReport = {
  /** Backups during which the drive went away, by what they were about to write. */
  readonly runs: { readonly packs: number; readonly commitFile: number };
  /** Error code → how often. “finished”: it went away when nothing was left to do. */
  readonly ended: Readonly<Record<string, number>>;
  /** What was found where nothing may ever be written. */
  readonly strayed: readonly string[];
  /** What was wrong after the drive came back: with the next backup, with what a deep verification and a restore find. */
  readonly afterwards: readonly string[];
};

const [, , kind = '', everyText = '1'] = process.argv;
const every = Number(everyText);
const lab = new Lab(7);
const drives = lab.path('drives');
const ours = path.join(drives, 'ours');
const theirs = path.join(drives, 'theirs');
const base = path.join(drives, 'base');

const mount = (folder: string): void => mustRun('mount', '--bind', folder, lab.repositoryPath);
const unmount = (): void => mustRun('umount', '-l', lab.repositoryPath);

const state = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => `${file} ${fs.statSync(file).isFile() ? fs.readFileSync(file).toString('base64') : ''}`)
    .sort();

/** A filesystem that does something before the given operation, counted from `begin` on. */
function interrupted(at: number, action: () => void): { readonly fileSystem: FileSystem; readonly begin: () => void } {
  let met: number | undefined;
  const fileSystem = interceptFileSystem(nodeFileSystem, {
    around: (_operation, proceed) => {
      if (met !== undefined && met++ === at) action();
      return proceed();
    },
  });
  return { fileSystem, begin: () => (met = 0) };
}

const ended: Record<string, number> = {};
const strayed: string[] = [];
const afterwards: string[] = [];
const open = (fileSystem: FileSystem = nodeFileSystem) =>
  lab.open(undefined, {
    store: createLocalStore({ root: lab.repositoryPath, random: lab.ports.random, fileSystem }),
    limits: LOW_LIMITS,
  });

/** The repository as it was before each backup: with two snapshots, of which one is in packs and one in a commit file. */
function reset(): void {
  for (const name of fs.readdirSync(ours)) fs.rmSync(path.join(ours, name), { recursive: true });
  fs.cpSync(base, ours, { recursive: true, preserveTimestamps: true });
}

/** The backup that is interrupted needs packs, an index run and a snapshot file, or a commit file only. */
function change(round: number): void {
  put(lab, 'changing', noise(round, round % 2 === 0 ? 45_000 : 300));
  put(lab, 'folder/small', `round ${round}`);
}

/** False where the backup came to its end before that operation. */
async function attempt(at: number, round: number): Promise<boolean> {
  reset();
  change(round);
  const before = kind === 'swap' ? state(theirs) : [];
  // An object, because the compiler takes what only a callback sets for never set.
  const seen = { isAway: false };
  const { fileSystem, begin } = interrupted(at, () => {
    seen.isAway = true;
    unmount();
    if (kind === 'swap') mount(theirs);
  });
  // Another drive that is there before anything is opened is what is opened: who it is, the desk asks.
  if (kind === 'unplug') begin();
  const code = await open(fileSystem)
    .then((repository) => {
      if (kind === 'swap') begin();
      return lab.backup(repository);
    })
    .then(
      () => 'finished',
      (error: unknown) => (isCairnError(error) ? error.code : String(error)),
    );
  if (!seen.isAway) return false;
  ended[code] = (ended[code] ?? 0) + 1;
  if (kind === 'swap') {
    const found = state(theirs);
    strayed.push(...found.filter((line) => !before.includes(line)).map((line) => `${at}: + ${line.slice(0, 200)}`));
    strayed.push(...before.filter((line) => !found.includes(line)).map((line) => `${at}: − ${line.slice(0, 200)}`));
    unmount();
  }
  strayed.push(...state(lab.repositoryPath).map((line) => `${at}: ${line.slice(0, 200)}`));
  mount(ours);
  await comeBack().catch((error: unknown) => afterwards.push(String(error)));
  return true;
}

/** The next backup needs no help, nothing is damaged, and everything comes back. */
async function comeBack(): Promise<void> {
  const { problems } = await lab.backup(await open());
  const { damage } = await lab.verify(await open());
  const target = lab.path('out');
  await lab.restore(await open(), 'latest', target);
  afterwards.push(...problems.map(({ path: file, message }) => `${file}: ${message}`));
  afterwards.push(...damage.map(({ file, message }) => `${file}: ${message}`), ...compareTrees(lab.source, target));
  fs.rmSync(target, { recursive: true });
}

fs.mkdirSync(drives);
mustRun('mount', '-t', 'tmpfs', 'tmpfs', drives);
for (const folder of [ours, theirs, lab.repositoryPath]) fs.mkdirSync(folder);
const stranger = new Lab(8);
await stranger.init();
fs.cpSync(stranger.repositoryPath, theirs, { recursive: true });
stranger.dispose();
mount(ours);
await lab.init({ password: 'correct horse' });
for (const round of [0, 1]) {
  change(round);
  await lab.backup(await open());
}
fs.cpSync(ours, base, { recursive: true, preserveTimestamps: true });
const runs = { packs: 0, commitFile: 0 };
for (let at = 0; await attempt(at, 2); at += every) runs.packs++;
for (let at = 0; await attempt(at, 3); at += every) runs.commitFile++;
const report: UnplugReport = { runs, ended, strayed, afterwards };
process.stdout.write(JSON.stringify(report));
unmount();
mustRun('umount', '-l', drives);
lab.dispose();
