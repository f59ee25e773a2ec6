/**
 * The longest part of a glob that stands in everything it matches, letter by letter. Where the pattern is not plain enough
 * to be sure, there is none: then everything is asked.
 */

/** Letters that mean themselves wherever they stand outside of braces and brackets. */
const PLAIN = /^[\p{L}\p{M}\p{N} ._\-,=%~#&'@]$/u;

/** Of the pattern of a name. Empty where nothing is certain. */
export function requiredLiteral(pattern: string): string {
  let longest = '';
  let run = '';
  const letters = Array.from(pattern);
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at] ?? '';
    if (PLAIN.test(letter)) {
      run += letter;
    } else {
      longest = longer(longest, run);
      run = '';
      if (letter === '\\') at++;
      else if (letter === '{' || letter === '[') {
        const end = letters.indexOf(letter === '{' ? '}' : ']', at + 1);
        const inside = letters.slice(at + 1, end);
        // One in another, or one that never ends: what it means is the pattern's secret.
        if (end < 0 || inside.some((other) => '{}[]\\'.includes(other))) return '';
        at = end;
      } else if (letter === '}' || letter === ']' || letter === '"') return '';
    }
  }
  return longer(longest, run);
}

function longer(left: string, right: string): string {
  return right.length > left.length ? right : left;
}
