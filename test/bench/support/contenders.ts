/**
 * The programs that are compared, each as its own commands, run as a person would: encrypted, on a local folder, with
 * default settings but for what says otherwise below. All local state (caches, keys) lies in the round's folder.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type Command, answerOf } from './child.ts';

/** What each does in a round, in this order. The source changes before the last two. */
export const STEPS = [
  'first backup',
  'no-change backup',
  'restore',
  'deep verify',
  'one change',
  '60 changes',
] as const;
export type Step = (typeof STEPS)[number];

/** How many places of the source change before a step. */
export const CHANGES: Partial<Record<Step, number>> = { 'one change': 1, '60 changes': 60 };

export type Round = {
  /** The data set. */
  readonly source: string;
  /** Holds the repository and all local state of one contender in one round; exists and is empty. */
  readonly folder: string;
  /** Does not exist yet: a program that makes it gives it the metadata of what it restores. */
  readonly restored: string;
};

export type Contender = {
  readonly name: string;
  readonly version: string;
  readonly init: (round: Round) => Command;
  readonly steps: Readonly<Record<Step, (round: Round) => Command>>;
  readonly repository: (round: Round) => string;
  /** Where the restored data set is. */
  readonly restoredSource: (round: Round) => string;
  /** Restores into the folder it runs in, which must exist. */
  readonly restoresInPlace: boolean;
};

const PASSWORD = 'a password that all are given';
const root = path.resolve(import.meta.dirname, '../../..');
const repository = ({ folder }: Round): string => path.join(folder, 'repository');

// ------------------------------------------------------------------------------------------------------------ Cairn

const CAIRN_PROGRAM = path.join(root, 'scripts/cairn.cjs');
const CAIRN_BUILT = path.join(root, 'out/main/cli.js');

export type CairnOptions = {
  /** Arguments of Node itself. */
  readonly nodeArgs?: readonly string[];
  /** For the steps of cairnWorkerSteps. */
  readonly workers?: number;
};

/** The built program, as an installed one runs. */
export function cairn({ nodeArgs = [], workers }: CairnOptions = {}): Contender {
  if (!fs.existsSync(CAIRN_BUILT))
    throw new Error('Cairn is not built. Run this as “npm run bench backup”, which builds it.');
  const run = (...args: readonly string[]) => {
    return (round: Round): Command => ({
      program: process.execPath,
      args: [...nodeArgs, CAIRN_PROGRAM, ...args.map((arg) => fillIn(arg, round)), '--quiet'],
      environment: {
        CAIRN_REPO: repository(round),
        CAIRN_PASSWORD: PASSWORD,
        CAIRN_HOME: path.join(round.folder, 'home'),
      },
    });
  };
  const chosen = workers === undefined ? [] : cairnWorkerSteps();
  const withWorkers = (step: Step): string[] => (chosen.includes(step) ? ['--workers', String(workers)] : []);
  const backup = run('backup', SOURCE, ...withWorkers('first backup'));
  return {
    name: workers === undefined ? 'Cairn' : workersName(workers),
    version: `Cairn on Node ${process.version}`,
    init: run('init'),
    steps: {
      'first backup': backup,
      'no-change backup': backup,
      restore: run('restore', 'latest', '--target', RESTORED, ...withWorkers('restore')),
      'deep verify': run('verify', '--deep', ...withWorkers('deep verify')),
      'one change': backup,
      '60 changes': backup,
    },
    repository,
    restoredSource: ({ restored }) => restored,
    restoresInPlace: false,
  };
}

const workersName = (workers: number): string => `${workers} ${workers === 1 ? 'worker' : 'workers'}`;

/** The steps for which this build of Cairn lets a person choose how many workers there are. */
export function cairnWorkerSteps(): Step[] {
  const commands = { 'first backup': 'backup', restore: 'restore', 'deep verify': 'verify' } as const;
  return (['first backup', 'restore', 'deep verify'] as const).filter((step) =>
    answerOf(process.execPath, [CAIRN_PROGRAM, commands[step], '--help'])?.includes('--workers'),
  );
}

// ----------------------------------------------------------------------------------------------------------- others

/** Undefined where it isn't installed. */
export function restic(): Contender | undefined {
  const version = answerOf('restic', ['version'])?.split('\n')[0];
  if (version === undefined) return undefined;
  const run = (...args: readonly string[]) => {
    return (round: Round): Command => ({
      program: 'restic',
      args: [...args.map((arg) => fillIn(arg, round)), '--quiet'],
      environment: {
        RESTIC_REPOSITORY: repository(round),
        RESTIC_PASSWORD: PASSWORD,
        RESTIC_CACHE_DIR: path.join(round.folder, 'cache'),
      },
    });
  };
  const backup = run('backup', SOURCE);
  return {
    name: 'restic',
    version,
    // Version 2 of its format compresses; older packages make version 1 when nothing is said.
    init: run('init', '--repository-version', '2'),
    steps: {
      'first backup': backup,
      'no-change backup': backup,
      restore: run('restore', 'latest', '--target', RESTORED),
      'deep verify': run('check', '--read-data'),
      'one change': backup,
      '60 changes': backup,
    },
    repository,
    // It restores the whole path of what was backed up.
    restoredSource: ({ source, restored }) => path.join(restored, source),
    restoresInPlace: false,
  };
}

/** Borg's default is lz4, which is not to be compared by size: this is zstd at the level of the other two. */
const BORG_COMPRESSION = 'zstd,3';

/** Undefined where it isn't installed. */
export function borg(): Contender | undefined {
  const version = answerOf('borg', ['--version'])?.split('\n')[0];
  if (version === undefined) return undefined;
  const run = (args: readonly string[], inRestored = false) => {
    return (round: Round): Command => ({
      program: 'borg',
      args: args.map((arg) => fillIn(arg, round)),
      environment: {
        BORG_REPO: repository(round),
        BORG_PASSPHRASE: PASSWORD,
        BORG_BASE_DIR: path.join(round.folder, 'home'),
      },
      ...(inRestored ? { folder: round.restored } : {}),
    });
  };
  const backup = (name: string) => run(['create', '--compression', BORG_COMPRESSION, `::${name}`, SOURCE]);
  return {
    name: 'Borg',
    version: `${version} with ${BORG_COMPRESSION}`,
    // BLAKE2 is its fast mode of those that authenticate.
    init: run(['init', '--encryption', 'repokey-blake2']),
    steps: {
      'first backup': backup('first'),
      'no-change backup': backup('second'),
      restore: run(['extract', '::second'], true),
      'deep verify': run(['check', '--verify-data']),
      'one change': backup('third'),
      '60 changes': backup('fourth'),
    },
    repository,
    restoredSource: ({ source, restored }) => path.join(restored, source),
    restoresInPlace: true,
  };
}

/** What restoring is measured against: the same tree, copied by the system. */
export function copyCommand({ source, restored }: Round): Command {
  return { program: 'cp', args: ['-a', source, restored], environment: {} };
}

/** Stand in for the round's folders in a command. */
const SOURCE = '{source}';
const RESTORED = '{restored}';

function fillIn(arg: string, round: Round): string {
  if (arg === SOURCE) return round.source;
  return arg === RESTORED ? round.restored : arg;
}
