/** The options of a backup set, and what they make of its record. Everything that is wrong is said before anything is opened. */
import path from 'node:path';
import type { Command } from 'commander';

import { CairnError } from '../../../src-shared/errors.ts';
import {
  SCHEDULE_LIMITS,
  escapePath,
  formatTiming,
  parseBytes,
  parseTiming,
} from '../../../src-shared/format/index.ts';
import type { HookCommand, Schedule, SetRules, Timing } from '../../../src-shared/model/index.ts';
import type { SetChange } from '../../engine/sets/index.ts';
import type { GlobalFlags } from '../options.ts';
import { collect, wholeNumber } from '../options.ts';
import { localPath } from '../paths.ts';

/** `false` where the option was given with “--no-” in front. */
export type SetFlags = GlobalFlags & {
  readonly name?: string;
  readonly source?: readonly string[];
  readonly exclude?: readonly string[] | false;
  readonly excludeLargerThan?: number | false;
  readonly oneFileSystem?: boolean;
  readonly cairnignore?: boolean;
  readonly gitignore?: boolean;
  readonly excludeCaches?: boolean;
  readonly excludeIfPresent?: readonly string[] | false;
  readonly schedule?: Timing;
  readonly fullScanHours?: number;
  readonly whenDriveConnected?: boolean;
  readonly onlyOnPower?: boolean;
  readonly onlyUnmetered?: boolean;
  readonly onlyWhenIdle?: number | false;
  readonly staleAfter?: number | false;
  readonly before?: readonly string[] | false;
  readonly after?: readonly string[] | false;
  readonly hookTimeout?: number;
  readonly webhook?: string | false;
};

/** What a set has before these options: the defaults of a new one, or the record of an old one. */
export type SetBefore = {
  readonly rules: SetRules;
  readonly schedule: Schedule;
  readonly hooks: { readonly before: HookCommand | null; readonly after: HookCommand | null };
};

const NAME_LENGTH_MAX = 200;

/** The same for a new set and for an old one; an old one can also be told “no”. */
export function addSetOptions(command: Command, isEdit: boolean): void {
  const no = (flag: string, text: string): void => {
    if (isEdit) command.option(flag, text);
  };
  command
    .option('--name <name>', 'what you call it')
    .option(
      '--source <path>',
      isEdit ? 'what to back up, instead (may be repeated)' : 'what to back up (may be repeated)',
      collect,
    )
    .option('--exclude <glob>', 'leave out what matches (may be repeated)', collect);
  no('--no-exclude', 'leave out nothing by such patterns');
  command
    .option('--exclude-if-present <name>', 'leave out what is beside such a file', collect)
    .option('--exclude-larger-than <size>', 'leave out larger files', parseBytes);
  no('--no-exclude-if-present', 'have no such names');
  no('--no-exclude-larger-than', 'have no such limit');
  for (const [flag, text] of [
    ['gitignore', 'follow .gitignore files too'],
    ['exclude-caches', 'leave out folders with a CACHEDIR.TAG'],
    ['one-file-system', 'stay on the drive a folder begins on'],
  ] as const) {
    command.option(`--${flag}`, text);
    no(`--no-${flag}`, 'or not');
  }
  if (isEdit) command.option('--cairnignore', 'follow .cairnignore files');
  command.option('--no-cairnignore', 'do not follow .cairnignore files');
  addScheduleOptions(command, no);
  addHookOptions(command, no);
}

function addScheduleOptions(command: Command, no: (flag: string, text: string) => void): void {
  command
    .option('--schedule <when>', 'when it runs by itself; see below', parseTiming)
    .option('--full-scan-hours <n>', 'continuous: look at everything so often', (text) =>
      wholeNumber(text, '--full-scan-hours', 1, SCHEDULE_LIMITS.fullScanHoursMax),
    )
    .option('--when-drive-connected', 'also as soon as its drive is plugged in');
  no('--no-when-drive-connected', 'or not');
  command.option('--only-on-power', 'by itself not on battery');
  no('--no-only-on-power', 'or also on battery');
  command.option('--only-unmetered', 'by itself not over a metered network');
  no('--no-only-unmetered', 'or also over one');
  command.option('--only-when-idle <minutes>', 'by itself only when nobody is there', (text) =>
    wholeNumber(text, '--only-when-idle', 1, SCHEDULE_LIMITS.idleMinutesMax),
  );
  no('--no-only-when-idle', 'or whoever is there');
  command
    .option('--stale-after <days>', 'warn after so many days without a backup', (text) =>
      wholeNumber(text, '--stale-after', 1, SCHEDULE_LIMITS.staleDaysMax),
    )
    .option('--no-stale-after', 'never warn');
}

function addHookOptions(command: Command, no: (flag: string, text: string) => void): void {
  command.option('--before <command>', 'a command before each run; see below', parseHook);
  no('--no-before', 'have none');
  command.option('--after <command>', 'a command after each run', parseHook);
  no('--no-after', 'have none');
  command
    .option('--hook-timeout <seconds>', 'how long such a command may take (600)', (text) =>
      wholeNumber(text, '--hook-timeout', 1, SCHEDULE_LIMITS.hookSecondsMax),
    )
    .option('--webhook <url>', 'tell this address how each run ended');
  no('--no-webhook', 'tell nobody');
}

