/** utilityProcess as a child process of Node's: the same events, and a process.parentPort inside (utility-shim.ts). */
import { EventEmitter } from 'node:events';
import { type ChildProcess, type StdioOptions, fork } from 'node:child_process';
import os from 'node:os';

import { type Carrier, type MessagePortMain, carrierGone, closedOutside, fromOutside } from './ports.ts';
import { CancellableEvent } from './strict.ts';

export type FromUtility =
  | { readonly kind: 'message'; readonly data: unknown }
  | { readonly kind: 'port'; readonly id: number; readonly data: unknown }
  | { readonly kind: 'close-port'; readonly id: number };
export type ToUtility =
  | { readonly kind: 'message'; readonly data: unknown; readonly ports: readonly number[] }
  | { readonly kind: 'port'; readonly id: number; readonly data: unknown }
  | { readonly kind: 'close-port'; readonly id: number };

export type ForkOptions = {
  readonly serviceName?: string;
  readonly stdio?: 'pipe' | 'ignore' | 'inherit' | readonly ('pipe' | 'ignore' | 'inherit')[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
};

/** What the app hears when such a process is gone. */
export type GoneDetails = {
  readonly type: 'Utility';
  readonly reason: string;
  readonly exitCode: number;
  readonly serviceName: string;
  readonly name: string;
};

const running = new Set<UtilityProcess>();
let onGone: (event: CancellableEvent, details: GoneDetails) => void = () => undefined;

export function setGoneListener(listener: typeof onGone): void {
  onGone = listener;
}

export const runningUtilities = (): readonly UtilityProcess[] => [...running];

export class UtilityProcess extends EventEmitter implements Carrier {
  readonly name: string;
  readonly #child: ChildProcess;

  constructor(modulePath: string, args: readonly string[], options: ForkOptions) {
    super();
    this.name = options.serviceName ?? 'Node Utility Process';
    const stdio = options.stdio ?? 'inherit';
    const streams = typeof stdio === 'string' ? [stdio, stdio, stdio] : stdio;
    this.#child = fork(modulePath, args, {
      execArgv: [
        '--import',
        new URL('./utility-shim.ts', import.meta.url).href,
        '--disable-warning=ExperimentalWarning',
      ],
      serialization: 'advanced',
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['ignore', streams[1] ?? 'inherit', streams[2] ?? 'inherit', 'ipc'] satisfies StdioOptions,
    });
    running.add(this);
    this.#child.on('spawn', () => this.emit('spawn'));
    this.#child.on('message', (message) => this.#receive(message as FromUtility));
    this.#child.on('exit', (code, signal) => this.#exited(code, signal));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get stdout(): ChildProcess['stdout'] {
    return this.#child.stdout;
  }

  get stderr(): ChildProcess['stderr'] {
    return this.#child.stderr;
  }

  postMessage(data: unknown, ports: readonly MessagePortMain[] = []): void {
    this.#send({ kind: 'message', data, ports: ports.map((port) => port.handOver(this)) });
  }

  kill(): boolean {
    return this.#child.kill();
  }

  carryToPort(id: number, data: unknown): void {
    this.#send({ kind: 'port', id, data });
  }

  closePort(id: number): void {
    this.#send({ kind: 'close-port', id });
  }

  #send(message: ToUtility): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #receive(message: FromUtility): void {
    if (message.kind === 'message') this.emit('message', message.data);
    else if (message.kind === 'port') fromOutside(message.id, message.data);
    else closedOutside(message.id);
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    running.delete(this);
    carrierGone(this);
    const exitCode = code ?? (signal === null ? 1 : os.constants.signals[signal]);
    this.emit('exit', exitCode);
    if (exitCode === 0) return;
    const reason = signal === null ? 'abnormal-exit' : 'killed';
    const serviceName = 'node.mojom.NodeService';
    onGone(new CancellableEvent(), { type: 'Utility', reason, exitCode, serviceName, name: this.name });
  }
}

export const utilityProcess = {
  fork: (modulePath: string, args: readonly string[] = [], options: ForkOptions = {}): UtilityProcess =>
    new UtilityProcess(modulePath, args, options),
};
