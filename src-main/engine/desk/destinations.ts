/**
 * The destinations this computer knows, and the repositories that are open. Identity is repository id and instance id,
 * never a path: what stands in the place of a destination is looked at before it is opened and before a job writes, and a
 * mount point without its drive is simply “away”.
 *
 * Secrets live in memory only, as long as they are needed to open a drive that comes back; in the keychain only where the
 * person asked for it. They are in no error, no event and no log.
 */
import { assertNever } from '../../../src-shared/assert.ts';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { OpenRepository, Secret } from '../api.ts';
import {
  type DriveWatch,
  type ExpectedRun,
  type FoundDestination,
  type Standing,
  type StandingRepository,
  destinationPath,
  findDestination,
  mountKeyOf,
  realPlace,
  spaceAt,
  standingAt,
} from '../drives/index.ts';
import { bytesOf } from '../kernel/index.ts';
import type { StateFile } from '../service/index.ts';
import { type DestinationRecord, type SetsState, destinationOf, withDestination } from '../sets/index.ts';
import {
  type DestinationStatus,
  LOCKED,
  PRESENT,
  UNKNOWN,
  countedOf,
  factsOf,
  logState,
  refusal,
  refusalOf,
  soughtOf,
} from './destination-status.ts';
import { type Held, newlyHeld } from './held-destination.ts';
import { KeptPasswords } from './kept-passwords.ts';
import type { DeskOptions } from './ports.ts';

type Options = Pick<DeskOptions, 'engine' | 'ports' | 'keychain'> & {
  readonly records: StateFile<SetsState>;
  readonly drives: DriveWatch;
  readonly onChanged: (destinationId: string) => void;
  /** Something uses it right now, and will itself be the first to see that it is gone. */
  readonly isAtWork: (destinationId: string) => boolean;
};

export class Destinations {
  readonly #options: Options;
  readonly #held = new Map<string, Held>();
  readonly #passwords: KeptPasswords;
  #noteFails = false;

  constructor(options: Options) {
    this.#options = options;
    this.#passwords = new KeptPasswords(options);
  }

  record(destinationId: string): DestinationRecord {
    return destinationOf(this.#options.records.state, destinationId);
  }

  status(destinationId: string): DestinationStatus {
    return this.#held.get(destinationId)?.status ?? UNKNOWN;
  }

  /** Of all there are. */
  statuses(): readonly DestinationStatus[] {
    return this.#options.records.state.destinations.map(({ destinationId }) => this.status(destinationId));
  }

  path(destinationId: string): string {
    return destinationPath(bytesOf(this.record(destinationId).path));
  }

  /** Looks at every destination again, one after the other. A drive that is busy answers late and is not asked. */
  async refreshAll(): Promise<void> {
    const { records, drives, isAtWork } = this.#options;
    await drives.look();
    for (const { destinationId } of records.state.destinations)
      if (!isAtWork(destinationId)) await this.#refresh(destinationId);
  }

  /** Looks what stands in its place now, and opens it where nothing has to be asked. */
  async refresh(destinationId: string): Promise<void> {
    await this.#options.drives.current();
    await this.#refresh(destinationId);
  }

  async #refresh(destinationId: string): Promise<void> {
    await this.#inTurn(destinationId, (held, record) => this.#look(held, record));
  }

  /**
   * The open repository.
   * @throws CairnError destination/gone, key/password-needed, repository/wrong-identity, or why it can't be used
   */
  repository(destinationId: string): OpenRepository {
    const { name } = this.record(destinationId);
    const held = this.#held.get(destinationId);
    const repository = held?.repository;
    if (repository !== undefined) return repository;
    throw refusal(name, held?.status ?? UNKNOWN);
  }

  /** The same after a look at what stands there now: for whatever writes. */
  async repositoryToWrite(destinationId: string): Promise<OpenRepository> {
    await this.refresh(destinationId);
    return this.repository(destinationId);
  }

