/**
 * Who of several processes has something: one of a few numbered places (“slots”), each held by one process at a time.
 *
 * A claim is an empty file whose name says which slot is claimed and by which process, so it can't be torn. Claims of dead
 * processes are removed by whoever comes next; names are never used again, so nobody removes a claim that is not the one
 * he looked at. To claim is: make the file, then list; where another claim of the same slot is there too, both withdraw.
 * Both made theirs before they listed, so at least one sees the other.
 */
import { open, readdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import { type Ports, toHex } from '../kernel/index.ts';
import { type ProcessIdentity, judgeProcess } from '../repository/index.ts';
import { localErrno, localStateError, makeLocalFolder } from './local-file.ts';

const TRIES_MAX = 64;
const PAUSE_MS_MAX = 32;
const CLAIM = /^claim-(\d{1,2})-([0-9a-f]*)-(\d*)-(\d+)-(\d*)-[0-9a-f]{16}$/;
/** A lock is held for as long as one small file takes to be written: these tries last many times that. */
const LOCK_TRIES_MAX = 500;
const LOCK_PAUSE_MS_MIN = 8;
/** Where its process can't be looked for (another container of this home), a lock is over after this. */
const LOCK_AGE_MS = 60_000;

export type Claimant = { readonly ports: Ports; readonly self: ProcessIdentity };
export type ClaimPlace = Claimant & {
  readonly folder: string;
  readonly slots: number;
  /** When a claim is over whose process can't be looked for. */
  readonly ageMsMax: number;
};
export type Claim = {
  readonly slot: number;
  /** Never throws. */
  release(): Promise<void>;
};

type Found = { readonly name: string; readonly slot: number };

/** A free slot, or undefined where all are taken. Throws the system's errors. */
export async function claimSlot(place: ClaimPlace): Promise<Claim | undefined> {
  const { folder, slots, ports } = place;
  await makeLocalFolder(folder);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const taken = new Set((await liveClaims(place)).map(({ slot }) => slot));
    const slot = Array.from({ length: slots }, (_, index) => index).find((index) => !taken.has(index));
    if (slot === undefined) return undefined;
    const name = claimName(place, slot);
    await (await open(path.join(folder, name), 'wx', 0o600)).close();
    const claims = await liveClaims(place);
    if (claims.every((claim) => claim.slot !== slot || claim.name === name)) return held(place, name, slot);
    await unlink(path.join(folder, name));
    await sleep(pauseMs(ports));
  }
  return undefined;
}

/**
 * Does something that only one process may do at a time. Others wait; the lock of one that died is taken over.
 * @throws CairnError app/busy where it never came free, engine/local-state
 */
export async function withLock<Result>(
  lock: Claimant & { readonly home: string; readonly name: string },
  action: () => Promise<Result>,
): Promise<Result> {
  const { home, name, ports, self } = lock;
  const folder = path.join(home, 'locks', name);
  for (let tries = 0; tries < LOCK_TRIES_MAX; tries++) {
    const claim = await claimSlot({ ports, self, folder, slots: 1, ageMsMax: LOCK_AGE_MS }).catch((error: unknown) => {
      throw localStateError(home, error);
    });
    if (claim !== undefined) {
      try {
        return await action();
      } finally {
        await claim.release();
      }
    }
    await sleep(LOCK_PAUSE_MS_MIN + pauseMs(ports));
  }
  throw new CairnError('app/busy', `Another Cairn keeps ${displayPath(path.join(home, name))} to itself.`, {
    hint: `Nothing was changed. If no other Cairn runs, delete the folder ${displayPath(folder)}.`,
  });
}

function held({ folder, ports }: ClaimPlace, name: string, slot: number): Claim {
  return {
    slot,
    release: async () => {
      await unlink(path.join(folder, name)).catch((error: unknown) => {
        ports.log('warn', 'a claim could not be removed', { name, reason: String(error) });
      });
    },
  };
}

const pauseMs = ({ random }: Ports): number => ((random.bytes(1)[0] ?? 0) / 256) * PAUSE_MS_MAX;

/** What a file's name can hold of a boot id and of a process space. */
const bootDigits = (bootId: string): string => bootId.replace(/[^0-9a-f]/g, '');
const digits = (text: string | undefined): string => (text ?? '').replace(/\D/g, '');

function claimName({ self, ports }: Claimant, slot: number): string {
  const process = `${digits(self.processSpace)}-${self.processId}-${digits(self.processStart)}`;
  return `claim-${slot}-${bootDigits(self.bootId)}-${process}-${toHex(ports.random.bytes(8))}`;
}

/** Claims whose process lives or may live; the others are removed. */
async function liveClaims(place: ClaimPlace): Promise<readonly Found[]> {
  const claims: Found[] = [];
  for (const name of await readdir(place.folder)) {
    const match = CLAIM.exec(name);
    if (match === null) continue;
    if (await isOver(place, match)) {
      await unlink(path.join(place.folder, name)).catch((error: unknown) => {
        if (localErrno(error) !== 'ENOENT') throw error;
      });
    } else claims.push({ name, slot: Number(match[1]) });
  }
  return claims;
}

async function isOver({ self, folder, ageMsMax }: ClaimPlace, match: RegExpExecArray): Promise<boolean> {
  const [name, , bootId = '', processSpace = '', processId = '', processStart = ''] = match;
  const here = { ...self, bootId: bootDigits(self.bootId), processSpace: digits(self.processSpace) };
  const { host, machineId = '' } = self;
  const mark = { host, machineId, bootId, processSpace, processId: Number(processId), processStart };
  const verdict = await judgeProcess(mark, here);
  if (verdict !== 'unknown') return verdict === 'dead';
  // A system without boot ids: all its processes can be looked for, but not when they began.
  if (bootId === '' && here.bootId === '') return !self.isAlive(mark.processId);
  return (await ageMs(folder, name)) > ageMsMax;
}

/** By the clock of the filesystem that holds the claims: the time of the folder is that of its last change. */
async function ageMs(folder: string, name: string): Promise<number> {
  try {
    const [claim, changed] = [await stat(path.join(folder, name)), await stat(folder)];
    return changed.mtimeMs - claim.mtimeMs;
  } catch (error) {
    if (localErrno(error) === 'ENOENT') return 0;
    throw error;
  }
}
