/**
 * A process of its own that takes a history in: node child.ts TASK HOME [SEED]. The history is the same for the same seed, so
 * the process that started this one can make it too.
 *
 * `limited` says on standard output whether it could (“taken”, “none”); `shared` takes in until all is known and says
 * whether the answers are right; `endless` says a line when it begins and another when it has ended, to be killed between.
 */
import { findEntries } from '../../src-main/engine/browse/index.ts';
import { openCatalog } from '../../src-main/engine/catalog/index.ts';
import { silentLog } from '../../src-main/engine/kernel/index.ts';
import { CatalogData } from '../bench/support/catalog-data.ts';
import { childHistory } from '../support/child-history.ts';

const [task = '', home = '', seedText = '1'] = process.argv.slice(2);
const catalog = openCatalog({ home, log: silentLog });
const ATTEMPTS_MAX = 600;
const PAUSE_MS = 100;

async function limited(): Promise<string> {
  const data = new CatalogData(1, 20_000);
  data.commit();
  const taken = await catalog.takeIn(data.repository, data.snapshots, { isWhole: true });
  return taken === undefined ? 'none' : 'taken';
}

async function shared(): Promise<string> {
  const { repository, snapshots } = childHistory(Number(seedText), 12);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    await catalog.takeIn(repository, snapshots, { isWhole: true });
    const found = await catalog.find(repository, snapshots, '*');
    if (found !== undefined) {
      const walked = await findEntries(repository, snapshots, '*');
      return JSON.stringify(found) === JSON.stringify(walked) ? 'right' : 'wrong';
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return 'never';
}

async function endless(): Promise<string> {
  const { repository, snapshots } = childHistory(Number(seedText), 12);
  console.log('begun');
  const taken = await catalog.takeIn(repository, snapshots, { isWhole: true });
  return taken === undefined ? 'none' : 'ended';
}

const tasks: Readonly<Record<string, () => Promise<string>>> = { limited, shared, endless };
console.log(await tasks[task]?.());
await catalog.close();
