/**
 * The log: CAIRN_HOME/log/cairn.log, one JSON object a line, for whoever looks into a defect. Stack traces go here and
 * nowhere else. Its folder is made with the first line, so “cairn help” leaves nothing behind.
 *
 * Lines are written in order and in the background; close() waits for them. A log that can't be written never fails
 * the command: `onFailure` is told once and what follows is dropped.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { CairnError } from '../../src-shared/errors.ts';
import { formatTime } from '../../src-shared/format/index.ts';
import type { EngineOptions } from '../engine/index.ts';
import type { Clock } from './clock.ts';

export type Log = EngineOptions['log'];
export type LogFile = { readonly path: string; readonly write: Log; readonly close: () => Promise<void> };

/** One file of at most this size and two older ones beside it: cairn.log.1, cairn.log.2. */
const FILE_BYTES_MAX = 5 * 1024 * 1024;
const FILES_MAX = 3;
/** Waiting lines; more than a burst of problems makes. What does not fit is counted and said. */
const WAITING_MAX = 10_000;
const LINE_CHARACTERS_MAX = 64 * 1024;
const CAUSE_DEPTH_MAX = 5;

export type LogOptions = {
  readonly home: string;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
  /** Lowered by tests only. */
  readonly fileBytesMax?: number;
};

export function openLog(options: LogOptions): LogFile {
  const log = new LogWriter(options);
  return {
    path: log.path,
    write: (level, message, fields) => log.add(level, message, fields),
    close: () => log.close(),
  };
}

class LogWriter {
  readonly path: string;
  readonly #options: LogOptions;
  #waiting: string[] = [];
  #dropped = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;

  constructor(options: LogOptions) {
    this.#options = options;
    this.path = path.join(options.home, 'log', 'cairn.log');
  }

  add(...[level, message, fields]: Parameters<Log>): void {
    if (this.#isBroken || level === 'debug') return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.#dropped++;
      return;
    }
    const time = formatTime(this.#options.clock.wallMs());
    this.#waiting.push(logLine({ time, level, pid: process.pid, message, ...fields }));
    this.#writing ??= this.#writeWaiting();
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #writeWaiting(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const lines = this.#waiting;
        this.#waiting = [];
        if (this.#dropped > 0) lines.push(logLine({ level: 'warn', message: `${this.#dropped} lines were dropped` }));
        this.#dropped = 0;
        await this.#append(lines.join(''));
      }
    } catch (error) {
      this.#isBroken = true;
      this.#waiting = [];
      this.#options.onFailure(error);
    } finally {
      this.#writing = undefined;
    }
  }

  async #append(text: string): Promise<void> {
    await mkdir(path.dirname(this.path), { recursive: true, mode: 0o700 });
    const bytes = Buffer.from(text);
    let file = await open(this.path, 'a', 0o600);
    try {
      const { size } = await file.stat();
      if (size > 0 && size + bytes.length > (this.#options.fileBytesMax ?? FILE_BYTES_MAX)) {
        await file.close();
        await this.#rotate();
        file = await open(this.path, 'a', 0o600);
      }
      await file.appendFile(bytes);
    } finally {
      await file.close();
    }
  }

  async #rotate(): Promise<void> {
    await rm(`${this.path}.${FILES_MAX - 1}`, { force: true });
    for (let age = FILES_MAX - 1; age > 0; age--) {
      const younger = age === 1 ? this.path : `${this.path}.${age - 1}`;
      await rename(younger, `${this.path}.${age}`).catch((error: unknown) => {
        // Another Cairn that turns the same page may have been quicker; then there is nothing left to move.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      });
    }
  }
}

function logLine(fields: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(fields, (_key, value: unknown) => plain(value, 0));
  if (text.length <= LINE_CHARACTERS_MAX) return `${text}\n`;
  return `${JSON.stringify({ time: fields['time'], level: fields['level'], message: text.slice(0, LINE_CHARACTERS_MAX / 2), cut: true })}\n`;
}

/** What JSON would lose or choke on, as something it can write. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (!(value instanceof Error)) return value;
  return {
    name: value.name,
    message: value.message,
    ...(value instanceof CairnError ? { code: value.code, context: value.context } : {}),
    ...('code' in value && !(value instanceof CairnError) ? { code: value.code } : {}),
    stack: value.stack,
    ...(value.cause === undefined || depth >= CAUSE_DEPTH_MAX ? {} : { cause: plain(value.cause, depth + 1) }),
  };
}
