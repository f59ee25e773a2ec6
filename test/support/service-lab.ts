/**
 * A laboratory for the engine's service: a home, a person's folders and a drive in a temporary folder, the real engine
 * behind the real dispatcher, and clients on lines in memory. Nothing ticks by itself: a test calls `tick`.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CommandName, EngineEvent, InputOf, ServerMessage, ValueOf } from '../../src-shared/api/index.ts';
import type { WireError } from '../../src-shared/errors.ts';
import type { BackupSet, DestinationState, Job, Schedule, SetRules, UndoReport } from '../../src-shared/model/index.ts';
import { openEngine } from '../../src-main/engine/index.ts';
import type { Proofs } from '../../src-main/engine-host/password-guard.ts';
import type { EngineHost, MessagePortLike } from '../../src-main/engine-host/port.ts';
import { type OpenService, type ServiceOptions, openService } from '../../src-main/engine-host/service.ts';

/** scrypt with N = 2^10: what the tests are about is not the key derivation. */
export const KDF_COST_TEST = 10;
export const PASSWORD = 'correct horse battery';

export const RULES: SetRules = {
  excludes: [],
  excludeLargerThanBytes: null,
  oneFileSystem: false,
  cairnignore: true,
  gitignore: false,
  excludeCaches: false,
  excludeIfPresent: [],
};

/** Nothing runs by itself that a test didn't ask for. */
export const BY_HAND: Schedule = {
  timing: { kind: 'manual' },
  whenDriveConnected: false,
  conditions: { onlyOnMainsPower: false, notOnMetered: false, onlyWhenIdleMinutes: null },
  staleAfterDays: 7,
};

export class ReplyError extends Error {
  readonly wire: WireError;

  constructor(wire: WireError) {
    super(`${wire.code}: ${wire.message}`);
    this.wire = wire;
  }
}

/** A client on a line in memory. */
export class TestClient {
  readonly events: EngineEvent[] = [];
  readonly received: ServerMessage[] = [];
  readonly #pending = new Map<number, (reply: Extract<ServerMessage, { kind: 'reply' }>) => void>();
  readonly #watchers = new Set<() => void>();
  #send: (message: unknown) => void = () => undefined;
  #gone: () => void = () => undefined;
  #nextId = 1;
  isClosed = false;
  isFull = false;
  onFree: () => void = () => undefined;

  readonly port: MessagePortLike = {
    // As the line of a real host does: what arrives is a copy.
    post: (message) => this.#receive(structuredClone(message) as ServerMessage),
    onMessage: (listener) => {
      this.#send = listener;
    },
    onClose: (listener) => {
      this.#gone = listener;
    },
    close: () => {
      this.isClosed = true;
    },
    isFull: () => this.isFull,
    onFree: (listener) => {
      this.onFree = listener;
    },
  };

  /** Anything at all, as a broken window would. */
  sendRaw(message: unknown): void {
    this.#send(message);
  }

  async call<Name extends CommandName>(command: Name, input: InputOf<Name>): Promise<ValueOf<Name>> {
    const reply = await this.ask(command, input);
    if (!reply.ok) throw new ReplyError(reply.error);
    return reply.value as ValueOf<Name>;
  }

  /** The reply as it is, for calls that are wrong on purpose. */
  ask(command: string, input: unknown): Promise<Extract<ServerMessage, { kind: 'reply' }>> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#pending.set(id, resolve);
      this.#send({ kind: 'call', id, command, input });
    });
  }

  /** The first of the events, those that came already included, for which `pick` gives something. */
  async until<Found>(pick: (event: EngineEvent) => Found | undefined): Promise<Found> {
    for (let at = 0; ; at++) {
      if (at >= this.events.length) await new Promise<void>((resolve) => this.#watchers.add(resolve));
      const found = pick(this.events[at]!);
      if (found !== undefined) return found;
    }
  }

  /** The job when it has ended. */
  async ended(jobId: string): Promise<Job> {
    return this.until((event) =>
      event.kind === 'job' && event.job.jobId === jobId && ['done', 'failed', 'cancelled'].includes(event.job.state)
        ? event.job
        : undefined,
    );
  }

  leave(): void {
    this.#gone();
  }

  #receive(message: ServerMessage): void {
    this.received.push(message);
    if (message.kind === 'reply') {
      this.#pending.get(message.id)?.(message);
      this.#pending.delete(message.id);
    }
    if (message.kind !== 'event') return;
    this.events.push(message.event);
    for (const wake of [...this.#watchers]) {
      this.#watchers.delete(wake);
      wake();
    }
  }
}

