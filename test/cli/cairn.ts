/** Runs the real command line, as built in out/main/cli.js, in a process of its own with a home and a folder of its own. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { WireError } from '../../src-shared/errors.ts';

export const PROGRAM = path.resolve(import.meta.dirname, '../../out/main/cli.js');
if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run “npm run build” before these tests`);

/** Ends a command that hangs, well before the test would. */
const COMMAND_TIMEOUT_MS = 45_000;
/** scrypt with N = 2^10: a hundred times faster than the default. */
export const FAST_KDF = ['--kdf-cost', '10'] as const;
export const PASSWORD = 'correct horse';

export type Ended = {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly text: string;
  readonly stderr: string;
};
export type RunOptions = { readonly environment?: Readonly<Record<string, string>>; readonly cwd?: string };

/** A folder with a home, a source, a password file, and a path for a repository. */
export class Place {
  readonly folder: string;
  readonly home: string;
  readonly source: string;
  readonly repository: string;
  readonly passwordFile: string;

  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'cairn-cli-'));
    this.home = this.path('home');
    this.source = this.path('source');
    this.repository = this.path('repository');
    this.passwordFile = this.path('password');
    mkdirSync(this.source);
    writeFileSync(this.passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  }

  path(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  write(name: string, content: string | Uint8Array): string {
    const file = path.join(this.source, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  /** What every command gets: nothing of the environment of whoever runs the tests but the search path. */
  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      TZ: 'UTC',
      CAIRN_HOME: this.home,
      CAIRN_REPO: this.repository,
      CAIRN_PASSWORD_FILE: this.passwordFile,
      ...more,
    };
  }

  start(args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
    return this.startProgram(process.execPath, [PROGRAM, ...args], options);
  }

  startProgram(program: string, args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
    const child = this.startTyping(program, args, options);
    child.stdin.end();
    return child;
  }

  /** As startProgram, and its standard input stays open. */
  startTyping(program: string, args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
    return spawn(program, args, {
      env: this.environment(options.environment),
      cwd: options.cwd ?? this.folder,
      timeout: COMMAND_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return ended(this.start(args, options));
  }

  /** Runs a command that has to end well, and returns its JSON. */
  async json(args: readonly string[], status = 0): Promise<unknown> {
    const result = await this.run([...args, '--json']);
    if (result.status !== status)
      throw new Error(`cairn ${args.join(' ')} ended with ${result.status}: ${result.text}${result.stderr}`);
    return JSON.parse(result.text);
  }

  async init(...more: readonly string[]): Promise<void> {
    await this.json(['init', ...FAST_KDF, ...more]);
  }

  dispose(): void {
    spawnSync('chmod', ['-R', 'u+rwX', this.folder]);
    chmodSync(this.folder, 0o700);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for the end of a process and collects what it wrote. */
export function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      const bytes = Buffer.concat(stdout);
      resolve({ status, stdout: bytes, text: bytes.toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/** The error of a failed command's JSON, which has to be all that stands on standard output. */
export function errorDocument(result: Ended): WireError {
  const document = JSON.parse(result.text) as { error: WireError };
  if (Object.keys(document).join() !== 'error') throw new Error(`not an error document: ${result.text}`);
  return document.error;
}
