/**
 * Does tasks (write-task.ts): opens and decodes segments, compares content with its hash, writes. The same code in a
 * worker and, for small restores, in the thread that plans.
 *
 * Invariants: no file gets its name unless the hash of its content was right; a segment is decoded once a task, and its
 * plaintext dropped after the last file that needs it. Damage is no error here: the file is to be read again, with every
 * other copy, by who knows the repository.
 */
import fs from 'node:fs';
import { assert } from '../../../src-shared/assert.ts';
import { isCairnError } from '../../../src-shared/errors.ts';
import {
  BLOB_TYPE,
  type BlobHasher,
  createBlobHasher,
  createHasher,
  type FileOpener,
  hash,
  openFileHeader,
} from '../codec/index.ts';
import { equalBytes, giveBack } from '../kernel/index.ts';
import { openPlainSegment } from '../pack/index.ts';
import { errnoOf } from '../source/index.ts';
import type { DescriptorCalls } from './descriptor-calls.ts';
import { type FileOrder, readFileOrders } from './file-order.ts';
import { FILE_STATUS, type FileListener, type FileStatus, FileWriter } from './file-writer.ts';
import { writeAroundHoles } from './holes.ts';
import {
  type CompareTask,
  type FileIdentity,
  type FileLeftOut,
  type FilesResult,
  type FilesTask,
  type FileTrouble,
  PLAIN,
  type PiecesResult,
  type PiecesTask,
  SEGMENT_ROW,
  type TaskPack,
  type TaskSegments,
  type WriteResult,
  type WriterSetup,
  type WriteTask,
} from './write-task.ts';

const OPENERS_MAX = 256;
const EMPTY = new Uint8Array();

export class TaskRunner {
  readonly #setup: WriterSetup;
  readonly #calls: DescriptorCalls;
  readonly #writer: FileWriter;
  readonly #blobHasher: BlobHasher;
  readonly #hasher = createHasher();
  readonly #openers = new Map<string, FileOpener>();

  constructor(calls: DescriptorCalls, setup: WriterSetup) {
    this.#calls = calls;
    this.#setup = setup;
    this.#writer = new FileWriter(calls, setup);
    this.#blobHasher = createBlobHasher(setup.idKey);
  }

  run(task: WriteTask): WriteResult {
    switch (task.kind) {
      case 'files':
        return this.#files(task);
      case 'pieces':
        return this.#pieces(task);
      case 'compare':
        return this.#compare(task);
    }
  }

  #files(task: FilesTask): FilesResult {
    const segments = new SegmentReader(task, (pack) => this.#opener(pack));
    const statuses = new Uint8Array(task.count).fill(FILE_STATUS.again);
    const troubles: FileTrouble[] = [];
    const leftOut: FileLeftOut[] = [];
    const identities: FileIdentity[] = [];
    const orders = [...readFileOrders(task.orders, task.count)];
    for (const { pieces } of orders) for (const { segment } of pieces) segments.expect(segment);
    for (const [file, order] of orders.entries()) {
      const listener: FileListener = {
        problem: (what, code) => void troubles.push({ file, what, code }),
        leaveOut: (kind, code) => note(leftOut, file, kind, code),
        identity: (device, inode) => void identities.push({ file, device, inode }),
      };
      const status = this.#file(order, segments, listener);
      statuses[file] = status;
      if (status === FILE_STATUS.stopped) break;
    }
    segments.giveBack();
    return { kind: 'files', statuses, troubles, leftOut, identities };
  }

  #file(order: FileOrder, segments: SegmentReader, listener: FileListener): FileStatus {
    const parts: Uint8Array[] = [];
    for (const { segment, offset, length } of order.pieces) {
      const plain = segments.plain(segment);
      if (plain !== undefined && offset + length <= plain.length) parts.push(plain.subarray(offset, offset + length));
    }
    const isRight = parts.length === order.pieces.length && equalBytes(this.#hash(parts), order.contentHash);
    const status = isRight ? this.#writer.place(order, parts, listener) : FILE_STATUS.again;
    for (const { segment } of order.pieces) segments.finished(segment);
    return status;
  }

