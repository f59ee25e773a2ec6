/**
 * What is dirty and not yet in a snapshot, kept where a crash can't take it: one small file a source, in CAIRN_HOME.
 *
 * A folder is added when the watcher first tells of it, and is on disk a fraction of a second later. A batch is taken with
 * `mark`, and acknowledged with that mark after its snapshot was published; what came in between has a later number and
 * stays. What was not acknowledged is there again after a crash.
 *
 * Every line carries a checksum. A last line that is torn was never promised to anyone and is left out; any other line
 * that is not as it was written makes the whole file worth one word: everything. So does a file that can't be written or
 * grew beyond its bound. The journal never stops a backup: whoever begins anew looks at everything in any case.
 */
import { open, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { isCairnError } from '../../../src-shared/errors.ts';
import { displayPath, unescapePath } from '../../../src-shared/format/index.ts';
import { hash } from '../codec/index.ts';
import { type After, type Ports, toHex, utf8 } from '../kernel/index.ts';
import type { DirtyNote } from '../source/index.ts';
import { localErrno, makeLocalFolder, syncFolder, writeLocalText } from './local-file.ts';

/** Lines reach the disk at most so often: a sync costs a spinning drive 10 ms and more. */
const WRITE_EVERY_MS = 200;
/** More folders are not worth naming: to look at everything costs no more. */
const FOLDERS_MAX = 30_000;
/** Beyond this what is acknowledged is thrown out. */
const COMPACT_BYTES = 1024 * 1024;
/** A file larger than any this writes is somebody's joke. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const CHECKSUM_DIGITS = 8;
const LINE = /^([0-9a-f]{8}) (([0-9]{1,15}) (folder (.+)|everything ([a-z-]+)|done))$/;

export type Unfinished =
  | { readonly kind: 'folders'; readonly folders: readonly Buffer[] }
  | { readonly kind: 'everything'; readonly reason: string };

/** Everything added before it. */
export type JournalMark = { readonly upTo: number };

export type DirtyJournal = {
  /** What was not acknowledged when the journal was opened; it is still part of it. */
  readonly found: Unfinished;
  readonly add: (note: DirtyNote) => void;
  readonly mark: () => JournalMark;
  /** The snapshot is published. */
  readonly acknowledge: (mark: JournalMark) => void;
  /** When all that was added is on disk, or can't be written. */
  readonly flush: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type JournalOptions = {
  readonly file: string;
  readonly ports: Pick<Ports, 'log'>;
  readonly after: After;
};

/** Reads what is there, or begins an empty one. Never fails: a journal that can't be used says “everything”. */
export async function openDirtyJournal(options: JournalOptions): Promise<DirtyJournal> {
  const state = await readJournal(options);
  const journal = new Journal(options, state);
  // Written anew: what was torn, acknowledged or unreadable is gone from it.
  await journal.flush();
  return journal;
}

type State = {
  /** Folder as latin1 → number of its last line. */
  readonly folders: Map<string, number>;
  everything: { readonly reason: string; readonly number: number } | undefined;
  last: number;
};

class Journal implements DirtyJournal {
  readonly found: Unfinished;
  readonly #options: JournalOptions;
  readonly #state: State;
  #unwritten: string[] = [];
  #fileBytes = 0;
  /** The file is to be written as a whole now: at first, and when it has grown or nothing of it counts any more. */
  #isStale = true;
  /** It could not be written: the next write is one of the whole. */
  #isBroken = false;
  #writing: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(options: JournalOptions, state: State) {
    this.#options = options;
    this.#state = state;
    this.found =
      state.everything === undefined
        ? { kind: 'folders', folders: [...state.folders.keys()].map((folder) => Buffer.from(folder, 'latin1')) }
        : { kind: 'everything', reason: state.everything.reason };
  }

  add(note: DirtyNote): void {
    const number = ++this.#state.last;
    if (note.kind === 'folder' && this.#state.folders.size < FOLDERS_MAX) {
      this.#state.folders.set(note.folder.toString('latin1'), number);
      return this.#append(folderLine(number, note.folder));
    }
    const reason = note.kind === 'folder' ? 'many-folders' : note.reason;
    this.#state.everything = { reason, number };
    // Named folders that came before are part of it.
    this.#state.folders.clear();
    this.#append(everythingLine(number, reason));
  }

  mark(): JournalMark {
    return { upTo: this.#state.last };
  }

  acknowledge({ upTo }: JournalMark): void {
    forget(this.#state, upTo);
    const isEmpty = this.#state.folders.size === 0 && this.#state.everything === undefined;
    if (isEmpty || this.#fileBytes > COMPACT_BYTES) this.#isStale = true;
    this.#append(line(`${upTo} done`));
  }

  async flush(): Promise<void> {
    while (this.#isStale || this.#unwritten.length > 0) await (this.#writing ??= this.#write());
    await this.#writing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.flush();
  }

  #append(text: string): void {
    this.#unwritten.push(text);
    if (this.#isClosed || this.#cancel !== undefined) return;
    this.#cancel = this.#options.after(WRITE_EVERY_MS, () => {
      this.#cancel = undefined;
      this.flush().catch((error: unknown) => {
        throw error;
      });
    });
  }

  async #write(): Promise<void> {
    const isWhole = this.#isStale || this.#isBroken;
    const text = isWhole ? this.#wholeText() : this.#unwritten.join('');
    this.#isStale = false;
    this.#unwritten = [];
    try {
      if (isWhole) await this.#replace(text);
      else await this.#add(text);
      this.#fileBytes = isWhole ? text.length : this.#fileBytes + text.length;
      this.#isBroken = false;
    } catch (error) {
      if (localErrno(error) === undefined) throw error;
      await this.#giveUp(error);
    } finally {
      this.#writing = undefined;
    }
  }

  async #replace(text: string): Promise<void> {
    const { file } = this.#options;
    await writeLocalText(file, text);
    await syncFolder(path.dirname(file));
  }

  async #add(text: string): Promise<void> {
    const handle = await open(this.#options.file, 'a', 0o600);
    try {
      await handle.writeFile(text);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  /** The file does not hold what it should, and a part of it would be believed. Tried again with the next line. */
  async #giveUp(error: unknown): Promise<void> {
    const { file, ports } = this.#options;
    if (!this.#isBroken) {
      ports.log('warn', 'the journal of changed folders can’t be written', { file, error: String(error) });
    }
    this.#isBroken = true;
    await rm(file, { force: true }).catch(() => undefined);
  }

  #wholeText(): string {
    const { folders, everything, last } = this.#state;
    // Numbers go on from where they were.
    const lines = [line(`${everything === undefined && folders.size === 0 ? last : 0} done`)];
    // Before the folders: those that stand before it are part of it.
    if (everything !== undefined) lines.push(everythingLine(everything.number, everything.reason));
    for (const [folder, number] of folders) lines.push(folderLine(number, Buffer.from(folder, 'latin1')));
    return lines.join('');
  }
}

const folderLine = (number: number, folder: Buffer): string => line(`${number} folder ${displayPath(folder)}`);
const everythingLine = (number: number, reason: string): string => line(`${number} everything ${reason}`);

function line(text: string): string {
  return `${checksum(text)} ${text}\n`;
}

function checksum(text: string): string {
  return toHex(hash(utf8(text))).slice(0, CHECKSUM_DIGITS);
}

async function readJournal({ file, ports }: JournalOptions): Promise<State> {
  const damaged = (detail: string): State => {
    ports.log('warn', 'the journal of changed folders is damaged: everything will be looked at', { file, detail });
    return { folders: new Map(), everything: { reason: 'journal-damaged', number: 1 }, last: 1 };
  };
  try {
    await makeLocalFolder(path.dirname(file));
    const { size } = await stat(file);
    if (size > FILE_BYTES_MAX) return damaged(`it has ${size} bytes`);
    return replay(await readFile(file, 'utf8')) ?? damaged('a line of it is not as it was written');
  } catch (error) {
    if (localErrno(error) === undefined) throw error;
    if (localErrno(error) === 'ENOENT') return { folders: new Map(), everything: undefined, last: 0 };
    return damaged(String(error));
  }
}

/** Undefined where a line is not as it was written. */
function replay(text: string): State | undefined {
  const state: State = { folders: new Map(), everything: undefined, last: 0 };
  // What stands behind the last end of a line was being written.
  for (const one of text.split('\n').slice(0, -1)) {
    const [, sum, content, digits, , folder, reason] = LINE.exec(one) ?? [];
    if (sum === undefined || content === undefined || sum !== checksum(content)) return undefined;
    const number = Number(digits);
    state.last = Math.max(state.last, number);
    if (folder !== undefined) {
      const bytes = pathOf(folder);
      if (bytes === undefined) return undefined;
      state.folders.set(bytes.toString('latin1'), number);
    } else if (reason !== undefined) {
      state.everything = { reason, number };
      state.folders.clear();
    } else forget(state, number);
  }
  return state;
}

function forget(state: State, upTo: number): void {
  for (const [folder, number] of state.folders) if (number <= upTo) state.folders.delete(folder);
  if (state.everything !== undefined && state.everything.number <= upTo) state.everything = undefined;
}

function pathOf(text: string): Buffer | undefined {
  try {
    return Buffer.from(unescapePath(text));
  } catch (error) {
    if (isCairnError(error)) return undefined;
    throw error;
  }
}
