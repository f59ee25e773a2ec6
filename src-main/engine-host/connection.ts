/**
 * One client on one line: it is greeted, its calls are answered, and it is told what happens. A client that does not read
 * costs a bounded amount: while its line is full only the newest of each event is kept, and its calls are refused
 * beyond a number.
 */
import { type EngineEvent, PROTOCOL_VERSION, type ServerMessage, parseCall } from '../../src-shared/api/index.ts';
import { assertNever } from '../../src-shared/assert.ts';
import { CairnError } from '../../src-shared/errors.ts';
import type { Dispatch } from './dispatch.ts';
import type { MessagePortLike } from './port.ts';

/** Calls of one client that have no answer yet. A window has a handful. */
const CALLS_OPEN_MAX = 128;

export type ConnectionOptions = {
  readonly version: string;
  readonly dispatch: Dispatch;
  readonly listen: (listener: (event: EngineEvent) => void) => () => void;
  readonly onClosed: () => void;
};

/** Serves a client until its line closes. Returns a function that closes the line. */
export function serveClient(port: MessagePortLike, options: ConnectionOptions): () => void {
  const connection = new Connection(port, options);
  connection.begin();
  return () => connection.close();
}

class Connection {
  readonly #port: MessagePortLike;
  readonly #options: ConnectionOptions;
  /** Events that wait for a free line, the newest of each kind of news. */
  readonly #waiting = new Map<string, EngineEvent>();
  #callsOpen = 0;
  #closed = false;
  #stopListening: () => void = () => undefined;

  constructor(port: MessagePortLike, options: ConnectionOptions) {
    this.#port = port;
    this.#options = options;
  }

  begin(): void {
    this.#post({ kind: 'hello', protocol: PROTOCOL_VERSION, version: this.#options.version });
    this.#stopListening = this.#options.listen((event) => this.#tell(event));
    this.#port.onFree?.(() => this.#flush());
    this.#port.onClose(() => this.#gone());
    this.#port.onMessage((message) => this.#receive(message));
  }

  close(): void {
    if (this.#closed) return;
    this.#gone();
    this.#port.close();
  }

  #gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#waiting.clear();
    this.#options.onClosed();
  }

  #receive(message: unknown): void {
    if (this.#closed) return;
    const call = parseCall(message);
    // Nobody can be answered; a client that speaks like this is not ours.
    if (call === undefined) return this.close();
    if (this.#callsOpen >= CALLS_OPEN_MAX) {
      const error = new CairnError('app/busy', 'This window asks for too much at once.').toWire();
      return this.#post({ kind: 'reply', id: call.id, ok: false, error });
    }
    this.#callsOpen++;
    // The dispatcher answers failures itself; what still comes here is an assertion, and ends the process.
    const answered = this.#options.dispatch(call).then((reply) => {
      this.#callsOpen--;
      this.#post(reply);
    });
    answered.catch((error: unknown) => {
      queueMicrotask(() => {
        throw error;
      });
    });
  }

  #tell(event: EngineEvent): void {
    if (this.#closed) return;
    if (this.#port.isFull?.() !== true && this.#waiting.size === 0) return this.#post({ kind: 'event', event });
    const key = keyOf(event);
    // The newest takes the place of the older one at the end: what it says is newer than what stands between.
    this.#waiting.delete(key);
    this.#waiting.set(key, event);
  }

  #flush(): void {
    for (const [key, event] of this.#waiting) {
      if (this.#closed || this.#port.isFull?.() === true) return;
      this.#waiting.delete(key);
      this.#post({ kind: 'event', event });
    }
  }

  #post(message: ServerMessage): void {
    if (!this.#closed) this.#port.post(message);
  }
}

/** Events of one key tell the same thing anew. There are as many keys as jobs, destinations and topics: few. */
function keyOf(event: EngineEvent): string {
  switch (event.kind) {
    case 'job':
      return `job ${event.job.jobId}`;
    case 'job-dismissed':
      return `job ${event.jobId}`;
    case 'overview':
    case 'measurement':
    case 'show':
      return event.kind;
    case 'changed':
      return `changed ${event.topic} ${event.destinationId ?? ''}`;
    default:
      return assertNever(event);
  }
}
