/**
 * Which drives are there, and which have just come or gone. The system's table of mounts is read every two seconds: it
 * lies in memory and costs some microseconds, while none of the ways to be told works everywhere. A change is believed when
 * the table stood still between two looks, since one drive that is plugged in changes it several times.
 *
 * What is told are changes only, and each is one line in the log: a drive that stays away is told once.
 */
import type { Log } from '../kernel/index.ts';
import {
  type DriveQuestions,
  type ListedVolume,
  NO_VOLUMES,
  type Volume,
  type VolumeListing,
  type VolumeSource,
  type VolumeTable,
  withSpace,
} from './volumes.ts';

const LOOK_EVERY_MS = 2000;
/** Systems where the look starts a program. */
const LOOK_EVERY_BY_TOOL_MS = 10_000;
/** A table that changes all the time is believed after so many looks. */
const RESTLESS_LOOKS_MAX = 5;
const LISTENERS_MAX = 16;

export type DriveChange = {
  readonly kind: 'arrived' | 'departed';
  /** As it was seen last. */
  readonly volume: Volume;
};

export type DriveWatchOptions = {
  readonly source: VolumeSource;
  /** Calls again and again until the returned function is called. */
  readonly every: (intervalMs: number, action: () => void) => () => void;
  readonly log: Log;
  /** What drives themselves are asked; another in tests. */
  readonly questions?: DriveQuestions;
};

export class DriveWatch {
  readonly #options: DriveWatchOptions;
  readonly #listeners = new Set<(changes: readonly DriveChange[]) => void>();
  #table: VolumeTable = NO_VOLUMES;
  #listing: VolumeListing | undefined;
  /** Of the listing. */
  #signature: string | undefined;
  /** Of the last look, while it differs from the listing's. */
  #pending: string | undefined;
  #generation = 0;
  #restlessLooks = 0;
  #looking: Promise<VolumeTable> | undefined;
  #ticking = false;
  #stop: (() => void) | undefined;

  constructor(options: DriveWatchOptions) {
    this.#options = options;
  }

  /** As it was at the last look. */
  get table(): VolumeTable {
    return this.#table;
  }

  /** Counts how often drives came or went. */
  get generation(): number {
    return this.#generation;
  }

  start(): void {
    const intervalMs = process.platform === 'linux' ? LOOK_EVERY_MS : LOOK_EVERY_BY_TOOL_MS;
    this.#stop ??= this.#options.every(intervalMs, () => {
      this.tick().catch((error: unknown) => this.#options.log('error', 'looking for drives failed', { error }));
    });
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  /** Told of drives that come and go, the system's own left out; the returned function ends it. */
  listen(listener: (changes: readonly DriveChange[]) => void): () => void {
    if (this.#listeners.size >= LISTENERS_MAX) throw new Error(`more than ${LISTENERS_MAX} listen to drives`);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Looks whether anything has changed, and if it has come to rest, at what. */
  async tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    try {
      const signature = await this.#options.source.signature();
      if (signature === this.#signature) {
        this.#pending = undefined;
        this.#restlessLooks = 0;
        return;
      }
      const isAtRest = signature === this.#pending || ++this.#restlessLooks >= RESTLESS_LOOKS_MAX;
      this.#pending = signature;
      if (isAtRest) await this.look();
    } finally {
      this.#ticking = false;
    }
  }

  /** The drives as they are now; their room as it was at the last look. Cheap enough to be asked for each file that is saved. */
  async current(): Promise<VolumeTable> {
    const isKnown = this.#signature !== undefined && (await this.#options.source.signature()) === this.#signature;
    return isKnown ? this.#table : this.look();
  }

  /** The drives as they are now, and how much room is left on them. One look at a time. */
  look(): Promise<VolumeTable> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<VolumeTable> {
    const { source, questions } = this.#options;
    // Read before the list: what changes in between shows at the next look.
    const signature = await source.signature();
    const before = this.#listing;
    if (before === undefined || signature !== this.#signature) {
      this.#listing = await source.list();
      this.#signature = signature;
      this.#generation++;
      this.#pending = undefined;
      this.#restlessLooks = 0;
    }
    const listing = this.#listing ?? { volumes: [], mounts: [] };
    const known = this.#table;
    this.#table = await withSpace(listing, questions);
    if (before !== undefined && before !== listing) this.#tell(before, listing, known);
    return this.#table;
  }

  #tell(before: VolumeListing, now: VolumeListing, known: VolumeTable): void {
    const departed = missingFrom(now, before).map((volume) => asSeen('departed', volume, known));
    const arrived = missingFrom(before, now).map((volume) => asSeen('arrived', volume, this.#table));
    const changes = [...departed, ...arrived];
    if (changes.length === 0) return;
    for (const { kind, volume } of changes) {
      const { label, device, fileSystem } = volume;
      this.#options.log('info', `a drive has ${kind}`, { label, device, fileSystem });
    }
    for (const listener of this.#listeners) listener(changes);
  }
}

/** Drives of `there` that `listing` does not have. */
function missingFrom(listing: VolumeListing, there: VolumeListing): readonly ListedVolume[] {
  const keys = new Set(listing.volumes.map(({ mountKey }) => mountKey));
  return there.volumes.filter(({ mountKey, system }) => !system && !keys.has(mountKey));
}

function asSeen(kind: DriveChange['kind'], listed: ListedVolume, { volumes }: VolumeTable): DriveChange {
  const seen = volumes.find(({ mountKey }) => mountKey === listed.mountKey);
  return { kind, volume: seen ?? { ...listed, freeBytes: 0, totalBytes: 0 } };
}
