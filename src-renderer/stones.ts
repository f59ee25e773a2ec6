/**
 * The five things a backup stands on, read from the verdict that the engine made: nothing is judged here a second time.
 * Each reason belongs to one stone; the worst tone of its reasons is the stone's.
 */
import { assertNever } from '../src-shared/assert.ts';
import type { Overview, VerdictReason } from '../src-shared/model/index.ts';
import type { Tone } from './words/verdict.ts';

export type StoneName = 'drive' | 'fresh' | 'complete' | 'space' | 'checked';
export type Stone = { readonly name: StoneName; readonly tone: Tone };

/** From the ground up. */
export const STONES: readonly StoneName[] = ['drive', 'fresh', 'complete', 'space', 'checked'];

const BADNESS: Readonly<Record<Tone, number>> = { good: 0, idle: 1, away: 2, attention: 3, bad: 4 };

type Placed = { readonly stone: StoneName; readonly tone: Tone };

function placeReason(reason: VerdictReason): Placed {
  switch (reason.kind) {
    case 'no-set':
      return { stone: 'fresh', tone: 'idle' };
    case 'damage':
      return { stone: 'checked', tone: 'bad' };
    case 'unusable':
    case 'other-repository':
      return { stone: 'drive', tone: 'bad' };
    case 'last-failed':
      return reason.error.code === 'destination/full'
        ? { stone: 'space', tone: 'bad' }
        : { stone: 'fresh', tone: 'bad' };
    case 'never-backed-up':
    case 'stale':
      return { stone: 'fresh', tone: 'attention' };
    case 'source-gone':
    case 'problems':
      return { stone: 'complete', tone: 'attention' };
    case 'locked':
      return { stone: 'drive', tone: 'attention' };
    case 'space-low':
      return { stone: 'space', tone: 'attention' };
    case 'away':
      return { stone: 'drive', tone: 'away' };
    case 'never-verified':
    case 'verified-long-ago':
      return { stone: 'checked', tone: 'attention' };
    default:
      return assertNever(reason);
  }
}

/** What can't be known while no backup exists or its drive is not there. */
function startingTone(name: StoneName, overview: Overview): Tone {
  const hasBackup = overview.sets.some((set) => set.lastBackup !== null);
  const isThere = overview.destinations.some((row) => row.state === 'ready');
  switch (name) {
    case 'drive':
      return overview.destinations.length > 0 ? 'good' : 'idle';
    case 'fresh':
    case 'complete':
      return hasBackup ? 'good' : 'idle';
    case 'space':
      return isThere ? 'good' : 'idle';
    case 'checked':
      return overview.destinations.some(({ verified }) => (verified.deep ?? verified.sample ?? verified.quick) !== null)
        ? 'good'
        : 'idle';
    default:
      return assertNever(name);
  }
}

export function stonesOf(overview: Overview): readonly Stone[] {
  const placed = overview.verdict.reasons.map(placeReason);
  return STONES.map((name) => {
    const tones = placed.filter(({ stone }) => stone === name).map(({ tone }) => tone);
    const worst = [...tones, startingTone(name, overview)].reduce((one, other) =>
      BADNESS[other] > BADNESS[one] ? other : one,
    );
    return { name, tone: worst };
  });
}
