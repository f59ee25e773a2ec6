/**
 * The destinations this computer knows, and the repositories that are open. Identity is repository id and instance id,
 * never a path: what stands in the place of a destination is looked at before it is opened and before a job writes, and a
 * mount point without its drive is simply “away”.
 *
 * Secrets live in memory only, as long as they are needed to open a drive that comes back; in the keychain only where the
 * person asked for it. They are in no error, no event and no log.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type { WireError } from '../../../src-shared/errors.ts';
import type { DestinationState, SnapshotSummary } from '../../../src-shared/model/index.ts';
import type { OpenRepository, Secret } from '../api.ts';
import { findDestination } from './destination-place.ts';
import { type Space, spaceAt } from './drives.ts';
import { bytesOf, escapePath } from './paths.ts';
import type { DeskOptions } from './ports.ts';
import {
  type DestinationRecord,
  type SetsState,
  destinationOf,
  readPasswordFile,
  withDestination,
} from '../sets/index.ts';
import { type Standing, destinationPath } from './standing.ts';
import type { StateFile } from '../service/index.ts';

/** The words of a refusal, each naming what a person can do. */
const LOCKED = 'This backup is locked.';

export type DestinationStatus = {
  readonly state: DestinationState;
  readonly error: WireError | null;
  readonly awaySince: string | null;
  readonly space: Space | undefined;
  readonly storedBytes: number | null;
  readonly snapshots: readonly SnapshotSummary[] | undefined;
};

const UNKNOWN: DestinationStatus = {
  state: 'away',
  error: null,
  awaySince: null,
  space: undefined,
  storedBytes: null,
  snapshots: undefined,
};

type Held = {
  status: DestinationStatus;
  repository: OpenRepository | undefined;
  secret: Secret | undefined;
  /** The password that is kept did not open it: it is not tried again until somebody types one. */
  keptTried: boolean;
  /** A keychain may ask the person each time. */
  keychainTried: boolean;
  /** What is wrong with the password file has been told. */
  fileTold: boolean;
  turn: Promise<void>;
};

type Options = Pick<DeskOptions, 'engine' | 'ports' | 'keychain' | 'userHome'> & {
  readonly records: StateFile<SetsState>;
  readonly onChanged: (destinationId: string) => void;
  /** A job uses it right now, and will itself be the first to see that it is gone. */
  readonly isAtWork: (destinationId: string) => boolean;
};

export class Destinations {
  readonly #options: Options;
  readonly #held = new Map<string, Held>();

  constructor(options: Options) {
    this.#options = options;
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
    const { records, isAtWork } = this.#options;
    for (const { destinationId } of records.state.destinations)
      if (!isAtWork(destinationId)) await this.refresh(destinationId);
  }

  /** Looks what stands in its place now, and opens it where nothing has to be asked. */
  async refresh(destinationId: string): Promise<void> {
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
      const { state } = held.status;
      if (state === 'away' || state === 'other') throw refusal(record.name, held.status);
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

  /** False where the system keeps no secrets well; the person is then asked each time. */
  async remember(destinationId: string, password: string): Promise<boolean> {
    const { keychain, records, ports } = this.#options;
    if (keychain === undefined) return false;
    try {
      await keychain.write(keychainName(destinationId), password);
    } catch (error) {
      ports.log('warn', 'a password could not be put into the keychain', { reason: reasonOf(error) });
      return false;
    }
    await records.change((state) => withDestination(state, destinationId, { remembered: true }));
    return true;
  }

  async forgetRemembered(destinationId: string): Promise<void> {
    const { keychain, records, ports } = this.#options;
    if (!this.record(destinationId).remembered) return;
    await keychain?.remove(keychainName(destinationId)).catch((error: unknown) => {
      ports.log('warn', 'a password could not be taken out of the keychain', { reason: reasonOf(error) });
    });
    await records.change((state) => withDestination(state, destinationId, { remembered: false }));
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
      const fresh = {
        status: UNKNOWN,
        repository: undefined,
        secret: undefined,
        keptTried: false,
        keychainTried: false,
        fileTold: false,
      };
      held = { ...fresh, turn: Promise.resolve() };
      this.#held.set(destinationId, held);
    }
    const mine = held;
    // Read when its turn comes: the record may have changed meanwhile, or be gone.
    const turn = mine.turn.then(() => action(mine, this.record(destinationId)));
    mine.turn = turn.catch(() => undefined);
    await turn;
  }

