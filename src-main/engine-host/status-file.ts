/**
 * How things stand, for who looks without a window: CAIRN_HOME/status.json, written by the process that serves this home
 * and true only while that process lives. It holds what the overview shows: no secret.
 */
import { unlink } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import type { Destination, Overview, BackupSet, Verdict } from '../../src-shared/model/index.ts';
import type { After, Log } from '../engine/kernel/index.ts';
import { readRecord, writeLocalFile } from '../engine/service/index.ts';

const NAME = 'status.json';
/** A busy day changes it many times a second. */
const WRITE_EVERY_MS = 1000;

export type StatusRecord = {
  readonly at: string;
  readonly atWork: readonly string[];
  readonly verdict: Verdict;
  readonly sets: readonly BackupSet[];
  readonly destinations: readonly Destination[];
};

/** Written by ourselves, moments ago: what is looked at is that it is whole. */
const outline = v.looseObject({
  at: v.pipe(v.string(), v.isoTimestamp()),
  atWork: v.array(v.string()),
  verdict: v.looseObject({ level: v.picklist(['empty', 'good', 'attention', 'bad']), reasons: v.array(v.unknown()) }),
  sets: v.array(
    v.looseObject({
      name: v.string(),
      live: v.looseObject({ state: v.string(), changedFolders: v.number() }),
      nextRun: v.looseObject({}),
    }),
  ),
  destinations: v.array(v.looseObject({ name: v.string(), state: v.string(), path: v.string() })),
});

const schema = v.custom<StatusRecord>((value) => v.is(outline, value));

export class StatusFile {
  readonly #file: string;
  readonly #options: { readonly after: After; readonly log: Log; readonly nowText: () => string };
  #latest: Omit<StatusRecord, 'at'> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isArmed = false;
  #isClosed = false;

  constructor(home: string, options: { readonly after: After; readonly log: Log; readonly nowText: () => string }) {
    this.#file = path.join(home, NAME);
    this.#options = options;
  }

  show(
    { verdict, sets, destinations }: Pick<Overview, 'verdict' | 'sets' | 'destinations'>,
    atWork: readonly string[],
  ): void {
    this.#latest = { verdict, sets, destinations, atWork };
    if (this.#isArmed || this.#isClosed) return;
    this.#writeAndWait();
  }

  #writeAndWait(): void {
    this.#isArmed = true;
    this.#write();
    this.#options.after(WRITE_EVERY_MS, () => {
      this.#isArmed = false;
      if (this.#latest !== undefined && !this.#isClosed) this.#writeAndWait();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    await unlink(this.#file).catch(() => undefined);
  }

  #write(): void {
    const record = this.#latest;
    this.#latest = undefined;
    if (record === undefined) return;
    this.#writing = this.#writing
      .then(() => writeLocalFile(this.#file, { at: this.#options.nowText(), ...record }))
      .catch((error: unknown) => this.#options.log('warn', 'how things stand could not be written down', { error }));
  }
}

/** Undefined where there is none that can be read. Ask `holderOf` of home-lock.ts first whether anyone keeps it true. */
export function readStatus(home: string): Promise<StatusRecord | undefined> {
  return readRecord(path.join(home, NAME), schema);
}
