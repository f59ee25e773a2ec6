/** Small hands for tests on a lab's repository: what lies where, contents that don't shrink, and a way to break a byte. */
import fs from 'node:fs';
import path from 'node:path';
import { BLOB_TYPE, hash } from '../../src-main/engine/codec/index.ts';
import type { Repository, RepositoryLimits } from '../../src-main/engine/repository/index.ts';
import type { BlobId } from '../../src-shared/ids.ts';
import type { Lab } from './engine-lab.ts';
import { filesBelow } from './listing.ts';
import { seeded } from './seed.ts';

/** Every form of a repository with little data: packs from 20 kB, merging from 4 commit files and 3 runs. */
export const LOW_LIMITS: RepositoryLimits = { commitFileBytesMax: 20_000, commitFiles: 4, indexRuns: 3 };

/** Bytes that no compression makes smaller. */
export function noise(seed: number, count: number): Buffer {
  return seeded(seed).bytes(count);
}

/** Files of the repository in one of its folders, packs of all 256 folders included, sorted, relative to the repository. */
export function filesIn(lab: Lab, folder: string): string[] {
  return filesBelow(path.join(lab.repositoryPath, folder))
    .map((file) => path.relative(lab.repositoryPath, file))
    .sort();
}

export function readIn(lab: Lab, name: string): Buffer {
  return fs.readFileSync(path.join(lab.repositoryPath, name));
}

export function writeIn(lab: Lab, name: string, bytes: Uint8Array | string): void {
  const full = path.join(lab.repositoryPath, name);
  fs.mkdirSync(path.dirname(full), { recursive: true });
  fs.writeFileSync(full, bytes);
}

export function removeIn(lab: Lab, ...names: readonly string[]): void {
  for (const name of names) fs.rmSync(path.join(lab.repositoryPath, name), { recursive: true });
}

/** Flips one bit of a file of the repository; `at` counts from the end where it is negative. */
export function flipIn(lab: Lab, name: string, at: number): void {
  const bytes = readIn(lab, name);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 0x10;
  writeIn(lab, name, bytes);
}

/** Puts a file into the lab's source, with the folders above it. */
export function put(lab: Lab, name: string, content: string | Uint8Array): string {
  const full = path.join(lab.source, name);
  fs.mkdirSync(path.dirname(full), { recursive: true });
  fs.writeFileSync(full, content);
  return full;
}

/** The id of a file's content, where it is one chunk. */
export function chunkIdOf(repository: Repository, content: Uint8Array): BlobId {
  return repository.context.blobHasher.idOfHash(BLOB_TYPE.fileChunk, hash(content));
}
