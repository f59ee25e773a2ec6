/**
 * Sessions: a running writer or reader shows itself by a lease file with a heartbeat. No lock is ever exclusive; the
 * leases only tell others whose packs and temporary files they must still leave alone.
 *
 * A lease is not fsynced, nor is its end: after a power cut there is no session any more, and a lease that comes back,
 * whole or torn, is nobody's. Whether one is over is said by its process where we can look for that (lease-rules.ts),
 * and by the destination's own clock where we can't; never by comparing the clocks of two computers while the
 * destination has one.
 *
 * A session may be taken for dead all the same: its computer slept, or a clock was moved. So it looks for its lease
 * before every heartbeat and before it publishes. Where it was away, or could have been thought to be, the session
 * shows itself anew, and what it relied on is looked at again before anything more is written.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { type SessionId, type WriterId, parseSessionId, parseWriterId } from '../../../src-shared/ids.ts';
import { ENVELOPE_FORMAT, OBJECT_TYPE, decodeEnvelope, encodeEnvelope } from '../codec/index.ts';
import { type Ports, RecordReader, toHex } from '../kernel/index.ts';
import { type Store, writeWhole } from '../store/index.ts';
import { type Lease, type ProcessIdentity, type SessionKind, judgeLease } from './lease-rules.ts';
import { FOLDERS, baseName, sessionName } from './names.ts';

export const SESSION_SCHEMA = 1;
/** A heartbeat every minute; a lease that missed ten of them is over. */
export const HEARTBEAT_MS = 60_000;
export const LEASE_MS = 10 * HEARTBEAT_MS;
const SESSIONS_MAX = 1024;
/** A lease has some four hundred bytes; more is not one of ours. */
const LEASE_BYTES_MAX = 65_536;

/**
 * Sessions this process has ended whose lease it could not remove, the oldest first. The process lives, so nobody else
 * may call them stale; it removes them itself at its next session.
 */
const endedHere = new Set<SessionId>();

export function encodeLease(lease: Lease): Uint8Array {
  return encodeEnvelope({
    objectType: OBJECT_TYPE.session,
    schemaVersion: SESSION_SCHEMA,
    readerVersionMin: SESSION_SCHEMA,
    format: ENVELOPE_FORMAT.json,
    compression: { kind: 'none' },
    createdAtMs: lease.heartbeatAtMs,
    payload: lease,
  });
}

export function decodeLease(bytes: Uint8Array): Lease {
  const { value } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.session, schemaVersionMax: SESSION_SCHEMA });
  const fields = new RecordReader(value, 'session');
  return {
    sessionId: parseSessionId(fields.text('sessionId')),
    writerId: parseWriterId(fields.text('writerId')),
    kind: fields.text('kind') === 'writer' ? 'writer' : 'reader',
    host: fields.text('host'),
    machineId: fields.text('machineId'),
    bootId: fields.text('bootId'),
    processSpace: fields.text('processSpace'),
    processId: fields.count('processId'),
    processStart: fields.text('processStart'),
    temporaryTag: fields.text('temporaryTag'),
    startedAtMs: fields.count('startedAtMs'),
    heartbeatAtMs: fields.count('heartbeatAtMs'),
    leaseMs: fields.count('leaseMs'),
    generation: fields.count('generation'),
  };
}

export type Session = {
  readonly lease: Lease;
  /**
   * Says how to find out, after this session may have been taken for dead, whether it may go on: `stillWhole` throws
   * where something it relied on is gone. Until this is said, such a session ends.
   */
  relyOn(stillWhole: () => Promise<void>): void;
  /**
   * Writes the heartbeat when it is due; cheap to call often.
   * @throws CairnError repository/busy where this session was taken for dead and may not go on; destination/…: one that
   * can't show that it lives must not go on
   */
  beat(): Promise<void>;
  /** As `beat`, and looks for the lease in any case: to be called right before anything is published. */
  confirm(): Promise<void>;
  end(): Promise<void>;
};

export type SessionOptions = {
  readonly store: Store;
  readonly ports: Ports;
  readonly self: ProcessIdentity;
  readonly writerId: WriterId;
  readonly kind: SessionKind;
  readonly generation: number;
};

/** Opens a session and clears away those of others that are over. */
export async function openSession(options: SessionOptions): Promise<Session> {
  await endStaleSessions(options);
  const session = new OpenSession(options);
  await session.begin();
  return session;
}

