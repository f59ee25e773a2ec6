/**
 * Large files on their way into a repository, piece by piece through the engine's own parts, and whole as one backup.
 * Everything lies in one folder, on tmpfs where there is room.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseWriterId } from '../../../src-shared/ids.ts';
import { BACKUP_DEFAULTS, backup } from '../../../src-main/engine/backup/index.ts';
import { FileStorer } from '../../../src-main/engine/backup/store-file.ts';
import { type CompressionSpec, createHasher } from '../../../src-main/engine/codec/index.ts';
import { RateBucket, systemPorts } from '../../../src-main/engine/kernel/index.ts';
import {
  initRepository,
  openRepository,
  type ProcessIdentity,
  type Repository,
} from '../../../src-main/engine/repository/index.ts';
import { type FileStat, openSourceFile, statPath } from '../../../src-main/engine/source/index.ts';
import { createLocalStore, createRoot } from '../../../src-main/engine/store/index.ts';
import { makeText } from './data.ts';

/** As much as the storer reads at once at most: half of the chunker's memory. */
const READ_BYTES = 4 * 1024 * 1024;
/** Keys are derived once for each repository and are not what is measured. */
const KDF_COST = 10;
const RESERVE_BYTES = 1024;
const WRITER = parseWriterId('be0cbe0cbe0cbe0cbe0cbe0cbe0cbe0c');
const SELF: ProcessIdentity = { host: 'bench', bootId: 'bench', processId: process.pid, isAlive: () => true };

export function makeTextFile(folder: string, bytes: number): string {
  const file = path.join(folder, `text-${bytes}`);
  fs.writeFileSync(file, makeText(bytes % 1000, bytes));
  return file;
}

/** The hash of bytes in memory, handed over as a stream would. */
export function hashPieces(bytes: Uint8Array): Uint8Array {
  const hasher = createHasher();
  for (let at = 0; at < bytes.length; at += READ_BYTES) hasher.update(bytes.subarray(at, at + READ_BYTES));
  return hasher.digest();
}

function statOf(file: string): FileStat {
  const stat = statPath(Buffer.from(file));
  if (stat === undefined || 'failed' in stat) throw new Error(`${file} can’t be read`);
  return stat;
}

/** The hash of a file through the source room's reader, in pieces. */
export function hashFile(file: string): Uint8Array {
  const opened = openSourceFile(Buffer.from(file), statOf(file));
  if (opened.kind !== 'opened') throw new Error(`${file} can’t be opened: ${opened.kind}`);
  const hasher = createHasher();
  const piece = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = opened.file.readInto(piece, 0, piece.length);
    if (typeof count !== 'number') throw new Error(count.message);
    hasher.update(piece.subarray(0, count));
    if (count < piece.length) break;
  }
  if (opened.file.close().changed) throw new Error(`${file} changed while it was read`);
  return hasher.digest();
}

/** A new encrypted repository, opened. */
export async function createRepository(root: string, compression: CompressionSpec): Promise<Repository> {
  const ports = systemPorts;
  await createRoot(root);
  const store = createLocalStore({ root, random: ports.random });
  const password = 'bench';
  const reserveBytes = RESERVE_BYTES;
  await initRepository({ store, ports, host: SELF.host, compression, password, kdfCost: KDF_COST, reserveBytes });
  return openRepository({ store, ports, self: SELF, secret: async () => ({ kind: 'password', password }) });
}

/** A file whose chunks a session knows already: what is left is to read, hash, cut and address them. */
export type KnownFile = { readonly storeAgain: () => Promise<void>; readonly end: () => Promise<void> };

export async function storeOnce(file: string, root: string): Promise<KnownFile> {
  const repository = await createRepository(root, { kind: 'none' });
  const session = await repository.beginWrite(WRITER);
  const storer = new FileStorer(repository.context, session, {
    lanes: () => undefined,
    onBytes: () => undefined,
    reading: new RateBucket(repository.context.ports.clock),
    signal: undefined,
  });
  const access = Buffer.from(file);
  const store = async (): Promise<void> => {
    const statAgain = (): FileStat => statOf(file);
    const result = await storer.store({ access, path: access, stat: statAgain(), statAgain });
    if (result.kind !== 'stored' || result.file.isInconsistent)
      throw new Error(`${file} was not stored: ${result.kind}`);
  };
  await store();
  const { bytesAdded } = session;
  return {
    storeAgain: async () => {
      await store();
      if (session.bytesAdded !== bytesAdded) throw new Error('a file that was stored before was stored again');
    },
    end: async () => {
      await session.abort();
      fs.rmSync(root, { recursive: true });
    },
  };
}

export type FileBackup = { readonly file: string; readonly workers: number };

/** One file as a backup of its own: read, hashed, cut, compressed, encrypted, packed, verified, published. */
export async function backUpFile(repository: Repository, { file, workers }: FileBackup): Promise<void> {
  const report = await backup(repository, {
    ...BACKUP_DEFAULTS,
    workers,
    sources: [Buffer.from(file)],
    host: SELF.host,
    user: 'bench',
    writerId: WRITER,
  });
  if (report.problems.length > 0 || report.filesNew !== 1) throw new Error(`${file} was not backed up`);
}
