/**
 * Takes fsyncs away from a life (see scenario.ts) and looks for a crash that then breaks a promise. States in which the
 * unchanged life can end too are left out: they are well, or the sweep of that life fails.
 */
import type { CrashFileSystem } from './crash-filesystem.ts';
import { createMutatingFileSystem, type MutatingFileSystem, siteKey, type SyncSite } from './mutating-filesystem.ts';
import { type Life, live, ROOT } from './scenario.ts';
import type { Invariant } from './scenario-check.ts';
import type { ScenarioSource } from './scenario-source.ts';
import { stateKeys, sweep } from './scenario-sweep.ts';

export type Original = {
  readonly life: Life;
  /** Every fsync of it in order, by siteKey. */
  readonly syncs: readonly string[];
  readonly known: ReadonlySet<string>;
};

/** The life as it is, and what there is to take away. */
export async function originalLife(source: ScenarioSource, encrypted: boolean): Promise<Original> {
  const syncs: string[] = [];
  const wrap = (drive: CrashFileSystem): MutatingFileSystem =>
    createMutatingFileSystem(drive, ROOT, (site) => {
      syncs.push(siteKey(site));
      return false;
    });
  const life = await live(source, { encrypted, wrap });
  return { life, syncs, known: stateKeys(life) };
}

export type Mutant = {
  /** How many fsyncs were taken away: 0 means that the mutation did nothing. */
  readonly skippedCount: number;
  /** Crash states that the unchanged life does not have, up to the first that breaks a promise. */
  readonly newStates: number;
  /** The promise that the first such state breaks; undefined where none does. */
  readonly broken: Invariant | undefined;
  readonly where: string;
};

/** The life without the fsyncs that `skips` chooses. */
export async function mutantLife(
  source: ScenarioSource,
  original: Original,
  skips: (site: SyncSite) => boolean,
): Promise<Mutant> {
  const made: MutatingFileSystem[] = [];
  const wrap = (drive: CrashFileSystem): MutatingFileSystem => {
    const fileSystem = createMutatingFileSystem(drive, ROOT, skips);
    made.push(fileSystem);
    return fileSystem;
  };
  const life = await live(source, { encrypted: original.life.encrypted, wrap });
  const { distinct, findings } = await sweep(life, source, {
    recovers: () => true,
    findingsMax: 1,
    known: new Set(original.known),
  });
  const [finding] = findings;
  return {
    skippedCount: made[0]?.skippedCount ?? 0,
    newStates: distinct,
    broken: finding?.violation.invariant,
    where: finding === undefined ? '' : `${finding.where}: ${finding.violation.message}`,
  };
}
