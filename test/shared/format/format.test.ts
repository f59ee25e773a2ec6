import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import {
  displayPath,
  escapePath,
  formatBytes,
  formatDuration,
  formatRate,
  formatTime,
  formatTimeNs,
  parseBytes,
  unescapePath,
} from '../../../src-shared/format/index.ts';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));
const raw = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

describe('sizes', () => {
  it('uses decimal units with at most three significant digits', () => {
    const cases: [number, string][] = [
      [0, '0 B'],
      [1, '1 B'],
      [999, '999 B'],
      [1000, '1 kB'],
      [1500, '1.5 kB'],
      [1234, '1.23 kB'],
      [99_949, '99.9 kB'],
      [999_499, '999 kB'],
      [999_500, '1 MB'],
      [20_000_000, '20 MB'],
      [1e12, '1 TB'],
      [-1500, '-1.5 kB'],
    ];
    for (const [bytes, text] of cases) expect(formatBytes(bytes)).toBe(text);
    expect(formatRate(12_500_000)).toBe('12.5 MB/s');
    expect(formatBytes(Number.NaN)).toBe('–');
  });

  it('never shows a four-digit number before the largest unit', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 9e20, noNaN: true }), (bytes) =>
        /^\d{1,3}(\.\d{1,2})? (B|[kMGTPE]B)$/.test(formatBytes(bytes)),
      ),
    );
  });

  it('reads the sizes people type, decimal and binary', () => {
    const cases: [string, number][] = [
      ['500', 500],
      ['10M', 10e6],
      ['10 mb', 10e6],
      ['1.5GB', 1.5e9],
      ['64KiB', 65_536],
      ['1Gi', 2 ** 30],
      ['3b', 3],
    ];
    for (const [text, bytes] of cases) expect(parseBytes(text)).toBe(bytes);
    for (const text of ['', 'M', '-1', '1e3', '10 X', '99999999P', '0x10']) {
      expect(() => parseBytes(text), text).toThrow(/is not a size|larger than any/);
    }
  });
});

describe('times', () => {
  it('writes RFC 3339 with milliseconds in UTC', () => {
    expect(formatTime(0)).toBe('1970-01-01T00:00:00.000Z');
    expect(formatTime(Date.UTC(2026, 0, 31, 9, 5, 0, 123))).toBe('2026-01-31T09:05:00.123Z');
    expect(formatTimeNs(1_999_999n)).toBe('1970-01-01T00:00:00.001Z');
    expect(formatTimeNs(-1n)).toBe('1969-12-31T23:59:59.999Z');
  });

  it('writes some valid time for any number a damaged file may hold', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.bigInt({ min: 0n, max: 2n ** 64n }).map(Number)), (timeMs) =>
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(formatTime(timeMs)),
      ),
    );
  });

  it('writes durations in at most two units', () => {
    const cases: [number, string][] = [
      [0, '0 ms'],
      [850, '850 ms'],
      [999.6, '1 s'],
      [1000, '1 s'],
      [12_340, '12.3 s'],
      [59_960, '1 min'],
      [200_000, '3 min 20 s'],
      [3_599_600, '1 h'],
      [7_500_000, '2 h 5 min'],
      [86_399_000, '1 d'],
      [3 * 86_400_000 + 4 * 3_600_000, '3 d 4 h'],
    ];
    for (const [durationMs, text] of cases) expect(formatDuration(durationMs)).toBe(text);
  });
});

describe('path escaping', () => {
  it('leaves UTF-8 as it is, doubles backslashes and writes other bytes as \\xNN', () => {
    expect(escapePath(bytesOf('añb/漢字 🗻'))).toBe('añb/漢字 🗻');
    expect(escapePath(bytesOf('a\\b'))).toBe('a\\\\b');
    expect(escapePath(raw(0x61, 0xff, 0x62))).toBe('a\\xffb');
    expect(escapePath(raw(0xc3))).toBe('\\xc3');
    expect(escapePath(raw(0xed, 0xa0, 0x80))).toBe('\\xed\\xa0\\x80');
    expect(escapePath(raw(0xc0, 0xaf, 0x5c))).toBe('\\xc0\\xaf\\\\');
    expect(escapePath(raw(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
    expect(escapePath(bytesOf('line\nbreak'))).toBe('line\nbreak');
  });

  it('gives back exactly the same bytes, for any bytes', () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .array(fc.constantFrom(0x5c, 0x78, 0x61, 0xc3, 0xa9, 0xe2, 0x80, 0xae, 0xf0, 0xff, 0x00, 0x1b), {
          maxLength: 40,
        })
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(unescapePath(escapePath(bytes))).toEqual(bytes);
        expect(unescapePath(displayPath(bytes))).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it('is one to one: different bytes have different escaped texts', () => {
    expect(escapePath(bytesOf('\\xff'))).not.toBe(escapePath(raw(0xff)));
    expect(escapePath(bytesOf('\\xff'))).toBe('\\\\xff');
  });

  it('refuses a backslash that begins no escape', () => {
    for (const text of ['a\\', '\\n', '\\x', '\\x1', '\\xg0', 'a\\\\\\']) {
      let caught: unknown;
      try {
        unescapePath(text);
      } catch (error) {
        caught = error;
      }
      expect(isCairnError(caught, 'usage/invalid'), text).toBe(true);
    }
    expect(unescapePath('\\x41\\\\x')).toEqual(bytesOf('A\\x'));
  });

  it('lets nothing through to a terminal that could drive it or turn the text around', () => {
    expect(displayPath(bytesOf('a\u001b[2Jb'))).toBe('a\\x1b[2Jb');
    expect(displayPath(bytesOf('invoice\u202efdp.exe'))).toBe('invoice\\xe2\\x80\\xaefdp.exe');
    expect(displayPath('two\nlines')).toBe('two\\x0alines');
    expect(displayPath(bytesOf('می\u200cخواهم 👩\u200d🚀'))).toBe('می\u200cخواهم 👩\u200d🚀');
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        // eslint-disable-next-line no-control-regex -- control characters are what must be absent
        (text) => !/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(displayPath(bytesOf(text))),
      ),
    );
  });
});
