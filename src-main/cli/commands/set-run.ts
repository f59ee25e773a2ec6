/** `cairn set run`: the set's backup, in this process, with its commands, and remembered as the app's own runs are. */
import type { Command } from 'commander';

import { isCairnError } from '../../../src-shared/errors.ts';
import type { BackupReport } from '../../../src-shared/model/index.ts';
import type { BackupRequest, OpenRepository } from '../../engine/index.ts';
import type { DestinationRecord, SetRecord } from '../../engine/sets/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, inRepositoryAt } from '../in-repository.ts';
import type { GlobalFlags } from '../options.ts';
import { problemText } from '../output-report.ts';
import { countOf } from '../output-style.ts';
import { progressOn } from '../progress.ts';
import { type SecretSource, secretSource } from '../secret.ts';
import { type Sets, openSets } from '../sets.ts';
import { backupText } from './backup.ts';

const HOOK_FAILED = 'hook-failed';

type Secrets = GlobalFlags & { readonly reread?: boolean };

export async function runSetCommand(host: Host, command: Command, name: string): Promise<void> {
  const flags: Secrets = flagsOf(command);
  const { destinationOf, findSet, runSet } = await import('../../engine/sets/index.ts');
  const sets = await openSets(host);
  const set = findSet(sets.records.state, name);
  const destination = destinationOf(sets.records.state, set.destinationId);
  const later: Promise<unknown>[] = [];
  const runHost = {
    ports: sets.ports,
    book: sets.book,
    environment: host.environment,
    mayRunHooks: true,
    signal: host.signal,
    later: (work: Promise<unknown>) => void later.push(work),
  };
  try {
    const report = await runSet(set, runHost, () => backUp(host, sets, { set, destination, flags }));
    await tell(host, set, report);
  } finally {
    await Promise.all(later);
  }
}

type Work = { readonly set: SetRecord; readonly destination: DestinationRecord; readonly flags: Secrets };

async function backUp(host: Host, sets: Sets, { set, destination, flags }: Work): Promise<BackupReport> {
  // The command before may have mounted the drive: it is looked for now.
  const place = { path: await placeOf(sets, destination), source: await sourceOf(host, flags, destination) };
  const whenStopped =
    'No snapshot was made. Earlier ones are safe, and what was stored already need not be stored again.';
  return inRepositoryAt(host, place, { whenStopped, stopsItself: true }, async (repository: OpenRepository) => {
    const onProgress = progressOn(host.output, host.clock);
    const request = await requestOf(set);
    await refuseFirst(sets, repository, { request, name: destination.name, place: place.path });
    const report = await repository.backup({
      ...request,
      reread: flags.reread === true,
      signal: host.signal,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    await keepIn(repository, sets, set);
    return report;
  });
}

/** Saves a set in its repository for a new computer. What keeps it from that is no failure of anything else. */
export async function keepIn(
  repository: OpenRepository,
  { ports, userHome, hostName }: Sets,
  set: SetRecord,
): Promise<void> {
  const { storedSetOf } = await import('../../engine/sets/index.ts');
  try {
    await repository.storeSet(storedSetOf(set, { hostName, userHome }));
  } catch (error) {
    if (!isCairnError(error)) throw error;
    ports.log('info', 'a backup set was not saved in its repository', { set: set.name, reason: error.message });
  }
}

/** The same for one that was changed, where its repository is there and nobody has to be asked; else its next backup does. */
export async function keepWhereOpen(host: Host, sets: Sets, set: SetRecord, flags: GlobalFlags): Promise<void> {
  const { destinationOf } = await import('../../engine/sets/index.ts');
  const destination = destinationOf(sets.records.state, set.destinationId);
  try {
    const place = { path: await placeOf(sets, destination), source: await sourceOf(host, flags, destination) };
    if (destination.encrypted && place.source.isTyped) return place.source.close();
    await inRepositoryAt(host, place, {}, (repository) => keepIn(repository, sets, set));
  } catch (error) {
    if (!isCairnError(error)) throw error;
    sets.ports.log('info', 'a backup set was not saved in its repository', { set: set.name, reason: error.message });
  }
}

async function requestOf({ sources, rules }: SetRecord): Promise<BackupRequest> {
  const { planRules } = await import('../../engine/desk/index.ts');
  const { bytesOf } = await import('../../engine/kernel/index.ts');
  return { sources: sources.map(bytesOf), ...planRules(rules) };
}

/** Whether a first backup can fit at all is found out before anything is written. @throws CairnError destination/full */
async function refuseFirst(
  { userHome }: Sets,
  repository: OpenRepository,
  { request, name, place }: { readonly request: BackupRequest; readonly name: string; readonly place: string },
): Promise<void> {
  if ((await repository.snapshots()).length > 0) return;
  const { refuseTooSmall } = await import('../../engine/desk/index.ts');
  const { spaceAt, systemVolumes, volumesNow } = await import('../../engine/drives/index.ts');
  const space = await spaceAt(place);
  if (space === undefined) return;
  const table = await volumesNow(systemVolumes(userHome));
  await refuseTooSmall({ name, space, table, sources: request.sources, plan: await repository.planBackup(request) });
}

/** @throws CairnError destination/gone, repository/wrong-identity */
async function placeOf({ ports, userHome }: Sets, destination: DestinationRecord): Promise<string> {
  const { placeOfDestination } = await import('../../engine/desk/index.ts');
  const { systemVolumes, volumesNow } = await import('../../engine/drives/index.ts');
  return placeOfDestination(destination, { ports, table: await volumesNow(systemVolumes(userHome)) });
}

/** What was given for this command goes first, then the file that the set has, then the environment or a person. */
async function sourceOf(host: Host, flags: GlobalFlags, destination: DestinationRecord): Promise<SecretSource> {
  const { passwordFile } = destination;
  const isGiven = flags.passwordFile !== undefined || flags.recoveryKeyFile !== undefined;
  if (isGiven || passwordFile === null) return secretSource(host, flags, destination.path);
  const { readPasswordFile } = await import('../../engine/sets/index.ts');
  const read = async () => ({ kind: 'password', password: await readPasswordFile(passwordFile) }) as const;
  return { isTyped: false, read, close: () => undefined };
}

async function tell(host: Host, { setId, sources }: SetRecord, report: BackupReport): Promise<void> {
  const { output } = host;
  await output.report({ setId, ...report }, () => backupText(report, sources.length, output.style));
  if (!output.json) {
    const ofFiles = report.problems.filter(({ code }) => code !== HOOK_FAILED);
    const title = `${countOf(ofFiles.length, 'problem')}; these are missing from this snapshot or not as they are now:`;
    await output.important(problemText({ problems: ofFiles, title, kind: 'backup' }));
    for (const { code, message } of report.problems) if (code === HOOK_FAILED) await output.warn(message);
  }
  host.finish(report.problems.length === 0 ? EXIT.done : EXIT.problems);
}
