/**
 * What a repository was when this computer first saw it: encrypted or not, and its public key. Neither ever changes.
 *
 * Whoever can write to the storage could put an unencrypted configuration with the same repository id into the place of
 * ours; the next backup would then write the user's data in clear. A computer that has seen the repository before
 * notices, and stops before anything is written. A computer that has never been here can't know.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type { RepositoryId } from '../../../src-shared/ids.ts';
import { RecordReader, toHex } from '../kernel/index.ts';
import type { RepositoryConfig } from '../repository/index.ts';
import { writeLocalFile } from './local-file.ts';

const FILE_VERSION = 1;

type Identity = { readonly encrypted: boolean; readonly publicKey: string };

function fileOf(home: string, repositoryId: RepositoryId): string {
  return path.join(home, 'known', `repository-${repositoryId}.json`);
}

/**
 * Compares a repository with what this computer knows of it, and remembers it at the first sight.
 * @throws CairnError repository/wrong-identity
 */
export async function checkKnownRepository(home: string, config: RepositoryConfig): Promise<void> {
  const file = fileOf(home, config.repositoryId);
  const identity: Identity = { encrypted: config.encrypted, publicKey: toHex(config.publicKey) };
  const known = await load(file);
  if (known === undefined) {
    await store(file, identity);
    return;
  }
  if (known.encrypted === identity.encrypted && known.publicKey === identity.publicKey) return;
  const what =
    known.encrypted && !identity.encrypted
      ? 'it was encrypted, and now it says that it is not'
      : 'its key is another one';
  throw new CairnError('repository/wrong-identity', `This is not the repository that this computer knows: ${what}.`, {
    hint: `Nothing was written. Someone may have replaced its configuration: compare “config” with another copy of this repository. If it is meant to be so, delete ${file}.`,
  });
}

async function load(file: string): Promise<Identity | undefined> {
  try {
    const fields = new RecordReader(JSON.parse(await readFile(file, 'utf8')), 'record of a known repository');
    if (fields.count('version') !== FILE_VERSION) return undefined;
    return { encrypted: fields.flag('encrypted'), publicKey: fields.text('publicKey') };
  } catch (error) {
    // Absent, or damaged local state: then this is the first sight again.
    if (isCairnError(error) || error instanceof SyntaxError || isErrno(error)) return undefined;
    throw error;
  }
}

function isErrno(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}

/** Not being able to remember is no reason not to back up: the check is then no better than on a new computer. */
async function store(file: string, identity: Identity): Promise<void> {
  try {
    await writeLocalFile(file, { version: FILE_VERSION, ...identity });
  } catch (error) {
    if (!isErrno(error)) throw error;
  }
}
