/**
 * Text as a search compares it: NFC, and upper and lower case the same. Folding goes letter by letter, so what stands in
 * a name stands folded in the folded name: a literal part of a pattern can be looked for before the pattern is asked.
 */
import { utf8 } from '../kernel/index.ts';
import { canonicalName } from '../merkle/index.ts';

// eslint-disable-next-line no-control-regex -- every ASCII character
const ASCII = /^[\x00-\x7f]*$/;

/** `text` is in NFC. */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  // By way of upper case: “ß” and “SS” are one then. A sigma at the end of a word is the only letter that minds its place.
  return text.toUpperCase().toLowerCase().replaceAll('ς', 'σ');
}

/** A raw name folded; no byte of it is 0. */
export function foldedName(raw: Uint8Array): Uint8Array {
  return utf8(fold(canonicalName(raw).text));
}
