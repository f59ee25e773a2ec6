/** The texts of larger reports: problems, paths, recovery keys. Names are neutralised before a terminal sees them. */
import type { Problem } from '../../src-shared/errors.ts';
import { displayPath } from '../../src-shared/format/index.ts';
import { box, countOf } from './output-style.ts';

/** More would scroll the summary away; --json has all. */
export const LISTED_MAX = 20;

/** The first of a list, a line each, and how many more there are. */
export function listed(lines: readonly string[], indent: string, max = LISTED_MAX): string {
  const shown = lines.slice(0, max).map((line) => `${indent}${line}\n`);
  if (lines.length > max)
    shown.push(`${indent}… and ${countOf(lines.length - max, 'more', 'more')} (--json lists all)\n`);
  return shown.join('');
}

/** What a person can do about it, by problem code; codes with no row speak for themselves. */
const PROBLEM_ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'Give this user permission to read them, or leave them out with --exclude.',
  EPERM: 'Give this user permission to read them, or leave them out with --exclude.',
  EIO: 'The drive may be failing: copy what matters off it, and check it.',
  ENOSPC: 'Free some space on the target and run it again.',
  'changed-while-read': 'Run it again when the program that writes them is done.',
  'attributes-unreadable': 'Install Cairn anew for this computer: the part of it that reads them does not load.',
  EBUSY: 'Close the program that uses them and run it again.',
  'integrity/': 'Run “cairn verify --deep” to see what else is affected.',
};

const RESTORE_ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'Choose a target this user may write to, or run it as the owner of the files.',
  EPERM: 'To give files back to other owners, run it as root.',
};

export type ProblemList = {
  readonly problems: readonly Problem[];
  readonly title: string;
  readonly kind: 'backup' | 'restore';
};

/** The problems of a backup or restore, with what to do about them. Empty where there are none. */
export function problemText({ problems, title, kind }: ProblemList): string {
  if (problems.length === 0) return '';
  const lines = problems.map(({ path, message }) => `${displayPath(path)}: ${displayPath(message)}`);
  const table = kind === 'restore' ? { ...PROBLEM_ADVICE, ...RESTORE_ADVICE } : PROBLEM_ADVICE;
  const advice = new Set<string>();
  for (const { code } of problems) {
    const found = table[code] ?? (code.startsWith('integrity/') ? table['integrity/'] : undefined);
    if (found !== undefined) advice.add(found);
  }
  return `${title}\n${listed(lines, '  ')}${[...advice].map((line) => `  → ${line}\n`).join('')}`;
}

/** A recovery key and what to do with it. It is shown this once, so it must not be overlooked. */
export function recoveryKeyText(recoveryKey: string): string {
  return box([
    'RECOVERY KEY',
    '',
    recoveryKey,
    '',
    'It opens this repository when the password is lost.',
    'Write it down or print it, and keep it away from this computer.',
    'It is shown this once. Whoever has it can read the backup.',
  ]);
}
