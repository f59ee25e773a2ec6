/**
 * One entry that is looked at: what it held at that time, and which versions of it there are over all snapshots. A version
 * that is chosen is looked at instead; the list it was chosen from stays.
 */
import type { BrowseEntry, PathVersion, Preview } from '../../src-shared/model/index.ts';
import type { Client } from '../api.ts';
import { Load } from './load.svelte.ts';

export type LookAt = { readonly destinationId: string; readonly snapshotId: string; readonly time: string };

export class Looking {
  readonly #client: Client;
  readonly preview = new Load<Preview>();
  readonly versions = new Load<readonly PathVersion[]>();
  #at = $state.raw<LookAt | null>(null);
  #entry = $state.raw<BrowseEntry | null>(null);
  #chosen = $state.raw<PathVersion | null>(null);
  /** The chosen version, else the one that the snapshot has. */
  readonly #version = $derived.by(() => {
    const time = this.#at?.time ?? '';
    const rows = this.versions.value ?? [];
    return this.#chosen ?? rows.find((row) => row.firstTime <= time && time <= row.lastTime) ?? null;
  });

  constructor(client: Client) {
    this.#client = client;
  }

  get entry(): BrowseEntry | null {
    return this.#entry;
  }

  get at(): LookAt | null {
    return this.#at;
  }

  get version(): PathVersion | null {
    return this.#version;
  }

  /** Another version than the one of the snapshot that is open. */
  get isOther(): boolean {
    return this.#chosen !== null;
  }

  look(at: LookAt, entry: BrowseEntry): void {
    const isSame = entry.path === this.#entry?.path && at.destinationId === this.#at?.destinationId;
    this.#at = at;
    this.#entry = entry;
    this.#chosen = null;
    this.preview.reset();
    if (!isSame) this.versions.reset();
    if (entry.type !== 'file') return this.versions.reset();
    this.#preview(at.snapshotId);
    this.#listVersions();
  }

  /** There may be a newer one. */
  refresh(): void {
    if (this.#entry?.type === 'file') this.#listVersions();
  }

  choose(version: PathVersion): void {
    const time = this.#at?.time ?? '';
    const isOfSnapshot = version.firstTime <= time && time <= version.lastTime;
    this.#chosen = isOfSnapshot ? null : version;
    this.#preview(isOfSnapshot ? (this.#at?.snapshotId ?? version.snapshotId) : version.snapshotId);
  }

  stop(): void {
    this.#entry = null;
    this.#at = null;
    this.#chosen = null;
    this.preview.reset();
    this.versions.reset();
  }

  #preview(snapshotId: string): void {
    const { destinationId } = this.#at ?? {};
    const path = this.#entry?.path;
    if (destinationId === undefined || path === undefined) return;
    this.preview.ask(() => this.#client.call('browse.preview', { destinationId, snapshotId, path })).catch(() => null);
  }

  #listVersions(): void {
    const at = this.#at;
    const path = this.#entry?.path;
    if (at === null || path === undefined) return;
    const { destinationId, snapshotId } = at;
    this.versions
      .ask(() => this.#client.call('search.versions', { destinationId, snapshotId, path }))
      .catch(() => null);
  }
}
