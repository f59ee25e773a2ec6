/**
 * The log: CAIRN_HOME/log/cairn.log, one JSON object a line, for whoever looks into a defect. Stack traces go here and
 * nowhere else. Every process of this home writes into it. Its folder is made with the first line, so “cairn help” leaves
 * nothing behind.
 *
 * Lines are written in order and in the background; close() waits for them. A log that can't be written (a full disk)
 * never fails anything: `onFailure` is told once, lines wait as far as there is room for them, and it is tried again now
 * and then; the log says how many were lost.
 *
 * Bounded: FILES_MAX files of FILE_BYTES_MAX each. Processes that turn the page at one moment do it one after the other,
 * and each looks first whether it was turned already; what another one writes meanwhile goes to the end of the page that
 * it has open, so a file may be longer by what is written in that moment.
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { formatTime } from '../../src-shared/format/index.ts';
import type { EngineOptions } from '../engine/index.ts';
import type { Clock } from './clock.ts';
import { logLine } from './log-line.ts';

export type Log = EngineOptions['log'];
export type LogFile = { readonly path: string; readonly write: Log; readonly close: () => Promise<void> };

/** One file of at most this size and two older ones beside it: cairn.log.1, cairn.log.2. */
const FILE_BYTES_MAX = 5 * 1024 * 1024;
const FILES_MAX = 3;
/** Waiting lines; more than a burst of problems makes. What does not fit is counted and said. */
const WAITING_CHARACTERS_MAX = 4 * 1024 * 1024;
/** After a failure it is tried again with the first line that comes so much later. */
const RETRY_MS = 10_000;
/** A page is turned in some milliseconds: whoever holds this longer has died. */
const TURNING_MS_MAX = 10_000;
const NEWLINE = 0x0a;

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
  readonly #fileBytesMax: number;
  readonly #waiting: string[] = [];
  #waitingCharacters = 0;
  #dropped = 0;
  #writing: Promise<void> | undefined;
  /** Since it could not be written: not before this, in monotonic time. */
  #retryAtMs: number | undefined;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#fileBytesMax = options.fileBytesMax ?? FILE_BYTES_MAX;
    this.path = path.join(options.home, 'log', 'cairn.log');
  }

  add(...[level, message, fields]: Parameters<Log>): void {
    if (level === 'debug') return;
    const time = formatTime(this.#options.clock.wallMs());
    const line = logLine({ time, level, pid: process.pid, message, ...fields });
    if (this.#waitingCharacters + line.length > WAITING_CHARACTERS_MAX) this.#dropped++;
    else this.#wait(line);
    if (this.#retryAtMs !== undefined && this.#options.clock.monotonicMs() < this.#retryAtMs) return;
    this.#writing ??= this.#writeWaiting();
  }

  /** Tries a last time, where it could not be written. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#waiting.length > 0) await this.#writeWaiting();
  }

  #wait(line: string): void {
    this.#waiting.push(line);
    this.#waitingCharacters += line.length;
  }

  async #writeWaiting(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        await this.#append(this.#nextPage());
        this.#retryAtMs = undefined;
        if (this.#dropped === 0) continue;
        const time = formatTime(this.#options.clock.wallMs());
        const message = `${this.#dropped} lines were lost, because the log could not be written in time`;
        this.#dropped = 0;
        this.#wait(logLine({ time, level: 'warn', pid: process.pid, message }));
      }
    } catch (error) {
      const isNews = this.#retryAtMs === undefined;
      this.#retryAtMs = this.#options.clock.monotonicMs() + RETRY_MS;
      if (isNews) this.#options.onFailure(error);
    } finally {
      this.#writing = undefined;
    }
  }

  /** Of what waits: as much as fits a file. */
  #nextPage(): string[] {
    let bytes = 0;
    let count = 0;
    for (const line of this.#waiting) {
      bytes += Buffer.byteLength(line);
      if (count > 0 && bytes > this.#fileBytesMax) break;
      count++;
    }
    return this.#waiting.slice(0, count);
  }

  /** Lines leave the queue as they are written, so that none is lost or there twice when the disk is full half-way. */
  async #append(lines: readonly string[]): Promise<void> {
    await mkdir(path.dirname(this.path), { recursive: true, mode: 0o700 });
    const texts = lines.map((line) => Buffer.from(line));
    const bytes = Buffer.concat(texts);
    let file = await open(this.path, 'a+', 0o600);
    let written = 0;
    try {
      if (await this.#isFull(file, bytes.length)) {
        await file.close();
        await this.#turnPage(bytes.length);
        file = await open(this.path, 'a+', 0o600);
      }
      await endTornLine(file);
      while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten;
    } finally {
      await file.close();
      let whole = 0;
      for (const text of texts) {
        if (text.length > written) break;
        written -= text.length;
        whole++;
      }
      for (const line of this.#waiting.splice(0, whole)) this.#waitingCharacters -= line.length;
    }
  }

  async #isFull(file: FileHandle, more: number): Promise<boolean> {
    const { size } = await file.stat();
    return size > 0 && size + more > this.#fileBytesMax;
  }

  async #turnPage(more: number): Promise<void> {
    const lock = `${this.path}.lock`;
    const held = await open(lock, 'wx', 0o600).catch(() => undefined);
    if (held === undefined) return this.#removeIfLeft(lock);
    try {
      // Another one may have turned it since it was looked at.
      const now = await open(this.path, 'r').catch(() => undefined);
      const isFull = now !== undefined && (await this.#isFull(now, more));
      await now?.close();
      if (!isFull) return;
      await rm(`${this.path}.${FILES_MAX - 1}`, { force: true });
      for (let age = FILES_MAX - 1; age > 0; age--)
        await renameIfThere(age === 1 ? this.path : `${this.path}.${age - 1}`, `${this.path}.${age}`);
    } finally {
      await held.close();
      await rm(lock, { force: true });
    }
  }

  /** The next one finds it free; until then this page grows a little longer. */
  async #removeIfLeft(lock: string): Promise<void> {
    const found = await stat(lock).catch(() => undefined);
    if (found === undefined) return;
    const ageMs = Math.abs(this.#options.clock.wallMs() - found.mtimeMs);
    if (ageMs > TURNING_MS_MAX) await rm(lock, { force: true });
  }
}

/** Where a process died, or the disk was full, in the middle of a line: the next one must not be joined to it. */
async function endTornLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  if (size === 0) return;
  const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  if (bytesRead === 1 && buffer[0] !== NEWLINE) await file.write(Buffer.of(NEWLINE), 0);
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}