export const SET_HELP = `
WHEN is one of: manual, continuous, "every 15m", "every 4h", "hourly :15",
"daily 21:00", "weekly mon,thu 21:00", "cron: 0 21 * * 1-5". What was missed
while the computer slept or was off is caught up once.

COMMAND is a program by its path, or a JSON array of a program and its
arguments: '["/usr/bin/pg_dumpall", "-f", "/home/a/all.sql"]'. No shell reads
it. Where the one before fails, nothing is backed up. They know CAIRN_SET, and
the one after CAIRN_RESULT and CAIRN_SNAPSHOT.`;

/** A JSON array of texts, or the path of a program. A line for a shell is neither. */
function parseHook(text: string): readonly string[] {
  const refuse = (): never => {
    throw new CairnError('usage/invalid', `“${text.slice(0, 80)}” is not a command.`, {
      hint: 'Give the path of a program, or a JSON array: \'["/usr/bin/program", "argument"]\'.',
    });
  };
  if (text.trimStart().startsWith('[')) {
    const parsed = parseJson(text);
    const isTexts = Array.isArray(parsed) && parsed.every((part) => typeof part === 'string' && !part.includes('\0'));
    return isTexts && parsed.length > 0 && parsed[0] !== '' ? (parsed as readonly string[]) : refuse();
  }
  // With a space in it, it is nearly always a line that somebody expects a shell to read.
  return text === '' || /[\s\0]/.test(text) ? refuse() : [text];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the options change. */
export async function changeFrom(flags: SetFlags, before: SetBefore): Promise<SetChange> {
  const { checkCron, checkWebhook } = await import('../../engine/schedule/index.ts');
  const { name, source, webhook } = flags;
  if (flags.schedule?.kind === 'cron') checkCron(flags.schedule.text);
  if (typeof webhook === 'string') checkWebhook(webhook);
  if (name !== undefined && (name.trim() === '' || name.length > NAME_LENGTH_MAX))
    throw new CairnError('usage/invalid', 'A backup set needs a name of at most 200 characters.', {
      hint: 'Give it with --name.',
    });
  return {
    ...(name === undefined ? {} : { name }),
    ...(source === undefined
      ? {}
      : { sources: source.map((one) => escapePath(localPath(one, flags.escaped === true))) }),
    rules: rulesFrom(flags, before.rules),
    schedule: scheduleFrom(flags, before.schedule),
    hooks: {
      before: hookFrom(flags.before, flags, before.hooks.before),
      after: hookFrom(flags.after, flags, before.hooks.after),
    },
    ...(webhook === undefined ? {} : { webhook: webhook === false ? null : webhook }),
  };
}

function rulesFrom(flags: SetFlags, before: SetRules): SetRules {
  const { exclude, excludeIfPresent, excludeLargerThan } = flags;
  return {
    excludes: exclude === undefined ? before.excludes : exclude || [],
    excludeIfPresent: excludeIfPresent === undefined ? before.excludeIfPresent : excludeIfPresent || [],
    excludeLargerThanBytes:
      excludeLargerThan === undefined
        ? before.excludeLargerThanBytes
        : excludeLargerThan === false
          ? null
          : excludeLargerThan,
    oneFileSystem: flags.oneFileSystem ?? before.oneFileSystem,
    cairnignore: flags.cairnignore ?? before.cairnignore,
    gitignore: flags.gitignore ?? before.gitignore,
    excludeCaches: flags.excludeCaches ?? before.excludeCaches,
  };
}

function scheduleFrom(flags: SetFlags, before: Schedule): Schedule {
  const { onlyWhenIdle, staleAfter } = flags;
  const { conditions } = before;
  return {
    timing: timingFrom(flags, before.timing),
    whenDriveConnected: flags.whenDriveConnected ?? before.whenDriveConnected,
    conditions: {
      onlyOnMainsPower: flags.onlyOnPower ?? conditions.onlyOnMainsPower,
      notOnMetered: flags.onlyUnmetered ?? conditions.notOnMetered,
      onlyWhenIdleMinutes:
        onlyWhenIdle === undefined ? conditions.onlyWhenIdleMinutes : onlyWhenIdle === false ? null : onlyWhenIdle,
    },
    staleAfterDays: staleAfter === undefined ? before.staleAfterDays : staleAfter === false ? null : staleAfter,
  };
}

function timingFrom({ schedule, fullScanHours }: SetFlags, before: Timing): Timing {
  const timing = schedule ?? before;
  if (fullScanHours === undefined) return timing;
  if (timing.kind === 'continuous') return { ...timing, fullScanEveryHours: fullScanHours };
  throw new CairnError('usage/invalid', `“${formatTiming(timing)}” looks at everything each time.`, {
    hint: '--full-scan-hours goes with --schedule continuous.',
  });
}

function hookFrom(
  given: readonly string[] | false | undefined,
  { hookTimeout }: SetFlags,
  before: HookCommand | null,
): HookCommand | null {
  if (given === false) return null;
  const command = given ?? before?.arguments;
  if (command === undefined) return null;
  const timeoutSeconds = hookTimeout ?? before?.timeoutSeconds ?? SCHEDULE_LIMITS.hookSecondsDefault;
  return { arguments: command, timeoutSeconds };
}

/** The path of --password-file where it was given as an option: an environment is not to be written down. */
export function passwordFileFrom({ passwordFile }: GlobalFlags): string | undefined {
  return passwordFile === undefined ? undefined : escapePath(Buffer.from(path.resolve(passwordFile)));
}
