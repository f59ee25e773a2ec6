/**
 * The only place that writes to standard output and standard error.
 *
 * Standard output is the result: with --json exactly one JSON document, else the text that was asked for. Everything
 * else for people (notes, warnings, progress, prompts, errors) goes to standard error. A reader that has seen enough
 * and closes the pipe (`| head`) ends the output, not the command: further writes are dropped without a word.
 */
import { CairnError, type WireError } from '../../src-shared/errors.ts';
import { displayPath } from '../../src-shared/format/index.ts';
import type { Environment } from './environment.ts';
import { type Style, styleFor } from './output-style.ts';

/** Lines are handed on in pieces of about this size: one system call for many, and memory stays small. */
const BATCH_CHARACTERS = 64 * 1024;
const COLUMNS_DEFAULT = 80;
/** Back to the first column and clear the line. */
const CLEAR_LINE = '\r\u001b[K';

export type OutputOptions = {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly environment: Environment;
  readonly json: boolean;
};

export class Output {
  readonly json: boolean;
  /** Colours of standard output. */
  readonly style: Style;
  readonly #stdout: Sink;
  readonly #stderr: Sink;
  readonly #errorStyle: Style;
  readonly #terminal: NodeJS.WriteStream;
  #quiet = false;
  #hasStatus = false;
  #isListing = false;

  constructor(options: OutputOptions) {
    this.json = options.json;
    this.style = styleFor(options.stdout, options.environment);
    this.#errorStyle = styleFor(options.stderr, options.environment);
    this.#stdout = new Sink(options.stdout);
    this.#stderr = new Sink(options.stderr);
    this.#terminal = options.stderr;
  }

  setQuiet(quiet: boolean): void {
    this.#quiet = quiet;
  }

  get quiet(): boolean {
    return this.#quiet;
  }

  /** True once nobody reads standard output any more: a long listing may stop. */
  get isClosed(): boolean {
    return this.#stdout.isClosed;
  }

  /** True when anything went to standard output, so that an error document would no longer stand alone. */
  get hasWritten(): boolean {
    return this.#stdout.hasWritten;
  }

  /** True while a JSON array is half written. */
  get isListing(): boolean {
    return this.#isListing;
  }

  /** Whether progress is shown: a person watches and did not ask for silence. */
  get showsProgress(): boolean {
    return this.#terminal.isTTY && !this.#quiet && !this.json;
  }

  get columns(): number {
    return this.#terminal.columns > 0 ? this.#terminal.columns : COLUMNS_DEFAULT;
  }

  /** What the command was asked for. The text is made only when it is shown. */
  async result(document: unknown, text: () => string): Promise<void> {
    this.#clearStatus();
    await this.#stdout.write(this.json ? `${JSON.stringify(document, null, 2)}\n` : text());
  }

  /** The report of something done: as `result`, but in text --quiet leaves it out. */
  async report(document: unknown, text: () => string): Promise<void> {
    if (this.json || !this.#quiet) await this.result(document, text);
  }

  /** Many results one after the other: a JSON array that is never held in memory, or lines of text. */
  async list<Item>(items: AsyncIterable<Item>, text: (item: Item) => string): Promise<void> {
    let batch = '';
    let count = 0;
    try {
      for await (const item of items) {
        if (this.json) batch += `${count === 0 ? '[' : ','}\n${JSON.stringify(item)}`;
        else batch += text(item);
        count++;
        if (batch.length < BATCH_CHARACTERS) continue;
        this.#isListing = this.json;
        await this.#stdout.write(batch);
        batch = '';
        if (this.isClosed) return;
      }
    } catch (error) {
      // In text what was found is shown before the error. In JSON nothing may stand before an error document; once
      // something does, the array is closed with the error as its last element (see main).
      if (this.#isListing || !this.json) await this.#stdout.write(batch);
      throw error;
    }
    if (this.json) batch += count === 0 ? '[]\n' : '\n]\n';
    this.#isListing = false;
    await this.#stdout.write(batch);
  }

  /** Raw bytes of a result. */
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.#stdout.write(bytes);
  }

  /** Something good to know, on standard error; --quiet leaves it out. */
  async note(text: string): Promise<void> {
    if (!this.#quiet) await this.#toPeople(`${text}\n`);
  }

  /** Something a person has to know, --quiet or not. */
  async warn(text: string): Promise<void> {
    await this.#toPeople(`${this.#errorStyle.yellow('cairn: warning:')} ${displayPath(text)}\n`);
  }

  /** Problems and other parts of a report that stay visible when standard output goes elsewhere. */
  async important(text: string): Promise<void> {
    await this.#toPeople(text);
  }

  /** A question on the terminal, or the line break after a hidden answer. */
  async prompt(text: string): Promise<void> {
    await this.#toPeople(text);
  }

  /** The line of progress; an empty text takes it away. */
  status(text: string): void {
    if (text === '') return this.#clearStatus();
    this.#hasStatus = true;
    this.#stderr.writeLater(`${CLEAR_LINE}${text}`);
  }

  /** An error: what happened, and what to do. With --json as a document, unless a half-written result is in its place. */
  async fail(error: WireError, form: 'document' | 'array-end' | 'none'): Promise<void> {
    if (this.json && form === 'document') return this.result({ error }, () => '');
    if (this.json && form === 'array-end') await this.#stdout.write(`,\n${JSON.stringify({ error })}\n]\n`);
    const style = this.#errorStyle;
    await this.#toPeople(
      `${style.red('cairn:')} ${displayPath(error.message)}\n${error.hint === '' ? '' : `  ${displayPath(error.hint)}\n`}`,
    );
  }

  /** Colours of what goes to people. */
  get errorStyle(): Style {
    return this.#errorStyle;
  }

  #clearStatus(): void {
    if (this.#hasStatus) this.#stderr.writeLater(CLEAR_LINE);
    this.#hasStatus = false;
  }

  async #toPeople(text: string): Promise<void> {
    this.#clearStatus();
    try {
      await this.#stderr.write(text);
    } catch {
      // There is nowhere left to say that standard error can't be written; the exit status still tells.
    }
  }
}

/** One of the two streams. Knows when its reader is gone. */
class Sink {
  readonly #stream: NodeJS.WriteStream;
  #isClosed = false;
  #hasWritten = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // Every failure also arrives at the write that met it; without a listener the process would end here.
    stream.on('error', (error: Error) => this.#noteClosed(error));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** Resolves when the bytes are with the system, so a slow reader slows the writer. */
  write(data: string | Uint8Array): Promise<void> {
    if (this.#isClosed || data.length === 0) return Promise.resolve();
    this.#hasWritten = true;
    return new Promise((resolve, reject) => {
      this.#stream.write(data, (error) => {
        if (!error || this.#noteClosed(error)) return resolve();
        const options = { hint: 'Free some space where the output goes, or send it elsewhere.', cause: error };
        reject(new CairnError('restore/target', `The output can’t be written: ${error.message}`, options));
      });
    });
  }

  /** For what may get lost: progress. */
  writeLater(text: string): void {
    if (!this.#isClosed) this.#stream.write(text);
  }

  #noteClosed(error: Error): boolean {
    if ('code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')) this.#isClosed = true;
    return this.#isClosed;
  }
}
