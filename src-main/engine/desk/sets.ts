/**
 * Making, adopting, changing and forgetting backup sets. A set is written down when everything it needs stands: the
 * repository first, the record after it, so that a crash in between leaves a repository that can be adopted, and never a
 * set without one.
 */
import { stat } from 'node:fs/promises';
import type { InputOf } from '../../../src-shared/api/index.ts';
import { assert } from '../../../src-shared/assert.ts';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { PausedUntil, Schedule, SetSource, SnapshotSummary } from '../../../src-shared/model/index.ts';
import type { OpenRepository, Secret } from '../api.ts';
import { type DriveWatch, Patience, destinationPath, isSilent, standingAt } from '../drives/index.ts';
import { baseNameOf, bytesOf, mapBounded } from '../kernel/index.ts';
import type { StateFile } from '../service/index.ts';
import {
  type DestinationRecord,
  type ScheduleBook,
  type SetRecord,
  type SetsState,
  adoptSet,
  changeSet,
  pauseSets,
  setOf,
  setsToAdopt,
  storedSetOf,
  withDestination,
  withSet,
  withSetChanged,
  withoutSet,
} from '../sets/index.ts';
import type { Destinations } from './destinations.ts';
import type { Handles } from './handles.ts';
import type { DeskOptions } from './ports.ts';
import { type ProbeOptions, findSite, probeDestination, refuseUnusable } from './probe.ts';
import { destinationRecordAt, distinctSources, nameOfSources, newSetRecord } from './set-making.ts';

const STATS_AT_ONCE = 8;
/** A source on a network drive that hangs can’t be read either. */
const patience = new Patience(5000, false);

