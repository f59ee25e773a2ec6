/**
 * An engine made of invented data, for the window alone: it speaks the contract, checks every request against schema.ts as
 * the real one does, and plays rare states on demand. Test code: it never ships.
 */
import {
  type CommandName,
  type EngineEvent,
  type InputOf,
  PROTOCOL_VERSION,
  type ServerMessage,
  type ValueOf,
} from '../../../src-shared/api/contract.ts';
import { isCommandName, parseCall, parseInput } from '../../../src-shared/api/schema.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { BrowseEntry, Measurement, Overview, ProblemGroup, Settings } from '../../../src-shared/model/index.ts';
import * as data from './scripted-data.ts';
import { outcomeOf, ScriptedJobs } from './scripted-jobs.ts';
import { folderAt, hexOf, type Moment, previewAt } from './scripted-tree.ts';

/** A name without an ending is a folder here. */
const filesOf = (paths: readonly string[]): number =>
  paths.reduce((sum, path) => sum + (/\.\w+$/.test(path) ? 1 : 31), 0);

type Handlers = { readonly [Name in CommandName]: (input: InputOf<Name>) => ValueOf<Name> };

export type Post = (message: ServerMessage) => void;

export class ScriptedEngine {
  #scenario: data.Scenario;
  #settings: Settings;
  readonly #post: Post;
  readonly #nowMs = Date.now();
  readonly #jobs: ScriptedJobs;
  #measuring: ReturnType<typeof setInterval> | undefined;
  #measures = 0;
  #listed: { readonly question: string; readonly rows: readonly BrowseEntry[] } | null = null;
  /** What was asked for, for a test to look at. Passwords are not kept. */
  readonly calls: CommandName[] = [];
  readonly inputs = new Map<CommandName, unknown>();

