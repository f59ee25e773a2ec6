/** Pairs of sessions on one repository, each pair run in very many orders of their steps. */
import type { Repository } from '../../src-main/engine/repository/index.ts';
import type { SharedRepository } from './shared-repository.ts';
import { Turns } from './turns.ts';

type Result = { readonly acknowledged: readonly string[] };
/** One session; it gets its own view of the store, and knows the snapshots that were there before. */
type Work = (shared: SharedRepository, open: () => Promise<Repository>, before: readonly string[]) => Promise<Result>;

const NOTHING: Result = { acknowledged: [] };

const backUpFirst: Work = async (shared, open) => ({
  acknowledged: [await shared.backUp(await open(), 'first', 0)],
});
const backUpSecond: Work = async (shared, open) => ({
  acknowledged: [await shared.backUp(await open(), 'second', 1)],
});
/** The same source by another writer. */
const backUpFirstToo: Work = async (shared, open) => ({
  acknowledged: [await shared.backUp(await open(), 'first', 2)],
});

const merge: Work = async (_shared, open) => {
  const repository = await open();
  await repository.tidy({ commitFiles: 0, indexRuns: 1 });
  await repository.tidy({ commitFiles: 0, indexRuns: 1 });
  return NOTHING;
};

const read: Work = async (shared, open, before) => {
  const repository = await open();
  const listed = await shared.readAll(repository);
  const lost = before.find((id) => !listed.includes(id));
  if (lost !== undefined) throw new Error(`snapshot ${lost} is not listed`);
  return NOTHING;
};

const verifyAs =
  (kind: 'quick' | 'deep'): Work =>
  async (shared, open) => {
    const { damage } = await shared.verify(await open(), kind);
    if (damage.length > 0) throw new Error(`verify ${kind} finds damage: ${JSON.stringify(damage[0])}`);
    return NOTHING;
  };

export const PAIRS: Readonly<Record<string, readonly Work[]>> = {
  'two backups of two sources': [backUpFirst, backUpSecond],
  'two backups of one source': [backUpFirst, backUpFirstToo],
  'a backup and another one’s merge': [backUpFirst, merge],
  'two merges': [merge, merge],
  'a backup and a restore': [backUpFirst, read],
  'a merge and a restore': [merge, read],
  'a backup and a quick verification': [backUpFirst, verifyAs('quick')],
  'a backup and a deep verification': [backUpFirst, verifyAs('deep')],
  'a merge and a deep verification': [merge, verifyAs('deep')],
  'two backups, a merge and a restore': [backUpFirst, backUpSecond, merge, read],
};

/** Runs one order; throws what went wrong, with the seed and the last steps. */
export async function runOrder(shared: SharedRepository, works: readonly Work[], seed: number): Promise<void> {
  const store = await shared.copy();
  const { before } = shared;
  const turns = new Turns(seed);
  try {
    const results = await turns.run(
      works.map((work, actor) => {
        const view = turns.storeFor(actor, store);
        return () => work(shared, () => shared.open(view, actor), before);
      }),
    );
    const acknowledged = [...before];
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      acknowledged.push(...result.value.acknowledged);
    }
    await shared.check(store, acknowledged);
  } catch (error) {
    const steps = turns.trace.slice(-400).join('\n  ');
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`seed ${seed}: ${reason}\n  ${steps}`, { cause: error });
  }
}