class OpenSession implements Session {
  readonly #store: Store;
  readonly #ports: Ports;
  #lease: Lease;
  /** When the lease was written last, by both clocks: a computer that sleeps may stop one of them. */
  #shownAt: { readonly wallMs: number; readonly monotonicMs: number };
  #stillWhole: () => Promise<void> = () => Promise.reject(takenForDead('There is no way to tell what it relied on.'));
  #renewing: Promise<void> | undefined;
  #failure: CairnError | undefined;

  constructor({ store, ports, self, writerId, kind, generation }: SessionOptions) {
    this.#store = store;
    this.#ports = ports;
    this.#shownAt = { wallMs: ports.clock.nowMs(), monotonicMs: ports.clock.monotonicMs() };
    const now = wholeMs(this.#shownAt.wallMs);
    this.#lease = {
      sessionId: parseSessionId(toHex(ports.random.bytes(16))),
      writerId,
      kind,
      host: self.host,
      machineId: self.machineId ?? '',
      bootId: self.bootId,
      processSpace: self.processSpace ?? '',
      processId: self.processId,
      processStart: self.processStart ?? '',
      temporaryTag: store.temporaryTag ?? '',
      startedAtMs: now,
      heartbeatAtMs: now,
      leaseMs: LEASE_MS,
      generation,
    };
  }

  get lease(): Lease {
    return this.#lease;
  }

  get #name(): string {
    return sessionName(this.#lease.sessionId);
  }

