/**
 * The writer id: a computer's name in the event log of every repository it writes to. Each id's events form one line, so
 * no two backups may use one at a time. A computer therefore keeps a small pool of ids, and each backup claims one.
 *
 * A claim is an empty file whose name says which id is claimed and by which process, so it can't be torn. Claims of dead
 * processes are removed by whoever comes next; names are never used again, so nobody removes a claim that is not the one
 * he looked at. To claim is: make the file, then list; where another claim of the same id is there too, both withdraw.
 * Both made theirs before they listed, so at least one sees the other.
 */
import { open, readdir, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CairnError } from '../../../src-shared/errors.ts';
import { type WriterId, parseWriterId } from '../../../src-shared/ids.ts';
import { type Ports, toHex } from '../kernel/index.ts';
import { type ProcessIdentity, judgeProcess } from '../repository/index.ts';
import { localErrno, localStateError, makeLocalFolder, textMadeOnce } from './local-file.ts';

/** Backups of one user of one computer at a time: far more than anyone starts. */
export const WRITER_IDS_MAX = 32;
const TRIES_MAX = 64;
const PAUSE_MS_MAX = 32;
/** Where a process can't be looked for (another container of this home), its claim is over after a week. */
const CLAIM_AGE_MS = 7 * 86_400_000;
const WRITER_ID = /^[0-9a-f]{32}$/;
const CLAIM = /^claim-(\d{1,2})-([0-9a-f]*)-(\d*)-(\d+)-(\d*)-[0-9a-f]{16}$/;

export type WriterClaim = {
  readonly writerId: WriterId;
  /** Gives the id back. Never throws. */
  release(): Promise<void>;
};

type Claim = { readonly name: string; readonly slot: number };
type Host = { readonly home: string; readonly ports: Ports; readonly self: ProcessIdentity };

/**
 * Claims a writer id for one backup; to be released when it has ended, however it ended.
 * @throws CairnError engine/local-state, repository/busy
 */
export async function claimWriter(host: Host): Promise<WriterClaim> {
  // A home may be shared by several computers; each has a pool of its own.
  const folder = path.join(host.home, 'writers', host.self.machineId ?? 'unknown');
  try {
    await makeLocalFolder(folder);
    const { name, slot } = await claimSlot(host, folder);
    const release = async (): Promise<void> => {
      await unlink(path.join(folder, name)).catch((error: unknown) => {
        host.ports.log('warn', 'a claim of a writer id could not be removed', { name, reason: String(error) });
      });
    };
    try {
      return { writerId: await writerIdOf(host, folder, slot), release };
    } catch (error) {
      await release();
      throw error;
    }
  } catch (error) {
    throw localStateError(host.home, error);
  }
}

async function claimSlot(host: Host, folder: string): Promise<Claim> {
  const { random } = host.ports;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const taken = new Set((await liveClaims(host, folder)).map(({ slot }) => slot));
    const slot = Array.from({ length: WRITER_IDS_MAX }, (_, index) => index).find((index) => !taken.has(index));
    if (slot === undefined) break;
    const name = claimName(host, slot);
    await (await open(path.join(folder, name), 'wx', 0o600)).close();
    const claims = await liveClaims(host, folder);
    if (claims.every((claim) => claim.slot !== slot || claim.name === name)) return { name, slot };
    await unlink(path.join(folder, name));
    await sleep(((random.bytes(1)[0] ?? 0) / 256) * PAUSE_MS_MAX);
  }
  throw new CairnError('repository/busy', `Too many backups of this computer run at once (${WRITER_IDS_MAX} may).`);
}

/** What a file's name can hold of a boot id and of a process space. */
const bootDigits = (bootId: string): string => bootId.replace(/[^0-9a-f]/g, '');
const digits = (text: string | undefined): string => (text ?? '').replace(/\D/g, '');

function claimName({ self, ports }: Host, slot: number): string {
  const process = `${digits(self.processSpace)}-${self.processId}-${digits(self.processStart)}`;
  return `claim-${slot}-${bootDigits(self.bootId)}-${process}-${toHex(ports.random.bytes(8))}`;
}

/** Claims whose process lives or may live; the others are removed. */
async function liveClaims(host: Host, folder: string): Promise<readonly Claim[]> {
  const claims: Claim[] = [];
  for (const name of await readdir(folder)) {
    const match = CLAIM.exec(name);
    if (match === null) continue;
    if (await isOver(host, folder, match)) {
      await unlink(path.join(folder, name)).catch((error: unknown) => {
        if (localErrno(error) !== 'ENOENT') throw error;
      });
    } else claims.push({ name, slot: Number(match[1]) });
  }
  return claims;
}

async function isOver({ self }: Host, folder: string, match: RegExpExecArray): Promise<boolean> {
  const [name, , bootId = '', processSpace = '', processId = '', processStart = ''] = match;
  const here = { ...self, bootId: bootDigits(self.bootId), processSpace: digits(self.processSpace) };
  const { host, machineId = '' } = self;
  const mark = { host, machineId, bootId, processSpace, processId: Number(processId), processStart };
  const verdict = await judgeProcess(mark, here);
  if (verdict !== 'unknown') return verdict === 'dead';
  // A system without boot ids: all its processes can be looked for, but not when they began.
  if (bootId === '' && here.bootId === '') return !self.isAlive(mark.processId);
  return (await ageMs(folder, name)) > CLAIM_AGE_MS;
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

/** The id of a slot, made at its first use. Only the holder of the claim comes here. */
async function writerIdOf({ home, ports }: Host, folder: string, slot: number): Promise<WriterId> {
  const file = path.join(folder, `${slot}.id`);
  // Where it stood before there was a pool.
  if (slot === 0) await moveIfThere(path.join(home, 'writer-id'), file);
  const text = await textMadeOnce(
    file,
    () => toHex(ports.random.bytes(16)),
    (found) => WRITER_ID.test(found),
  );
  return parseWriterId(text);
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (localErrno(error) !== 'ENOENT') throw error;
  }
}
