/**
 * Run in a mount namespace of its own: the whole service with a drive that is a real filesystem on a loop device (or, where
 * those are not allowed, a tmpfs), unplugged in the middle of a real backup by threads, plugged in elsewhere, swapped and
 * cloned. Prints as JSON what happened.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Destination, Job } from '../../src-shared/model/index.ts';
import { noise } from './lab-files.ts';
import { namesIn } from './listing.ts';
import { MountedDrive, mustRun } from './mounted-drive.ts';
import { BY_HAND, ServiceLab, type TestClient, toldStates } from './service-lab.ts';

const FILES = 24;
const FILE_BYTES = 4_000_000;
const IMAGE_BYTES = 400_000_000;
/** With the reserve of a repository, some megabytes are left. */
const SMALL_BYTES = 12_000_000;
/** What a file with holes claims, and what one really takes: a twentieth of either is more than is left. */
const HOLLOW_BYTES = 240_000_000;
const LARGE_BYTES = 120_000_000;
/** So much of a backup is done when the drive is pulled out: several packs stand by then. */
const UNPLUG_AT = 0.75;

type Ended = Pick<Job, 'state'> & { readonly code: string | null; readonly bytesStored: number | null };

export type LiveReport = {
  readonly fileSystem: 'ext4' | 'tmpfs';
  /** The backup during which the drive was pulled out, what was under its mount point then, and what the app says. */
  readonly unplugged: Ended;
  readonly strayed: readonly string[];
  readonly away: Pick<Destination, 'state' | 'error' | 'awaySince'>;
  readonly verdict: string;
  /** The states of the destination that windows were told, each once. */
  readonly told: readonly string[];
  /** The drive is mounted again, in another place where that is possible. */
  readonly back: Pick<Destination, 'state' | 'path'> & { readonly volume: string | null };
  readonly next: Ended;
  readonly plainBytes: number;
  readonly damage: number;
  /** Another drive in its place. */
  readonly swapped: Ended & { readonly strayed: readonly string[] };
  /** Both the drive and a clone of it; tmpfs has none. */
  readonly cloned: string | null;
  /** First backups: one that can't fit, and one of a file with holes that only looks so. */
  readonly tooSmall: First;
  readonly hollow: First;
};

type First = Ended & { readonly message: string; readonly written: readonly string[] };

const lab = new ServiceLab();
const clone = path.join(lab.folder, 'clone.img');
const elsewhere = path.join(lab.folder, 'elsewhere');
const second = path.join(lab.folder, 'second');
for (const folder of [elsewhere, second]) fs.mkdirSync(folder);
const drive = new MountedDrive(lab.folder, lab.drive, IMAGE_BYTES);
const { isReal } = drive;

const client: TestClient = await lab.start();

async function look(): Promise<Destination> {
  await lab.service.desk.look();
  return (await client.call('overview.get', {})).destinations[0]!;
}

function endedOf({ state, error, outcome }: Job): Ended {
  const bytesStored = outcome?.kind === 'backup' ? outcome.report.bytesStored : null;
  return { state, code: error?.code ?? null, bytesStored };
}

async function backup(setId: string): Promise<Ended> {
  return endedOf(await client.ended((await client.call('jobs.backup', { setId, reread: false })).jobId));
}

lab.write('letter.txt', 'Dear Ada,');
const { set } = await lab.backedUp(client);
for (let index = 0; index < FILES; index++) lab.write(`film-${index}`, noise(index + 1, FILE_BYTES));
const plainBytes = FILES * FILE_BYTES;

// Unplugged in the middle.
const job = await client.call('jobs.backup', { setId: set.setId, reread: false });
await client.until((event) => {
  if (event.kind !== 'job' || event.job.jobId !== job.jobId) return undefined;
  const isOver = ['done', 'failed'].includes(event.job.state);
  return isOver || (event.job.progress?.bytes ?? 0) >= UNPLUG_AT * plainBytes ? event : undefined;
});
drive.unplug();
const unplugged = endedOf(await client.ended(job.jobId));
const strayed = namesIn(lab.drive);
const { state, error, awaySince } = await look();
const { verdict } = await client.call('overview.get', {});

// Plugged in again. A tmpfs is no drive that would be looked for elsewhere.
const place = isReal ? elsewhere : lab.drive;
drive.plugIn(place);
for (let round = 0; round < 3; round++) await lab.service.desk.drives.tick();
const back = await look();
const next = await backup(set.setId);
const verified = await client.ended(
  (await client.call('jobs.verify', { destinationId: set.destinationId, depth: { kind: 'deep' } })).jobId,
);
const damage = verified.outcome?.kind === 'verify' ? verified.outcome.damageCount : -1;

// Another drive in its place, with a folder of the same name.
drive.unplug();
mustRun('mount', '-t', 'tmpfs', 'tmpfs', place);
fs.mkdirSync(path.join(place, 'Cairn'));
const swapped = { ...(await backup(set.setId)), strayed: namesIn(place).filter((name) => name !== 'Cairn') };
mustRun('umount', '-l', place);

let cloned: string | null = null;
if (isReal) {
  fs.copyFileSync(drive.image, clone);
  drive.plugIn(place);
  mustRun('mount', '-o', 'loop', clone, second);
  const both = await look();
  cloned = `${both.state}: ${both.error?.message ?? ''}`;
  mustRun('umount', '-l', second);
} else drive.plugIn(place);

// A first backup onto a drive that is too small for it, and before one of a file that only claims to be large.
const large = path.join(lab.userHome, 'large');
fs.mkdirSync(large);
fs.writeFileSync(path.join(large, 'film'), '');
fs.truncateSync(path.join(large, 'film'), HOLLOW_BYTES);
const hollow = await firstBackup('hollow');
fs.writeFileSync(path.join(large, 'film'), Buffer.alloc(LARGE_BYTES));
const tooSmall = await firstBackup('too-small');

async function firstBackup(name: string): Promise<First> {
  mustRun('mount', '-t', 'tmpfs', '-o', `size=${SMALL_BYTES}`, 'tmpfs', second);
  fs.mkdirSync(path.join(second, name));
  const made = await client.call('sets.create', {
    name,
    sources: [lab.handle(large)],
    rules: set.rules,
    destination: lab.handle(path.join(second, name)),
    password: null,
    compression: 'zstd:1',
    schedule: BY_HAND,
  });
  const before = namesIn(second);
  const job = await client.ended(made.job.jobId);
  const written = namesIn(second).filter((one) => !before.includes(one));
  mustRun('umount', '-l', second);
  return { ...endedOf(job), message: job.error?.message ?? '', written };
}

const told = toldStates(client);
const report: LiveReport = {
  fileSystem: isReal ? 'ext4' : 'tmpfs',
  unplugged,
  strayed,
  away: { state, error, awaySince },
  verdict: verdict.level,
  told,
  back: { state: back.state, path: back.path, volume: back.volume?.fileSystem ?? null },
  next,
  plainBytes,
  damage,
  swapped,
  cloned,
  tooSmall,
  hollow,
};
process.stdout.write(JSON.stringify(report));
await lab.service.close();
drive.dispose();
fs.rmSync(lab.folder, { recursive: true, force: true });
