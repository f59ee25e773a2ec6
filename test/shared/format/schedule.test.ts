import { describe, expect, it } from 'vitest';
import { formatTiming, parseTiming } from '../../../src-shared/format/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';

describe('a timing in one line', () => {
  it.each([
    ['manual', { kind: 'manual' }, 'manual'],
    ['Continuous', { kind: 'continuous', fullScanEveryHours: 24 }, 'continuous'],
    ['every 15m', { kind: 'minutes', every: 15 }, 'every 15m'],
    ['every 90min', { kind: 'minutes', every: 90 }, 'every 90m'],
    ['every  4h', { kind: 'minutes', every: 240 }, 'every 4h'],
    ['hourly', { kind: 'hourly', minute: 0 }, 'hourly :00'],
    ['hourly :5', { kind: 'hourly', minute: 5 }, 'hourly :05'],
    ['daily 21:00', { kind: 'daily', at: '21:00' }, 'daily 21:00'],
    ['weekly thu,Monday 06:30', { kind: 'weekly', days: ['monday', 'thursday'], at: '06:30' }, 'weekly mon,thu 06:30'],
    ['cron:0 21 * * MON-FRI', { kind: 'cron', text: '0 21 * * MON-FRI' }, 'cron: 0 21 * * MON-FRI'],
    ['cron: 0  21 * *  * ', { kind: 'cron', text: '0 21 * * *' }, 'cron: 0 21 * * *'],
    ['cron 0 21 * * *', { kind: 'cron', text: '0 21 * * *' }, 'cron: 0 21 * * *'],
  ])('“%s” is read, and written in one form that is read back', (text, timing, shown) => {
    expect(parseTiming(text)).toEqual(timing);
    expect(formatTiming(parseTiming(text))).toBe(shown);
    expect(parseTiming(shown)).toEqual(timing);
  });

  it.each([
    '',
    'sometimes',
    'daily',
    'daily 24:00',
    'daily 9:00',
    'daily 21:00 22:00',
    'weekly 21:00',
    'weekly moon 21:00',
    'weekly , 21:00',
    'every',
    'every 0m',
    'every 8d',
    'every 999h',
    'every -5m',
    'hourly :60',
    'hourly 1 2',
    'manual now',
    'cronos',
  ])('“%s” is refused with the forms there are', (text) => {
    expect(() => parseTiming(text)).toThrow(CairnError);
    try {
      parseTiming(text);
    } catch (error) {
      expect((error as CairnError).hint).toContain('daily 21:00');
    }
  });
});