  async #look(held: Held, record: DestinationRecord): Promise<void> {
    const found = await this.#standing(record);
    if (found.kind === 'repository') {
      const isSame = found.instanceId === null || found.instanceId === record.instanceId;
      // One that was encrypted and is not any more is somebody's trick, whatever its ids say.
      if (found.repositoryId === record.repositoryId && isSame && found.encrypted === record.encrypted)
        return this.#present(held, record);
      await this.#letGo(held);
      return this.#set(held, record, { ...held.status, state: 'other', error: anotherRepository(record).toWire() });
    }
    await this.#letGo(held);
    if (found.kind === 'unusable') {
      return this.#set(held, record, { ...held.status, state: 'unusable', error: found.error.toWire() });
    }
    const now = new Date(this.#options.ports.clock.nowMs()).toISOString();
    const awaySince = held.status.state === 'away' ? (held.status.awaySince ?? now) : now;
    this.#set(held, record, { ...held.status, state: 'away', error: null, awaySince, space: undefined });
  }

  async #standing(record: DestinationRecord): Promise<Standing> {
    const { records, ports, userHome } = this.#options;
    const { place, standing } = await findDestination(record, { random: ports.random, userHome });
    const path = escapePath(Buffer.from(place));
    if (path !== record.path) await records.change((state) => withDestination(state, record.destinationId, { path }));
    return standing;
  }

  async #present(held: Held, record: DestinationRecord): Promise<void> {
    const space = await spaceAt(this.path(record.destinationId));
    if (held.repository !== undefined) return this.#set(held, record, { ...held.status, space });
    try {
      const secret = await this.#secretFor(held, record);
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

  async #secretFor(held: Held, record: DestinationRecord): Promise<Secret | undefined> {
    if (!record.encrypted || held.secret !== undefined) return held.secret;
    if (held.keptTried) return undefined;
    return (await this.#fromKeychain(held, record)) ?? (await this.#fromFile(held, record));
  }

  async #fromKeychain(held: Held, record: DestinationRecord): Promise<Secret | undefined> {
    const { keychain, ports } = this.#options;
    if (!record.remembered || keychain === undefined || held.keychainTried) return undefined;
    held.keychainTried = true;
    try {
      const password = await keychain.read(keychainName(record.destinationId));
      return password === undefined ? undefined : { kind: 'password', password };
    } catch (error) {
      ports.log('warn', 'the keychain could not be read', { reason: reasonOf(error) });
      return undefined;
    }
  }

  /** Its file may be somewhere that is not there yet: it is looked for again, and what is wrong is told once. */
  async #fromFile(held: Held, { passwordFile }: DestinationRecord): Promise<Secret | undefined> {
    if (passwordFile === null) return undefined;
    try {
      return { kind: 'password', password: await readPasswordFile(passwordFile) };
    } catch (error) {
      if (!isCairnError(error)) throw error;
      if (!held.fileTold) this.#options.ports.log('warn', 'a password file could not be used', { error });
      held.fileTold = true;
      return undefined;
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
      this.#set(held, record, { ...held.status, snapshots, storedBytes, space });
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

  #set(held: Held, { destinationId }: DestinationRecord, status: DestinationStatus): void {
    held.status = status;
    this.#options.onChanged(destinationId);
  }
}

const PRESENT = { error: null, awaySince: null } as const;

function keychainName(destinationId: string): string {
  return `cairn-destination-${destinationId}`;
}

/** A keychain's error may quote what it was given. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}

function anotherRepository({ name }: DestinationRecord): CairnError {
  return new CairnError('repository/wrong-identity', `Another repository stands in the place of “${name}”.`);
}

function refusal(name: string, { state, error }: DestinationStatus): CairnError {
  if (error !== null) return new CairnError(error.code, error.message, { hint: error.hint });
  if (state === 'locked')
    return new CairnError('key/password-needed', LOCKED, { hint: 'Unlock it with its password.' });
  return new CairnError('destination/gone', `“${name}” is not connected.`, {
    hint: 'What was backed up before is safe. Connect the drive and try again.',
  });
}
