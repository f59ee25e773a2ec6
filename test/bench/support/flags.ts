/**
 * The command line of every program here. `npm run bench -- --quick` hands its flags to all of them, so each accepts
 * what any of them has, and leaves out what is not for it.
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';

const OPTIONS = {
  /** Small sizes, one round: does everything run? `--small` is its older name. */
  quick: { type: 'boolean' },
  small: { type: 'boolean' },
  /** A million files, 100 GiB: what takes minutes. */
  large: { type: 'boolean' },
  /** Where Cairn's time goes, stage by stage. */
  profile: { type: 'boolean' },
  only: { type: 'string' },
  without: { type: 'string' },
  rounds: { type: 'string' },
  folder: { type: 'string' },
  seed: { type: 'string' },
  json: { type: 'string' },
} as const;

export type BenchFlags = {
  readonly quick: boolean;
  readonly large: boolean;
  readonly profile: boolean;
  /** Names of data sets; empty when nothing was said. */
  readonly only: readonly string[];
  /** Names of programs in small letters. */
  readonly without: readonly string[];
  readonly rounds: number | undefined;
  readonly folder: string | undefined;
  readonly seed: number;
  readonly json: string | undefined;
};

const SEED_DEFAULT = 1;

/** The command line; what is wrong with it is said in one line and ends the program. */
export function benchFlags(): BenchFlags {
  const values = parse();
  const words = (text: string | undefined): string[] => (text ?? '').split(',').filter((word) => word !== '');
  return {
    quick: values.quick === true || values.small === true,
    large: values.large === true,
    profile: values.profile === true,
    only: words(values.only),
    without: words(values.without?.toLowerCase()),
    rounds: values.rounds === undefined ? undefined : wholeNumber('--rounds', values.rounds, 1),
    folder: values.folder,
    seed: wholeNumber('--seed', values.seed ?? String(SEED_DEFAULT), 0),
    json: values.json,
  };
}

function parse() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** The command line can't be followed. */
export function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  return refuse(`${flag} takes a whole number from ${least} on, not “${text}”.`);
}

/** Puts what a program measured under its name into the file of `--json`, beside what other programs put there. */
export function writeResult(file: string | undefined, program: string, result: unknown): void {
  if (file === undefined) return;
  const earlier: unknown = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
  const all = typeof earlier === 'object' && earlier !== null ? earlier : {};
  fs.writeFileSync(file, `${JSON.stringify({ ...all, [program]: result }, undefined, 2)}\n`);
}
