/** How things stand, in words. */
import { assertNever } from '../../../src-shared/assert.ts';
import { displayPath, formatBytes } from '../../../src-shared/format/index.ts';
import type { BackupSet, Destination, NextRunWait, Verdict } from '../../../src-shared/model/index.ts';
import type { StatusRecord } from '../../engine-host/status-file.ts';
import { type Style, facts, localTime } from '../output-style.ts';

/** What a set is doing, or waits for. */
export function liveWords({ live, nextRun, lastBackup }: BackupSet): string {
  if (nextRun.waitsFor !== null && nextRun.waitsFor !== 'changes' && nextRun.waitsFor !== 'time')
    return waitWords(nextRun.waitsFor);
  const upTo = live.protectedUntil === null ? '' : `; everything up to ${localTime(live.protectedUntil)} is protected`;
  switch (live.state) {
    case 'off':
      return offWords(nextRun.at, lastBackup?.time ?? null);
    case 'starting':
      return 'looking at everything once';
    case 'watching':
      return `watching${upTo}`;
    case 'settling':
      return `changes in ${live.changedFolders} ${live.changedFolders === 1 ? 'folder' : 'folders'}, coming to rest${upTo}`;
    case 'backing-up':
      return 'backing up';
    case 'scan-only':
      return `looking at everything now and then. ${live.reason ?? ''}`;
    case 'source-gone':
      return `a folder is not there. ${live.reason ?? ''}`;
    default:
      return assertNever(live.state);
  }
}

function offWords(at: string | null, last: string | null): string {
  const lastWords = last === null ? 'no backup yet' : `last backup ${localTime(last)}`;
  return at === null ? `runs when it is asked to; ${lastWords}` : `next ${localTime(at)}; ${lastWords}`;
}

function waitWords(wait: Exclude<NextRunWait, 'changes' | 'time'>): string {
  switch (wait) {
    case 'drive':
      return 'waits for its drive';
    case 'power':
      return 'waits for mains power';
    case 'network':
      return 'waits for a network that is not metered';
    case 'idle':
      return 'waits until nobody uses the computer';
    case 'pause':
      return 'paused';
    case 'password':
      return 'waits for its password';
    default:
      return assertNever(wait);
  }
}

const VERDICTS: Readonly<Record<Verdict['level'], string>> = {
  empty: 'Nothing is backed up yet.',
  good: 'Everything is backed up.',
  attention: 'Something wants your attention.',
  bad: 'Data is at risk.',
};

export function statusText({ verdict, sets, destinations, atWork, at }: StatusRecord, style: Style): string {
  const rows = [
    ...sets.map((set) => [displayPath(set.name), liveWords(set)] as const),
    ...destinations.map((one) => [displayPath(one.name), destinationWords(one)] as const),
    ...atWork.map((title) => ['now', title] as const),
  ];
  return `${style.bold(VERDICTS[verdict.level])} (${localTime(at)})\n${rows.length === 0 ? '' : facts(rows, '  ')}`;
}

function destinationWords({ state, awaySince, freeBytes, snapshots, path }: Destination): string {
  const place = displayPath(path);
  if (state === 'away') return `${place}: not connected${awaySince === null ? '' : ` since ${localTime(awaySince)}`}`;
  if (state !== 'ready') return `${place}: ${state}`;
  const free = freeBytes === null ? '' : `, ${formatBytes(freeBytes)} free`;
  return `${place}: ${snapshots ?? 0} snapshots${free}`;
}
