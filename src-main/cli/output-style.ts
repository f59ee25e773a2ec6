/**
 * How text looks on a terminal: colour (only on one, never with NO_COLOR), widths, columns, and the words for times and
 * counts that only the command line uses.
 */
import { type Environment, setting } from './environment.ts';

export type Style = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow', (text: string) => string>>;

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

export function styleFor(stream: { readonly isTTY?: boolean }, environment: Environment): Style {
  const isPlain =
    stream.isTTY !== true || setting(environment, 'NO_COLOR') !== undefined || environment['TERM'] === 'dumb';
  const paint = (name: keyof typeof CODES) => (text: string) => {
    const [on, off] = CODES[name];
    return isPlain || text === '' ? text : `\u001b[${on}m${text}\u001b[${off}m`;
  };
  return { bold: paint('bold'), dim: paint('dim'), red: paint('red'), green: paint('green'), yellow: paint('yellow') };
}

/** Characters that take no column of their own, and those that take two. */
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
const DOUBLE_WIDTH =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** Columns that a text without colour takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (character >= ' ' && character <= '~') return 1;
  if (NO_WIDTH.test(character)) return 0;
  return DOUBLE_WIDTH.test(character) ? 2 : 1;
}

/** The end of a path is what tells files apart, so it is the beginning that is cut: “…/reports/2026.pdf”. */
export function shortenStart(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns < 2) return '';
  const characters = Array.from(text);
  let width = 1;
  let from = characters.length;
  while (from > 0 && width + characterWidth(characters[from - 1] ?? '') <= columns) {
    from--;
    width += characterWidth(characters[from] ?? '');
  }
  return `…${characters.slice(from).join('')}`;
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - displayWidth(text))) + text;
}

export type Column = { readonly title: string; readonly align?: 'right' };

const COLUMN_GAP = '  ';

/** Rows under their titles in aligned columns. The last column is not padded, so long paths do no harm. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], style: Style): string {
  const widths = columns.map(({ title }, at) =>
    rows.reduce((width, row) => Math.max(width, displayWidth(row[at] ?? '')), displayWidth(title)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, at) => {
        if (align === 'right') return padStart(cells[at] ?? '', widths[at] ?? 0);
        return at === columns.length - 1 ? (cells[at] ?? '') : padEnd(cells[at] ?? '', widths[at] ?? 0);
      })
      .join(COLUMN_GAP)
      .trimEnd();
  const titles = style.dim(line(columns.map(({ title }) => title)));
  return `${[titles, ...rows.map(line)].join('\n')}\n`;
}

/** Label and value a line, the values aligned. */
export function facts(rows: readonly (readonly [label: string, value: string])[], indent = ''): string {
  const width = rows.reduce((widest, [label]) => Math.max(widest, displayWidth(label)), 0);
  return rows.map(([label, value]) => `${indent}${padEnd(label, width)}${COLUMN_GAP}${value}\n`).join('');
}

/** A text in a frame, for what must not be overlooked. */
export function box(lines: readonly string[]): string {
  const width = lines.reduce((widest, line) => Math.max(widest, displayWidth(line)), 0);
  const edge = '─'.repeat(width + 2);
  const body = lines.map((line) => `│ ${padEnd(line, width)} │`);
  return `${[`┌${edge}┐`, ...body, `└${edge}┘`].join('\n')}\n`;
}

/** Made once: making one takes longer than a thousand uses. */
const COUNT_FORMAT = new Intl.NumberFormat('en-US');

/** “1,204”. */
export function formatCount(count: number): string {
  return COUNT_FORMAT.format(count);
}

/** “1 file”, “1,204 files”. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** RFC 3339 as a short local time: “2026-01-31 09:05”. What is no time is shown as it is. */
export function localTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

const SHORT_ID_CHARACTERS = 8;

/** The first characters of an id: enough to name a snapshot in any repository of a person. */
export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_CHARACTERS);
}
