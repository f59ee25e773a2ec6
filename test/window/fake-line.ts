/** A transport and timers that a test moves by hand. */
import type { CallMessage, ServerMessage } from '../../src-shared/api/contract.ts';
import type { LineEnd, LineHandlers, Timers, Transport } from '../../src-renderer/api.ts';

export class FakeTransport implements Transport {
  /** Every line that was opened, oldest first. */
  readonly lines: FakeLine[] = [];
  refuse: Error | null = null;

  open = (handlers: LineHandlers): Promise<FakeLine> => {
    if (this.refuse !== null) return Promise.reject(this.refuse);
    const line = new FakeLine(handlers);
    this.lines.push(line);
    return Promise.resolve(line);
  };

  get last(): FakeLine {
    return this.lines.at(-1)!;
  }
}

export class FakeLine {
  readonly #handlers: LineHandlers;
  readonly sent: CallMessage[] = [];
  closed = false;

  constructor(handlers: LineHandlers) {
    this.#handlers = handlers;
  }

  send = (message: CallMessage): void => {
    this.sent.push(message);
  };

  close = (): void => {
    this.closed = true;
  };

  hear(message: ServerMessage | { readonly kind: string }): void {
    this.#handlers.message(message);
  }

  end(end: LineEnd = 'lost'): void {
    this.#handlers.ended(end);
  }
}

export class FakeTimers implements Timers {
  readonly #due = new Map<number, { readonly callback: () => void; readonly delayMs: number }>();
  #next = 1;

  set = (callback: () => void, delayMs: number): number => {
    this.#due.set(this.#next, { callback, delayMs });
    return this.#next++;
  };

  clear = (timer: number): void => {
    this.#due.delete(timer);
  };

  get delaysMs(): readonly number[] {
    return [...this.#due.values()].map(({ delayMs }) => delayMs);
  }

  runAll(): void {
    const due = [...this.#due.values()];
    this.#due.clear();
    for (const { callback } of due) callback();
  }
}

/** Lets every promise that can go on go on. */
export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
