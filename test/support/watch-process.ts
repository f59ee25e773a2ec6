/** Drives watch-child.ts from a test: starts it, reads its lines, waits for one. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import path from 'node:path';
import type { ChildLine, ChildSetup } from './watch-child.ts';

const CHILD = path.join(import.meta.dirname, 'watch-child.ts');
/** Generous: it ends a hang. */
const LINE_MS_MAX = 60_000;

export class WatchProcess {
  readonly lines: ChildLine[] = [];
  readonly child: ChildProcessWithoutNullStreams;
  #said = '';
  #heard: () => void = () => undefined;

  /** `before`: a program and its arguments that start another one: unshare. */
  constructor(setup: ChildSetup, before: readonly string[] = []) {
    const [program = '', ...args] = [...before, process.execPath, CHILD, JSON.stringify(setup)];
    this.child = spawn(program, args);
    this.child.stderr.on('data', (piece: Buffer) => (this.#said += piece.toString()));
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as ChildLine);
      this.#heard();
    });
    this.child.on('close', () => this.#heard());
  }

  /** The first line from `from` on that is meant, and where the next one stands. */
  async wait(
    isMeant: (line: ChildLine) => boolean,
    from = 0,
  ): Promise<{ readonly line: ChildLine; readonly next: number }> {
    const endMs = performance.now() + LINE_MS_MAX;
    for (;;) {
      const index = this.lines.findIndex((line, at) => at >= from && isMeant(line));
      const line = this.lines[index];
      if (line !== undefined) return { line, next: index + 1 };
      const isOver = this.child.exitCode !== null || this.child.signalCode !== null || performance.now() > endMs;
      if (isOver)
        throw new Error(`no such line in:\n${this.lines.map((one) => JSON.stringify(one)).join('\n')}\n${this.#said}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Runs a command of the shell where the child lives, which must succeed. */
  async run(command: string): Promise<void> {
    const from = this.lines.length;
    this.child.stdin.write(`${command}\n`);
    const { line } = await this.wait(({ kind }) => kind === 'ran', from);
    if (line.kind === 'ran' && line.status !== 0) throw new Error(`${command}: ${line.stderr}`);
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.child.on('close', resolve));
    this.child.kill('SIGKILL');
    await closed;
  }
}

export const isState =
  (kind: string) =>
  (line: ChildLine): boolean =>
    line.kind === 'state' && line.state.kind === kind;

export const isEverything = (line: ChildLine): boolean => line.kind === 'batch' && line.everything !== undefined;