/** The states of the first destination that this client was told, one after the other. */
export function toldStates({ events }: TestClient): readonly DestinationState[] {
  const states = events.flatMap((event) =>
    event.kind === 'overview' ? (event.overview.destinations[0]?.state ?? []) : [],
  );
  return states.filter((state, index) => index === 0 || state !== states[index - 1]);
}

export class ServiceLab {
  readonly folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-service-'));
  readonly home = path.join(this.folder, 'home');
  readonly userHome = path.join(this.folder, 'person');
  readonly documents = path.join(this.userHome, 'Documents');
  readonly drive = path.join(this.folder, 'drive');
  readonly logged: { readonly level: string; readonly message: string; readonly fields: unknown }[] = [];
  readonly notices: string[] = [];
  readonly secrets = new Map<string, string>();
  readonly #ticks = new Set<() => void>();
  host: EngineHost;
  service!: OpenService;

  readonly #options: Partial<ServiceOptions>;

  /** `options` stand in for the lab's own. */
  constructor(options: Partial<ServiceOptions> = {}) {
    this.#options = options;
    for (const folder of [this.documents, this.drive]) fs.mkdirSync(folder, { recursive: true });
    this.host = {
      abilities: { host: 'headless', keychain: 'ready', tray: false },
      secrets: {
        read: async (name) => this.secrets.get(name),
        write: async (name, secret) => void this.secrets.set(name, secret),
        remove: async (name) => void this.secrets.delete(name),
      },
      onPower: () => undefined,
      showStatus: () => undefined,
      notify: ({ title, body }) => void this.notices.push(`${title} ${body}`),
    };
  }

  async start(change: Pick<Partial<ServiceOptions>, 'confined' | 'hostName'> = {}): Promise<TestClient> {
    this.service = await openService({
      home: this.home,
      userHome: this.userHome,
      host: this.host,
      confined: false,
      kdfCost: KDF_COST_TEST,
      log: (level, message, fields) => void this.logged.push({ level, message, fields }),
      every: (_intervalMs, action) => {
        this.#ticks.add(action);
        return () => this.#ticks.delete(action);
      },
      withAgent: false,
      ...this.#options,
      ...change,
    });
    await this.service.desk.look();
    return this.connect();
  }

  /** With `proofs` as a page in a browser, whose session needs its password once more now and then. */
  connect(proofs?: Proofs): TestClient {
    const client = new TestClient();
    this.service.serveConnection(proofs === undefined ? client.port : { ...client.port, proofs });
    return client;
  }

  /** Everything that is done now and then is done now. */
  tick(): void {
    for (const action of [...this.#ticks]) action();
  }

  /** The handle of a folder, as a person gets it who goes there. */
  handle(folder: string): string {
    return this.service.desk.handles.give(Buffer.from(folder));
  }

  write(name: string, content: string | Uint8Array, below = this.documents): string {
    const file = path.join(below, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
    // Long ago, so that no backup reads it again for being fresh.
    fs.utimesSync(file, 1_700_000_000, 1_700_000_000);
    return file;
  }

  /** A set with the person's documents, backed up once. */
  async backedUp(
    client: TestClient,
    options: { readonly password?: string | null; readonly sources?: readonly string[] } = {},
  ): Promise<{ readonly set: BackupSet; readonly snapshotId: string; readonly recoveryKey: string | null }> {
    const { set, job, recoveryKey } = await client.call('sets.create', {
      name: 'Documents',
      sources: (options.sources ?? [this.documents]).map((folder) => this.handle(folder)),
      rules: RULES,
      destination: this.handle(this.drive),
      password: options.password === undefined ? PASSWORD : options.password,
      compression: 'zstd:1',
      schedule: BY_HAND,
    });
    const ended = await client.ended(job.jobId);
    if (ended.outcome?.kind !== 'backup') throw new Error(`the backup failed: ${JSON.stringify(ended.error)}`);
    return { set, snapshotId: ended.outcome.report.snapshotId, recoveryKey };
  }

  /** As the command line does it, without the service. */
  undoRestore(undoId: string): Promise<UndoReport> {
    return openEngine({ home: this.home, log: () => undefined }).undoRestore(undoId);
  }

  async dispose(): Promise<void> {
    await this.service.close();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