  #hash(parts: readonly Uint8Array[]): Uint8Array {
    if (parts.length <= 1) return hash(parts[0] ?? EMPTY);
    for (const part of parts) this.#hasher.update(part);
    return this.#hasher.digest();
  }

  #pieces(task: PiecesTask): PiecesResult {
    const segments = new SegmentReader(task, (pack) => this.#opener(pack));
    const bytes: (Uint8Array | undefined)[] = [];
    for (const { segment, offset, length, position } of task.pieces) {
      // Kept to the end: the bytes are handed back.
      const plain = segments.plain(segment);
      if (plain === undefined || offset + length > plain.length) {
        bytes.push(undefined);
        continue;
      }
      const part = plain.subarray(offset, offset + length);
      const trouble = this.#write(task.fd, part, position, task.sparse);
      if (trouble !== undefined) return { kind: 'pieces', bytes, trouble };
      bytes.push(part);
    }
    return { kind: 'pieces', bytes, trouble: undefined };
  }

  #write(fd: number, bytes: Uint8Array, position: number, sparse: boolean): string | undefined {
    if (!sparse) return this.#calls.write(fd, bytes, position);
    return writeAroundHoles(bytes, position, (part, at) => this.#calls.write(fd, part, at));
  }

  /** What of the older file is what belongs there is written from it; the rest is undefined in the result. */
  #compare({ oldFd, fd, sparse, pieces }: CompareTask): PiecesResult {
    const bytes: (Uint8Array | undefined)[] = [];
    for (const { position, length, id } of pieces) {
      const found = readPiece(oldFd, position, length);
      if (found === undefined || !equalBytes(this.#blobHasher.idOf(BLOB_TYPE.fileChunk, found), id)) {
        bytes.push(undefined);
        continue;
      }
      const trouble = this.#write(fd, found, position, sparse);
      if (trouble !== undefined) return { kind: 'pieces', bytes, trouble };
      bytes.push(found);
    }
    return { kind: 'pieces', bytes, trouble: undefined };
  }

  #opener({ id, fileType, header }: TaskPack): FileOpener {
    const known = this.#openers.get(id);
    if (known !== undefined) return known;
    const { secrets, repositoryId } = this.#setup;
    const opener = openFileHeader(header, { fileTypes: [fileType], repositoryId, secrets });
    if (this.#openers.size >= OPENERS_MAX) this.#openers.clear();
    this.#openers.set(id, opener);
    return opener;
  }
}

/** The segments of one task, decoded when first needed. What was announced is given back after its last need. */
class SegmentReader {
  readonly #segments: TaskSegments;
  readonly #openerOf: (pack: TaskPack) => FileOpener;
  readonly #needed: Uint32Array;
  readonly #plain = new Map<number, Uint8Array | undefined>();

  constructor(segments: TaskSegments, openerOf: (pack: TaskPack) => FileOpener) {
    this.#segments = segments;
    this.#openerOf = openerOf;
    this.#needed = new Uint32Array(segments.rows.length / SEGMENT_ROW);
  }

  /** One more need that `finished` will be told of. */
  expect(segment: number): void {
    this.#needed[segment] = (this.#needed[segment] ?? 0) + 1;
  }

  /** The plaintext; undefined where it can't be had. */
  plain(segment: number): Uint8Array | undefined {
    if (this.#plain.has(segment)) return this.#plain.get(segment);
    const plain = this.#decode(segment);
    this.#plain.set(segment, plain);
    return plain;
  }

  finished(segment: number): void {
    const left = (this.#needed[segment] ?? 0) - 1;
    this.#needed[segment] = Math.max(left, 0);
    if (left > 0) return;
    const plain = this.#plain.get(segment);
    this.#plain.delete(segment);
    // What is neither encrypted nor compressed is a view of what was read, and other segments lie beside it.
    if (!this.#segments.buffers.some(({ buffer }) => buffer === plain?.buffer)) giveBack(plain);
  }

  /** Everything that was read for this task. */
  giveBack(): void {
    for (let segment = 0; segment < this.#needed.length; segment++) {
      if (this.#isOurs(segment)) giveBack(this.#segments.buffers[this.#segments.rows[segment * SEGMENT_ROW + 1] ?? 0]);
    }
  }

  /** Plaintext comes from the reader of blobs, which keeps it. */
  #isOurs(segment: number): boolean {
    return this.#segments.rows[segment * SEGMENT_ROW] !== PLAIN;
  }

  #decode(segment: number): Uint8Array | undefined {
    const { packs, buffers, rows } = this.#segments;
    const [pack = 0, buffer = 0, offset = 0, length = 0] = rows.subarray(
      segment * SEGMENT_ROW,
      (segment + 1) * SEGMENT_ROW,
    );
    const bytes = buffers[buffer]?.subarray(offset, offset + length);
    if (bytes?.length !== length) return undefined;
    if (pack === PLAIN) return bytes;
    const from = packs[pack];
    assert(from !== undefined, 'a segment of a task lies in one of its packs');
    try {
      return openPlainSegment(this.#openerOf(from), bytes);
    } catch (error) {
      if (!isCairnError(error)) throw error;
      // Whatever it is, who reads it again finds out and says so.
      return undefined;
    }
  }
}

function note(leftOut: FileLeftOut[], file: number, kind: string, code: string): void {
  const at = leftOut.findIndex((one) => one.kind === kind && one.code === code);
  const known = leftOut[at];
  if (known === undefined) leftOut.push({ file, kind, code, count: 1 });
  else leftOut[at] = { ...known, count: known.count + 1 };
}

function readPiece(fd: number, position: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  try {
    for (let filled = 0; filled < length;) {
      const count = fs.readSync(fd, bytes, filled, length - filled, position + filled);
      if (count === 0) return undefined;
      filled += count;
    }
    return bytes;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    // A part of the old file that can't be read is no part that is right.
    return undefined;
  }
}
