/**
 * MessageChannelMain. An end lives in this process until it is handed over, to a page or to a utility process; its
 * messages then go through whoever carries it.
 */
import { EventEmitter } from 'node:events';

/** A page or a utility process: a place outside this process where ends of channels can live. */
export type Carrier = {
  readonly carryToPort: (id: number, data: unknown) => void;
  readonly closePort: (id: number) => void;
};

const ports = new Map<number, MessagePortMain>();
let lastId = 0;

export class MessagePortMain extends EventEmitter {
  readonly id = ++lastId;
  other: MessagePortMain | undefined;
  #carrier: Carrier | undefined;
  #waiting: unknown[] | undefined = [];
  #isClosed = false;

  constructor() {
    super();
    ports.set(this.id, this);
  }

  postMessage(data: unknown, transfer: readonly unknown[] = []): void {
    if (transfer.length > 0) throw new Error('stand-in: ports inside messages of ports are not implemented');
    if (!this.#isClosed) this.other?.deliver(structuredClone(data));
  }

  start(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const data of waiting) this.deliver(data);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    ports.delete(this.id);
    this.#carrier?.closePort(this.id);
    this.emit('close');
    this.other?.close();
  }

  /** A message from the other end. */
  deliver(data: unknown): void {
    if (this.#carrier !== undefined) this.#carrier.carryToPort(this.id, data);
    else if (this.#waiting !== undefined) this.#waiting.push(data);
    else queueMicrotask(() => this.emit('message', { data, ports: [] }));
  }

  handOver(carrier: Carrier): number {
    if (this.#carrier !== undefined) throw new Error('stand-in: this port was handed over already');
    this.#carrier = carrier;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    // After the message that carries the port.
    setImmediate(() => waiting.forEach((data) => carrier.carryToPort(this.id, data)));
    return this.id;
  }

  isCarriedBy(carrier: Carrier): boolean {
    return this.#carrier === carrier;
  }
}

export class MessageChannelMain {
  readonly port1 = new MessagePortMain();
  readonly port2 = new MessagePortMain();

  constructor() {
    this.port1.other = this.port2;
    this.port2.other = this.port1;
  }
}

/** A message that was posted on an end living outside. */
export function fromOutside(id: number, data: unknown): void {
  ports.get(id)?.other?.deliver(data);
}

export function closedOutside(id: number): void {
  ports.get(id)?.close();
}

/** The place is gone, and every end that lived there. */
export function carrierGone(carrier: Carrier): void {
  for (const port of ports.values()) if (port.isCarriedBy(carrier)) port.close();
}
