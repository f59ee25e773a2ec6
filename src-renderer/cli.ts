/**
 * The command-line twin of what the window is about to do. Made from what is shown to the person, with every word quoted
 * as a POSIX shell needs it, so that it can be pasted.
 */
import type { ConflictChoice } from '../src-shared/api/contract.ts';
import { formatTiming } from '../src-shared/format/index.ts';
import type { Schedule, SetRules, VerifyDepthName } from '../src-shared/model/index.ts';

const PLAIN_WORD = /^[A-Za-z0-9_./:=@%+,-]+$/;
/** Of a snapshot's id: enough to tell it from any other. */
const ID_CHARACTERS = 10;

export function quote(word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const join = (parts: readonly string[]): string => parts.join(' ');

type InRepository = { readonly cli: string; readonly repository: string };

export function backupCommand(
  { cli, repository }: InRepository,
  sources: readonly string[],
  rules: SetRules | null,
): string {
  const options: string[] = [];
  if (rules !== null) {
    for (const pattern of rules.excludes) options.push('--exclude', quote(pattern));
    if (rules.gitignore) options.push('--gitignore');
    if (!rules.cairnignore) options.push('--no-cairnignore');
    if (rules.excludeCaches) options.push('--exclude-caches');
    for (const name of rules.excludeIfPresent) options.push('--exclude-if-present', quote(name));
    if (rules.excludeLargerThanBytes !== null)
      options.push('--exclude-larger-than', String(rules.excludeLargerThanBytes));
    if (rules.oneFileSystem) options.push('--one-file-system');
  }
  return join([cli, '--repo', quote(repository), 'backup', ...options, ...sources.map(quote)]);
}

export function initCommand({ cli, repository }: InRepository, encrypted: boolean): string {
  return join([cli, '--repo', quote(repository), 'init', ...(encrypted ? [] : ['--no-encryption'])]);
}

export function verifyCommand({ cli, repository }: InRepository, depth: VerifyDepthName, percent: number): string {
  const option = depth === 'sample' ? ['--sample', `${percent}%`] : [`--${depth}`];
  return join([cli, '--repo', quote(repository), 'verify', ...option]);
}

export type RestoreWish = InRepository & {
  readonly snapshotId: string;
  readonly paths: readonly string[];
  readonly target: string | null;
  readonly conflict: ConflictChoice;
};

const OVERWRITE: Readonly<Record<ConflictChoice, string>> = {
  'keep-both': 'keep-both',
  replace: 'if-changed',
  'if-newer': 'if-newer',
  skip: 'never',
};

/** The command line restores one path at a time: one line each. */
export function restoreCommand(wish: RestoreWish): string {
  const target = wish.target === null ? [] : ['--target', quote(wish.target)];
  return wish.paths
    .slice(0, 3)
    .map((path) => {
      const id = wish.snapshotId.slice(0, ID_CHARACTERS);
      const where = quote(path === '' ? id : `${id}:${path}`);
      return join([
        wish.cli,
        '--repo',
        quote(wish.repository),
        'restore',
        where,
        ...target,
        '--overwrite',
        OVERWRITE[wish.conflict],
      ]);
    })
    .join(' && ');
}

export function listCommand({ cli, repository }: InRepository, snapshotId: string, path: string): string {
  const id = snapshotId.slice(0, ID_CHARACTERS);
  return join([cli, '--repo', quote(repository), 'ls', quote(path === '' ? id : `${id}:${path}`)]);
}

/** “--no-…” where something is not wanted: of a set that exists it takes away what it had. */
export function scheduleCommand(cli: string, setName: string, schedule: Schedule): string {
  const { timing, conditions, whenDriveConnected, staleAfterDays } = schedule;
  const flag = (name: string, on: boolean): string => (on ? `--${name}` : `--no-${name}`);
  const number = (name: string, value: number | null): string =>
    value === null ? `--no-${name}` : `--${name} ${value}`;
  return join([
    cli,
    'set',
    'edit',
    quote(setName),
    '--schedule',
    quote(formatTiming(timing)),
    ...(timing.kind === 'continuous' ? [`--full-scan-hours ${timing.fullScanEveryHours}`] : []),
    flag('when-drive-connected', whenDriveConnected),
    flag('only-on-power', conditions.onlyOnMainsPower),
    flag('only-unmetered', conditions.notOnMetered),
    number('only-when-idle', conditions.onlyWhenIdleMinutes),
    number('stale-after', staleAfterDays),
  ]);
}

/** The window finds a part of a name, the command line a whole one. */
export function findCommand({ cli, repository }: InRepository, text: string): string {
  const pattern = text === '' ? '*' : /[*?]/.test(text) ? text : `*${text}*`;
  return join([cli, '--repo', quote(repository), 'find', quote(pattern)]);
}

export function diffCommand(
  { cli, repository }: InRepository,
  { before, after, path }: { readonly before: string; readonly after: string; readonly path: string },
): string {
  const short = (id: string): string => (id === 'live' ? id : id.slice(0, ID_CHARACTERS));
  const where = path === '' ? [] : [quote(path)];
  return join([cli, '--repo', quote(repository), 'diff', short(before), short(after), ...where]);
}

export function statsCommand({ cli, repository }: InRepository): string {
  return join([cli, '--repo', quote(repository), 'stats']);
}

export function metricsCommand(cli: string, repository: string): string {
  return join([cli, '--repo', quote(repository), '--json', 'stats']);
}
