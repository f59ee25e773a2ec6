/**
 * A small file of the app's own state: JSON with a version, written whole under a temporary name, synced, renamed, and
 * its folder synced. A reader meets the old state or the new one.
 *
 * A file that can't be understood is never overwritten and never taken for an empty one: it is set aside under a dated
 * name, and whoever opened it is told. A file of a newer Cairn stops the app instead; it is not damaged.
 */
import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { Ports } from '../kernel/index.ts';
import { localErrno, localStateError, syncFolder, writeLocalFile } from '../service/index.ts';

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
};

const STATE_BYTES_MAX = 16 * 1024 * 1024;
const versioned = v.looseObject({ version: v.pipe(v.number(), v.integer(), v.minValue(1)) });

export class StateFile<State> {
  readonly #options: StateFileOptions<State>;
  readonly #file: string;
  #state: State;
  /** Where a damaged file was put, or undefined. */
  #setAside: string | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: StateFileOptions<State>) {
    this.#options = options;
    this.#file = path.join(options.home, options.name);
    this.#state = options.empty;
  }

  /** @throws CairnError engine/local-state, repository/newer-format */
  static async open<State>(options: StateFileOptions<State>): Promise<StateFile<State>> {
    const file = new StateFile(options);
    await file.#load();
    return file;
  }

  get state(): State {
    return this.#state;
  }

  get setAside(): string | undefined {
    return this.#setAside;
  }

  /** Changes follow each other; each sees what the one before left. The new state is durable when this resolves. */
  async change(make: (state: State) => State): Promise<State> {
    const turn = this.#writing.then(async () => {
      const next = make(this.#state);
      if (next === this.#state) return;
      await this.#write(next);
      this.#state = next;
    });
    this.#writing = turn.catch(() => undefined);
    await turn;
    return this.#state;
  }

  async #write(state: State): Promise<void> {
    try {
      await writeLocalFile(this.#file, { version: this.#options.migrations.length + 1, ...state });
      await syncFolder(path.dirname(this.#file));
    } catch (error) {
      throw localStateError(this.#options.home, error);
    }
  }

  async #load(): Promise<void> {
    const text = await this.#read();
    if (text === undefined) return;
    const version = this.#options.migrations.length + 1;
    try {
      const { version: found, ...fields } = v.parse(versioned, JSON.parse(text));
      if (found > version) throw this.#newer(found);
      let state: Readonly<Record<string, unknown>> = fields;
      for (const migrate of this.#options.migrations.slice(found - 1)) state = migrate(state);
      this.#state = v.parse(this.#options.schema, state);
    } catch (error) {
      if (error instanceof CairnError) throw error;
      await this.#putAside();
    }
  }

  #newer(found: number): CairnError {
    return new CairnError(
      'repository/newer-format',
      `${displayPath(this.#file)} was written by a newer Cairn (version ${found}).`,
      { hint: 'Nothing was changed. Update Cairn and start it again.' },
    );
  }

  async #read(): Promise<string | undefined> {
    try {
      const file = await open(this.#file, 'r');
      try {
        const { size } = await file.stat();
        return size > STATE_BYTES_MAX ? '' : await file.readFile('utf8');
      } finally {
        await file.close();
      }
    } catch (error) {
      if (localErrno(error) === 'ENOENT') return undefined;
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
