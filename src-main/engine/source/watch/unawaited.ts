/** For a promise that nobody waits for and that fails only by a defect of ours: then the process dies of it, unhandled. */
export function unawaited(promise: Promise<unknown>): void {
  promise.catch((error: unknown) => {
    throw error;
  });
}
