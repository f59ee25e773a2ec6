/**
 * Bounded concurrency: at most `limit` tasks at a time, results in the order of the input. The first failure stops
 * new tasks, waits for the running ones and is thrown.
 */
export async function mapBounded<In, Out>(
  items: readonly In[],
  limit: number,
  task: (item: In, index: number) => Promise<Out>,
): Promise<Out[]> {
  const results = new Array<Out>(items.length);
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (failure === undefined && next < items.length) {
      const index = next++;
      const item = items[index];
      if (item === undefined && !(index in items)) continue;
      try {
        results[index] = await task(item as In, index);
      } catch (error) {
        // Lanes fail in any order; what is thrown is what failed first, not what failed in the first lane.
        failure ??= { error };
      }
    }
  };
  const lanes = Array.from({ length: Math.min(limit, items.length) }, lane);
  await Promise.all(lanes);
  if (failure !== undefined) throw failure.error;
  return results;
}
