/**
 * Files of several chunks: that their chunks, one after the other, have the content hash that their entry and NodeId bind.
 * (A file of one chunk needs no byte read for that: see trees.ts.)
 *
 * Their bytes were decoded once for the check of their packs and are decoded again here, in the order of the file. Fifty
 * versions of one disk image are fifty times its bytes, so there is an allowance; callers ask for the newest first. What
 * does not fit is counted and told (VerifyReport.coverage), and the order of its chunks remains vouched for by the NodeId
 * alone: so it is with a file that a few shared pages make larger than anything that could be read.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { BLOB_TYPE, type Hasher, createHasher, hash } from '../codec/index.ts';
import { ByteWriter, equalBytes } from '../kernel/index.ts';
import { type FileEntry, type PageFetch, iterateChunks } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import { RecentlySeen } from './fingerprints.ts';

/** A chunk of a byte takes as long as one of these: only what no Cairn cuts has many such. */
const CHUNK_BYTES_MIN = 16 * 1024;
/** Contents that are remembered as right. */
const SEEN_SLOTS = 256 * 1024;

export class ContentCheck {
  readonly #repository: Repository;
  readonly #seen = new RecentlySeen(SEEN_SLOTS);
  readonly #wrong = new RecentlySeen(SEEN_SLOTS);
  readonly #left = new RecentlySeen(SEEN_SLOTS);
  readonly #hasher: Hasher = createHasher();
  #allowanceBytes: number;
  /** Distinct contents that were hashed, and those for which the allowance did not suffice. */
  checkedCount = 0;
  leftCount = 0;

  constructor(repository: Repository, allowanceBytes: number) {
    this.#repository = repository;
    this.#allowanceBytes = allowanceBytes;
  }

  /**
   * False where the content of a file is not what its hash says. True where it is, or was not looked at.
   * @throws CairnError integrity/… where a chunk can't be read, engine/cancelled
   */
  async isRight(entry: FileEntry, fetch: PageFetch, signal: AbortSignal | undefined): Promise<boolean> {
    const key = contentKey(entry);
    if (this.#seen.has(key)) return true;
    if (this.#wrong.has(key)) return false;
    const cost = costOf(entry);
    if (cost > this.#allowanceBytes) {
      if (!this.#left.has(key)) this.leftCount++;
      this.#left.add(key);
      return true;
    }
    this.#allowanceBytes -= cost;
    this.#hasher.reset();
    for await (const { id } of iterateChunks(fetch, entry.content, entry.size)) {
      if (signal?.aborted === true) throw new CairnError('engine/cancelled', 'The check was cancelled.');
      this.#hasher.update(await this.#repository.readBlob(id, BLOB_TYPE.fileChunk));
    }
    const isRight = equalBytes(this.#hasher.digest(), entry.contentHash);
    (isRight ? this.#seen : this.#wrong).add(key);
    this.checkedCount++;
    return isRight;
  }
}

/** What a content takes of the allowance: its bytes, and never less for a chunk than looking it up takes. */
function costOf({ content, size }: FileEntry): number {
  const chunks = content.kind === 'pages' ? content.chunkCount : content.chunks.length;
  return Math.max(size, chunks * CHUNK_BYTES_MIN);
}

/** Names the claim: these chunks have this hash. */
function contentKey({ content, contentHash, size }: FileEntry): Uint8Array {
  const key = new ByteWriter(256).bytes(contentHash).varint(size);
  if (content.kind === 'pages') key.bytes(content.root);
  else for (const { id } of content.chunks) key.bytes(id);
  return hash(key.view());
}
