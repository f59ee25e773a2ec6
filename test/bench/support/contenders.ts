/**
 * The programs that are compared, each as its own commands, run as a person would: encrypted, with default settings, on
 * a local folder. A further one (Borg) is one more Contender.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type Command, versionOf } from './child.ts';

/** What each does in a round, in this order. */
export const STEPS = ['first backup', 'no-change backup', 'restore', 'deep verify'] as const;
export type Step = (typeof STEPS)[number];

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
};

const PASSWORD = 'a password that both are given';
const root = path.resolve(import.meta.dirname, '../../..');
const repository = ({ folder }: Round): string => path.join(folder, 'repository');

/** The built program, as an installed one runs. */
export function cairn(): Contender {
  const program = path.join(root, 'scripts/cairn.cjs');
  const built = path.join(root, 'out/main/cli.js');
  if (!fs.existsSync(built))
    throw new Error('Cairn is not built. Run this as “npm run bench backup”, which builds it.');
  const run = (...args: readonly string[]) => {
    return (round: Round): Command => ({
      program: process.execPath,
      args: [program, ...args.map((arg) => fillIn(arg, round)), '--quiet'],
      environment: {
        CAIRN_REPO: repository(round),
        CAIRN_PASSWORD: PASSWORD,
        CAIRN_HOME: path.join(round.folder, 'home'),
      },
    });
  };
  return {
    name: 'Cairn',
    version: `Cairn on Node ${process.version}`,
    init: run('init'),
    steps: {
      'first backup': run('backup', SOURCE),
      'no-change backup': run('backup', SOURCE),
      restore: run('restore', 'latest', '--target', RESTORED),
      'deep verify': run('verify', '--deep'),
    },
    repository,
    restoredSource: ({ restored }) => restored,
  };
}

/** Undefined where it isn't installed. */
export function restic(): Contender | undefined {
  const version = versionOf('restic');
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
  return {
    name: 'restic',
    version,
    // Version 2 of its format compresses; older packages make version 1 when nothing is said.
    init: run('init', '--repository-version', '2'),
    steps: {
      'first backup': run('backup', SOURCE),
      'no-change backup': run('backup', SOURCE),
      restore: run('restore', 'latest', '--target', RESTORED),
      'deep verify': run('check', '--read-data'),
    },
    repository,
    // It restores the whole path of what was backed up.
    restoredSource: ({ source, restored }) => path.join(restored, source),
  };
}

/** Stand in for the round's folders in a command. */
const SOURCE = '{source}';
const RESTORED = '{restored}';

function fillIn(arg: string, round: Round): string {
  if (arg === SOURCE) return round.source;
  return arg === RESTORED ? round.restored : arg;
}
