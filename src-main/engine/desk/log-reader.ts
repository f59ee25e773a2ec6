/** The end of the log, for people: read from its last file backwards, as much as is asked for and not more. */
import { open } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import type { LogLine } from '../../../src-shared/model/index.ts';

/** The file and the older ones beside it. */
const FILES = ['cairn.log', 'cairn.log.1', 'cairn.log.2'];
const TAIL_BYTES_MAX = 2 * 1024 * 1024;
const DETAILS_CHARACTERS_MAX = 8192;
const LEVELS: readonly LogLine['level'][] = ['debug', 'info', 'warn', 'error'];

const line = v.looseObject({
  time: v.pipe(v.string(), v.maxLength(64)),
  level: v.picklist(['debug', 'info', 'warn', 'error']),
  message: v.pipe(v.string(), v.maxLength(64 * 1024)),
});

/** Lines of a level or worse, newest last. What is no line of ours is left out. */
export async function readLog(home: string, level: LogLine['level'], limit: number): Promise<readonly LogLine[]> {
  const worst = LEVELS.indexOf(level);
  const found: LogLine[] = [];
  /** A page that is turned meanwhile is met again under its new name. */
  const seen = new Set<bigint>();
  for (const name of FILES) {
    const lines = (await tailOf(path.join(home, 'log', name), seen)).split('\n').flatMap(parseLine);
    found.unshift(...lines.filter((entry) => LEVELS.indexOf(entry.level) >= worst));
    if (found.length >= limit) break;
  }
  return found.slice(-limit);
}

async function tailOf(file: string, seen: Set<bigint>): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size: bytes, ino } = await handle.stat({ bigint: true });
      if (seen.has(ino)) return '';
      seen.add(ino);
      const size = Number(bytes);
      const from = Math.max(0, size - TAIL_BYTES_MAX);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
      const text = buffer.subarray(0, bytesRead).toString();
      // The first line of a tail is most likely the end of one.
      return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
    } finally {
      await handle.close();
    }
  } catch {
    // No log yet, or not ours to read: there is nothing to show.
    return '';
  }
}

function parseLine(text: string): readonly LogLine[] {
  if (text === '') return [];
  try {
    const { time, level, message, ...fields } = v.parse(line, JSON.parse(text));
    const details = Object.keys(fields).length === 0 ? '' : JSON.stringify(withoutStacks(fields), null, 2);
    return [{ time, level, message, details: details.slice(0, DETAILS_CHARACTERS_MAX) }];
  } catch {
    return [];
  }
}

/** Stacks name files of this program and help nobody who looks at a window. */
function withoutStacks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutStacks);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'stack')
      .map(([key, inner]) => [key, withoutStacks(inner)]),
  );
}
