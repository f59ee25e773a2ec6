/**
 * Functions of the system's libraries, called through the “koffi” package (N-API, prebuilt): for what Node has no call, or
 * a slow one. Each room declares the functions it needs, tries them out once, and has another way where there are none.
 */
import { createRequire } from 'node:module';
import os from 'node:os';

export type ForeignFunction = {
  (...values: readonly unknown[]): unknown;
  /** On a thread of libuv's pool; the last value is called with what came of it. */
  readonly async: (...values: readonly unknown[]) => void;
};

export type Koffi = {
  /** Null: what the running program and its libraries export. */
  readonly load: (library: null) => { readonly func: (declaration: string) => ForeignFunction };
  /** Of the last call that failed on this thread. */
  readonly errno: () => number;
};

/** Throws where the package, or its binary for this system, is missing. */
export function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}

// Reversed, so that of two names for one number the usual one stays (EAGAIN, not EWOULDBLOCK).
const codes = new Map(
  Object.entries(os.constants.errno)
    .reverse()
    .map(([code, number]) => [number, code]),
);

/** The code of an errno number: “EAGAIN”. */
export function codeOfErrno(errno: number): string {
  return codes.get(errno) ?? 'EIO';
}
