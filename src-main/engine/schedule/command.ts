/**
 * Runs a program of the person's own: an array of arguments and no shell, nothing on its standard input, a time limit, and
 * of what it says the beginning. It gets a process group of its own, and when its time is up the whole group ends, so that
 * nothing it started lives on.
 */
import { spawn } from 'node:child_process';

export type CommandRequest = {
  readonly arguments: readonly string[];
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly outputBytesMax: number;
  readonly signal?: AbortSignal | undefined;
};

export type CommandOutcome =
  | { readonly kind: 'exited'; readonly status: number }
  /** By somebody else, or by its own fault. */
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'not-started'; readonly reason: string };

export type CommandResult = { readonly outcome: CommandOutcome; readonly output: string; readonly isCut: boolean };

/** Between asking it to end and ending it. */
const GRACE_MS = 3000;
/** What it started in the background may keep its output open: that is not waited for. */
const OUTPUT_WAIT_MS = 500;

/** Never throws and never rejects: whatever came of it is the outcome. */
export function runCommand(request: CommandRequest): Promise<CommandResult> {
  const { signal } = request;
  const [program = '', ...rest] = request.arguments;
  const output = new BoundedOutput(request.outputBytesMax);
  const result = (outcome: CommandOutcome): CommandResult => ({ outcome, ...output.text() });
  if (signal?.aborted === true) return Promise.resolve(result({ kind: 'cancelled' }));
  return new Promise((resolve) => {
    const child = spawn(program, rest, {
      env: request.environment,
      shell: false,
      // A group of its own, to be ended as one. Windows has none; there the program alone is ended.
      detached: process.platform !== 'win32',
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let ended: CommandOutcome | undefined;
    let grace: NodeJS.Timeout | undefined;
    const end = (outcome: CommandOutcome): void => {
      ended ??= outcome;
      killGroup(child.pid, 'SIGTERM');
      grace ??= setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE_MS);
    };
    const timer = setTimeout(() => end({ kind: 'timed-out' }), request.timeoutMs);
    const onAbort = (): void => end({ kind: 'cancelled' });
    signal?.addEventListener('abort', onAbort, { once: true });
    const settle = (outcome: CommandOutcome): void => {
      clearTimeout(timer);
      clearTimeout(grace);
      signal?.removeEventListener('abort', onAbort);
      // Those of the group that did not listen.
      if (ended !== undefined) killGroup(child.pid, 'SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(result(ended ?? outcome));
    };
    child.stdout.on('data', (bytes: Buffer) => output.add(bytes));
    child.stderr.on('data', (bytes: Buffer) => output.add(bytes));
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) settle({ kind: 'not-started', reason: error.code ?? error.message });
    });
    child.on('exit', (status, by) => {
      const outcome: CommandOutcome =
        status === null ? { kind: 'killed', signal: by ?? '' } : { kind: 'exited', status };
      const wait = setTimeout(() => settle(outcome), OUTPUT_WAIT_MS);
      child.on('close', () => {
        clearTimeout(wait);
        settle(outcome);
      });
    });
  });
}

function killGroup(processId: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (processId === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? processId : -processId, signal);
  } catch {
    // It has ended.
  }
}

class BoundedOutput {
  readonly #bytesMax: number;
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  #isCut = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What is beyond the bound is read and dropped, so that the program can go on writing. */
  add(bytes: Buffer): void {
    const room = this.#bytesMax - this.#bytes;
    if (bytes.length > room) this.#isCut = true;
    if (room <= 0) return;
    this.#parts.push(Buffer.from(bytes.subarray(0, room)));
    this.#bytes += Math.min(bytes.length, room);
  }

  text(): { readonly output: string; readonly isCut: boolean } {
    return { output: Buffer.concat(this.#parts).toString(), isCut: this.#isCut };
  }
}
