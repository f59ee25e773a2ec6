/** Stories and properties of the kernel: numbers on bytes, the id table, bounded concurrency, records. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ByteReader,
  ByteWriter,
  RecordReader,
  compareBytes,
  concatBytes,
  equalBytes,
  fromHex,
  mapBounded,
  toHex,
} from '../../../src-main/engine/kernel/index.ts';

const malformed = expect.objectContaining({ code: 'integrity/malformed' }) as unknown;
const readerOf = (...bytes: readonly number[]): ByteReader => new ByteReader(Uint8Array.from(bytes), 'test');

describe('a varint', () => {
  const sizes = fc.oneof(
    fc.maxSafeNat(),
    fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
    fc.integer({ min: 1, max: 53 }).map((bits) => 2 ** bits - 1),
  );

  test('comes back as it was, up to 2^53 − 1, in at most eight bytes', () => {
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 20 }), (values) => {
        const writer = new ByteWriter(1);
        for (const value of values) writer.varint(value);
        const reader = new ByteReader(writer.finish(), 'test');
        expect(values.map(() => reader.varint())).toEqual(values);
        reader.end();
        expect(writer.length).toBeLessThanOrEqual(values.length * 8);
      }),
    );
  });

  test('has one encoding only: whatever bytes are read as a number are the bytes that number is written as', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 10 }), (bytes) => {
        const reader = new ByteReader(bytes, 'test');
        let value: number;
        try {
          value = reader.varint();
        } catch (error) {
          expect(error).toEqual(malformed);
          return;
        }
        expect(Number.isSafeInteger(value)).toBe(true);
        expect(new ByteWriter().varint(value).finish()).toEqual(bytes.slice(0, reader.offset));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['with a needless zero at its end', [0x80, 0x00]],
    ['above 2^53 − 1', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['that does not end after eight bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['that is cut off', [0x80]],
  ])('%s is refused', (_what, bytes) => {
    expect(() => readerOf(...bytes).varint()).toThrow(malformed);
  });
});

describe('a byte reader', () => {
  test('gives a value or integrity/malformed for any bytes and any order of reads, and never reads past the end', () => {
    const steps: Record<string, (reader: ByteReader) => unknown> = {
      u8: (reader) => reader.u8(),
      u16: (reader) => reader.u16(),
      u32: (reader) => reader.u32(),
      u64: (reader) => reader.u64(),
      u64Number: (reader) => reader.u64Number(),
      i64: (reader) => reader.i64(),
      varint: (reader) => reader.varint(),
      count: (reader) => reader.count(3),
      sized: (reader) => reader.sizedBytes(16),
      text: (reader) => reader.text(16),
      bytes: (reader) => reader.bytes(5),
    };
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 12 }),
        (bytes, names) => {
          // A view in the middle of a larger buffer: what lies beyond the view must never be seen.
          const whole = new Uint8Array(bytes.length + 64).fill(0xee);
          whole.set(bytes, 32);
          const reader = new ByteReader(whole.subarray(32, 32 + bytes.length), 'test');
          try {
            for (const name of names) steps[name]?.(reader);
          } catch (error) {
            expect(error).toEqual(malformed);
          }
          expect(reader.offset).toBeLessThanOrEqual(bytes.length);
          expect(reader.left).toBe(bytes.length - reader.offset);
        },
      ),
    );
  });

  test('a count never promises more things than there are bytes for', () => {
    expect(readerOf(2, 0, 0, 0, 0, 0, 0).count(3)).toBe(2);
    expect(() => readerOf(3, 0, 0, 0, 0, 0, 0).count(3)).toThrow(malformed);
    expect(() => readerOf(2, 0).count(0)).toThrow(malformed);
  });

  test('refuses a size above 2^53 − 1, a text that is not UTF-8, a field that is too long, and bytes left over', () => {
    expect(() => readerOf(0, 0, 0, 0, 0, 0, 0x20, 0).u64Number()).toThrow(malformed);
    expect(readerOf(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0).u64Number()).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => readerOf(2, 0xc3, 0x28).text(10)).toThrow(malformed);
    expect(() => readerOf(3, 1, 2, 3).sizedBytes(2)).toThrow(malformed);
    expect(() => readerOf(1).end()).toThrow(malformed);
  });

  test('reads back what a writer wrote, whatever the fields and however often the writer had to grow', () => {
    const field = fc.oneof(
      fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
      fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
      fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
      fc.record({ kind: fc.constant('u64' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
      fc.record({ kind: fc.constant('i64' as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
      fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }) }),
      fc.record({ kind: fc.constant('sized' as const), value: fc.uint8Array({ maxLength: 40 }) }),
    );
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const writer = new ByteWriter(1);
        for (const each of fields) {
          if (each.kind === 'sized') writer.sizedBytes(each.value);
          else if (each.kind === 'text') writer.text(each.value);
          else if (each.kind === 'u64' || each.kind === 'i64') writer[each.kind](each.value);
          else writer[each.kind](each.value);
        }
        const reader = new ByteReader(writer.finish(), 'test');
        const read = fields.map(({ kind }) =>
          kind === 'sized' ? reader.sizedBytes(100) : kind === 'text' ? reader.text(10_000) : reader[kind](),
        );
        reader.end();
        expect(read).toEqual(fields.map(({ value }) => value));
      }),
    );
  });

  test('a finished writer’s bytes stay as they are when it is used again; a view does not', () => {
    const writer = new ByteWriter().u8(1);
    const copy = writer.finish();
    writer.reset();
    writer.u8(2);
    expect([...copy]).toEqual([1]);
    expect([...writer.view()]).toEqual([2]);
  });
});

test('bytes compare as raw bytes, the shorter first on a tie, also as views into larger buffers', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (left, right) => {
      const naive = ((): number => {
        for (let at = 0; at < Math.min(left.length, right.length); at++) {
          const order = (left[at] ?? 0) - (right[at] ?? 0);
          if (order !== 0) return Math.sign(order);
        }
        return Math.sign(left.length - right.length);
      })();
      const view = concatBytes([Uint8Array.of(9), left]).subarray(1);
      expect(Math.sign(compareBytes(view, right))).toBe(naive);
      expect(equalBytes(view, right)).toBe(naive === 0);
      expect(fromHex(toHex(view))).toEqual(new Uint8Array(left));
    }),
  );
});

describe('mapBounded', () => {
  const later = (turns: number): Promise<void> =>
    turns === 0 ? Promise.resolve() : Promise.resolve().then(() => later(turns - 1));

  test('runs at most `limit` tasks at a time and gives the results in the order of the input', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 20 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        async (turns, limit) => {
          let running = 0;
          let most = 0;
          const results = await mapBounded(turns, limit, async (count, index) => {
            running++;
            most = Math.max(most, running);
            await later(count);
            running--;
            return index * 2;
          });
          expect(results).toEqual(turns.map((_, index) => index * 2));
          expect(most).toBe(Math.min(limit, turns.length));
        },
      ),
    );
  });

  test('also takes undefined as an item', async () => {
    expect(await mapBounded([undefined, 1], 2, (item) => Promise.resolve(item ?? 'none'))).toEqual(['none', 1]);
  });

  test('throws the failure that came first, starts nothing after it, and waits for what runs', async () => {
    const started: number[] = [];
    let ended = 0;
    const run = mapBounded([0, 1, 2, 3, 4, 5], 3, async (item) => {
      started.push(item);
      // The middle lane fails at once, the first lane fails much later, the third ends well last of all.
      await later([20, 1, 40][item] ?? 1);
      ended++;
      if (item < 2) throw new Error(`task ${item}`);
    });
    await expect(run).rejects.toThrow('task 1');
    expect(started).toEqual([0, 1, 2]);
    expect(ended).toBe(3);
  });
});

describe('a record reader', () => {
  test('gives the fields nobody asked for back, and only those', () => {
    const fields = new RecordReader({ a: 1, b: 'two', later: [1, 2], nested: { x: 1 }, absent: null }, 'thing');
    expect([fields.count('a'), fields.text('b'), fields.optionalBytes('missing')]).toEqual([1, 'two', undefined]);
    expect(fields.rest()).toEqual({ later: [1, 2], nested: { x: 1 }, absent: null });
  });

  test.each([
    ['a negative count', { field: -1 }, 'count'],
    ['a fraction', { field: 1.5 }, 'count'],
    ['a count above 2^53 − 1', { field: 2n ** 53n }, 'count'],
    ['a text for a count', { field: '1' }, 'count'],
    ['a number for a flag', { field: 1 }, 'flag'],
    ['a missing text', {}, 'text'],
    ['a text that is too long', { field: 'x'.repeat(65_537) }, 'text'],
    ['bytes for a text', { field: new Uint8Array(3) }, 'text'],
    ['a text among the wrong', { field: ['a', 1] }, 'texts'],
    ['a record for a list', { field: {} }, 'texts'],
    ['a list for a record', { field: [] }, 'record'],
    ['bytes for a record', { field: new Uint8Array(1) }, 'record'],
    ['a text for bytes', { field: 'ab' }, 'bytes'],
  ] as const)('refuses %s', (_what, value, method) => {
    expect(() => new RecordReader(value, 'thing')[method]('field')).toThrow(malformed);
  });

  test.each([[null], [undefined], [1], ['text'], [[1]], [new Uint8Array(2)]])('refuses %j as a record', (value) => {
    expect(() => new RecordReader(value, 'thing')).toThrow(malformed);
  });

  test('takes a bigint that is a safe number, and bytes of exactly the length asked for', () => {
    const fields = new RecordReader({ big: 7n, id: new Uint8Array(4) }, 'thing');
    expect(fields.count('big')).toBe(7);
    expect(fields.bytes('id', 4)).toHaveLength(4);
    expect(() => fields.bytes('id', 5)).toThrow(malformed);
  });
});
