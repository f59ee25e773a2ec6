/**
 * Making, adopting, changing and forgetting backup sets. A set is written down when everything it needs stands: the
 * repository first, the record after it, so that a crash in between leaves a repository that can be adopted, and never a
 * set without one.
 */
import { stat } from 'node:fs/promises';
import type { InputOf } from '../../../src-shared/api/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath, escapePath } from '../../../src-shared/format/index.ts';
import type { SetRules, SetSource, SnapshotSummary } from '../../../src-shared/model/index.ts';
import type { OpenRepository, Secret } from '../api.ts';
import {
  type DriveWatch,
  Patience,
  type StandingRepository,
  destinationPath,
  isSilent,
  pathOnVolume,
  realPlace,
  standingAt,
  volumeOf,
} from '../drives/index.ts';
import { baseNameOf, bytesOf, mapBounded, parentOf, pathWithin, toHex } from '../kernel/index.ts';
import type { Destinations } from './destinations.ts';
import { factsOf } from './destination-status.ts';
import type { Handles } from './handles.ts';
import type { DeskOptions } from './ports.ts';
import { type ProbeOptions, findSite, probeDestination, refuseUnusable } from './probe.ts';
import {
  type DestinationRecord,
  RULES_DEFAULTS,
  type SetRecord,
  type SetsState,
  setOf,
  withDestination,
  withSet,
  withoutSet,
} from './set-records.ts';
import type { StateFile } from './state-file.ts';

const STATS_AT_ONCE = 8;
/** A source on a network drive that hangs can’t be read either. */
const patience = new Patience(5000, false);

export type SetsOptions = Pick<DeskOptions, 'engine' | 'ports' | 'kdfCost' | 'hostName'> & {
  readonly drives: DriveWatch;
  readonly records: StateFile<SetsState>;
  readonly destinations: Destinations;
  readonly handles: Handles;
  readonly probe: ProbeOptions;
  /** Whether a password that was typed is put into the keychain. */
  readonly remembers: () => boolean;
};

type Opened = {
  readonly repository: OpenRepository;
  readonly secret: Secret | undefined;
  readonly recoveryKey: string | null;
};

export class Sets {
  readonly #options: SetsOptions;

  constructor(options: SetsOptions) {
    this.#options = options;
  }

