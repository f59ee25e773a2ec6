/**
 * Where passwords come from: a file, the environment, or a person at a terminal, in this order; what stands on the
 * command line goes before what stands in the environment. A password is never an argument, for arguments are public.
 */
import { open } from 'node:fs/promises';
import path from 'node:path';

import { CairnError } from '../../src-shared/errors.ts';
import { displayPath } from '../../src-shared/format/index.ts';
import type { Secret } from '../engine/index.ts';
import { setting } from './environment.ts';
import type { Host } from './host.ts';
import type { GlobalFlags } from './options.ts';
import { HiddenTerminal } from './prompt.ts';

const FILE_BYTES_MAX = 64 * 1024;
const READABLE_BY_OTHERS = 0o044;
const LINE_FEED = 0x0a;
/** How often a person may mistype before the command ends. */
export const ATTEMPTS_MAX = 3;

export type SecretSource = {
  /** True where a person is asked and may be asked again. */
  readonly isTyped: boolean;
  readonly read: () => Promise<Secret>;
  /** Gives the terminal back. */
  readonly close: () => void;
};

const nothingToClose = (): void => undefined;

/** How this command gets at the secret of an existing repository. */
export function secretSource(host: Host, flags: GlobalFlags, repository: string | undefined): SecretSource {
  if (flags.passwordFile !== undefined && flags.recoveryKeyFile !== undefined) {
    throw new CairnError('usage/invalid', 'Both --password-file and --recovery-key-file were given.', {
      hint: 'Give one of them.',
    });
  }
  const { recoveryKeyFile } = flags;
  if (recoveryKeyFile !== undefined) {
    const read = async (): Promise<Secret> => {
      return { kind: 'recovery', recoveryKey: await readSecretFile(host, recoveryKeyFile, 'recovery key') };
    };
    return { isTyped: false, read, close: nothingToClose };
  }
  const given = givenPassword(host, flags.passwordFile, 'CAIRN_PASSWORD');
  if (given !== undefined) {
    const read = async (): Promise<Secret> => ({ kind: 'password', password: await given() });
    return { isTyped: false, read, close: nothingToClose };
  }
  const terminal = hiddenTerminal(host);
  const question = `Password${repository === undefined ? '' : ` for ${displayPath(repository)}`}: `;
  return {
    isTyped: true,
    read: async () => typePassword(host, terminalOrThrow(host, terminal), question),
    close: () => terminal.close(),
  };
}

/** The password for a new repository. */
export function firstPassword(host: Host, flags: GlobalFlags): Promise<string> {
  const given = givenPassword(host, flags.passwordFile, 'CAIRN_PASSWORD');
  return given === undefined ? typeNewPassword(host, 'Password for the new repository: ') : given();
}

/** The password that is to be added or to replace another. */
export function newPassword(host: Host, file: string | undefined): Promise<string> {
  const given = givenPassword(host, file, 'CAIRN_NEW_PASSWORD');
  if (given !== undefined) return given();
  const hint =
    'Give it with --new-password-file, CAIRN_NEW_PASSWORD_FILE or CAIRN_NEW_PASSWORD, or run this on a terminal.';
  return typeNewPassword(host, 'New password: ', hint);
}

/** A password that needs nobody at a terminal; `variable` names the variable, with “_FILE” the one for a file. */
function givenPassword(host: Host, file: string | undefined, variable: string): (() => Promise<string>) | undefined {
  const fromFile = file ?? setting(host.environment, `${variable}_FILE`);
  if (fromFile !== undefined) return () => readSecretFile(host, fromFile, 'password');
  const password = host.environment[variable];
  if (password === undefined) return undefined;
  return () => Promise.resolve(notEmpty(password, variable));
}

function notEmpty(password: string, where: string): string {
  if (password !== '') return password;
  throw new CairnError('usage/invalid', `The password in ${where} is empty.`, {
    hint: 'An empty password protects nothing; choose another.',
  });
}

/** The first line of a file. Pipes will do as well: `--password-file <(pass show backup)`. */
async function readSecretFile(host: Host, name: string, what: 'password' | 'recovery key'): Promise<string> {
  const file = path.resolve(name);
  const { bytes, isReadableByOthers } = await readFirstLine(file, what);
  if (isReadableByOthers) {
    await host.output.warn(`Other users of this computer can read “${file}”. Protect it with: chmod 600 FILE`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CairnError('usage/invalid', `The ${what} in “${file}” is not UTF-8 text.`, {
      hint: 'Write it with a text editor, as one line.',
      cause: error,
    });
  }
  if (what === 'recovery key' && text.trim() === '') {
    throw new CairnError('usage/invalid', `The recovery key in “${file}” is empty.`, {
      hint: 'Its first line has to be the recovery key.',
    });
  }
  return notEmpty(text.replace(/\r$/, ''), `“${file}”`);
}

async function readFirstLine(file: string, what: string): Promise<{ bytes: Uint8Array; isReadableByOthers: boolean }> {
  try {
    const handle = await open(file, 'r');
    try {
      const stat = await handle.stat();
      const isReadableByOthers =
        process.platform !== 'win32' && stat.isFile() && (stat.mode & READABLE_BY_OTHERS) !== 0;
      const buffer = Buffer.alloc(FILE_BYTES_MAX);
      let length = 0;
      let lineEnd = -1;
      while (lineEnd < 0 && length < buffer.length) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
        if (bytesRead === 0) break;
        lineEnd = buffer.subarray(0, length + bytesRead).indexOf(LINE_FEED, length);
        length += bytesRead;
      }
      return { bytes: buffer.subarray(0, lineEnd < 0 ? length : lineEnd), isReadableByOthers };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'it can’t be read';
    const words: Readonly<Record<string, string>> = {
      ENOENT: 'it does not exist',
      EACCES: 'this user is not allowed to read it',
      EISDIR: 'it is a folder',
    };
    throw new CairnError('usage/invalid', `The ${what} file “${file}” can’t be read: ${words[reason] ?? reason}.`, {
      hint: 'Check its path and its permissions.',
      cause: error,
    });
  }
}

function hiddenTerminal(host: Host): HiddenTerminal {
  const show = (text: string): Promise<void> => host.output.prompt(text);
  return new HiddenTerminal({ input: host.input, show, onInterrupt: () => host.interrupt('SIGINT') });
}

/** @throws CairnError key/password-needed where there is no terminal to ask on */
function terminalOrThrow(host: Host, terminal: HiddenTerminal, hint?: string): HiddenTerminal {
  if (host.input.isTTY && host.hasTerminalOutput) return terminal;
  const message = 'A password is needed, and there is no terminal to ask for it.';
  throw new CairnError('key/password-needed', message, hint === undefined ? {} : { hint });
}

async function typePassword(host: Host, terminal: HiddenTerminal, question: string): Promise<Secret> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const password = await terminal.ask(question);
    if (password !== '') return { kind: 'password', password };
    await host.output.prompt('Nothing was typed.\n');
  }
  throw new CairnError('key/password-needed', 'No password was typed.');
}

async function typeNewPassword(host: Host, question: string, hint?: string): Promise<string> {
  const terminal = terminalOrThrow(host, hiddenTerminal(host), hint);
  try {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const password = await terminal.ask(question);
      if (password === '') await host.output.prompt('An empty password protects nothing.\n');
      else if ((await terminal.ask('The same again: ')) === password) return password;
      else await host.output.prompt('These two were not the same.\n');
    }
    throw new CairnError('usage/invalid', 'No password was agreed on.', { hint: 'Nothing was changed. Run it again.' });
  } finally {
    terminal.close();
  }
}
