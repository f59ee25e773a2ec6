/**
 * Run in a mount namespace of its own: sets that run by themselves onto a drive that is really mounted. It is unplugged
 * while nothing happens, in the middle of a live backup and in the middle of a run, and plugged in again, each time without
 * a word to the service: its own watch of drives has to notice. Prints as JSON what happened.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { BackupSet, Destination, Job, Overview } from '../../src-shared/model/index.ts';
import { everyInterval } from '../../src-main/engine/desk/index.ts';
import { noise } from './lab-files.ts';
import { namesIn } from './listing.ts';
import { MountedDrive } from './mounted-drive.ts';
import { BY_HAND, ServiceLab, type TestClient } from './service-lab.ts';
import { compareTrees } from './walker.ts';

const IMAGE_BYTES = 900_000_000;
const FILES = 20;
const FILE_BYTES = 4_000_000;
const POLL_MS = 10;

export type AgentReport = {
  readonly isReal: boolean;
  /** Unplugged while nothing happened. */
  readonly away: Pick<Destination, 'state' | 'error'> & { readonly since: string | null };
  readonly waitsFor: BackupSet['nextRun']['waitsFor'];
  /** Plugged in again elsewhere: what was written meanwhile is in a snapshot. */
  readonly caughtUp: string;
  readonly path: string;
  readonly strayed: readonly string[];
  /** Jobs that failed: a live backup that loses its drive is none. */
  readonly failedLive: number;
  readonly differencesLive: readonly string[];
  /** A run that lost its drive, and the one that began by itself when the drive came. */
  readonly lost: Job['error'];
  readonly next: Pick<Job, 'state' | 'error'>;
  readonly differencesNext: readonly string[];
  readonly damage: number;
};

/** The service keeps no process alive by itself. */
const alive = setInterval(() => undefined, 60_000);
const lab = new ServiceLab({
  withAgent: true,
  every: everyInterval,
  watchTimes: { quietMs: 100, ceilingMs: 1000, retryMs: 500, rootPollMs: 500 },
});
const elsewhere = path.join(lab.folder, 'elsewhere');
fs.mkdirSync(elsewhere);
const drive = new MountedDrive(lab.folder, lab.drive, IMAGE_BYTES);
const strayed: string[] = [];
/** Where it is mounted next: a tmpfs is found in its place only. */
const otherPlace = drive.isReal ? elsewhere : lab.drive;
const client: TestClient = await lab.start();

/** The first overview from now on, the present one included, that is as wanted. */
async function until(wanted: (set: BackupSet, destination: Destination) => boolean): Promise<Overview> {
  const isWanted = ({ sets, destinations }: Overview): boolean => {
    const [set, destination] = [sets[0], destinations[0]];
    return set !== undefined && destination !== undefined && wanted(set, destination);
  };
  client.events.length = 0;
  const now = await client.call('overview.get', {});
  if (isWanted(now)) return now;
  return client.until((event) => (event.kind === 'overview' && isWanted(event.overview) ? event.overview : undefined));
}

const isSaved = (before: BackupSet['lastBackup']) => (set: BackupSet) =>
  set.lastBackup !== null && set.lastBackup.snapshotId !== before?.snapshotId && set.live.state === 'watching';
const isAway = (_: BackupSet, { state }: Destination): boolean => state === 'away';

/** Pulls the drive out, and looks what lands under its mount point until the service has noticed. */
async function unplugAt(place: string): Promise<Overview> {
  drive.unplug();
  const overview = await until(isAway);
  strayed.push(...namesIn(place));
  return overview;
}

/** A snapshot beside what is there. */
async function differences(snapshotId: string, target: string): Promise<readonly string[]> {
  fs.mkdirSync(target);
  const to = { kind: 'folder', handle: lab.handle(target) } as const;
  const restore = { destinationId, snapshotId, paths: [''], to, conflict: 'replace' } as const;
  const { error } = await client.ended((await client.call('jobs.restore', restore)).jobId);
  if (error !== null) return [error.message];
  // The folder that is restored into is the person's own, and keeps its time.
  return compareTrees(lab.documents, target).filter((line) => !line.startsWith('“”: mtime'));
}

