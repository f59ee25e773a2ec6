/**
 * Assertions are for our own bugs only. They stop the operation; nothing catches them to carry on.
 * Trouble with the user's data is a Problem, trouble with the operation is a CairnError (errors.ts).
 */

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws an AssertionError unless the condition holds. The message says which rule was broken. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Closes a switch over a discriminated union: an unhandled variant does not compile. */
export function assertNever(value: never): never {
  throw new AssertionError(`unhandled variant: ${JSON.stringify(value)}`);
}
