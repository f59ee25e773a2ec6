/**
 * A small file of Cairn's own state: JSON with a version, written whole under a temporary name, synced, renamed, and its
 * folder synced. A reader meets the old state or the new one.
 *
 * Several processes may change it (the app and a command, say): each change is made under a lock, from what stands on disk
 * at that moment, so none is lost. Who only reads looks with `reload` whether another one changed it.
 *
 * A file that can't be understood is never overwritten and never taken for an empty one: the app, which has to go on, sets
 * it aside under a dated name when it starts and says so; everyone else refuses it until it is right again (a person may
 * be editing it). A file of a newer Cairn stops everyone; it is not damaged.
 */
import { open, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { Ports } from '../kernel/index.ts';
import type { ProcessIdentity } from '../repository/index.ts';
import { withLock } from './claims.ts';
import { localErrno, localStateError, syncFolder, writeLocalText } from './local-file.ts';
import { processIdentity } from './process-identity.ts';

/** From the shape of one version to the next one. The first stands for version 1. */
export type Migration = (state: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

export type StateFileOptions<State> = {
  readonly home: string;
  readonly ports: Ports;
  readonly name: string;
  /** Of everything but the version. */
  readonly schema: v.GenericSchema<unknown, State>;
  /** As many as there are older versions. */
  readonly migrations: readonly Migration[];
  readonly empty: State;
  /** What opening does with a file that can't be understood. Default: it is set aside. */
  readonly whenDamaged?: 'set-aside' | 'refuse';
};

const STATE_BYTES_MAX = 16 * 1024 * 1024;
const versioned = v.looseObject({ version: v.pipe(v.number(), v.integer(), v.minValue(1)) });

/** What tells a file from the one that replaced it. */
type Stamp = string;
const ABSENT: Stamp = '';
type Content = { readonly text: string | undefined; readonly stamp: Stamp };

export class StateFile<State> {
  readonly #options: StateFileOptions<State>;
  readonly #file: string;
  #state: State;
  #stamp: Stamp = ABSENT;
  /** Of a file that was spoilt while it was open, so that it is told once. */
  #spoilt: Stamp | undefined;
  /** Where a damaged file was put, or undefined. */
  #setAside: string | undefined;
  #turn: Promise<void> = Promise.resolve();
  #self: ProcessIdentity | undefined;

  private constructor(options: StateFileOptions<State>) {
    this.#options = options;
    this.#file = path.join(options.home, options.name);
    this.#state = options.empty;
  }

  /** @throws CairnError engine/local-state, repository/newer-format */
  static async open<State>(options: StateFileOptions<State>): Promise<StateFile<State>> {
    const file = new StateFile(options);
    const reason = file.#take(await file.#read());
    if (reason === undefined) return file;
    if (options.whenDamaged === 'refuse') throw file.#notUnderstood(reason);
    // Looked at again under the lock: another process may just have put it right.
    await file.#locked(async () => {
      if (file.#take(await file.#read()) !== undefined) await file.#putAside();
    });
    return file;
  }

  get state(): State {
    return this.#state;
  }

  get setAside(): string | undefined {
    return this.#setAside;
  }

  /**
   * Changes follow each other; each sees what the one before left, whichever process made it. The new state is durable when
   * this resolves.
   * @throws CairnError engine/local-state, app/busy, repository/newer-format, usage/invalid, and what `make` throws
   */
  async change(make: (state: State) => State): Promise<State> {
    await this.#inTurn(() =>
      this.#locked(async () => {
        const reason = this.#take(await this.#read());
        if (reason !== undefined) throw this.#notUnderstood(reason);
        const next = make(this.#state);
        if (next === this.#state) return;
        this.#refuseUnreadable(next);
        await this.#write(next);
        this.#state = next;
      }),
    );
    return this.#state;
  }

  /** Whether another process has changed it: its state is then the new one. Cheap where nothing changed. */
  async reload(): Promise<boolean> {
    let isNew = false;
    await this.#inTurn(async () => {
      const found = await this.#stampOnDisk();
      if (found === this.#stamp || found === this.#spoilt) return;
      const content = await this.#read();
      const reason = this.#take(content);
      isNew = reason === undefined;
      if (isNew) return;
      this.#spoilt = content.stamp;
      const { log } = this.#options.ports;
      log('error', 'a file was changed to what can’t be understood; the state before stays', {
        file: this.#file,
        reason,
      });
    });
    return isNew;
  }

  async #locked(action: () => Promise<void>): Promise<void> {
    const { home, ports, name } = this.#options;
    this.#self ??= await processIdentity({ home, ports });
    await withLock({ home, name, ports, self: this.#self }, action);
  }

  async #inTurn(action: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(action);
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  async #write(state: State): Promise<void> {
    const content = { version: this.#options.migrations.length + 1, ...state };
    try {
      // In lines: a person may read it, and some files may be edited by hand.
      await writeLocalText(this.#file, `${JSON.stringify(content, null, 2)}\n`);
      await syncFolder(path.dirname(this.#file));
    } catch (error) {
      throw localStateError(this.#options.home, error);
    }
    this.#stamp = await this.#stampOnDisk();
  }

  /** Why it can't be understood, and then the state stays as it was; undefined where it can. */
  #take({ text, stamp }: Content): string | undefined {
    const { migrations, schema, empty } = this.#options;
    if (text === undefined) this.#state = stamp === this.#stamp ? this.#state : empty;
    else if (stamp !== this.#stamp) {
      try {
        const { version: found, ...fields } = v.parse(versioned, JSON.parse(text));
        if (found > migrations.length + 1) throw this.#newer(found);
        let state: Readonly<Record<string, unknown>> = fields;
        for (const migrate of migrations.slice(found - 1)) state = migrate(state);
        this.#state = v.parse(schema, state);
      } catch (error) {
        if (error instanceof CairnError) throw error;
        return reasonOf(error);
      }
    }
    this.#stamp = stamp;
    this.#spoilt = undefined;
    return undefined;
  }

  /** What could not be read again is never written. */
  #refuseUnreadable(next: State): void {
    const checked = v.safeParse(this.#options.schema, next);
    if (checked.success) return;
    const where = v.getDotPath(checked.issues[0]) ?? 'it';
    throw new CairnError('usage/invalid', `This can’t be kept: “${where}” is not what it should be.`, {
      hint: 'Nothing was changed.',
    });
  }

  #newer(found: number): CairnError {
    return new CairnError(
      'repository/newer-format',
      `${displayPath(this.#file)} was written by a newer Cairn (version ${found}).`,
      { hint: 'Nothing was changed. Update Cairn and start it again.' },
    );
  }

  #notUnderstood(reason: string): CairnError {
    return new CairnError('engine/local-state', `${displayPath(this.#file)} can’t be understood: ${reason}.`, {
      hint: 'Nothing was changed. If it was edited by hand, correct it; CONFIGURATION.md of Cairn says how it has to be.',
    });
  }

  async #read(): Promise<Content> {
    try {
      const file = await open(this.#file, 'r');
      try {
        const { size, ino, mtimeNs } = await file.stat({ bigint: true });
        const text = size > STATE_BYTES_MAX ? '' : await file.readFile('utf8');
        return { text, stamp: `${ino}-${mtimeNs}-${size}` };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (localErrno(error) === 'ENOENT') return { text: undefined, stamp: ABSENT };
      throw localStateError(this.#options.home, error);
    }
  }

  async #stampOnDisk(): Promise<Stamp> {
    try {
      const { size, ino, mtimeNs } = await stat(this.#file, { bigint: true });
      return `${ino}-${mtimeNs}-${size}`;
    } catch (error) {
      if (localErrno(error) === 'ENOENT') return ABSENT;
      throw localStateError(this.#options.home, error);
    }
  }

  async #putAside(): Promise<void> {
    const { ports } = this.#options;
    const stamp = new Date(ports.clock.nowMs()).toISOString().replace(/[:.]/g, '-');
    const aside = `${this.#file}.damaged-${stamp}`;
    try {
      await rename(this.#file, aside);
    } catch (error) {
      throw localStateError(this.#options.home, error);
    }
    this.#setAside = aside;
    ports.log('error', 'a file of the app could not be understood and was set aside', { file: this.#file, aside });
  }
}

/** Where in the file, as far as that can be told: “sets.0.schedule.timing.at”. */
function reasonOf(error: unknown): string {
  if (!v.isValiError(error)) return 'it is not valid JSON';
  const path = v.getDotPath(error.issues[0]);
  return path === null ? 'it is of another shape' : `“${path}” is not what it should be`;
}

/** A JSON file that is only ever looked at: undefined where it is absent, too large or not of this shape. */
export async function readRecord<Shape>(
  file: string,
  schema: v.GenericSchema<unknown, Shape>,
): Promise<Shape | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length > STATE_BYTES_MAX) return undefined;
    const parsed = v.safeParse(schema, JSON.parse(text));
    return parsed.success ? parsed.output : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || localErrno(error) !== undefined) return undefined;
    throw error;
  }
}
