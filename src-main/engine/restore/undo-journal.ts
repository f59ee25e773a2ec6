/**
 * What a restore changed, written down while it changes it, so that it can be taken back: one JSON value a line, in a
 * file of Cairn's own (not in the target). Paths are escaped text, relative to the root that was begun last.
 *
 * Invariants: a line about what was kept or put aside is handed to the system before the new entry takes the name, so a
 * restore that is killed can be taken back too; a torn last line ends the journal. Lines and roots are bounded, and what
 * is read back is checked like anything else: it names what will be removed.
 */
import fs from 'node:fs';
import { CairnError } from '../../../src-shared/errors.ts';

/** An entry as the restore left it: one that is other now was changed by somebody since, and is not removed. */
export type LeftAs = { readonly nodeType: string; readonly size: number; readonly mtimeNs: bigint };

export type UndoLine =
  /** What follows happened below this folder. `inode` tells it from another folder of the same path. */
  | { readonly kind: 'root'; readonly path: string; readonly inode: bigint; readonly stamp: string }
  /** A folder was made. */
  | { readonly kind: 'folder'; readonly path: string }
  /** Something was made where nothing was. */
  | { readonly kind: 'added'; readonly path: string; readonly leftAs: LeftAs }
  /** What was there is in the safety folder, under the same path; this is there instead, unless the restore failed. */
  | { readonly kind: 'replaced'; readonly path: string; readonly leftAs: LeftAs }
  /** What was there has another name in the same folder. `leftAs` undefined: a folder took its place. */
  | {
      readonly kind: 'aside';
      readonly path: string;
      readonly name: string;
      readonly leftAs: LeftAs | undefined;
    }
  /** Was not in the snapshot, and is in the safety folder. */
  | { readonly kind: 'removed'; readonly path: string }
  /** A folder that was there had this mode and time. */
  | { readonly kind: 'metadata'; readonly path: string; readonly mode: number; readonly mtimeNs: bigint };

const VERSION = 1;
const HEADER = JSON.stringify({ cairnUndo: VERSION });
/** Lines that only name what is new may wait for each other. */
const BUFFERED_CHARACTERS_MAX = 64 * 1024;
/** A path of 8,192 folders, each byte escaped, is shorter. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const READ_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

export class UndoJournal {
  readonly #fd: number;
  #buffered = '';
  #isClosed = false;

  /** Makes the file, which must not be there yet. Throws the errno of the system. */
  constructor(path: string) {
    this.#fd = fs.openSync(path, 'ax', 0o600);
    this.#buffered = `${HEADER}\n`;
  }

  /** May be lost when the process is killed: then what it names stays, and nothing else is harmed. */
  note(line: UndoLine): void {
    this.#buffered += `${JSON.stringify(line, bigintAsText)}\n`;
    if (this.#buffered.length >= BUFFERED_CHARACTERS_MAX) this.#write();
  }

  /** Is with the system when this returns. */
  noteFirst(line: UndoLine): void {
    this.note(line);
    this.#write();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#write();
      fs.fsyncSync(this.#fd);
    } finally {
      fs.closeSync(this.#fd);
    }
  }

  #write(): void {
    const text = this.#buffered;
    this.#buffered = '';
    if (text !== '') fs.writeFileSync(this.#fd, text);
  }
}

/** The lines from the first to the last, or to a torn one. @throws CairnError engine/local-state for any other file */
export function* readUndoJournal(path: string): Generator<UndoLine> {
  let isFirst = true;
  for (const line of linesOf(path)) {
    if (isFirst && line !== HEADER) throw notAJournal(path, 'it was not written by this Cairn');
    if (!isFirst) yield parseLine(path, line);
    isFirst = false;
  }
}

/** False where the restore ended before it changed anything but the time of a folder. */
export function holdsChanges(path: string): boolean {
  for (const { kind } of readUndoJournal(path)) if (kind !== 'root' && kind !== 'metadata') return true;
  return false;
}

/** Whole lines only. */
function* linesOf(path: string): Generator<string> {
  const fd = fs.openSync(path, 'r');
  try {
    const piece = Buffer.alloc(READ_BYTES);
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const count = fs.readSync(fd, piece, 0, piece.length, null);
      if (count === 0) return;
      let data = Buffer.concat([rest, piece.subarray(0, count)]);
      for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
        yield data.toString('utf8', 0, end);
        data = data.subarray(end + 1);
      }
      if (data.length > LINE_BYTES_MAX) throw notAJournal(path, 'a line of it is longer than any path');
      rest = data;
    }
  } finally {
    fs.closeSync(fd);
  }
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function parseLine(file: string, text: string): UndoLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notAJournal(file, 'a line of it can’t be read', error);
  }
  const fields = new Fields(file, value);
  const path = fields.text('path');
  switch (fields.text('kind')) {
    case 'root':
      return { kind: 'root', path, inode: fields.bigint('inode'), stamp: fields.text('stamp') };
    case 'folder':
      return { kind: 'folder', path };
    case 'added':
      return { kind: 'added', path, leftAs: fields.leftAs() };
    case 'replaced':
      return { kind: 'replaced', path, leftAs: fields.leftAs() };
    case 'aside':
      return {
        kind: 'aside',
        path,
        name: fields.text('name'),
        leftAs: fields.has('leftAs') ? fields.leftAs() : undefined,
      };
    case 'removed':
      return { kind: 'removed', path };
    case 'metadata':
      return { kind: 'metadata', path, mode: fields.number('mode'), mtimeNs: fields.bigint('mtimeNs') };
    default:
      throw notAJournal(file, 'a line of it is of a kind that this Cairn does not know');
  }
}

/** The fields of a line, each checked. */
class Fields {
  readonly #file: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(file: string, value: unknown) {
    if (typeof value !== 'object' || value === null) throw notAJournal(file, 'a line of it holds no fields');
    this.#file = file;
    this.#values = { ...value };
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  text(name: string): string {
    const value = this.#values[name];
    return typeof value === 'string' ? value : this.#fail(name);
  }

  number(name: string): number {
    const value = this.#values[name];
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : this.#fail(name);
  }

  bigint(name: string): bigint {
    const value = this.text(name);
    return /^-?\d{1,20}$/.test(value) ? BigInt(value) : this.#fail(name);
  }

  leftAs(): LeftAs {
    const inner = new Fields(this.#file, this.#values.leftAs);
    return { nodeType: inner.text('nodeType'), size: inner.number('size'), mtimeNs: inner.bigint('mtimeNs') };
  }

  #fail(name: string): never {
    throw notAJournal(this.#file, `a line of it has no sound “${name}”`);
  }
}

function notAJournal(path: string, why: string, cause?: unknown): CairnError {
  return new CairnError('engine/local-state', `What a restore wrote down to be taken back can’t be used: ${why}.`, {
    hint: 'Nothing was changed. What was replaced lies in the folder .cairn-replaced of the place it was restored to.',
    context: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}