  async begin(): Promise<void> {
    endedHere.delete(this.#lease.sessionId);
    await this.#write();
  }

  relyOn(stillWhole: () => Promise<void>): void {
    this.#stillWhole = stillWhole;
  }

  beat(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    // Whoever comes while it is looked at waits: nothing is written by a session that may be over.
    if (this.#renewing !== undefined) return this.#renewing;
    return this.#elapsedMs() < HEARTBEAT_MS ? Promise.resolve() : this.#alone(() => this.#renew());
  }

  async confirm(): Promise<void> {
    if (this.#renewing !== undefined) await this.#renewing;
    if (this.#failure !== undefined) throw this.#failure;
    const isFresh = this.#elapsedMs() < HEARTBEAT_MS && (await this.#store.stat(this.#name)) !== undefined;
    if (!isFresh) await this.#alone(() => this.#renew());
  }

  async end(): Promise<void> {
    // A lease that can't be removed is in nobody's way for long; the work it stood for is done.
    await this.#store.remove([this.#name], { durable: false }).catch((error: unknown) => {
      if (!isCairnError(error)) throw error;
      rememberEnded(this.#lease.sessionId);
      this.#ports.log('warn', 'a session file could not be removed', { name: this.#name, reason: error.message });
    });
  }

  /** The larger of what both clocks say; a wall clock that was moved counts too, since others may go by it. */
  #elapsedMs(): number {
    const { clock } = this.#ports;
    const wallMs = Math.abs(clock.nowMs() - this.#shownAt.wallMs);
    return Math.max(wallMs, clock.monotonicMs() - this.#shownAt.monotonicMs);
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    this.#renewing = work();
    try {
      await this.#renewing;
    } finally {
      this.#renewing = undefined;
    }
  }

  async #renew(): Promise<void> {
    const { clock } = this.#ports;
    const couldBeStale = this.#elapsedMs() > LEASE_MS;
    const isThere = (await this.#store.stat(this.#name)) !== undefined;
    const shownAt = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    this.#lease = { ...this.#lease, heartbeatAtMs: wholeMs(shownAt.wallMs) };
    // Shown again before anything is looked at: whoever cleans up from now on sees this session.
    await this.#write();
    if (!isThere || couldBeStale) await this.#lookAgain(isThere);
    // Last: where anything above failed, the next beat does it all again.
    this.#shownAt = shownAt;
  }

  async #lookAgain(isThere: boolean): Promise<void> {
    this.#ports.log('warn', 'this session may have been taken for dead; what it relies on is looked at again', {
      name: this.#name,
      isThere,
    });
    try {
      await this.#stillWhole();
    } catch (error) {
      // It has shown itself again, so nothing would say later that it once was away.
      if (isCairnError(error)) this.#failure = error;
      throw error;
    }
  }

  #write(): Promise<void> {
    return writeWhole(this.#store, this.#name, encodeLease(this.#lease), { durable: false });
  }
}

/** For a session that must not go on: the data is safe, and the work has to be begun anew. */
export function takenForDead(why: string): CairnError {
  return new CairnError(
    'repository/busy',
    `While this computer slept, or its clock was moved, this session was taken for dead. ${why}`,
    {
      hint: 'Nothing was published and what was backed up before is safe. Run it again; it goes on from what is there.',
    },
  );
}

/** A clock before 1970 or between milliseconds must not keep anyone from a backup. */
function wholeMs(nowMs: number): number {
  return Math.max(0, Math.round(nowMs));
}

function rememberEnded(id: SessionId): void {
  endedHere.add(id);
  const [oldest] = endedHere;
  if (endedHere.size > SESSIONS_MAX && oldest !== undefined) endedHere.delete(oldest);
}

/**
 * - live: at work, or may be.
 * - dead: its process is known to be gone.
 * - expired: not heard of for longer than it promised.
 * - torn: can't be read or has a wrong name. A live session writes its lease whole, by rename, so this is nobody's.
 */
export type SessionFile =
  | { readonly name: string; readonly verdict: 'live' | 'dead' | 'expired'; readonly lease: Lease }
  | { readonly name: string; readonly verdict: 'torn' };

/** Every lease there is and what becomes of it. What is beyond SESSIONS_MAX waits: never a reason not to back up. */
export async function judgeSessions(options: {
  readonly store: Store;
  readonly self: ProcessIdentity;
  readonly ports: Ports;
}): Promise<readonly SessionFile[]> {
  const { store, self } = options;
  const ageOf = ageByDestination(options);
  const files: SessionFile[] = [];
  for (const found of await readSessions(store)) {
    const { name, lease } = found;
    if (lease === undefined) files.push({ name, verdict: 'torn' });
    else if (endedHere.has(lease.sessionId)) files.push({ name, verdict: 'dead', lease });
    else files.push({ name, verdict: await judgeLease(lease, self, () => ageOf(name, lease)), lease });
  }
  return files;
}

/** All readable leases. */
export async function listSessions(store: Store): Promise<readonly Lease[]> {
  return (await readSessions(store)).flatMap(({ lease }) => (lease === undefined ? [] : [lease]));
}

/** Each lease file that is still there; `lease` is undefined where it is torn. */
async function readSessions(
  store: Store,
): Promise<readonly { readonly name: string; readonly lease: Lease | undefined }[]> {
  const found: { name: string; lease: Lease | undefined }[] = [];
  for (const { name } of (await store.list(FOLDERS.sessions)).slice(0, SESSIONS_MAX)) {
    try {
      const lease = decodeLease(await store.read(name, undefined, { sizeBytesMax: LEASE_BYTES_MAX }));
      found.push({ name, lease: baseName(name) === lease.sessionId ? lease : undefined });
    } catch (error) {
      if (isCairnError(error, 'integrity/missing')) continue;
      if (!isCairnError(error, 'integrity/damaged', 'integrity/malformed', 'limit/exceeded')) throw error;
      found.push({ name, lease: undefined });
    }
  }
  return found;
}

/**
 * How long ago a lease was written, in milliseconds, by the clock of the destination, which dates the lease and a file
 * that is written now; by the wall clocks of two computers only where a destination keeps no times.
 */
function ageByDestination({
  store,
  ports,
}: {
  readonly store: Store;
  readonly ports: Ports;
}): (name: string, lease: Lease) => Promise<number> {
  const { clock } = store;
  if (clock === undefined) return (_name, lease) => Promise.resolve(ports.clock.nowMs() - lease.heartbeatAtMs);
  let now: Promise<number> | undefined;
  return async (name) => {
    now ??= clock.nowMs();
    const writtenAtMs = await clock.modifiedAtMs(name);
    // Gone since it was read: it has ended itself, or was written again this moment.
    return writtenAtMs === undefined ? 0 : (await now) - writtenAtMs;
  };
}

async function endStaleSessions(options: SessionOptions): Promise<void> {
  const files = await judgeSessions(options);
  const stale = files.filter(({ verdict }) => verdict !== 'live').map(({ name }) => name);
  if (stale.length === 0) return;
  // Without the lease nobody would know for a day whose they are.
  const tags = files.flatMap((file) => (file.verdict === 'dead' ? [file.lease.temporaryTag] : []));
  await options.store.removeTemporaryOf?.(new Set(tags.filter((tag) => tag !== '')));
  await options.store.remove(stale, { durable: false });
}
