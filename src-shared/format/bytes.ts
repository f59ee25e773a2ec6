/**
 * Sizes and rates as people read them: decimal units (1 kB = 1,000 bytes), as on the label of a drive and in file
 * managers, with three significant digits at most. JSON never carries these texts, it carries bytes.
 */
import { CairnError } from '../errors.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;
const STEP = 1000;

/** “0 B”, “999 B”, “1.5 kB”, “42 MB”. Not a finite number: “–”. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–';
  const sign = bytes < 0 ? '-' : '';
  let value = Math.abs(bytes);
  let unit = 0;
  // 999.5 would be rounded up to “1000”, so it already belongs to the next unit.
  while (unit < UNITS.length - 1 && value >= STEP - 0.5) {
    value /= STEP;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${sign}${trimZeros(value.toFixed(digits))} ${UNITS[unit] ?? 'EB'}`;
}

/** “12.5 MB/s”. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

const BINARY_STEP = 1024;
const SIZE_SHAPE = /^(\d{1,16}(?:\.\d{1,6})?)\s*(?:([kmgtp])(i?)b?|b)?$/i;

/**
 * The size a person typed, in bytes: “500”, “10M”, “1.5 GB” (decimal), “64KiB” (binary). Throws usage/invalid for
 * anything else and for what is too large to count.
 */
export function parseBytes(text: string): number {
  const match = SIZE_SHAPE.exec(text.trim());
  if (match === null)
    throw new CairnError('usage/invalid', `“${text.slice(0, 80)}” is not a size such as 500, 10M or 1.5GiB`);
  const power = ' kmgtp'.indexOf((match[2] ?? ' ').toLowerCase());
  const bytes = Math.round(Number(match[1]) * (match[3] ? BINARY_STEP : STEP) ** power);
  if (!Number.isSafeInteger(bytes))
    throw new CairnError('usage/invalid', `“${text.slice(0, 80)}” is larger than any file`);
  return bytes;
}
