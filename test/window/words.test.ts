/** Every code, reason and kind that the engine can tell has words, and the words keep the house's rules. */
import { describe, expect, it } from 'vitest';
import { ago, count, dayName, list, plural, remaining, since, words } from '../../src-renderer/words/index.ts';
import { ERROR_TABLE } from '../../src-shared/errors.ts';
import type { DamageKind, Overview, VerdictReason } from '../../src-shared/model/index.ts';

const CODES = Object.keys(ERROR_TABLE) as (keyof typeof ERROR_TABLE)[];
const NOW_MS = new Date(2026, 10, 22, 14, 30).getTime();
const error = { code: 'destination/full', message: 'm', hint: 'h', retry: 'later' } as const;
const d = { destinationId: 'd' };
const s = { setId: 's' };
const since1 = '2026-11-20T10:00:00Z';

const REASONS: { readonly [Kind in VerdictReason['kind']]: Extract<VerdictReason, { kind: Kind }> } = {
  'no-set': { kind: 'no-set' },
  damage: { kind: 'damage', ...d, count: 2 },
  unusable: { kind: 'unusable', ...d },
  'other-repository': { kind: 'other-repository', ...d },
  'last-failed': { kind: 'last-failed', ...s, error },
  'never-backed-up': { kind: 'never-backed-up', ...s },
  stale: { kind: 'stale', ...s, since: since1 },
  'source-gone': { kind: 'source-gone', ...s, path: '/home/ada/Gone' },
  locked: { kind: 'locked', ...d },
  'space-low': { kind: 'space-low', ...d, freeBytes: 12e6 },
  problems: { kind: 'problems', ...s, count: 1 },
  away: { kind: 'away', ...d, since: since1 },
  'never-verified': { kind: 'never-verified', ...d },
  'verified-long-ago': { kind: 'verified-long-ago', ...d, since: since1 },
};

const DAMAGE_KINDS: Record<DamageKind, true> = {
  config: true,
  instance: true,
  reserve: true,
  key: true,
  pack: true,
  commit: true,
  index: true,
  snapshot: true,
  event: true,
  condemnation: true,
  session: true,
  set: true,
  'missing-blob': true,
  tree: true,
  node: true,
  'unknown-file': true,
};

const overview: Overview = { verdict: { level: 'empty', reasons: [] }, sets: [], destinations: [], days: [] };
const names = words.namesOf(overview);

/** Words a person who only wants their files back should not have to learn. */
const JARGON = /\b(repositor|prun|blob|hash|segment|archive|policy|packfile|daemon|inode)/i;

function* everyText(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const one of value) yield* everyText(one);
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) yield* everyText(one);
}

describe('errors', () => {
  it.each(CODES)('%s says what happened, what is safe and what to do', (code) => {
    const { title, safe, advice } = words.errors[code];
    for (const text of [title, safe, advice]) expect(text.length).toBeGreaterThan(5);
    expect(title).not.toMatch(/\.$/);
    expect(safe).toMatch(/\.$/);
    expect(advice).toMatch(/\.$/);
  });
});

describe('the verdict', () => {
  it.each(Object.entries(REASONS))('has words for %s, as a headline and as a row', (_, reason) => {
    const row = words.reasonWords(reason, names, NOW_MS);
    expect(row.title).not.toBe('');
    expect(row.detail).toMatch(/\.$/);
    expect(row.action.kind === 'none').toBe(row.actionLabel === '');
    const headline = words.verdictHeadline({ level: 'attention', reasons: [reason] }, names);
    expect(headline).not.toBe('');
  });

  it('is never red about a drive that is only away', () => {
    expect(words.reasonWords(REASONS.away, names, NOW_MS).tone).toBe('away');
    expect(words.DESTINATION_STATES.away.tone).toBe('away');
  });

  it('says good when it is good, whatever small reasons there are', () => {
    expect(words.verdictHeadline({ level: 'good', reasons: [] }, names)).toBe('Everything is backed up');
  });
});

describe('damage and problems', () => {
  it.each(Object.keys(DAMAGE_KINDS) as DamageKind[])('%s has words', (kind) => {
    expect(words.damage[kind].title).not.toBe('');
    expect(words.damage[kind].meaning).toMatch(/\.$/);
  });

  it('gives advice for every code, also for one nobody has met', () => {
    for (const code of ['EACCES', 'changed-while-read', 'EIO', 'EWHATEVER', '']) {
      expect(words.problemWords(code).advice).toMatch(/\.$/);
    }
  });
});

describe('the catalogue', () => {
  it('speaks no jargon and has no straight quotes or exclamation marks', () => {
    for (const text of everyText(words)) {
      expect(text, text).not.toMatch(JARGON);
      expect(text, text).not.toMatch(/['"!]/);
    }
  });
});

describe('counting', () => {
  it('has a singular, a plural and groups of three', () => {
    expect([plural(1, 'file'), plural(0, 'file'), plural(2340, 'file')]).toEqual(['1 file', '0 files', '2,340 files']);
    expect(count(1234567)).toBe('1,234,567');
  });

  it('lists names, and counts those that are too many', () => {
    expect([list([]), list(['a']), list(['a', 'b']), list(['a', 'b', 'c'])]).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
    ]);
    expect(list(['a', 'b', 'c', 'd', 'e'])).toBe('a, b and 3 more');
  });
});

describe('times', () => {
  const at = (...parts: readonly [number, number, number, number, number]): string => {
    const [year, month, day, hour, minute] = parts;
    return new Date(year, month, day, hour, minute).toISOString();
  };

  it('are said as a person says them', () => {
    expect(ago(at(2026, 10, 22, 14, 30), NOW_MS)).toBe('just now');
    expect(ago(at(2026, 10, 22, 14, 18), NOW_MS)).toBe('12 min ago');
    expect(ago(at(2026, 10, 22, 9, 10), NOW_MS)).toBe('5 h ago');
    expect(ago(at(2026, 10, 21, 18, 5), NOW_MS)).toBe('yesterday, 18:05');
    expect(ago(at(2026, 10, 18, 18, 5), NOW_MS)).toBe('4 days ago');
    expect(ago(at(2025, 2, 3, 18, 5), NOW_MS)).toBe('on 3 Mar 2025');
    expect(ago('nonsense', NOW_MS)).toBe('–');
  });

  it('of the future, from a clock that is wrong, are no negative ages', () => {
    expect(ago(at(2026, 10, 23, 9, 0), NOW_MS)).toBe('just now');
    expect(since(at(2026, 10, 23, 9, 0), NOW_MS)).toBe('1 min');
  });

  it('name their day', () => {
    expect(dayName(NOW_MS, NOW_MS)).toBe('Today');
    expect(dayName(NOW_MS - 86_400_000, NOW_MS)).toBe('Yesterday');
    expect(dayName(new Date(2026, 2, 3).getTime(), NOW_MS)).toBe('Tue 3 Mar');
  });

  it('that are left are rounded, and withheld while they would be a guess', () => {
    expect(remaining(null)).toBe('estimating the time left');
    expect(remaining(4_000)).toBe('a few seconds left');
    expect(remaining(190_000)).toBe('about 3 min left');
    expect(remaining(2 * 3_600_000 + 8 * 60_000)).toBe('about 2 h 10 min left');
    expect(remaining(3_600_000 + 59 * 60_000)).toBe('about 2 h left');
  });
});
