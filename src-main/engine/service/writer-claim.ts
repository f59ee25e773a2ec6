/**
 * The writer id: a computer's name in the event log of every repository it writes to. Each id's events form one line, so
 * no two backups may use one at a time. A computer therefore keeps a small pool of ids, and each backup claims one
 * (claims.ts).
 */
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { CairnError } from '../../../src-shared/errors.ts';
import { type WriterId, parseWriterId } from '../../../src-shared/ids.ts';
import { type Ports, toHex } from '../kernel/index.ts';
import type { ProcessIdentity } from '../repository/index.ts';
import { claimSlot } from './claims.ts';
import { localErrno, localStateError, textMadeOnce } from './local-file.ts';

/** Backups of one user of one computer at a time: far more than anyone starts. */
export const WRITER_IDS_MAX = 32;
/** Where a process can't be looked for (another container of this home), its claim is over after a week. */
const CLAIM_AGE_MS = 7 * 86_400_000;
const WRITER_ID = /^[0-9a-f]{32}$/;

export type WriterClaim = {
  readonly writerId: WriterId;
  /** Gives the id back. Never throws. */
  release(): Promise<void>;
};

type Host = { readonly home: string; readonly ports: Ports; readonly self: ProcessIdentity };

/**
 * Claims a writer id for one backup; to be released when it has ended, however it ended.
 * @throws CairnError engine/local-state, repository/busy
 */
export async function claimWriter(host: Host): Promise<WriterClaim> {
  const { home, ports, self } = host;
  // A home may be shared by several computers; each has a pool of its own.
  const folder = path.join(home, 'writers', self.machineId ?? 'unknown');
  try {
    const claim = await claimSlot({ ports, self, folder, slots: WRITER_IDS_MAX, ageMsMax: CLAIM_AGE_MS });
    if (claim === undefined)
      throw new CairnError('repository/busy', `Too many backups of this computer run at once (${WRITER_IDS_MAX} may).`);
    try {
      return { writerId: await writerIdOf(host, folder, claim.slot), release: () => claim.release() };
    } catch (error) {
      await claim.release();
      throw error;
    }
  } catch (error) {
    throw localStateError(home, error);
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
