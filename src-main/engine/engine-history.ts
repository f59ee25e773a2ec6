/**
 * Files through time: from the catalog where it knows every snapshot of the repository, whole; else by walking them all.
 * Both give the same answers. The catalog can't fail a question: whatever is wrong with it, there is the walk.
 */
import { isCairnError } from '../../src-shared/errors.ts';
import type { CatalogUpdate, OpenRepository } from './api.ts';
import { findEntries, listVersions, splitPath } from './browse/index.ts';
import type { Catalog, TakenIn } from './catalog/index.ts';
import type { Ports } from './kernel/index.ts';
import type { Repository } from './repository/index.ts';
import type { SnapshotListing } from './snapshot/index.ts';

/** A catalog that is behind by so many snapshots is brought up to date before it is asked; one further behind is not. */
const BEHIND_MAX = 20;

type Host = { readonly ports: Ports; readonly catalog: Catalog | undefined };
type HistoryApi = Pick<OpenRepository, 'find' | 'versions' | 'search' | 'updateCatalog'>;

export function historyApi(host: Host, repository: Repository, listing: () => Promise<SnapshotListing>): HistoryApi {
  const { catalog } = host;
  return {
    find: async (pattern, onUnreadable) => {
      const listed = await listing();
      const { snapshots } = listed;
      const found = await known(host, repository, listed, () => catalog?.find(repository, snapshots, pattern));
      return found ?? findEntries(repository, snapshots, pattern, onUnreadable);
    },
    versions: async (path, onUnreadable) => {
      const listed = await listing();
      const { snapshots } = listed;
      const names = splitPath(path);
      const found = await known(host, repository, listed, () => catalog?.versions(repository, snapshots, names));
      // That there are none is an error in words that the walk has.
      return found?.length ? found : listVersions(repository, snapshots, path, onUnreadable);
    },
    search: async (request) => {
      const { instanceId } = repository.context.instance;
      return catalog?.search({ repositoryId: repository.config.repositoryId, instanceId }, request);
    },
    updateCatalog: async (request = {}) => update(host, repository, await listing(), request),
  };
}

/** What the catalog says, after it was brought up to date if that is soon done; undefined where it does not know. */
async function known<Answer>(
  host: Host,
  repository: Repository,
  listed: SnapshotListing,
  ask: () => Promise<Answer | undefined> | undefined,
): Promise<Answer | undefined> {
  try {
    const missing = await host.catalog?.missing(repository, listed.snapshots);
    if (missing === undefined || missing > BEHIND_MAX) return undefined;
    if (missing > 0) await update(host, repository, listed, {});
    return await ask();
  } catch (error) {
    if (!isCairnError(error)) throw error;
    host.ports.log('info', 'the catalog was not asked', { reason: error.message });
    return undefined;
  }
}

async function update(
  { catalog }: Host,
  repository: Repository,
  { snapshots, damaged }: SnapshotListing,
  request: CatalogUpdate,
): Promise<TakenIn | undefined> {
  return catalog?.takeIn(repository, snapshots, { ...request, isWhole: damaged.length === 0 });
}
