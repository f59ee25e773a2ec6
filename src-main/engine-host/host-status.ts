/**
 * What the tray says: in one line, what a person would ask first. What is at work goes before how things stand, trouble
 * before waiting, and waiting before being well. Pure.
 */
import { assertNever } from '../../src-shared/assert.ts';
import type { BackupSet, Overview } from '../../src-shared/model/index.ts';
import type { HostStatus } from './port.ts';

/** `running`: what is at work now, in words. */
export function hostStatus(overview: Overview, running: string | undefined, nowMs: number): HostStatus {
  if (running !== undefined) return { state: 'working', text: running };
  const { level } = overview.verdict;
  switch (level) {
    case 'empty':
      return { state: 'idle', text: 'Nothing is backed up yet' };
    case 'good':
      return wellStatus(overview, nowMs);
    case 'attention':
      return {
        state: 'attention',
        text: pausedText(overview, nowMs) ?? waitingText(overview) ?? 'A backup needs attention',
      };
    case 'bad':
      return { state: 'problem', text: 'Data is at risk' };
    default:
      return assertNever(level);
  }
}

function wellStatus(overview: Overview, nowMs: number): HostStatus {
  const paused = pausedText(overview, nowMs);
  if (paused !== undefined) return { state: 'paused', text: paused };
  const text = waitingText(overview) ?? protectedText(overview.sets, nowMs) ?? 'Everything is backed up';
  return { state: 'idle', text };
}

/** Where all sets are paused; of several ends the last one counts. */
function pausedText({ sets }: Overview, nowMs: number): string | undefined {
  const ends = sets.map(({ pausedUntil }) => pausedUntil);
  if (ends.length === 0 || ends.includes(null)) return undefined;
  if (ends.includes('forever')) return 'Paused until you resume it';
  return `Paused until ${shortTime(Math.max(...ends.map((end) => Date.parse(end ?? ''))), nowMs)}`;
}

function waitingText({ sets, destinations }: Overview): string | undefined {
  const waiting = sets.find(({ nextRun }) => nextRun.waitsFor === 'drive' || nextRun.waitsFor === 'password');
  if (waiting === undefined) return undefined;
  const destination = destinations.find(({ destinationId }) => destinationId === waiting.destinationId);
  const name = destination?.name ?? 'the drive';
  return waiting.nextRun.waitsFor === 'drive' ? `Waiting for ${name}` : `Waiting for the password of ${name}`;
}

/** Only as good as the set that is furthest behind. */
function protectedText(sets: readonly BackupSet[], nowMs: number): string | undefined {
  const times = sets.map(({ live }) => (live.state === 'off' ? null : live.protectedUntil));
  if (times.length === 0 || times.includes(null)) return undefined;
  const [oldest = ''] = times.map((time) => time ?? '').toSorted();
  return `Everything up to ${shortTime(Date.parse(oldest), nowMs)} is protected`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit' });

/** To the minute: a tray that changes every second is a nuisance. */
function shortTime(timeMs: number, nowMs: number): string {
  if (Number.isNaN(timeMs)) return '–';
  const isToday = new Date(timeMs).toDateString() === new Date(nowMs).toDateString();
  return (isToday ? CLOCK : DAY).format(timeMs);
}
