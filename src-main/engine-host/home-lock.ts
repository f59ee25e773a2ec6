/**
 * One engine host a home: two would each poll, queue and write the same small files. The lock is a file that names its
 * process in a way that survives neither the process nor a restart of the computer, so a crash leaves nothing to clear up.
 */
import { link, open, readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CairnError } from '../../src-shared/errors.ts';
import { displayPath } from '../../src-shared/format/index.ts';
import { judgeProcess } from '../engine/repository/index.ts';
import {
  localErrno,
  localStateError,
  makeLocalFolder,
  processIdentity,
  writeLocalFile,
} from '../engine/service/index.ts';
import type { Ports } from '../engine/kernel/index.ts';

const LOCK_NAME = 'engine-host.lock';
const LOCK_CHARACTERS_MAX = 16_384;
/** Each time another process took what was just found free. */
const TRIES_MAX = 10;

const text = v.pipe(v.string(), v.maxLength(1024));
const lockSchema = v.object({
  host: text,
  machineId: text,
  bootId: text,
  processSpace: text,
  processId: v.pipe(v.number(), v.integer(), v.minValue(1)),
  processStart: text,
  /** Where it is reached; null for the desktop app. */
  address: v.nullable(text),
});

export type HomeLock = {
  /** Says where this host is reached, for the second one. */
  readonly announce: (address: string) => Promise<void>;
  readonly release: () => Promise<void>;
};

/** @throws CairnError app/busy where another one runs, engine/local-state */
export async function lockHome(home: string, ports: Ports): Promise<HomeLock> {
  const file = path.join(home, LOCK_NAME);
  try {
    await makeLocalFolder(home);
    const { host, machineId, bootId, processSpace, processId, processStart } = await processIdentity({ home, ports });
    const mine = { host, machineId, bootId, processSpace, processId, processStart, address: null };
    await take(file, JSON.stringify(mine), home, ports);
    return {
      announce: (address) => writeLocalFile(file, { ...mine, address }),
      release: async () => {
        await unlink(file).catch(() => undefined);
      },
    };
  } catch (error) {
    throw localStateError(home, error);
  }
}

/** Who serves a home right now; undefined where nobody does. `address` null: in its own window, or without one. */
export async function holderOf(
  home: string,
  ports: Ports,
): Promise<{ readonly processId: number; readonly address: string | null } | undefined> {
  const found = await readFile(path.join(home, LOCK_NAME), 'utf8').catch(() => undefined);
  const holder = found === undefined ? undefined : parseLock(found);
  if (holder === undefined) return undefined;
  return (await judgeProcess(holder, await processIdentity({ home, ports }))) === 'dead' ? undefined : holder;
}

async function take(file: string, content: string, home: string, ports: Ports): Promise<void> {
  const self = await processIdentity({ home, ports });
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (await makeNew(file, content)) return;
    const found = await readFile(file, 'utf8').catch(() => undefined);
    if (found === undefined) continue;
    const holder = parseLock(found);
    // One of another computer that shares this home, or of another container, can't be judged: it counts as alive.
    if (holder !== undefined && (await judgeProcess(holder, self)) !== 'dead') throw heldBy(holder, file);
    await removeExactly(file, found, `${file}.${process.pid}`);
  }
  throw new CairnError('app/busy', 'Another Cairn is starting right now.');
}

/** Whole or not at all: a half-written lock would look like nobody's. */
async function makeNew(file: string, content: string): Promise<boolean> {
  const temporary = `${file}.${process.pid}.new`;
  await writeWhole(temporary, content);
  try {
    await link(temporary, file);
    return true;
  } catch (error) {
    const errno = localErrno(error);
    if (errno === 'EEXIST') return false;
    if (errno !== 'EPERM' && errno !== 'ENOTSUP' && errno !== 'ENOSYS') throw error;
    // A filesystem without hard links: exclusive creation is the next best.
    const handle = await open(file, 'wx', 0o600).catch((failure: unknown) => {
      if (localErrno(failure) === 'EEXIST') return undefined;
      throw failure;
    });
    await handle?.writeFile(content);
    await handle?.close();
    return handle !== undefined;
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function writeWhole(file: string, content: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Takes a dead lock away; one that came into its place meanwhile is put back. */
async function removeExactly(file: string, expected: string, aside: string): Promise<void> {
  try {
    await rename(file, aside);
    if ((await readFile(aside, 'utf8')) !== expected) await link(aside, file).catch(() => undefined);
    await unlink(aside);
  } catch (error) {
    if (localErrno(error) !== 'ENOENT') throw error;
  }
}

type Holder = v.InferOutput<typeof lockSchema>;

/** Undefined for what no Cairn wrote. */
function parseLock(content: string): Holder | undefined {
  try {
    const parsed = v.safeParse(lockSchema, JSON.parse(content.slice(0, LOCK_CHARACTERS_MAX)));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

function heldBy({ processId, address }: Holder, file: string): CairnError {
  const where = address === null ? 'in its own window' : `at ${address}`;
  return new CairnError('app/busy', `Cairn runs already ${where} (process ${processId}).`, {
    hint: `Nothing was changed. Use that one or end it first. If there is none, delete ${displayPath(file)}.`,
  });
}
