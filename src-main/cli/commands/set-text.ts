/** Backup sets as a person reads them. */
import { displayPath, formatBytes } from '../../../src-shared/format/index.ts';
import type { HookCommand, PausedUntil, Schedule, SetRules } from '../../../src-shared/model/index.ts';
import { type Style, facts, localTime, shortId, table } from '../output-style.ts';
import type { SetView } from '../sets.ts';

export function setsText(sets: readonly SetView[], style: Style): string {
  if (sets.length === 0) return 'There are no backup sets yet. “cairn set add” makes the first one.\n';
  const rows = sets.map((set) => [
    shortId(set.setId),
    displayPath(set.name),
    displayPath(set.timing),
    nextText(set),
    set.lastGood === null ? 'never' : localTime(set.lastGood),
    displayPath(set.destination.name),
    set.sources.map(displayPath).join(', '),
  ]);
  const columns = [
    { title: 'ID' },
    { title: 'NAME' },
    { title: 'RUNS' },
    { title: 'NEXT' },
    { title: 'LAST GOOD' },
    { title: 'TO' },
    { title: 'SOURCES' },
  ];
  return table(columns, rows, style);
}

export function setText(set: SetView, style: Style): string {
  const { destination, hooks, webhook } = set;
  const shown = [
    ['id', set.setId],
    ...set.sources.map((source, index) => [index === 0 ? 'backs up' : '', displayPath(source)]),
    [
      'to',
      `${displayPath(destination.path)} (${displayPath(destination.name)}${destination.encrypted ? ', encrypted' : ''})`,
    ],
    ...(destination.passwordFile === null ? [] : [['password', `in ${displayPath(destination.passwordFile)}`]]),
    ...rulesRows(set.rules),
    ['runs', [displayPath(set.timing), ...scheduleWords(set.schedule)].join(', ')],
    ['next', nextText(set)],
    ['last good', set.lastGood === null ? 'never' : localTime(set.lastGood)],
    [
      'warns',
      set.schedule.staleAfterDays === null ? 'never' : `after ${set.schedule.staleAfterDays} days without a backup`,
    ],
    ...(hooks.before === null ? [] : [['before', hookText(hooks.before)]]),
    ...(hooks.after === null ? [] : [['after', hookText(hooks.after)]]),
    ...(webhook === null ? [] : [['tells', displayPath(webhook)]]),
  ].map(([label = '', value = '']) => [label, value] as const);
  return `${style.bold(displayPath(set.name))}\n${facts(shown, '  ')}`;
}

function nextText({ next, pausedUntil }: SetView): string {
  const pause = pauseText(pausedUntil);
  if (pause !== undefined) return pause;
  if (next === null) return 'by hand';
  return next.reason === 'caught-up' || next.reason === 'again' ? `now (${localTime(next.at)})` : localTime(next.at);
}

function pauseText(pausedUntil: PausedUntil): string | undefined {
  if (pausedUntil === null) return undefined;
  return pausedUntil === 'forever' ? 'paused' : `paused until ${localTime(pausedUntil)}`;
}

function rulesRows(rules: SetRules): readonly (readonly string[])[] {
  const words = [
    ...rules.excludes.map(displayPath),
    ...rules.excludeIfPresent.map((name) => `what is beside ${displayPath(name)}`),
    ...(rules.excludeLargerThanBytes === null ? [] : [`files over ${formatBytes(rules.excludeLargerThanBytes)}`]),
    ...(rules.gitignore ? ['what .gitignore says'] : []),
    ...(rules.excludeCaches ? ['caches'] : []),
    ...(rules.oneFileSystem ? ['other drives'] : []),
  ];
  return words.length === 0 ? [] : [['leaves out', words.join(', ')]];
}

function scheduleWords({ timing, whenDriveConnected, conditions }: Schedule): readonly string[] {
  const { onlyOnMainsPower, notOnMetered, onlyWhenIdleMinutes } = conditions;
  return [
    ...(timing.kind === 'continuous' ? [`a full scan every ${timing.fullScanEveryHours} h`] : []),
    ...(whenDriveConnected ? ['when its drive is plugged in'] : []),
    ...(onlyOnMainsPower ? ['not on battery'] : []),
    ...(notOnMetered ? ['not over a metered network'] : []),
    ...(onlyWhenIdleMinutes === null ? [] : [`after ${onlyWhenIdleMinutes} min of nobody there`]),
  ];
}

function hookText({ arguments: words, timeoutSeconds }: HookCommand): string {
  return `${displayPath(JSON.stringify(words))}, at most ${timeoutSeconds} s`;
}
