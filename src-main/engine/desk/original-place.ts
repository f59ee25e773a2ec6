/**
 * Whether a restore may go where its files came from. A snapshot names that place itself, so it is no more to be believed
 * than the rest of a repository that was brought here: one of another computer is never written to its old paths, and
 * where folders are confined (a page in a browser) neither is anything outside of them. A person chooses a folder then.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { SnapshotSummary } from '../../../src-shared/model/index.ts';
import { bytesOf } from '../kernel/index.ts';
import { planParts } from './restoring.ts';

export type OriginalPlaceOptions = {
  readonly hostName: string;
  readonly isAllowed: (folder: Buffer) => Promise<boolean>;
};

/** @throws CairnError restore/original-place */
export async function refuseOriginalPlace(
  snapshot: SnapshotSummary,
  paths: readonly string[],
  { hostName, isAllowed }: OriginalPlaceOptions,
): Promise<void> {
  if (!isSameComputer(snapshot.host, hostName)) {
    throw new CairnError(
      'restore/original-place',
      `This snapshot was made on “${displayPath(snapshot.host)}”; this computer is “${displayPath(hostName)}”.`,
    );
  }
  for (const { path } of sourcesOf(snapshot, paths)) {
    if (await isAllowed(bytesOf(path))) continue;
    throw new CairnError(
      'restore/original-place',
      `${displayPath(path)} lies outside your home folder and the drives that are connected.`,
    );
  }
}

/** A network may lengthen a computer's name: “ada-laptop”, “ada-laptop.local”. */
function isSameComputer(one: string, other: string): boolean {
  const short = (name: string): string => name.toLowerCase().split('.')[0] ?? '';
  return short(one) === short(other);
}

/** The sources that paths of a snapshot belong to: with several of them, a path begins with the name of one. */
function sourcesOf({ sources }: SnapshotSummary, paths: readonly string[]): SnapshotSummary['sources'] {
  const parts = planParts(paths, false);
  if (sources.length < 2 || parts.some(({ path }) => path === '')) return sources;
  const names = new Set(parts.map(({ path }) => path.split('/')[0]));
  return sources.filter(({ name }) => names.has(name));
}
