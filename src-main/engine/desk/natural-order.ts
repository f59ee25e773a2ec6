/**
 * The order in which people expect names: letters of one kind together whatever their case or accents, numbers by their
 * value. The system's collator decides it; for most names a key is made once that sorts the same way as plain text does,
 * because asking the collator a million times takes a person's patience. What has no key is compared by the collator.
 */
const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

const FIRST_PRINTABLE = 0x20;
const LAST_PRINTABLE = 0x7e;
const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;
/** The collator takes longer numbers apart; and the length of one is a byte of the key. */
const DIGITS_MAX = 200;
/** No name of a file is longer, each of its bytes escaped. */
const NAME_CHARACTERS_MAX = 1024;
/** Accents as characters of their own: for the collator they are no difference of this kind, but after a digit. */
const ACCENTS = /[\u0300-\u036f]/g;
const ACCENT_AFTER_DIGIT = /\d[\u0300-\u036f]/;

/** By character code its place among the others, from 1; one for all digits. As the collator has them. */
const RANKS = ranks();
/** A digit becomes three bytes at most: rank, length, digit. */
const scratch = Buffer.alloc(3 * NAME_CHARACTERS_MAX);

function ranks(): Uint8Array {
  const codes = Array.from({ length: LAST_PRINTABLE - FIRST_PRINTABLE + 1 }, (_, index) => FIRST_PRINTABLE + index);
  const sorted = codes.toSorted(compareCodes);
  const found = new Uint8Array(LAST_PRINTABLE + 1);
  let rank = 0;
  for (const [index, code] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before === undefined || (compareCodes(before, code) !== 0 && !(isDigit(before) && isDigit(code)))) rank++;
    found[code] = rank;
  }
  return found;
}

function compareCodes(left: number, right: number): number {
  return collator.compare(String.fromCharCode(left), String.fromCharCode(right));
}

function isDigit(code: number): boolean {
  return code >= DIGIT_ZERO && code <= DIGIT_NINE;
}

/** Two keys stand to each other as the collator has their names; undefined for a name that has none. */
export function naturalKey(name: string): string | undefined {
  const plain = plainKey(name);
  if (plain !== undefined) return plain;
  const apart = name.normalize('NFD');
  return ACCENT_AFTER_DIGIT.test(apart) ? undefined : plainKey(apart.replace(ACCENTS, ''));
}

function plainKey(name: string): string | undefined {
  if (name.length > NAME_CHARACTERS_MAX) return undefined;
  let length = 0;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    const rank = RANKS[code] ?? 0;
    if (rank === 0) return undefined;
    scratch[length++] = rank;
    if (!isDigit(code)) continue;
    // A number: zeros before it count for nothing, then the longer one is the larger one.
    let from = at;
    while (isDigit(name.charCodeAt(at + 1))) at++;
    while (from <= at && name.charCodeAt(from) === DIGIT_ZERO) from++;
    if (at + 1 - from > DIGITS_MAX) return undefined;
    scratch[length++] = at + 1 - from;
    for (; from <= at; from++) scratch[length++] = name.charCodeAt(from);
  }
  return scratch.toString('latin1', 0, length);
}

/** The places of the names in their order; names that count as equal stand in the order of their text. */
export function naturalOrder(names: readonly string[]): Uint32Array {
  const keys = names.map(naturalKey);
  const compare = (left: number, right: number): number => {
    const [leftKey, rightKey] = [keys[left], keys[right]];
    const [leftName = '', rightName = ''] = [names[left], names[right]];
    if (leftKey === undefined || rightKey === undefined) {
      return collator.compare(leftName, rightName) || compareTexts(leftName, rightName);
    }
    return compareTexts(leftKey, rightKey) || compareTexts(leftName, rightName);
  };
  return Uint32Array.from(names.keys()).sort(compare);
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