  /** @throws CairnError key/wrong-password, and as `repository` */
  async unlock(destinationId: string, secret: Secret, remember: boolean): Promise<void> {
    await this.#inTurn(destinationId, async (held, record) => {
      await this.#look(held, record);
      const { state, error } = held.status;
      // Another one, or a copy: no password makes it the one that is meant.
      if (state === 'away' || error?.code === 'repository/wrong-identity') throw refusal(record.name, held.status);
      held.repository = await this.#options.engine.open(this.path(destinationId), () => Promise.resolve(secret));
      held.secret = secret;
      await this.#opened(held, record);
      if (remember && secret.kind === 'password') await this.remember(destinationId, secret.password);
    });
  }

  /** Adopts a repository that was opened elsewhere, so that nobody is asked twice. */
  async hold(destinationId: string, repository: OpenRepository, secret: Secret | undefined): Promise<void> {
    await this.#inTurn(destinationId, async (held, record) => {
      held.repository = repository;
      held.secret = secret;
      held.mountKey = mountKeyOf(await realPlace(bytesOf(record.path)), this.#options.drives.table);
      await this.#opened(held, record);
    });
  }

  async lock(destinationId: string, forget: boolean): Promise<void> {
    await this.#inTurn(destinationId, async (held, record) => {
      const { encrypted } = record;
      if (forget) await this.forgetRemembered(destinationId);
      if (!encrypted) return;
      await held.repository?.close();
      held.repository = undefined;
      held.secret = undefined;
      held.keptTried = true;
      if (held.status.state === 'ready') this.#set(held, record, { ...held.status, state: 'locked' });
    });
  }

  /** The secret that opened it, for a second look with the same (doctor, change of password). */
  secret(destinationId: string): () => Promise<Secret> {
    return () => {
      const secret = this.#held.get(destinationId)?.secret;
      return secret === undefined
        ? Promise.reject(new CairnError('key/password-needed', LOCKED, { hint: 'Unlock it first.' }))
        : Promise.resolve(secret);
    };
  }

  /** Puts a password into the keychain; false where that keeps no secrets well. */
  remember(destinationId: string, password: string): Promise<boolean> {
    return this.#passwords.remember(destinationId, password);
  }

  async forgetRemembered(destinationId: string): Promise<void> {
    await this.#passwords.forget(this.record(destinationId));
  }

  /** What the next backup is believed to take, until there is a figure of its own. */
  expect(destinationId: string, expected: ExpectedRun): void {
    const held = this.#held.get(destinationId);
    if (held === undefined) return;
    held.status = { ...held.status, expected };
    this.#options.onChanged(destinationId);
  }

  /** After a job: what is there, and how much. */
  async recount(destinationId: string): Promise<void> {
    await this.#inTurn(destinationId, async (held, record) => {
      if (held.repository !== undefined) await this.#count(held, record);
    });
  }

  /** A live backup added so much: counted without asking the whole repository again. */
  async added(destinationId: string, bytesStored: number): Promise<void> {
    await this.#inTurn(destinationId, async (held, record) => {
      if (held.repository === undefined) return;
      const snapshots = await held.repository.snapshots();
      const { storedBytes } = held.status;
      const stored = storedBytes === null ? null : storedBytes + bytesStored;
      this.#set(held, record, { ...held.status, snapshots, storedBytes: stored });
    });
  }

  /** The destination is known no more. */
  async drop(destinationId: string): Promise<void> {
    const held = this.#held.get(destinationId);
    this.#held.delete(destinationId);
    await held?.turn.catch(() => undefined);
    await held?.repository?.close();
  }

  /** Another process may have removed some. */
  async dropForgotten(): Promise<void> {
    const known = new Set(this.#options.records.state.destinations.map(({ destinationId }) => destinationId));
    for (const id of [...this.#held.keys()]) if (!known.has(id)) await this.drop(id);
  }

  async close(): Promise<void> {
    for (const id of [...this.#held.keys()]) await this.drop(id);
  }

  /** One thing at a time for each destination: a look must not undo an unlock that came between. */
  async #inTurn(
    destinationId: string,
    action: (held: Held, record: DestinationRecord) => Promise<void>,
  ): Promise<void> {
    this.record(destinationId);
    let held = this.#held.get(destinationId);
    if (held === undefined) {
      held = newlyHeld();
      this.#held.set(destinationId, held);
    }
    const mine = held;
    // Read when its turn comes: the record may have changed meanwhile, or be gone.
    const turn = mine.turn.then(() => action(mine, this.record(destinationId)));
    mine.turn = turn.catch(() => undefined);
    await turn;
  }

  async #look(held: Held, record: DestinationRecord): Promise<void> {
    const found = await this.#find(held, record);
    switch (found.kind) {
      case 'found':
        return this.#atPlace(held, record, found);
      case 'other':
        if (await this.#isRenewed(held, record, found.standing))
          return this.#look(held, this.record(record.destinationId));
        return this.#unusable(held, record, 'other', refusalOf(record, found));
      case 'copy':
      case 'several':
      case 'unusable':
        return this.#unusable(held, record, 'unusable', refusalOf(record, found));
      case 'absent':
        return this.#away(held, record);
      default:
        return assertNever(found);
    }
  }

  /** In its place, or on its drive in another one. Copies are looked for when drives came or went. */
  async #find(held: Held, record: DestinationRecord): Promise<FoundDestination> {
    const { drives, ports } = this.#options;
    const { table, generation } = drives;
    const everywhere = held.searchedAt !== generation;
    const look = (place: string): Promise<Standing> => standingAt(place, ports.random);
    const found = await findDestination(soughtOf(record), { table, everywhere, look });
    // What is wrong is looked at whole again each time: half a look could find one of two copies good.
    held.searchedAt = found.kind === 'found' ? generation : -1;
    if (found.kind !== 'found' || everywhere) {
      const [copy] = found.kind === 'found' ? found.copies : [];
      const copyAt = copy === undefined ? null : escapePath(copy);
      if (copyAt !== null && copyAt !== held.status.copyAt)
        ports.log('warn', 'a copy of a destination is connected too and left alone', { path: record.path, copyAt });
      held.status = { ...held.status, copyAt };
    }
    return found;
  }

  async #atPlace(held: Held, record: DestinationRecord, found: Extract<FoundDestination, { kind: 'found' }>) {
    const { volume } = found;
    held.markerLost = found.standing.instanceId === null;
    await this.#note(record, {
      path: escapePath(found.place),
      awaySince: null,
      ...(volume === undefined ? {} : { volume: factsOf(volume, record.volume) }),
    });
    // What was opened through another mounting may hold what is there no more.
    if (held.mountKey !== found.mountKey) await this.#letGo(held);
    held.mountKey = found.mountKey;
    await this.#present(held, this.record(record.destinationId));
  }

  async #unusable(held: Held, record: DestinationRecord, state: 'other' | 'unusable', error: CairnError) {
    await this.#letGo(held);
    this.#set(held, record, { ...held.status, state, error: error.toWire() });
  }

  async #away(held: Held, record: DestinationRecord): Promise<void> {
    await this.#letGo(held);
    const now = new Date(this.#options.ports.clock.nowMs()).toISOString();
    const awaySince = record.awaySince ?? (held.status.state === 'away' ? held.status.awaySince : null) ?? now;
    await this.#note(record, { awaySince });
    this.#set(held, record, { ...held.status, state: 'away', error: null, awaySince, space: undefined });
  }

  /** A marker that was lost and written again has another id: it is still the same copy, and known by the new id now. */
  async #isRenewed(held: Held, record: DestinationRecord, standing: StandingRepository): Promise<boolean> {
    const { instanceId, repositoryId, encrypted } = standing;
    const { records } = this.#options;
    if (!held.markerLost || instanceId === null) return false;
    if (repositoryId !== record.repositoryId || encrypted !== record.encrypted) return false;
    if (records.state.destinations.some((other) => other.instanceId === instanceId)) return false;
    await this.#note(record, { instanceId });
    held.markerLost = this.record(record.destinationId).instanceId !== instanceId;
    return !held.markerLost;
  }

  /** Writes down what was seen of it. Not being able to keeps nobody from a backup. */
  async #note(record: DestinationRecord, change: Partial<DestinationRecord>): Promise<void> {
    const { records, ports } = this.#options;
    if (JSON.stringify({ ...record, ...change }) === JSON.stringify(record)) return;
    try {
      await records.change((state) => withDestination(state, record.destinationId, change));
      this.#noteFails = false;
    } catch (error) {
      if (!isCairnError(error)) throw error;
      if (!this.#noteFails) ports.log('warn', 'what was seen of a destination could not be written down', { error });
      this.#noteFails = true;
    }
  }

  async #present(held: Held, record: DestinationRecord): Promise<void> {
    const space = await spaceAt(this.path(record.destinationId));
    if (held.repository !== undefined) return this.#set(held, record, { ...held.status, space });
    try {
      const secret = await this.#passwords.secretFor(held, record);
      if (record.encrypted && secret === undefined) {
        return this.#set(held, record, { ...held.status, ...PRESENT, state: 'locked', space });
      }
      held.repository = await this.#options.engine.open(this.path(record.destinationId), () =>
        secret === undefined ? Promise.reject(new CairnError('key/password-needed', LOCKED)) : Promise.resolve(secret),
      );
      held.secret = secret;
      await this.#opened(held, record);
    } catch (error) {
      if (!isCairnError(error)) throw error;
      if (error.code === 'key/wrong-password' || error.code === 'key/password-needed') {
        held.keptTried = true;
        held.secret = undefined;
        return this.#set(held, record, { ...held.status, ...PRESENT, state: 'locked', space });
      }
      if (error.code === 'destination/gone') return;
      this.#set(held, record, { ...held.status, ...PRESENT, state: 'unusable', error: error.toWire(), space });
    }
  }

  async #opened(held: Held, record: DestinationRecord): Promise<void> {
    const space = await spaceAt(this.path(record.destinationId));
    this.#set(held, record, { ...held.status, ...PRESENT, state: 'ready', space });
    await this.#count(held, record);
  }

  async #count(held: Held, record: DestinationRecord): Promise<void> {
    const { repository } = held;
    if (repository === undefined) return;
    try {
      const snapshots = await repository.snapshots();
      const { storedBytes } = (await repository.stats()).repository;
      const space = await spaceAt(this.path(record.destinationId));
      const counted = countedOf(snapshots, storedBytes, this.#options.ports.clock.nowMs());
      this.#set(held, record, { ...held.status, ...counted, space });
    } catch (error) {
      // What can't be counted is not known; the next look says what is wrong with it.
      if (!isCairnError(error)) throw error;
      this.#options.ports.log('warn', 'a destination could not be counted', { error });
    }
  }

  async #letGo(held: Held): Promise<void> {
    await held.repository?.close();
    held.repository = undefined;
  }

  /** Each change of state is one line in the log, however often it is looked at. */
  #set(held: Held, record: DestinationRecord, status: DestinationStatus): void {
    const { ports, onChanged } = this.#options;
    held.status = status;
    const line = `${status.state} ${status.error?.message ?? ''}`;
    if (line !== held.logged) logState(ports.log, record, status);
    held.logged = line;
    onChanged(record.destinationId);
  }
}