  constructor(scenario: data.Scenario, theme: Settings['theme'], post: Post) {
    this.#scenario = scenario;
    this.#settings = data.settingsOf(theme);
    this.#post = post;
    this.#jobs = new ScriptedJobs(
      (job) => this.tell({ kind: 'job', job }),
      () => {
        this.tell({ kind: 'overview', overview: this.#overview() });
        for (const topic of ['runs', 'snapshots', 'integrity'] as const) {
          this.tell({ kind: 'changed', topic, destinationId: data.DESTINATION_ID });
        }
      },
    );
    if (scenario === 'backing-up') this.#jobs.freeze('backup', 0.62);
    if (scenario === 'scanning') this.#jobs.freeze('backup', null);
    if (scenario === 'verifying') this.#jobs.freeze('verify', 0.34);
    if (scenario === 'restored') this.#jobs.finished('restore', outcomeOf('restore', 'quick', ''));
  }

  hello(): void {
    const protocol = this.#scenario === 'old-engine' ? PROTOCOL_VERSION + 1 : PROTOCOL_VERSION;
    this.#post({ kind: 'hello', protocol, version: '0.1.0' });
  }

  tell(event: EngineEvent): void {
    this.#post({ kind: 'event', event });
  }

  become(scenario: data.Scenario): void {
    this.#scenario = scenario;
    this.tell({ kind: 'overview', overview: this.#overview() });
  }

  receive(message: unknown): void {
    const call = parseCall(message);
    if (call === undefined) throw new Error('not a call');
    const { id, command } = call;
    try {
      if (!isCommandName(command)) throw new CairnError('usage/invalid', `no command ${command}`);
      if (this.#scenario === 'silent') return;
      const value = this.#answer(command, call.input);
      this.#post({ kind: 'reply', id, ok: true, value });
    } catch (error) {
      const wire = error instanceof CairnError ? error : new CairnError('engine/internal', String(error));
      this.#post({ kind: 'reply', id, ok: false, error: wire.toWire() });
    }
  }

  #answer<Name extends CommandName>(command: Name, given: unknown): ValueOf<Name> {
    const input = parseInput(command, given);
    this.calls.push(command);
    this.inputs.set(command, input);
    return this.#handlers[command](input);
  }

  #overview(): Overview {
    return data.overviewOf(this.#scenario, this.#nowMs);
  }

  #moment(snapshotId: string): Moment {
    const rows = data.snapshotsOf(this.#scenario, this.#nowMs);
    const index = rows.findIndex((row) => row.id === snapshotId);
    if (index < 0) throw new CairnError('snapshot/not-found', 'This snapshot is not there.');
    return { index, count: rows.length, timeMs: Date.parse(rows[index]?.time ?? '') };
  }

  #measure(handles: readonly string[], excludes: readonly string[]): string {
    clearInterval(this.#measuring);
    const measureId = hexOf(`measure ${this.#measures++}`, 16);
    let step = 0;
    const tell = (): void => {
      step++;
      const share = Math.min(1, step / 8);
      const measurement: Measurement = {
        measureId,
        done: share === 1,
        sources: handles.map((handle) => {
          const name = data.PLACES.find((row) => row.handle === handle)?.name ?? '';
          const size = data.SIZES[name] ?? { files: 310, bytes: 1.1e9 };
          const saved = name === 'Projects' ? data.SUGGESTIONS.filter(({ rule }) => excludes.includes(rule)) : [];
          const less = saved.reduce((sum, { bytes }) => sum + bytes, 0);
          return {
            handle,
            files: Math.round(size.files * share),
            folders: 10,
            bytes: Math.max(0, (size.bytes - less) * share),
            unreadable: 0,
          };
        }),
        leftOut: data.SUGGESTIONS.filter(({ rule }) => excludes.includes(rule)),
        suggestions: data.SUGGESTIONS.filter(({ rule }) => !excludes.includes(rule)),
      };
      this.tell({ kind: 'measurement', measurement });
      if (share === 1) clearInterval(this.#measuring);
    };
    this.#measuring = setInterval(tell, 60);
    return measureId;
  }

  #problems(): readonly ProblemGroup[] {
    if (this.#scenario !== 'problems') return [];
    const problem = (code: string, path: string) => ({ path, code, message: 'can’t be read' });
    return [
      {
        code: 'EACCES',
        count: 11,
        examples: [
          problem('EACCES', '/home/ada/Projects/website/data/postgres/base/16384/2619'),
          problem('EACCES', '/home/ada/Projects/website/data/postgres/pg_wal/000000010000000000000001'),
          problem('EACCES', '/home/ada/Documents/House/root-owned.pdf'),
        ],
      },
      {
        code: 'changed-while-read',
        count: 2,
        examples: [problem('changed-while-read', '/home/ada/Documents/Budget 2026.ods')],
      },
      { code: 'EIO', count: 1, examples: [problem('EIO', '/home/ada/Pictures/Family/garden.jpg')] },
    ];
  }

  #browse(input: InputOf<'browse.list'>): ValueOf<'browse.list'> {
    const { offset, limit, ...question } = input;
    const rows = this.#sorted(question);
    return { entries: rows.slice(offset, offset + limit), total: rows.length, incomplete: false };
  }

  /** Kept for the next page: a real engine does not sort 100,000 entries for each one either. */
  #sorted(input: Omit<InputOf<'browse.list'>, 'offset' | 'limit'>): readonly BrowseEntry[] {
    const question = JSON.stringify(input);
    if (this.#listed?.question === question) return this.#listed.rows;
    const all = folderAt(input.path, this.#moment(input.snapshotId));
    if (all === null) throw new CairnError('path/not-found', `“${input.path}” is not in this snapshot.`);
    const filter = input.filter.toLowerCase();
    const rows = all.filter((entry) => entry.name.toLowerCase().includes(filter));
    const direction = input.sort.descending ? -1 : 1;
    const key = (entry: BrowseEntry): string | number => (input.sort.by === 'name' ? entry.name : entry[input.sort.by]);
    const compare = (one: BrowseEntry, other: BrowseEntry): number => {
      const folders = Number(other.type === 'directory') - Number(one.type === 'directory');
      if (folders !== 0) return folders;
      return direction * (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0);
    };
    const sorted = rows.toSorted(compare);
    this.#listed = { question, rows: sorted };
    return sorted;
  }

  #create(input: InputOf<'sets.create'>): ValueOf<'sets.create'> {
    this.#scenario = 'new-set';
    const job = this.#jobs.start('backup', outcomeOf('backup', 'quick', ''), 60);
    this.tell({ kind: 'overview', overview: this.#overview() });
    return {
      set: data.setOf('new-set', this.#nowMs),
      recoveryKey: input.password === null ? null : data.RECOVERY_KEY,
      job,
    };
  }

  #open(secret: InputOf<'destinations.unlock'>['secret'] | null): void {
    if (secret?.kind === 'password' && secret.password !== data.PASSWORD) {
      throw new CairnError('key/wrong-password', 'No key of this backup opens with that password.');
    }
    this.#scenario = 'healthy';
    this.tell({ kind: 'overview', overview: this.#overview() });
  }

  readonly #handlers: Handlers = {
    'app.info': () => data.infoOf(),
    'app.doctor': () => [
      { check: 'Hashing', verdict: 'ok', detail: 'BLAKE3 gives the known answers.', advice: '' },
      { check: 'Encryption', verdict: 'ok', detail: 'AES-256-GCM gives the known answers.', advice: '' },
      {
        check: 'File watching',
        verdict: 'warning',
        detail: '8,192 watches allowed.',
        advice: 'Raise fs.inotify.max_user_watches.',
      },
    ],
    'settings.get': () => this.#settings,
    'settings.change': (change) => (this.#settings = { ...this.#settings, ...change }),
    'places.suggested': () => data.PLACES,
    'places.drives': () => data.drivesOf(this.#scenario),
    'places.browse': ({ handle }) => {
      const home = data.place('/home/ada', 'home', 'ada');
      const drive = data.drivesOf(this.#scenario).find((row) => row.place.handle === handle)?.place;
      const here = drive ?? data.PLACES.find((row) => row.handle === handle) ?? home;
      const folders =
        here === home
          ? data.PLACES.slice(0, 5)
          : ['Backups', 'Old', 'Shared'].map((name) => data.place(`${here.path}/${name}`, 'folder'));
      return { place: here, parent: here === home ? null : home, folders, truncated: false };
    },
    'places.makeFolder': ({ name }) => data.place(`/media/ada/Blue/${name}`, 'folder'),
    'places.dialog': () => null,
    'places.measure': ({ handles, rules }) => ({ measureId: this.#measure(handles, rules.excludes) }),
    'places.stopMeasuring': () => (clearInterval(this.#measuring), null),
    'places.probe': ({ handle, sources }) => {
      const drive = data.drivesOf(this.#scenario).find((row) => row.place.handle === handle);
      const adopting = sources.length === 0 && drive?.label === 'Blue';
      return {
        state: adopting ? 'repository' : 'free',
        repository: data.place(`${drive?.place.path ?? '/home/ada/Backups'}/Cairn`, 'folder'),
        repositoryId: adopting ? hexOf('repository', 16) : null,
        encrypted: adopting ? true : null,
        setId: null,
        freeBytes: drive?.freeBytes ?? 188e9,
        totalBytes: drive?.totalBytes ?? 512e9,
        sameDeviceAsSource: drive === undefined || drive.system,
      };
    },
    'overview.get': () => this.#overview(),
    'sets.create': (input) => this.#create(input),
    'sets.adopt': ({ secret }) => (this.#open(secret), data.setOf('healthy', this.#nowMs)),
    'sets.edit': () => data.setOf(this.#scenario, this.#nowMs),
    'sets.remove': () => null,
    'destinations.unlock': ({ secret }) => {
      this.#open(secret);
      const [destination] = this.#overview().destinations;
      if (destination === undefined) throw new Error('no destination');
      return destination;
    },
    'destinations.lock': () => {
      this.become('locked');
      const [destination] = this.#overview().destinations;
      if (destination === undefined) throw new Error('no destination');
      return destination;
    },
    'jobs.list': () => this.#jobs.all,
    'jobs.backup': () => this.#jobs.start('backup', outcomeOf('backup', 'quick', '')),
    'jobs.verify': ({ depth }) => this.#jobs.start('verify', outcomeOf('verify', depth.kind, '')),
    'jobs.restore': (input) => this.#jobs.start('restore', outcomeOf('restore', 'quick', '', filesOf(input.paths))),
    'jobs.planRestore': (input) =>
      this.#jobs.start('restore-plan', outcomeOf('restore-plan', 'quick', '', filesOf(input.paths)), 3),
    'jobs.undo': () => this.#jobs.start('undo', outcomeOf('undo', 'quick', '')),
    'jobs.cancel': ({ jobId }) => this.#jobs.cancel(jobId),
    'jobs.dismiss': ({ jobId }) => {
      this.#jobs.dismiss(jobId);
      this.tell({ kind: 'job-dismissed', jobId });
      return null;
    },
    'jobs.reveal': () => null,
    'snapshots.list': () => data.snapshotsOf(this.#scenario, this.#nowMs),
    'browse.list': (input) => this.#browse(input),
    'browse.preview': ({ snapshotId, path }) => previewAt(path, this.#moment(snapshotId)),
    'integrity.status': () => data.integrityOf(this.#scenario, this.#nowMs),
    'activity.runs': ({ before, limit }) => {
      const rows = data.runsOf(this.#scenario, this.#nowMs);
      const from = before === null ? 0 : rows.findIndex((row) => row.runId === before) + 1;
      return rows.slice(from, from + limit);
    },
    'activity.run': ({ runId }) => {
      const run = data.runsOf(this.#scenario, this.#nowMs).find((row) => row.runId === runId);
      if (run === undefined) throw new CairnError('engine/internal', 'no such run');
      const outcome = run.state === 'done' ? outcomeOf(run.kind, 'quick', run.snapshotId ?? '') : null;
      return { run, outcome, problems: run.problemCount > 0 ? this.#problems() : [] };
    },
    'activity.log': ({ level, limit }) => {
      const order = ['debug', 'info', 'warn', 'error'];
      const rows = data.logOf(this.#nowMs).filter((row) => order.indexOf(row.level) >= order.indexOf(level));
      return rows.slice(-limit);
    },
    'keys.list': () => data.keysOf(this.#nowMs),
    'keys.addRecovery': () => ({ recoveryKey: data.RECOVERY_KEY }),
    'keys.changePassword': ({ currentPassword }) => {
      if (currentPassword !== data.PASSWORD) throw new CairnError('key/wrong-password', 'That is not the password.');
      return null;
    },
    'keys.remove': () => null,
  };
}
