/** What a preview takes for a picture, for text, and for neither. */
import { describe, expect, it } from 'vitest';
import { imageTypeOf, textOf } from '../../../src-main/engine/desk/preview.ts';

const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));

describe('a picture', () => {
  it.each([
    ['image/png', bytes([0x89], 'PNG\r\n', [0x1a], '\n')],
    ['image/jpeg', bytes([0xff, 0xd8, 0xff, 0xe0])],
    ['image/gif', bytes('GIF89a...')],
    ['image/webp', bytes('RIFF', [1, 2, 3, 4], 'WEBPVP8 ')],
    ['image/avif', bytes([0, 0, 0, 28], 'ftypavif')],
    ['image/bmp', bytes('BM', [0, 1, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0])],
  ])('is %s by its first bytes', (mediaType, head) => {
    expect(imageTypeOf(head)).toBe(mediaType);
  });

  it.each([
    ['an SVG, which could run scripts', bytes('<svg xmlns="http://www.w3.org/2000/svg">')],
    ['a page', bytes('<!doctype html><img src=x onerror=alert(1)>')],
    ['a text that begins with BM', bytes('BMW is a car maker and this is text.')],
    ['a RIFF that is sound', bytes('RIFF', [1, 2, 3, 4], 'WAVEfmt ')],
    ['a film', bytes([0, 0, 0, 28], 'ftypmp42')],
    ['nothing', bytes()],
    ['half a PNG signature', bytes([0x89], 'PN')],
  ])('is never %s', (_, head) => {
    expect(imageTypeOf(head)).toBeUndefined();
  });
});

describe('text', () => {
  it.each([
    ['plain', bytes('Dear Ada,\r\n\tyours'), 'Dear Ada,\r\n\tyours'],
    ['an SVG', bytes('<svg onload="alert(1)">'), '<svg onload="alert(1)">'],
    ['empty', bytes(), ''],
    ['UTF-8 with its mark', bytes([0xef, 0xbb, 0xbf], 'x'), 'x'],
    ['UTF-16 of a small computer', bytes([0xff, 0xfe], [0x41, 0x00, 0xe4, 0x00]), 'Aä'],
    ['UTF-16 of a large computer', bytes([0xfe, 0xff], [0x00, 0x41]), 'A'],
  ])('%s is shown as it is', (_, content, text) => {
    expect(textOf(content, false)).toBe(text);
  });

  it.each([
    ['with a NUL', bytes('a', [0], 'b')],
    ['with an escape that drives a terminal', bytes([0x1b], '[2J')],
    ['that is no UTF-8', bytes([0xc3, 0x28])],
    ['with half a character at its end', bytes('abc', [0xc3])],
    ['of UTF-16 with an odd byte', bytes([0xff, 0xfe, 0x41])],
  ])('%s is none', (_, content) => {
    expect(textOf(content, false)).toBeUndefined();
  });

  it('that the bound cut in the middle of a character loses that character only', () => {
    expect(textOf(bytes('abc', [0xc3]), true)).toBe('abc');
  });
});
