/** The order of names: made of keys, and the same as the system's collator gives one pair after the other. */
import { describe, expect, it } from 'vitest';
import { naturalKey, naturalOrder } from '../../../src-main/engine/desk/natural-order.ts';
import { seeded, testSeed } from '../../support/seed.ts';

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const byCollator = (left: string, right: string): number =>
  collator.compare(left, right) || (left < right ? -1 : left > right ? 1 : 0);
const inOrder = (names: readonly string[]): string[] => [...naturalOrder(names)].map((place) => names[place]!);

describe('the order of names', () => {
  it('takes numbers by their value, and letters whatever their case or accents', () => {
    expect(inOrder(['file 10', 'file 9', 'File 009', 'émile', 'Emil', 'zoo', '_x', '1', '01', '0'])).toEqual(
      ['0', '01', '1', '_x', 'Emil', 'émile', 'File 009', 'file 9', 'file 10', 'zoo'].toSorted(byCollator),
    );
    expect(inOrder(['a10', 'a9', 'a1'])).toEqual(['a1', 'a9', 'a10']);
  });

  it('is that of the collator for every pair of names that have keys', () => {
    const random = seeded(testSeed('natural order'));
    const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index));
    const characters = [
      ...printable,
      ...Array.from('00112233éñÅöüçøßæ'),
      'e\u0301',
      '\u0301',
      '日',
      '\u200d',
      '🙂',
      'İ',
    ];
    const name = (): string => Array.from({ length: random.between(0, 6) }, () => random.pick(characters)).join('');
    let compared = 0;
    for (let pair = 0; pair < 100_000; pair++) {
      const [left, right] = [name(), name()];
      const [leftKey, rightKey] = [naturalKey(left), naturalKey(right)];
      if (leftKey === undefined || rightKey === undefined) continue;
      compared++;
      const got = leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : 0;
      if (got !== Math.sign(collator.compare(left, right))) expect([left, right, got]).toBe('as the collator has it');
    }
    expect(compared).toBeGreaterThan(10_000);
  });

  it('is one order where some names have no key: numbers of hundreds of digits, other scripts, accents on digits', () => {
    const names = [
      ...['b', 'a', '日本', 'Ångström', '3\u03011', '31', `x${'9'.repeat(300)}`, 'x1', 'ß', 'ss', ''],
      `long ${'n'.repeat(2000)}`,
    ];
    expect(naturalKey(`x${'9'.repeat(300)}`)).toBeUndefined();
    expect(naturalKey('日本')).toBeUndefined();
    expect(naturalKey('3\u03011')).toBeUndefined();
    expect(inOrder(names)).toEqual(names.toSorted(byCollator));
  });
});
