/**
 * What a case of the hostile corpus is, and the words its claims are made of. A case runs in a process of its own kind
 * (child.ts) with a small heap, is watched from outside (runner.ts), and fails by throwing.
 */
import { AssertionError } from 'node:assert';
import { isCairnError, isIntegrityError, type ErrorCode } from '../../src-shared/errors.ts';

/** Peak memory beyond what the process had before the attack. */
export const EXTRA_BYTES_MAX = 256 * 1024 * 1024;

export type HostileCase = {
  /** A claim, unique over the whole corpus. */
  readonly name: string;
  readonly run: (room: CaseRoom) => Promise<void> | void;
  /** A defect that is reported and not yet repaired: the test is expected to fail, and says so loudly. */
  readonly defect?: string;
  /** Default 20 s; less for a known hang. */
  readonly patienceMs?: number;
  /** Why the case can't run here; such a case is skipped with a warning. */
  readonly skip?: () => string | undefined;
};

export type CaseRoom = {
  /** A folder of this case alone; everything in it but `free` places must be the same afterwards. */
  readonly folder: string;
  /** Path of something below the folder. */
  readonly path: (...names: readonly string[]) => string;
  /** A folder with files, links and odd modes that nothing may touch. */
  readonly outside: string;
  /** Runs what is under attack; memory is measured from here. Without it the whole case is measured. */
  readonly attack: <Value>(run: () => Promise<Value> | Value) => Promise<Value>;
};

export type CaseGroup = { readonly name: string; readonly cases: readonly HostileCase[] };

export function fail(message: string): never {
  throw new AssertionError({ message });
}

export function isTrue(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) fail(`${what}: ${left} instead of ${right}`);
}

/** What an action came to. Anything but a value and a CairnError is thrown: that is what the corpus looks for. */
export async function outcomeOf(action: () => unknown): Promise<'ok' | ErrorCode> {
  try {
    await action();
    return 'ok';
  } catch (error) {
    if (isCairnError(error)) return error.code;
    throw error;
  }
}

/** The action ends in a CairnError of one of these codes. */
export async function refuses(action: () => unknown, ...codes: readonly ErrorCode[]): Promise<void> {
  const outcome = await outcomeOf(action);
  if (outcome === 'ok' || !codes.includes(outcome)) fail(`${outcome} instead of ${codes.join(' or ')}`);
}

/** The action ends in integrity/… or limit/exceeded. */
export async function refusesAsDamage(action: () => unknown): Promise<void> {
  let outcome = 'a value';
  try {
    await action();
  } catch (error) {
    if (isIntegrityError(error)) return;
    if (!isCairnError(error)) throw error;
    outcome = error.code;
  }
  fail(`${outcome} instead of integrity/… or limit/exceeded`);
}
