/** Tables for a terminal that can be pasted into a Markdown page as they are, and the words for figures. */

/** Columns under one of these are text; all others are figures and stand to the right. */
const TEXT_COLUMNS = new Set(['operation', 'work', 'stage', 'verdict']);

export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)));
  const isText = (column: number): boolean => TEXT_COLUMNS.has(head[column] ?? '');
  const line = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const cell = cells[column] ?? '';
      return isText(column) ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (isText(column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [head, rule, ...rows].map(line).join('\n');
}

export function printTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n**${title}**\n\n${tableText(head, rows)}`);
}

/** Three digits of what matters: “3.42 µs”, “118 ms”, “2.05 s”. */
export function formatMs(ms: number): string {
  if (ms < 1) return `${threeDigits(ms * 1000)} µs`;
  return ms < 1000 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1000)} s`;
}

export function threeDigits(value: number): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toFixed(digits);
}

/** Decimal units, as drives and networks count. */
export function formatMegabytes(bytes: number): string {
  return bytes >= 1e9 ? `${threeDigits(bytes / 1e9)} GB` : `${threeDigits(bytes / 1e6)} MB`;
}

/** MB a second. */
export function formatRate(bytes: number, ms: number): string {
  return `${Math.round(bytes / 1000 / ms).toLocaleString('en')} MB/s`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en');
}

/** So many times as much. */
export function formatRatio(ratio: number): string {
  return `${threeDigits(ratio)} ×`;
}
