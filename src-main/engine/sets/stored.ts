/**
 * A set on its way into its repository and out of it again, on another computer perhaps. What comes out was written by
 * whoever could write there: it is checked like a file that a person edited, and brings nothing along that runs.
 */
import * as v from 'valibot';
import { escapePath, unescapePath } from '../../../src-shared/format/index.ts';
import type { StoredSet } from '../../../src-shared/model/index.ts';
import { type Ports, toHex } from '../kernel/index.ts';
import { SCHEDULE_DEFAULTS, scheduleSchema } from '../schedule/index.ts';
import { rulesSchema } from './rules-schema.ts';
import { SET_DEFAULTS, type SetRecord } from './set-records.ts';

/** The computer and the person that a set is of. */
export type SetOwner = { readonly hostName: string; readonly userHome: string };

export type AdoptHost = SetOwner & {
  readonly ports: Ports;
  readonly destinationId: string;
  /** Ids that are taken already. */
  readonly known: ReadonlySet<string>;
  readonly isThere: (path: Buffer) => Promise<boolean>;
};

const NAME_LENGTH_MAX = 1000;
const SOURCES_MAX = 1024;
const SETS_MAX = 100;
const ID_BYTES = 16;
const SEPARATORS: readonly (number | undefined)[] = [0x2f, 0x5c];

export function storedSetOf(set: SetRecord, { hostName, userHome }: SetOwner): StoredSet {
  const { setId, name, sources, rules, schedule, createdAt } = set;
  return {
    setId,
    name,
    host: hostName,
    userHome: escapePath(Buffer.from(userHome)),
    sources,
    rules,
    schedule,
    createdAt,
  };
}

/**
 * Which of the saved sets a person means who takes a repository over: those of this computer, else those of the computer
 * that saved last. A repository that two computers share is not taken over for both.
 */
export function setsToAdopt(stored: readonly StoredSet[], hostName: string): readonly StoredSet[] {
  const host = stored.some((set) => set.host === hostName) ? hostName : stored[0]?.host;
  return stored.filter((set) => set.host === host).slice(0, SETS_MAX);
}

/** The record of an adopted set; undefined where what is saved makes no sense. */
export async function adoptSet(stored: StoredSet, host: AdoptHost): Promise<SetRecord | undefined> {
  const { ports, destinationId, known, hostName } = host;
  const rules = v.safeParse(rulesSchema, stored.rules);
  if (!rules.success || stored.name.length > NAME_LENGTH_MAX || stored.sources.length > SOURCES_MAX) {
    ports.log('warn', 'a saved backup set makes no sense and was not taken over', { setId: stored.setId });
    return undefined;
  }
  const schedule = v.safeParse(scheduleSchema, stored.schedule);
  if (!schedule.success) ports.log('warn', 'the saved schedule of a backup set makes no sense', { set: stored.name });
  // Another computer may go on with the old one: each has a set of its own.
  const isSameSet = stored.host === hostName && !known.has(stored.setId);
  return {
    ...SET_DEFAULTS,
    setId: isSameSet ? stored.setId : toHex(ports.random.bytes(ID_BYTES)),
    name: stored.name,
    sources: await remapped(stored, host),
    destinationId,
    rules: rules.output,
    schedule: schedule.success ? schedule.output : SCHEDULE_DEFAULTS,
    createdAt: new Date(ports.clock.nowMs()).toISOString(),
  };
}

/**
 * Where the sources are here: what lay in the old home lies in this person's, if it is there. What is found nowhere keeps
 * its path, and is shown as gone.
 */
async function remapped(stored: StoredSet, { userHome, isThere }: AdoptHost): Promise<readonly string[]> {
  const from = Buffer.from(unescapePath(stored.userHome));
  const sources: string[] = [];
  for (const source of stored.sources) {
    const moved = below(Buffer.from(unescapePath(source)), from, Buffer.from(userHome));
    sources.push(moved !== undefined && (await isThere(moved)) ? escapePath(moved) : source);
  }
  return sources;
}

/** The same place below another folder; undefined for what is not below the first. */
function below(path: Buffer, from: Buffer, to: Buffer): Buffer | undefined {
  if (from.length === 0 || !path.subarray(0, from.length).equals(from)) return undefined;
  const isInside = path.length === from.length || SEPARATORS.includes(path[from.length]);
  return isInside ? Buffer.concat([to, path.subarray(from.length)]) : undefined;
}
