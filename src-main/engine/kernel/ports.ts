/**
 * What a host must give the engine: time, randomness and a log. The engine never reads the clock or makes random
 * bytes by itself, so that a test can hold both still.
 */
import { randomBytes } from 'node:crypto';

export type Clock = {
  /** Wall time in whole milliseconds since 1970, never negative. For display and records; never for a safety decision. */
  readonly nowMs: () => number;
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number;
};

export type Random = { readonly bytes: (count: number) => Uint8Array };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

export type Ports = { readonly clock: Clock; readonly random: Random; readonly log: Log };

/** A clock that was set before 1970 stands at 1970: no record can hold less, and a backup must not fail for it. */
export const systemClock: Clock = { nowMs: () => Math.max(0, Date.now()), monotonicMs: () => performance.now() };
export const systemRandom: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };
export const silentLog: Log = () => undefined;

export const systemPorts: Ports = { clock: systemClock, random: systemRandom, log: silentLog };
