/**
 * What a backup would do now: the same sources, the same rules, the same parent, and nothing written anywhere: no
 * lease, no session, no file. Works without a repository too; then every file counts as new.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import type { BackupPlan } from '../../../src-shared/model/index.ts';
import type { Clock } from '../kernel/index.ts';
import type { PageFetch } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import { type Snapshot, findParent, listSnapshots } from '../snapshot/index.ts';
import {
  type Source,
  closeSourceFolder,
  createFilter,
  defaultPinned,
  openSourceRoot,
  resolveSources,
} from '../source/index.ts';
import { ParentFolder } from './dry-run-parent.ts';
import { RuleTally } from './dry-run-rules.ts';
import { PlanWalk } from './dry-run-walk.ts';
import { type BackupOptions, type RuleOptions, filterOptionsOf } from './options.ts';

export type PlanOptions = RuleOptions &
  Pick<BackupOptions, 'sources' | 'symlinks' | 'reread' | 'host' | 'onProgress' | 'signal'>;

/**
 * Looks at the sources as a backup would. Trouble with single entries is in the plan.
 * @throws CairnError source/…, usage/invalid, engine/cancelled, and what reading the repository throws
 */
export async function planBackup(
  repository: Repository | undefined,
  clock: Clock,
  options: PlanOptions,
): Promise<BackupPlan> {
  const startedMs = clock.monotonicMs();
  const sources = resolveSources(options.sources);
  const parent = repository && (await parentOf(repository, options.host, sources));
  const tally = new RuleTally();
  const problems: Problem[] = [];
  const fetch: PageFetch = (page, type) => {
    if (repository === undefined) throw new CairnError('engine/internal', 'There is no repository to read from.');
    return repository.readBlob(page, type);
  };
  const walk = new PlanWalk({
    tally,
    problems,
    fetch,
    followLinks: options.symlinks === 'follow',
    reread: options.reread,
    previousReadNs: parent === undefined ? undefined : BigInt(parent.record.startedAtMs) * 1_000_000n,
    onProgress: options.onProgress,
    signal: options.signal,
  });
  const before = new ParentFolder(fetch, parent?.record.rootPage);
  for (const source of sources) {
    const { match } = await before.upTo(Buffer.from(source.name));
    await planSource(walk, source, options, match);
  }
  return {
    dryRun: true,
    parentId: parent?.id ?? null,
    ...walk.counts,
    leftOut: tally.total,
    leftOutUnmeasured: walk.unmeasured,
    rules: tally.rows(),
    largestLeftOut: tally.largest(),
    problems,
    durationMs: Math.round(clock.monotonicMs() - startedMs),
  };
}

async function parentOf(
  repository: Repository,
  host: string,
  sources: readonly Source[],
): Promise<Snapshot | undefined> {
  const { snapshots } = await listSnapshots(repository);
  return findParent(
    snapshots,
    host,
    sources.map(({ path }) => path),
  );
}

async function planSource(
  walk: PlanWalk,
  source: Source,
  options: PlanOptions,
  match: Parameters<PlanWalk['source']>[3],
): Promise<void> {
  if (source.stat.nodeType === 'file') {
    walk.file(source.stat, match);
    return;
  }
  const folder = openSourceRoot(source.path, defaultPinned());
  if ('failed' in folder) throw new CairnError('source/unreadable', `${folder.failed.path}: ${folder.failed.message}.`);
  try {
    await walk.source(folder, source.stat, createFilter(filterOptionsOf(options, source.stat.device)), match);
  } finally {
    closeSourceFolder(folder);
  }
}