  /** @throws CairnError app/not-found */
  set(setId: string): SetRecord {
    return setOf(this.#options.records.state, setId);
  }

  /** Undefined for a set that was removed meanwhile. */
  nameOf(setId: string): string | undefined {
    return this.#options.records.state.sets.find((set) => set.setId === setId)?.name;
  }

  /** @throws CairnError repository/…, key/…, destination/…, usage/invalid */
  async create(
    input: InputOf<'sets.create'>,
  ): Promise<{ readonly set: SetRecord; readonly recoveryKey: string | null }> {
    const { handles } = this.#options;
    const sources = distinct(input.sources.map((handle) => handles.pathOf(handle)));
    const chosen = handles.pathOf(input.destination);
    const probe = await probeDestination(chosen, sources, this.#options.probe);
    refuseUnusable(probe);
    const place = destinationPath(handles.pathOf(probe.repository.handle));
    const opened = await this.#openOrMake(place, probe.state === 'repository', input);
    const destination = await this.#destinationAt(place);
    const set = this.#record(input.name, sources.map(escapePath), destination.destinationId, input.rules);
    await this.#options.records.change((state) => withSet(state, set, destination));
    await this.#options.destinations.hold(destination.destinationId, opened.repository, opened.secret);
    await this.#rememberWhereAsked(destination.destinationId, opened.secret, this.#options.remembers());
    return { set, recoveryKey: opened.recoveryKey };
  }

  /** The set that uses this repository already, or a new one with the sources of its newest snapshot. */
  async adopt({ destination: handle, secret, remember }: InputOf<'sets.adopt'>): Promise<SetRecord> {
    const { engine, handles, records, destinations } = this.#options;
    const { path, standing } = await findSite(handles.pathOf(handle), this.#options.probe);
    if (standing.kind === 'unusable') throw standing.error;
    if (standing.kind !== 'repository')
      throw new CairnError('repository/not-found', 'There is no Cairn backup in this folder.');
    const place = destinationPath(path);
    const repository = await engine.open(place, () => secretOrRefuse(secret));
    const destination = await this.#destinationAt(place);
    const known = records.state.sets.find(({ destinationId }) => destinationId === destination.destinationId);
    const set = known ?? (await this.#adoptedSet(repository, place, destination));
    // The drive that a person points at is the one to go on with, also where it is another one than before.
    await records.change((state) =>
      known === undefined
        ? withSet(state, set, destination)
        : withDestination(state, destination.destinationId, destination),
    );
    await destinations.hold(destination.destinationId, repository, secret ?? undefined);
    await this.#rememberWhereAsked(destination.destinationId, secret ?? undefined, remember);
    return set;
  }

  async edit(input: InputOf<'sets.edit'>): Promise<SetRecord> {
    const { records, handles, destinations } = this.#options;
    const old = this.set(input.setId);
    const kept = input.keepSources.map((index) => {
      const source = old.sources[index];
      if (source === undefined) throw new CairnError('app/not-found', 'This backup set has no such folder any more.');
      return source;
    });
    const added = input.addSources.map((handle) => handles.pathOf(handle));
    await this.#refuseDestinationInside(added, destinations.path(old.destinationId));
    const sources = distinct([...kept.map(bytesOf), ...added]).map(escapePath);
    if (sources.length === 0)
      throw new CairnError('usage/invalid', 'A backup set needs at least one folder.', {
        hint: 'Nothing was changed.',
      });
    const set = { ...old, name: input.name, sources, rules: input.rules };
    await records.change((state) => ({
      ...state,
      sets: state.sets.map((other) => (other.setId === set.setId ? set : other)),
    }));
    return set;
  }

  async remove(setId: string): Promise<void> {
    const { records, destinations } = this.#options;
    const { destinationId } = this.set(setId);
    const isLast = records.state.sets.every((set) => set.setId === setId || set.destinationId !== destinationId);
    if (isLast) await destinations.forgetRemembered(destinationId);
    await records.change((state) => withoutSet(state, setId));
    if (isLast) await destinations.drop(destinationId);
  }

  /** The sources of a set as they are now. */
  async sourcesOf(set: SetRecord): Promise<readonly SetSource[]> {
    const { table } = this.#options.drives;
    return mapBounded(set.sources, STATS_AT_ONCE, async (path): Promise<SetSource> => {
      const bytes = bytesOf(path);
      // One whose drive does not answer is not asked itself: it would hang too.
      const isThere = !isSilent(bytes, table) && (await patience.ask(path, () => exists(bytes)));
      return { path, name: escapePath(baseNameOf(bytes)), state: isThere ? 'there' : 'gone' };
    });
  }

  async #openOrMake(place: string, isThere: boolean, input: InputOf<'sets.create'>): Promise<Opened> {
    const { engine, kdfCost } = this.#options;
    const secret: Secret | undefined =
      input.password === null ? undefined : { kind: 'password', password: input.password };
    let recoveryKey: string | null = null;
    if (isThere && secret !== undefined) await this.#refuseUnencrypted(place);
    if (!isThere) {
      const made = await engine.init({
        repository: place,
        compression: input.compression,
        ...(input.password === null ? {} : { password: input.password }),
        ...(kdfCost === undefined ? {} : { kdfCost }),
      });
      recoveryKey = made.recoveryKey ?? null;
    }
    const repository = await engine.open(place, () => secretOrRefuse(secret ?? null));
    return { repository, secret: repository.encrypted ? secret : undefined, recoveryKey };
  }

  /** Who typed a password expects what is stored to be unreadable without it. */
  async #refuseUnencrypted(place: string): Promise<void> {
    const standing = await standingAt(place, this.#options.ports.random);
    if (standing.kind !== 'repository' || standing.encrypted) return;
    throw new CairnError('usage/invalid', 'There is a backup in this folder already, and it is not encrypted.', {
      hint: 'Nothing was changed. Choose another folder, or go on without a password.',
    });
  }

  /** The record of what stands there now: a known one, or a new one. */
  async #destinationAt(place: string): Promise<DestinationRecord> {
    const { ports, records, drives } = this.#options;
    const standing = await standingAt(place, ports.random);
    if (standing.kind !== 'repository' || standing.instanceId === null) {
      throw new CairnError('destination/gone', 'The repository went away while it was being opened.');
    }
    const { repositoryId, instanceId, encrypted } = standing;
    const known = records.state.destinations.find(
      (destination) => destination.repositoryId === repositoryId && destination.instanceId === instanceId,
    );
    if (known !== undefined) await this.#refuseCopy(known, standing);
    const bytes = Buffer.from(place);
    const real = await realPlace(bytes);
    const volume = volumeOf(real, await drives.look());
    const onDrive = volume === undefined || volume.system ? undefined : pathOnVolume(real, volume);
    const where = {
      path: escapePath(bytes),
      pathOnDrive: onDrive === undefined ? null : escapePath(onDrive),
      volume: volume === undefined ? null : factsOf(volume, null),
      awaySince: null,
    };
    if (known !== undefined) return { ...known, ...where };
    const name = onDrive === undefined ? undefined : volume?.label;
    const destinationId = toHex(ports.random.bytes(16));
    const who = { repositoryId, instanceId, encrypted, remembered: false };
    return { destinationId, name: name ?? escapePath(baseNameOf(parentOf(bytes) ?? bytes)), ...where, ...who };
  }

  /** One instance in two places: a copy made byte by byte must not become the place that is written to by mistake. */
  async #refuseCopy({ name, path }: DestinationRecord, { instanceId, folderKey }: StandingRepository): Promise<void> {
    const { drives, ports } = this.#options;
    const bytes = bytesOf(path);
    if (isSilent(bytes, drives.table)) return;
    const own = await standingAt(destinationPath(bytes), ports.random);
    if (own.kind !== 'repository' || own.instanceId !== instanceId || own.folderKey === folderKey) return;
    throw new CairnError(
      'repository/wrong-identity',
      `This is a copy of “${name}”, made byte by byte, and ${displayPath(bytes)} is connected too.`,
      { hint: 'Nothing was changed. Disconnect the one that is not to be used any more, and choose the other again.' },
    );
  }

  async #adoptedSet(repository: OpenRepository, place: string, destination: DestinationRecord): Promise<SetRecord> {
    const snapshots = await repository.snapshots();
    const newest: SnapshotSummary | undefined =
      snapshots.findLast(({ host }) => host === this.#options.hostName) ?? snapshots.at(-1);
    const sources = newest?.sources.map(({ path }) => path) ?? [];
    const name = newest === undefined ? escapePath(baseNameOf(Buffer.from(place))) : namesOf(newest);
    return this.#record(name, sources, destination.destinationId, RULES_DEFAULTS);
  }

  #record(name: string, sources: readonly string[], destinationId: string, rules: SetRules): SetRecord {
    const { ports } = this.#options;
    const createdAt = new Date(ports.clock.nowMs()).toISOString();
    return { setId: toHex(ports.random.bytes(16)), name, sources, destinationId, rules, createdAt };
  }