function writeFilms(first: number): void {
  for (let index = 0; index < FILES; index++) lab.write(`films-${first}/${index}`, noise(first + index, FILE_BYTES));
}

lab.write('letter.txt', 'Dear Ada,');
const { set } = await lab.backedUp(client, { password: null });
const { setId, destinationId } = set;
const continuous = { ...BY_HAND, timing: { kind: 'continuous', fullScanEveryHours: 24 } } as const;
await client.call('sets.schedule', { setId, schedule: continuous });
const first = (await until(({ live }) => live.state === 'watching' && live.protectedUntil !== null)).sets[0]!;

// Unplugged while nothing happens, plugged in again with another mount point.
const gone = (await unplugAt(lab.drive)).destinations[0]!;
lab.write('letter.txt', 'written while the drive was in a drawer');
const waiting = (await until(({ nextRun }) => nextRun.waitsFor === 'drive')).sets[0]!;
strayed.push(...namesIn(lab.drive));
drive.plugIn(otherPlace);
const back = await until(isSaved(first.lastBackup));
const saved = back.sets[0]!.lastBackup!;
const where = { destinationId, snapshotId: saved.snapshotId, path: 'letter.txt' };
const preview = await client.call('browse.preview', where);

// In the middle of a live backup: packs of it stand already.
const packsBefore = namesIn(otherPlace).length;
writeFilms(1);
while (namesIn(otherPlace).length < packsBefore + 3) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
await unplugAt(otherPlace);
drive.plugIn(lab.drive);
const whole = (await until(isSaved(saved))).sets[0]!;
// What was noticed in two turns is in two snapshots.
const quiet = (await until(({ live }) => live.state === 'watching' && live.changedFolders === 0)).sets[0]!;
const failedLive = (await client.call('jobs.list', {})).filter(({ state }) => state === 'failed').length;
const newest = (quiet.lastBackup ?? whole.lastBackup)!.snapshotId;
const differencesLive = await differences(newest, path.join(lab.folder, 'out-live'));

// In the middle of a run of a set that runs when its drive is plugged in.
await client.call('sets.schedule', { setId, schedule: { ...BY_HAND, whenDriveConnected: true } });
await until(({ live }) => live.state === 'off');
writeFilms(1000);
const job = await client.call('jobs.backup', { setId, reread: false });
await client.until((event) => {
  if (event.kind !== 'job' || event.job.jobId !== job.jobId) return undefined;
  return (event.job.progress?.bytes ?? 0) >= (FILES * FILE_BYTES) / 2 || event.job.endedAt !== null ? event : undefined;
});
drive.unplug();
const lost = await client.ended(job.jobId);
await until(isAway);
strayed.push(...namesIn(lab.drive));
drive.plugIn(otherPlace);
const next = await client.until((event) => {
  const isNext = event.kind === 'job' && event.job.kind === 'backup' && event.job.jobId !== job.jobId;
  return isNext && event.job.endedAt !== null ? event.job : undefined;
});
const snapshotId = next.outcome?.kind === 'backup' ? next.outcome.report.snapshotId : '';
const differencesNext = await differences(snapshotId, path.join(lab.folder, 'out-next'));
const verified = await client.ended(
  (await client.call('jobs.verify', { destinationId, depth: { kind: 'deep' } })).jobId,
);

const told: AgentReport = {
  isReal: drive.isReal,
  away: { state: gone.state, error: gone.error, since: gone.awaySince },
  waitsFor: waiting.nextRun.waitsFor,
  caughtUp: preview.kind === 'text' ? preview.text : preview.kind,
  path: back.destinations[0]!.path,
  strayed,
  failedLive,
  differencesLive,
  lost: lost.error,
  next: { state: next.state, error: next.error },
  differencesNext,
  damage: verified.outcome?.kind === 'verify' ? verified.outcome.damageCount : -1,
};
process.stdout.write(JSON.stringify(told));
await lab.service.close();
drive.dispose();
fs.rmSync(lab.folder, { recursive: true, force: true });
clearInterval(alive);
