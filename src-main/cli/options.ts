/**
 * The options that every command takes, before or after its name, and the readers of option values. A reader throws
 * usage/invalid, so a wrong value ends with status 2 before anything is opened or asked.
 */
import path from 'node:path';

import { type Command, Option } from 'commander';

import { CairnError } from '../../src-shared/errors.ts';
import { parseBytes } from '../../src-shared/format/index.ts';
import { type Environment, setting } from './environment.ts';

export type GlobalFlags = {
  readonly repo?: string;
  readonly passwordFile?: string;
  readonly recoveryKeyFile?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly escaped?: boolean;
};

export function addGlobalOptions(program: Command): void {
  program
    .option('--repo <path>', 'the folder of the repository (or CAIRN_REPO)')
    .option('--password-file <file>', 'its password, the first line of a file (or CAIRN_PASSWORD_FILE, CAIRN_PASSWORD)')
    .option('--recovery-key-file <file>', 'its recovery key instead; /dev/stdin to type it')
    .option('--json', 'one JSON document on standard output')
    .option('--quiet', 'no progress and no summary, only results and what needs attention')
    .option('--escaped', 'in paths \\xNN stands for any byte, and \\\\ for a backslash');
}

/** --json decides how even a wrong command line is answered, so it is looked for before anything is parsed. */
export function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? undefined : end).includes('--json');
}

/** The path of the repository, or undefined where none is named. */
export function namedRepository(flags: GlobalFlags, environment: Environment): string | undefined {
  if (flags.repo === '') throw new CairnError('usage/invalid', 'The path given with --repo is empty.');
  const named = flags.repo ?? setting(environment, 'CAIRN_REPO');
  return named === undefined ? undefined : path.resolve(named);
}

export function repositoryPath(flags: GlobalFlags, environment: Environment): string {
  const named = namedRepository(flags, environment);
  if (named !== undefined) return named;
  throw new CairnError('usage/invalid', 'No repository was named.', {
    hint: 'Name it with --repo PATH, or set CAIRN_REPO.',
  });
}

/** For an option that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

const KDF_COST_MIN = 10;
const KDF_COST_MAX = 20;

/** scrypt's N as a power of two. */
export function parseKdfCost(text: string): number {
  return wholeNumber(text, '--kdf-cost', KDF_COST_MIN, KDF_COST_MAX);
}

export function wholeNumber(text: string, name: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new CairnError('usage/invalid', `“${text.slice(0, 80)}” does not fit ${name}.`, {
    hint: `It takes a whole number from ${min} to ${max}.`,
  });
}

const WORKERS_MAX = 16;

/** Threads of a backup. */
export function parseWorkers(text: string): number {
  return wholeNumber(text, '--workers', 0, WORKERS_MAX);
}

/** Slower than this is a slip: a gigabyte would take a fortnight. */
const RATE_MIN = 1000;

/** Bytes a second: “500k”, “10M”, “1.5MiB/s”. */
export function parseRate(text: string): number {
  const rate = parseBytes(text.replace(/\/s$/, ''));
  if (rate >= RATE_MIN) return rate;
  throw new CairnError('usage/invalid', `“${text.slice(0, 80)}” is too slow for a backup.`, {
    hint: 'A limit is at least 1k, a thousand bytes a second; leave it out for none.',
  });
}

/** “5%”, “5” or “0.5%”. */
export function parsePercent(text: string): number {
  const percent = /^(\d{1,3}(?:\.\d{1,6})?)\s*%?$/.exec(text)?.[1];
  const value = Number(percent ?? Number.NaN);
  if (value > 0 && value <= 100) return value;
  throw new CairnError('usage/invalid', `“${text.slice(0, 80)}” is not a share.`, {
    hint: 'Give a percentage above 0 and up to 100, such as --sample 5%.',
  });
}

/** scrypt is what makes a guess expensive; only tests want it cheap, so it is left out of the help. */
export function kdfCostOption(): Option {
  return new Option('--kdf-cost <exponent>', 'scrypt’s N as a power of two, 10 to 20')
    .argParser(parseKdfCost)
    .hideHelp();
}
