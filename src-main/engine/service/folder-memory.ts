/**
 * Which folder stood where: what tells a folder that was put in the place of another from one in which nothing happened.
 *
 * A file counts as unchanged when its size and times are what they were, and nobody can set a ctime. But a folder that is
 * moved takes its files along without touching their ctimes: two versions of a program, unpacked long ago with equal sizes
 * and times, may change places. Inodes tell, and they are no part of a snapshot, so this computer remembers them.
 *
 * What is kept are true sentences, as eight bytes each: “at this path, inode I was seen to have this page”. Nobody needs
 * to know when: a sentence helps only where the parent snapshot has that very page. So the file can be older than the
 * snapshot, cut off, or gone; the worst is that files are read again.
 */
import { appendFile, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { hash } from '../codec/index.ts';
import type { FolderNotes } from '../backup/index.ts';
import { type Ports, concatBytes, toHex } from '../kernel/index.ts';
import { writeLocalBytes } from './local-file.ts';

const FOLDER = 'folders';
const SENTENCE_BYTES = 8;
/** 4 million folders; a larger file is not ours. */
const FILE_BYTES_MAX = 4_000_000 * SENTENCE_BYTES;
const SEPARATOR = Uint8Array.of(0);

export type FolderMemoryOptions = {
  readonly home: string;
  readonly ports: Pick<Ports, 'log'>;
  readonly repositoryId: string;
  readonly sources: readonly Uint8Array[];
};

/** Of the sources that one set backs up to one repository. */
export class FolderMemory {
  readonly #file: string;
  readonly #log: Ports['log'];
  #known = new Set<bigint>();

  private constructor(file: string, log: Ports['log']) {
    this.#file = file;
    this.#log = log;
  }

  /** Never fails: what can't be read is not known. */
  static async open({ home, ports, repositoryId, sources }: FolderMemoryOptions): Promise<FolderMemory> {
    const name = toHex(hash(concatBytes(sources.flatMap((source) => [source, SEPARATOR])))).slice(0, 32);
    const memory = new FolderMemory(path.join(home, FOLDER, repositoryId, name), ports.log);
    await memory.#load();
    return memory;
  }

  /** For one backup. `keep` is called when it was published. */
  begin(): FolderNotes & { readonly keep: (wasFull: boolean) => Promise<void> } {
    const seen = new Set<bigint>();
    return {
      has: (at, inode, page) => this.#known.has(sentence(at, inode, page)),
      note: (at, inode, page) => void seen.add(sentence(at, inode, page)),
      keep: (wasFull) => this.#keep(seen, wasFull),
    };
  }

  async #load(): Promise<void> {
    try {
      const { size } = await stat(this.#file);
      if (size > FILE_BYTES_MAX) return;
      const bytes = await readFile(this.#file);
      // A last one that is torn is left out.
      for (let at = 0; at + SENTENCE_BYTES <= bytes.length; at += SENTENCE_BYTES)
        this.#known.add(bytes.readBigUInt64LE(at));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT'))
        this.#log('warn', 'what is known of folders could not be read; files may be read again', { error });
    }
  }

  /** After a look at everything only what it saw is kept, otherwise what is new is added. Its failure fails nothing. */
  async #keep(seen: Set<bigint>, wasFull: boolean): Promise<void> {
    const added = wasFull ? seen : new Set([...seen].filter((one) => !this.#known.has(one)));
    if (wasFull) this.#known = seen;
    else for (const one of added) this.#known.add(one);
    try {
      if (wasFull) {
        await writeLocalBytes(this.#file, bytesOf(seen));
      } else if (added.size > 0) await appendFile(this.#file, bytesOf(added), { mode: 0o600 });
    } catch (error) {
      this.#log('warn', 'what is known of folders could not be kept; files may be read again', { error });
    }
  }
}

function sentence(at: Uint8Array, inode: bigint, page: Uint8Array): bigint {
  const number = Buffer.alloc(9);
  number.writeBigUInt64LE(BigInt.asUintN(64, inode), 1);
  const digest = hash(concatBytes([at, number, page]));
  return new DataView(digest.buffer, digest.byteOffset).getBigUint64(0, true);
}

function bytesOf(sentences: ReadonlySet<bigint>): Buffer {
  const bytes = Buffer.alloc(sentences.size * SENTENCE_BYTES);
  let at = 0;
  for (const one of sentences) at = bytes.writeBigUInt64LE(one, at);
  return bytes;
}
