/**
 * Asking for a password on a terminal without showing it. The terminal stays in raw mode from the first question to
 * the last, and while a password is tried in between: what is typed or pasted ahead is not echoed either.
 */
import { StringDecoder } from 'node:string_decoder';
import type { ReadStream } from 'node:tty';

import { CairnError } from '../../src-shared/errors.ts';

/** Longer is a pasted file, not a password. */
const PASSWORD_CHARACTERS_MAX = 1024;

const KEY = {
  interrupt: '\u0003',
  end: '\u0004',
  backspace: '\b',
  eraseLine: '\u0015',
  escape: '\u001b',
  delete: '\u007f',
};

export type TerminalOptions = {
  readonly input: ReadStream;
  readonly show: (text: string) => Promise<void>;
  /** Ctrl-C: raw mode turns it from a signal into a character. */
  readonly onInterrupt: () => void;
};

/** A terminal that shows nothing of what is typed, from the first question until it is closed. */
export class HiddenTerminal {
  readonly #options: TerminalOptions;
  readonly #typed: TypedLines;
  readonly #onData = (bytes: Buffer): void => this.#typed.add(bytes);
  readonly #onEnd = (): void => this.#typed.end();
  #isOpen = false;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#typed = new TypedLines(options.onInterrupt);
  }

  /** Shows a question and reads a line. One question at a time. */
  async ask(question: string): Promise<string> {
    this.#open();
    await this.#options.show(question);
    try {
      return await this.#typed.next();
    } finally {
      await this.#options.show('\n');
    }
  }

  /** Leaves the terminal as it was found. */
  close(): void {
    if (!this.#isOpen) return;
    const { input } = this.#options;
    this.#isOpen = false;
    input.off('data', this.#onData);
    input.off('end', this.#onEnd);
    input.pause();
    input.setRawMode(false);
  }

  #open(): void {
    if (this.#isOpen) return;
    const { input } = this.#options;
    this.#isOpen = true;
    input.setRawMode(true);
    input.on('data', this.#onData);
    input.once('end', this.#onEnd);
    input.resume();
  }
}

/** Turns key strokes into lines. At most one reader waits. */
export class TypedLines {
  readonly #onInterrupt: () => void;
  readonly #decoder = new StringDecoder('utf8');
  #waiting = '';
  #characters: string[] = [];
  #isInEscape = false;
  #reader: { resolve: (line: string) => void; reject: (error: Error) => void } | undefined;
  #hasEnded = false;

  constructor(onInterrupt: () => void) {
    this.#onInterrupt = onInterrupt;
  }

  add(bytes: Buffer): void {
    this.#waiting += this.#decoder.write(bytes);
    // Between two questions nobody reads, and a Ctrl-C has to be heard all the same.
    if (this.#reader === undefined && this.#waiting.includes(KEY.interrupt)) this.#onInterrupt();
    this.#read();
  }

  end(): void {
    this.#hasEnded = true;
    this.#reader?.reject(nothingTyped());
  }

  next(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#read();
      if (this.#hasEnded) reject(nothingTyped());
    });
  }

  /** Without a reader, what was typed ahead waits for the next question. */
  #read(): void {
    while (this.#reader !== undefined && this.#waiting !== '') {
      const character = String.fromCodePoint(this.#waiting.codePointAt(0) ?? 0);
      this.#waiting = this.#waiting.slice(character.length);
      this.#take(character, this.#reader);
    }
  }

  #take(character: string, reader: { resolve: (line: string) => void; reject: (error: Error) => void }): void {
    if (this.#isInEscape) {
      // Arrow and function keys: ESC, “[” or “O”, parameters, one final letter or “~”.
      this.#isInEscape = !/[A-NP-Za-z~]/.test(character);
    } else if (character === '\r' || character === '\n') {
      this.#reader = undefined;
      const line = this.#characters.join('');
      this.#characters = [];
      reader.resolve(line);
    } else if (character === KEY.interrupt) {
      this.#reader = undefined;
      this.#onInterrupt();
      reader.reject(new CairnError('engine/cancelled', 'Stopped at the password.', { hint: 'Nothing was changed.' }));
    } else if (character === KEY.end && this.#characters.length === 0) {
      this.#reader = undefined;
      reader.reject(nothingTyped());
    } else if (character === KEY.delete || character === KEY.backspace) {
      this.#characters.pop();
    } else if (character === KEY.eraseLine) {
      this.#characters = [];
    } else if (character === KEY.escape) {
      this.#isInEscape = true;
    } else if (character >= ' ' && this.#characters.length < PASSWORD_CHARACTERS_MAX) {
      this.#characters.push(character);
    }
  }
}

function nothingTyped(): CairnError {
  return new CairnError('key/password-needed', 'No password was typed.');
}
