/**
 * Sessions: a running writer or reader shows itself by a lease file with a heartbeat. No lock is ever exclusive; the
 * leases only tell a later reclaim which packs it must still leave alone.
 *
 * A lease is not fsynced, nor is its end: after a power cut there is no session any more, and a lease that comes back
 * is stale. It is stale when its process is known to be dead (same host and boot, no such process) or when its heartbeat
 * is older than it promised. Wall time decides only between hosts, and only after the whole lease has run out.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import { type SessionId, type WriterId, parseSessionId, parseWriterId } from '../../../src-shared/ids.ts';
import { ENVELOPE_FORMAT, OBJECT_TYPE, decodeEnvelope, encodeEnvelope } from '../codec/index.ts';
import { type Ports, RecordReader, toHex } from '../kernel/index.ts';
import { type Store, writeWhole } from '../store/index.ts';
import { FOLDERS, baseName, sessionName } from './names.ts';

export const SESSION_SCHEMA = 1;
/** A heartbeat every minute; a lease that missed ten of them is over. */
export const HEARTBEAT_MS = 60_000;
export const LEASE_MS = 10 * HEARTBEAT_MS;
const SESSIONS_MAX = 1024;

/**
 * Sessions this process has ended whose lease it could not remove, the oldest first. The process lives, so nobody else
 * may call them stale; it removes them itself at its next session.
 */
const endedHere = new Set<SessionId>();

export type SessionKind = 'writer' | 'reader';

export type Lease = {
  readonly sessionId: SessionId;
  readonly writerId: WriterId;
  readonly kind: SessionKind;
  readonly host: string;
  /** Changes with each start of the machine; empty where the platform has none. */
  readonly bootId: string;
  readonly processId: number;
  readonly startedAtMs: number;
  readonly heartbeatAtMs: number;
  readonly leaseMs: number;
  /** The newest condemnation generation this session has seen. */
  readonly generation: number;
};

/** What tells this process from others: given by the host, so that tests can play several machines. */
export type ProcessIdentity = {
  readonly host: string;
  readonly bootId: string;
  readonly processId: number;
  readonly isAlive: (processId: number) => boolean;
};

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
    bootId: fields.text('bootId'),
    processId: fields.count('processId'),
    startedAtMs: fields.count('startedAtMs'),
    heartbeatAtMs: fields.count('heartbeatAtMs'),
    leaseMs: fields.count('leaseMs'),
    generation: fields.count('generation'),
  };
}

export function isStale(lease: Lease, self: ProcessIdentity, nowMs: number): boolean {
  const sameBoot = lease.host === self.host && lease.bootId !== '' && lease.bootId === self.bootId;
  if (sameBoot) return !self.isAlive(lease.processId);
  if (lease.host === self.host && lease.bootId !== '' && self.bootId !== '') return true;
  return Math.abs(nowMs - lease.heartbeatAtMs) > lease.leaseMs;
}

export type Session = {
  readonly lease: Lease;
  /**
   * Writes the heartbeat when it is due; cheap to call often.
   * @throws CairnError destination/…: a session that can't show that it lives must not go on
   */
  beat(): Promise<void>;
  end(): Promise<void>;
};

/** Opens a session and clears away stale ones of others. */
export async function openSession(options: {
  readonly store: Store;
  readonly ports: Ports;
  readonly self: ProcessIdentity;
  readonly writerId: WriterId;
  readonly kind: SessionKind;
  readonly generation: number;
}): Promise<Session> {
  const { store, ports, self } = options;
  await endStaleSessions(store, self, ports);
  const now = ports.clock.nowMs();
  let lease: Lease = {
    sessionId: parseSessionId(toHex(ports.random.bytes(16))),
    writerId: options.writerId,
    kind: options.kind,
    host: self.host,
    bootId: self.bootId,
    processId: self.processId,
    startedAtMs: now,
    heartbeatAtMs: now,
    leaseMs: LEASE_MS,
    generation: options.generation,
  };
  const name = sessionName(lease.sessionId);
  endedHere.delete(lease.sessionId);
  const write = (): Promise<void> => writeWhole(store, name, encodeLease(lease), { durable: false });
  await write();
  let beatAtMs = ports.clock.monotonicMs();
  return {
    get lease() {
      return lease;
    },
    beat: async () => {
      const monotonicMs = ports.clock.monotonicMs();
      if (monotonicMs - beatAtMs < HEARTBEAT_MS) return;
      beatAtMs = monotonicMs;
      lease = { ...lease, heartbeatAtMs: ports.clock.nowMs() };
      await write();
    },
    end: async () => {
      // A lease that can't be removed is in nobody's way for long; the work it stood for is done.
      await store.remove([name], { durable: false }).catch((error: unknown) => {
        if (!isCairnError(error)) throw error;
        rememberEnded(lease.sessionId);
        ports.log('warn', 'a session file could not be removed', { name, reason: error.message });
      });
    },
  };
}

/** All readable leases; one that can't be read counts as live until it is gone, and is reported by verify. */
export async function listSessions(store: Store): Promise<readonly Lease[]> {
  const leases: Lease[] = [];
  for (const { name } of (await store.list(FOLDERS.sessions)).slice(0, SESSIONS_MAX)) {
    try {
      leases.push(decodeLease(await store.read(name)));
    } catch (error) {
      if (!isCairnError(error, 'integrity/missing', 'integrity/damaged', 'integrity/malformed')) throw error;
    }
  }
  return leases;
}

function rememberEnded(id: SessionId): void {
  endedHere.add(id);
  const [oldest] = endedHere;
  if (endedHere.size > SESSIONS_MAX && oldest !== undefined) endedHere.delete(oldest);
}

async function endStaleSessions(store: Store, self: ProcessIdentity, ports: Ports): Promise<void> {
  const stale: string[] = [];
  // What is beyond the bound waits for the next session: never a reason not to back up.
  for (const { name } of (await store.list(FOLDERS.sessions)).slice(0, SESSIONS_MAX)) {
    try {
      const lease = decodeLease(await store.read(name));
      const isOver = baseName(name) !== lease.sessionId || endedHere.has(lease.sessionId);
      if (isOver || isStale(lease, self, ports.clock.nowMs())) stale.push(name);
    } catch (error) {
      if (isCairnError(error, 'integrity/missing')) continue;
      // A lease torn by a power cut is nobody's: a live session writes it whole by rename.
      if (isCairnError(error, 'integrity/damaged', 'integrity/malformed')) stale.push(name);
      else throw error;
    }
  }
  if (stale.length > 0) await store.remove(stale, { durable: false });
}