  async #rememberWhereAsked(destinationId: string, secret: Secret | undefined, remember: boolean): Promise<void> {
    if (remember && secret?.kind === 'password')
      await this.#options.destinations.remember(destinationId, secret.password);
  }

  async #refuseDestinationInside(added: readonly Buffer[], place: string): Promise<void> {
    const probe = await probeDestination(Buffer.from(place), added, this.#options.probe);
    if (probe.state === 'inside-source') refuseUnusable(probe);
  }
}

function exists(path: Buffer): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function secretOrRefuse(secret: Secret | null): Promise<Secret> {
  if (secret !== null) return Promise.resolve(secret);
  const hint = 'Nothing was changed. Type its password or its recovery key.';
  return Promise.reject(new CairnError('key/password-needed', 'This backup is encrypted.', { hint }));
}

/** Each path once; what lies in another source is part of it already. */
function distinct(paths: readonly Buffer[]): readonly Buffer[] {
  return paths.filter(
    (path, index) =>
      !paths.some((other, at) => (at < index ? pathWithin(path, other) : at > index && isBelow(path, other))),
  );
}

function isBelow(path: Buffer, folder: Buffer): boolean {
  return !path.equals(folder) && pathWithin(path, folder);
}

const NAMES_MAX = 3;

function namesOf({ sources }: SnapshotSummary): string {
  const names = sources.map(({ name }) => name);
  return `${names.slice(0, NAMES_MAX).join(', ')}${names.length > NAMES_MAX ? ' …' : ''}`;
}
