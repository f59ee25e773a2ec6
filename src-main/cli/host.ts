/**
 * What a command works with: the output, the environment, the engine, and a signal that says when to stop. Commands
 * return an exit status; everything that can go wrong is thrown and told by main.ts.
 */
import type { ReadStream } from 'node:tty';

import type { Engine } from '../engine/index.ts';
import type { Clock } from './clock.ts';
import type { Environment } from './environment.ts';
import type { LogFile } from './log.ts';
import type { Output } from './output.ts';

export const EXIT = { done: 0, failed: 1, usage: 2, problems: 3, damage: 13 } as const;

/** The signals that ask for an end, with the exit status a shell expects of each. */
export const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type StopSignal = keyof typeof SIGNAL_EXIT;

export type Host = {
  readonly environment: Environment;
  readonly input: ReadStream;
  /** True where a question would be seen. */
  readonly hasTerminalOutput: boolean;
  readonly output: Output;
  readonly clock: Clock;
  readonly log: LogFile;
  /** Aborted by SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  readonly interrupt: (signal: StopSignal) => void;
  readonly engine: () => Promise<Engine>;
  /** The exit status of a command that ended well. */
  readonly finish: (exitStatus: number) => void;
};
