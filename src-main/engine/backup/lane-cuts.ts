/**
 * Large files in a lane: two parts are on their way at a time, one being made while the other is stored.
 *
 * The lane's side (LaneCuts) and the backup's (CutsUnderWay). A descriptor stays the backup's, which closes it only when
 * the lane has said that it is done with it.
 */
import { assert } from '../../../src-shared/assert.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import type { BlobHasher } from '../codec/index.ts';
import { readerOf } from '../source/index.ts';
import { type CutFile, FileCutter, type FilePart, PART_BYTES_MAX } from './cut-file.ts';

export type CutRequest = { readonly fd: number; readonly path: Uint8Array; readonly size: number };

/** Parts of a file that are on their way. */
export const CUT_SLOTS = 2;

export type ToCuts =
  | { readonly kind: 'cut'; readonly id: number; readonly request: CutRequest; readonly slots: SharedArrayBuffer[] }
  /** A slot can be used again; or, `stop`, the rest of the file is not wanted. */
  | { readonly kind: 'cut-on'; readonly id: number; readonly slot: number; readonly stop: boolean };

export type FromCuts = { readonly kind: 'cut'; readonly id: number } & (
  | (Omit<FilePart, 'bytes' | 'isLast'> & { readonly slot: number; readonly bytes: number })
  /** The lane is done with the file. */
  | { readonly end: CutFile | Problem | 'stopped' }
);

type Cut = {
  readonly id: number;
  readonly slots: readonly Uint8Array[];
  readonly free: number[];
  /** Nothing more is read; it is told when every slot has come back, for the next file will use them. */
  end: CutFile | Problem | 'stopped' | undefined;
};

/** The lane's side. Files are cut one at a time. */
export class LaneCuts {
  readonly #cutter: FileCutter;
  readonly #tell: (message: FromCuts) => void;
  #cut: Cut | undefined;

  constructor(chunkKey: Uint8Array, blobHasher: BlobHasher, tell: (message: FromCuts) => void) {
    this.#cutter = new FileCutter(chunkKey, blobHasher);
    this.#tell = tell;
  }

  take(message: ToCuts): void {
    const { id } = message;
    if (message.kind === 'cut') {
      const { fd, path, size } = message.request;
      assert(this.#cut === undefined, 'files are cut one at a time');
      const slots = message.slots.map((slot) => new Uint8Array(slot));
      this.#cut = { id, slots, free: [...slots.keys()], end: undefined };
      this.#cutter.begin(size, readerOf(fd, path));
    } else {
      assert(this.#cut?.id === id, 'a slot comes back to the file it was used for');
      this.#cut.free.push(message.slot);
      if (message.stop) this.#cut.end ??= 'stopped';
    }
    this.#goOn(this.#cut);
  }

  #goOn(cut: Cut): void {
    while (cut.end === undefined) {
      const slot = cut.free.pop();
      if (slot === undefined) return;
      const part = this.#cutter.next();
      if ('code' in part) {
        cut.free.push(slot);
        cut.end = part;
        break;
      }
      cut.slots[slot]?.set(part.bytes);
      const { lengths, ids, read, bytes, isLast } = part;
      this.#tell({ kind: 'cut', id: cut.id, slot, bytes: bytes.length, lengths, ids, read });
      if (isLast) cut.end = this.#cutter.finish();
    }
    if (cut.free.length < cut.slots.length) return;
    this.#cut = undefined;
    this.#tell({ kind: 'cut', id: cut.id, end: cut.end });
  }
}

type UnderWay = {
  readonly id: number;
  readonly post: (message: ToCuts) => void;
  readonly onPart: (part: Omit<FilePart, 'isLast'>) => Promise<void>;
  readonly resolve: (end: CutFile | Problem) => void;
  readonly reject: (error: unknown) => void;
  /** Parts are stored one after the other. */
  last: Promise<void>;
  failure: { readonly error: unknown } | undefined;
};

/** The backup's side: one file at a time. */
export class CutsUnderWay {
  #slots: readonly SharedArrayBuffer[] | undefined;
  #cut: UnderWay | undefined;

  /** Has a file cut; `onPart` gets part after part, each for the time until its promise is settled. */
  begin(
    id: number,
    request: CutRequest,
    { post, onPart }: Pick<UnderWay, 'post' | 'onPart'>,
  ): Promise<CutFile | Problem> {
    assert(this.#cut === undefined, 'files are cut one at a time: they share the slots');
    this.#slots ??= Array.from({ length: CUT_SLOTS }, () => new SharedArrayBuffer(PART_BYTES_MAX));
    const slots = [...this.#slots];
    return new Promise((resolve, reject) => {
      this.#cut = { id, post, onPart, resolve, reject, last: Promise.resolve(), failure: undefined };
      post({ kind: 'cut', id, request, slots });
    });
  }

  receive(message: FromCuts): void {
    const { id } = message;
    const cut = this.#cut;
    assert(cut?.id === id, 'a lane tells of a file that it was given');
    if ('end' in message) {
      this.#cut = undefined;
      if (cut.failure !== undefined) cut.reject(cut.failure.error);
      else if (message.end !== 'stopped') cut.resolve(message.end);
      return;
    }
    const { slot, lengths, ids, read } = message;
    const memory = this.#slots?.[slot];
    assert(memory !== undefined, 'a part lies in one of the slots');
    const bytes = new Uint8Array(memory, 0, message.bytes);
    cut.last = cut.last
      .then(() => (cut.failure === undefined ? cut.onPart({ bytes, lengths, ids, read }) : undefined))
      .catch((error: unknown) => {
        cut.failure = { error };
      })
      .finally(() => cut.post({ kind: 'cut-on', id, slot, stop: cut.failure !== undefined }));
  }

  /** Nothing is answered any more: every lane has ended. */
  fail(error: unknown): void {
    this.#cut?.reject(error);
    this.#cut = undefined;
  }
}
