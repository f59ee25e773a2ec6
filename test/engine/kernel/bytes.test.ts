/** Stories of the byte cursor. */
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../../src-main/engine/kernel/index.ts';

describe('a byte writer', () => {
  it('grows on any kind of write, also on a single byte', () => {
    // A single byte was once written through the view from before the growth, which threw at exactly that byte.
    const writer = new ByteWriter(4);
    for (let value = 0; value < 100; value++) writer.u8(value);
    expect(Array.from(writer.finish())).toEqual(Array.from({ length: 100 }, (_, value) => value));
  });
});

describe('a byte reader', () => {
  it('keeps a byte order mark at the start of a text', () => {
    const bytes = new ByteWriter().text('\ufeffname').finish();
    expect(new ByteReader(bytes, 'text').text(100)).toBe('\ufeffname');
  });
});
