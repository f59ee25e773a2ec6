/**
 * FORMAT.md as data: its marked tables and examples, and what differs between a table and the code. Every comparison
 * gives a list of sentences, so that a failing test says which row is wrong and how.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { LayoutField } from '../../src-main/engine/codec/index.ts';

export const ENGINE = path.resolve(import.meta.dirname, '../../src-main/engine');
export const FORMAT_MD = readFileSync(path.join(ENGINE, 'FORMAT.md'), 'utf8');

export type Row = Readonly<Record<string, string>>;

/** “<!-- kind name … -->” and the table behind it. */
export type MarkedTable = {
  readonly kind: string;
  readonly name: string;
  readonly options: readonly string[];
  readonly rows: readonly Row[];
};

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

export function parseTables(markdown: string): MarkedTable[] {
  const lines = markdown.split('\n');
  return lines.flatMap((line, index) => {
    const [, kind, words = ''] =
      /^<!-- (layout|codes|names|keys|domains|fields|limits)\b ?(.*?) ?-->$/.exec(line) ?? [];
    if (kind === undefined) return [];
    const [name = '', ...options] = words.split(' ');
    const columns = cellsOf(lines[index + 1] ?? '');
    const rows: Row[] = [];
    for (let at = index + 3; lines[at]?.startsWith('|') === true; at++) {
      const cells = cellsOf(lines[at] ?? '');
      if (cells.length !== columns.length)
        throw new Error(`FORMAT.md:${at + 1} has ${cells.length} cells, not ${columns.length}`);
      rows.push(Object.fromEntries(columns.map((column, place) => [column, cells[place] ?? ''])));
    }
    return [{ kind, name, options, rows }];
  });
}

/** “<!-- example name -->” and the hex in the code block behind it. */
export function parseExamples(markdown: string): Map<string, Buffer> {
  const examples = new Map<string, Buffer>();
  for (const [, name = '', block = ''] of markdown.matchAll(/<!-- example (.+?) -->\n[^`]*```\n(.*?)\n```/gs)) {
    const digits = block
      .split('\n')
      .map((line) => /^(?:[0-9a-f]{2}(?: |$))+/.exec(line)?.[0].replaceAll(' ', '') ?? 'not hex');
    examples.set(name, Buffer.from(digits.join(''), 'hex'));
  }
  return examples;
}

export const numberIn = (cell: string | undefined): number => Number((cell ?? '').replaceAll(',', ''));

/** The name of a row: plain, or in backquotes. */
export const nameIn = (cell: string | undefined): string => (cell ?? '').replaceAll('`', '');

export function differencesOfLayout(table: MarkedTable, fields: readonly LayoutField[]): string[] {
  const differences: string[] = [];
  const size = fields.reduce((sum, field) => sum + field.size, 0);
  if (Number(table.options[0]) !== size)
    differences.push(`${table.name} has ${size} bytes, the page says ${table.options[0] ?? 'nothing'}`);
  for (let index = 0; index < Math.max(fields.length, table.rows.length); index++) {
    const field = fields[index];
    const row = table.rows[index];
    const inCode = field === undefined ? 'nothing' : `${field.offset} | ${field.size} | ${field.type} | ${field.name}`;
    const inPage =
      row === undefined
        ? 'nothing'
        : `${row['offset'] ?? ''} | ${row['size'] ?? ''} | ${row['type'] ?? ''} | ${row['field'] ?? ''}`;
    if (inCode !== inPage)
      differences.push(`${table.name} row ${index + 1}: the code has ${inCode}, the page ${inPage}`);
  }
  return differences;
}

/** Rows by the name in one column and the number in another, against the code's; both directions. */
export function differencesOfNumbers(
  table: MarkedTable,
  columns: { readonly name: string; readonly number: string },
  expected: Readonly<Record<string, number>>,
): string[] {
  const inPage = new Map(table.rows.map((row) => [nameIn(row[columns.name]), numberIn(row[columns.number])]));
  const differences = [...inPage]
    .filter(([name]) => !(name in expected))
    .map(([name]) => `${name} stands in the page only`);
  if (inPage.size !== table.rows.length) differences.push(`a name stands twice in ${table.name}`);
  for (const [name, number] of Object.entries(expected)) {
    const written = inPage.get(name);
    if (written === undefined) differences.push(`${name} stands in the code only`);
    else if (written !== number) differences.push(`${name} is ${number} in the code and ${written} in the page`);
  }
  return differences;
}

/** Whether a decoded value is of the type that a field table gives it: “bytes(32)”, “list of text”, “map stats” … */
function isOfType(value: unknown, type: string): boolean {
  const [, what = '', length] = /^(bytes|hex|text|count|flag|list|map)(?:\((\d+)\))?/.exec(type) ?? [];
  switch (what) {
    case 'bytes':
      return value instanceof Uint8Array && (length === undefined || value.length === Number(length));
    case 'hex':
      return typeof value === 'string' && value.length === Number(length) * 2 && /^[0-9a-f]*$/.test(value);
    case 'text':
      return typeof value === 'string';
    case 'count':
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    case 'flag':
      return typeof value === 'boolean';
    case 'list': {
      const items = type.replace(/^list of /, '');
      const isRecord = !/^(bytes|text|count)/.test(items);
      return Array.isArray(value) && value.every((item) => isOfType(item, isRecord ? 'map' : items));
    }
    case 'map':
      return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
    default:
      return false;
  }
}

/**
 * A record that the code wrote with every field it has, and one with the least: the page lists exactly those fields,
 * with these types, and says “always” of those that are in both.
 */
export function differencesOfFields(
  table: MarkedTable,
  full: Readonly<Record<string, unknown>>,
  least: Readonly<Record<string, unknown>>,
): string[] {
  const inPage = new Map(table.rows.map((row) => [nameIn(row['field']), row]));
  const differences = [...inPage.keys()]
    .filter((name) => !(name in full))
    .map((name) => `${table.name}.${name} stands in the page only`);
  for (const [name, value] of Object.entries(full)) {
    const row = inPage.get(name);
    if (row === undefined) {
      differences.push(`${table.name}.${name} stands in the code only`);
      continue;
    }
    if (!isOfType(value, row['type'] ?? '')) differences.push(`${table.name}.${name} is no ${row['type'] ?? ''}`);
    if ((row['present'] === 'always') !== name in least)
      differences.push(`${table.name}.${name} is present “${row['present'] ?? ''}”`);
  }
  return differences;
}
