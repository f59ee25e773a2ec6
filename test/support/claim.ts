/** What a run of many steps says of the repository, step by step: the first claim that does not hold ends it. */

/** A claim that does not hold. */
export class ClaimError extends Error {}

/** Throws a ClaimError unless the claim holds. A message that costs something to make is given as a function. */
export function claim(holds: boolean, message: string | (() => string)): asserts holds {
  if (!holds) throw new ClaimError(typeof message === 'string' ? message : message());
}