export type SetsOptions = Pick<DeskOptions, 'engine' | 'ports' | 'kdfCost' | 'userHome' | 'hostName'> & {
  readonly drives: DriveWatch;
  readonly records: StateFile<SetsState>;
  readonly book: ScheduleBook;
  readonly destinations: Destinations;
  readonly handles: Handles;
  readonly probe: ProbeOptions;
  /** Whether a folder may be named here at all. */
  readonly isAllowed: (folder: Buffer) => Promise<boolean>;
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

  all(): readonly SetRecord[] {
    return this.#options.records.state.sets;
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
    const sources = distinctSources(input.sources.map((handle) => handles.pathOf(handle)));
    const chosen = handles.pathOf(input.destination);
    const probe = await probeDestination(chosen, sources, this.#options.probe);
    refuseUnusable(probe);
    const place = destinationPath(handles.pathOf(probe.repository.handle));
    const isMade = probe.state === 'repository';
    const known = isMade ? await this.#destinationAt(place) : undefined;
    const opened = await this.#openOrMake(place, isMade, input);
    const destination = known ?? (await this.#destinationAt(place));
    const { destinationId } = destination;
    const { name, rules, schedule } = input;
    const set = newSetRecord(this.#options.ports, {
      name,
      rules,
      schedule,
      sources: sources.map(escapePath),
      destinationId,
    });
    await this.#options.records.change((state) => withSet(state, set, destination));
    await this.#options.destinations.hold(destination.destinationId, opened.repository, opened.secret);
    await this.#rememberWhereAsked(destination.destinationId, opened.secret, this.#options.remembers());
    await this.keepInRepository(set);
    return { set, recoveryKey: opened.recoveryKey };
  }

  /**
   * The set that uses this repository already; else those that are saved in it; else a new one with the sources of its
   * newest snapshot.
   */
  async adopt({ destination: handle, secret, remember }: InputOf<'sets.adopt'>): Promise<SetRecord> {
    const { engine, handles, records, destinations } = this.#options;
    const { path, standing } = await findSite(handles.pathOf(handle), this.#options.probe);
    if (standing.kind === 'unusable') throw standing.error;
    if (standing.kind !== 'repository')
      throw new CairnError('repository/not-found', 'There is no Cairn backup in this folder.');
    const place = destinationPath(path);
    const destination = await this.#destinationAt(place);
    const repository = await engine.open(place, () => secretOrRefuse(secret));
    const { destinationId } = destination;
    const known = records.state.sets.find((set) => set.destinationId === destinationId);
    const adopted = known === undefined ? await this.#adopted(repository, place, destination) : [];
    // The drive that a person points at is the one to go on with, also where it is another one than before.
    const { path: at, pathOnDrive, volume, awaySince } = destination;
    await records.change((state) =>
      known === undefined
        ? adopted.reduce((before, set) => withSet(before, set, destination), state)
        : withDestination(state, destinationId, { path: at, pathOnDrive, volume, awaySince }),
    );
    await destinations.hold(destinationId, repository, secret ?? undefined);
    await this.#rememberWhereAsked(destinationId, secret ?? undefined, remember);
    for (const set of adopted) await this.keepInRepository(set);
    const [set = known] = adopted;
    assert(set !== undefined, 'a repository is adopted as one set at least');
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
    const sources = distinctSources([...kept.map(bytesOf), ...added]).map(escapePath);
    if (sources.length === 0)
      throw new CairnError('usage/invalid', 'A backup set needs at least one folder.', {
        hint: 'Nothing was changed.',
      });
    const { setId, name, rules } = input;
    // What another process changed meanwhile, such as its schedule, stays.
    const state = await records.change((before) =>
      withSetChanged(before, setId, (set) => ({ ...set, name, sources, rules })),
    );
    const set = setOf(state, setId);
    await this.keepInRepository(set);
    return set;
  }

  /** @throws CairnError app/not-found, usage/invalid for a cron text that means nothing */
  async setSchedule(setId: string, schedule: Schedule): Promise<SetRecord> {
    const set = await changeSet(this.#options, setId, { schedule });
    await this.keepInRepository(set);
    return set;
  }

  /** One set, or with null all of them. `until` null: they run again. */
  pause(setId: string | null, until: PausedUntil): Promise<readonly SetRecord[]> {
    return pauseSets(this.#options, setId, until, this.#options.ports.clock.nowMs());
  }

  /**
   * Saves a set in its repository, where it differs, so that a new computer can go on with it. What keeps it from that is
   * no failure of anything else: the next backup saves it.
   */
  async keepInRepository(set: SetRecord): Promise<void> {
    const { destinations, ports } = this.#options;
    try {
      await destinations.repository(set.destinationId).storeSet(storedSetOf(set, this.#options));
    } catch (error) {
      if (!isCairnError(error)) throw error;
      ports.log('info', 'a backup set was not saved in its repository', { set: set.name, reason: error.message });
    }
  }

  async remove(setId: string): Promise<void> {
    const { records, destinations } = this.#options;
    const { destinationId } = this.set(setId);
    const isLast = records.state.sets.every((set) => set.setId === setId || set.destinationId !== destinationId);
    if (isLast) await destinations.forgetRemembered(destinationId);
    await records.change((state) => withoutSet(state, setId));
    await this.#options.book.forget([setId]);
    if (isLast) await destinations.drop(destinationId);
  }

  /** The sources of a set as they are now. */
  async sourcesOf(set: SetRecord): Promise<readonly SetSource[]> {
    const { table } = this.#options.drives;
    return mapBounded(set.sources, STATS_AT_ONCE, async (path): Promise<SetSource> => {
      const bytes = bytesOf(path);
      // One whose drive does not answer is not asked itself: it would hang too.
      const isUp = !isSilent(bytes, table) && (await isThere(bytes));
      return { path, name: escapePath(baseNameOf(bytes)), state: isUp ? 'there' : 'gone' };
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

  async #destinationAt(place: string): Promise<DestinationRecord> {
    const { ports, records, drives } = this.#options;
    return destinationRecordAt(place, { ports, table: await drives.current(), known: records.state.destinations });
  }

  async #adopted(
    repository: OpenRepository,
    place: string,
    { destinationId }: DestinationRecord,
  ): Promise<readonly SetRecord[]> {
    const { ports, hostName, userHome, records } = this.#options;
    const known = new Set(records.state.sets.map(({ setId }) => setId));
    const host = { ports, hostName, userHome, destinationId, known, isThere };
    const saved = setsToAdopt(await repository.storedSets(), hostName);
    const adopted = (await Promise.all(saved.map((stored) => adoptSet(stored, host)))).flatMap((set) => set ?? []);
    if (adopted.length > 0) return Promise.all(adopted.map((set) => this.#withAllowedSources(set)));
    const snapshots = await repository.snapshots();
    const newest: SnapshotSummary | undefined =
      snapshots.findLast(({ host: of }) => of === hostName) ?? snapshots.at(-1);
    const sources = newest?.sources.map(({ path }) => path) ?? [];
    const name =
      newest === undefined
        ? escapePath(baseNameOf(Buffer.from(place)))
        : nameOfSources(newest.sources.map((source) => source.name));
    return [await this.#withAllowedSources(newSetRecord(ports, { name, sources, destinationId }))];
  }

  /** Where folders are confined, a repository that was brought here must not open what no person could choose. */
  async #withAllowedSources(set: SetRecord): Promise<SetRecord> {
    const sources = await filterAsync(set.sources, (source) => this.#options.isAllowed(bytesOf(source)));
    return { ...set, sources };
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

function isThere(path: Buffer): Promise<boolean> {
  return patience.ask(escapePath(path), () =>
    stat(path).then(
      () => true,
      () => false,
    ),
  );
}

function secretOrRefuse(secret: Secret | null): Promise<Secret> {
  if (secret !== null) return Promise.resolve(secret);
  const hint = 'Nothing was changed. Type its password or its recovery key.';
  return Promise.reject(new CairnError('key/password-needed', 'This backup is encrypted.', { hint }));
}

async function filterAsync<Item>(
  items: readonly Item[],
  isWanted: (item: Item) => Promise<boolean>,
): Promise<readonly Item[]> {
  const found: Item[] = [];
  for (const item of items) if (await isWanted(item)) found.push(item);
  return found;
}
