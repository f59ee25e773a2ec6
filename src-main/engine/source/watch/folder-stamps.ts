/**
 * What every folder of a tree was when it was last looked at, for a library that may not tell everything: which folder it
 * is (device, inode, birth), and when it or its list of names changed (ctime, which nobody can set back). A look costs one
 * system call a folder, and a listing where something changed.
 *
 * Each folder is stamped before it is listed: what comes in between is seen in the listing, or makes another stamp.
 */
import { lstat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, mapBounded } from '../../kernel/index.ts';
import { joinPath } from '../folder.ts';
import { FolderLister, subfolderNames } from './subfolders.ts';

const LOOKS_AT_ONCE = 4;
/** Two changes within one tick of the system's clock may bear one time (100 ticks a second at the least). */
const TICK_MS = 12;

type Stamp = {
  /** Another one: another folder, of the same name or not. */
  readonly identity: string;
  /** Empty: it changed just now, so the next change may look the same. */
  readonly time: string;
  /** `time` when it was reported last. */
  readonly toldTime: string;
};

export type Difference = {
  /** Other than they were, and not reported since, or new. */
  readonly changed: readonly Buffer[];
  /** New, or another folder of the same name; those below them are among them. */
  readonly appeared: readonly Buffer[];
};

export type FolderStampsOptions = {
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Folders that are not looked at, with all in them. */
  readonly isIgnored: (folder: Buffer) => boolean;
};

export class FolderStamps {
  /** By path as latin1. */
  readonly #known = new Map<string, Stamp>();
  readonly #options: FolderStampsOptions;

  constructor(options: FolderStampsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#known.size;
  }

  /** Some of them have to be looked at again before anything is certain. */
  get isUnsure(): boolean {
    for (const { time } of this.#known.values()) if (time === '') return true;
    return false;
  }

  /** What became other below `top`, and `top` itself, since the last look; all of it where `top` is not known. */
  async compare(top: Buffer): Promise<Difference> {
    const key = top.toString('latin1');
    const below = key.endsWith('/') ? key : `${key}/`;
    const keys = [...this.#known.keys()].filter((known) => known === key || known.startsWith(below));
    const found = { changed: new Array<Buffer>(), appeared: new Array<Buffer>() };
    if (!this.#known.has(key)) await this.#takeIn(top, found);
    await mapBounded(keys, LOOKS_AT_ONCE, (known) => this.#compareOne(known, found));
    return found;
  }

  /** To be called before a folder is reported: whoever hears of it looks at it later than this. */
  async aboutToTell(folder: Buffer): Promise<void> {
    const key = folder.toString('latin1');
    if (!this.#known.has(key)) return;
    let now = await this.#stampOf(folder);
    if (now?.time === '') {
      await delay(TICK_MS);
      now = await this.#stampOf(folder);
    }
    const known = this.#known.get(key);
    if (now !== undefined && known?.identity === now.identity)
      this.#known.set(key, { ...known, toldTime: now.time === '' ? known.toldTime : now.time });
  }

  async #compareOne(key: string, { changed, appeared }: Found): Promise<void> {
    const folder = Buffer.from(key, 'latin1');
    const now = await this.#stampOf(folder);
    const before = this.#known.get(key);
    if (before === undefined) return;
    // That it is gone is told by the folder above, which is another one now too.
    if (now === undefined) return void this.#known.delete(key);
    const isAnother = before.identity !== now.identity;
    this.#known.set(key, isAnother ? now : { ...now, toldTime: before.toldTime });
    if (!isAnother && before.time === now.time && now.time !== '') return;
    if (isAnother) appeared.push(folder);
    if (isAnother || now.time !== before.toldTime) changed.push(folder);
    for (const name of (await subfolderNames(folder)) ?? []) {
      const child = joinPath(folder, name);
      if (!this.#known.has(child.toString('latin1'))) await this.#takeIn(child, { changed, appeared });
    }
  }

  async #takeIn(top: Buffer, { changed, appeared }: Found): Promise<void> {
    const lister: FolderLister<Buffer> = new FolderLister<Buffer>(
      async (folder) => {
        const stamp = await this.#stampOf(folder);
        if (stamp === undefined) return undefined;
        this.#known.set(folder.toString('latin1'), stamp);
        changed.push(folder);
        appeared.push(folder);
        return subfolderNames(folder);
      },
      (folder, names) => {
        for (const name of names) enter(joinPath(folder, name));
      },
    );
    const enter = (folder: Buffer): void => {
      if (!this.#options.isIgnored(folder)) lister.add(folder);
    };
    enter(top);
    await lister.idle();
  }

  /** Undefined for what is no folder, or not there. */
  async #stampOf(folder: Buffer): Promise<Stamp | undefined> {
    const stats = await lstat(folder, { bigint: true }).catch(() => undefined);
    if (stats?.isDirectory() !== true) return undefined;
    const { dev, ino, birthtimeNs, ctimeNs } = stats;
    const isFresh = Math.abs(this.#options.clock.nowMs() - Number(ctimeNs / 1_000_000n)) <= TICK_MS;
    return { identity: `${dev}:${ino}:${birthtimeNs}`, time: isFresh ? '' : String(ctimeNs), toldTime: '' };
  }
}

type Found = { readonly changed: Buffer[]; readonly appeared: Buffer[] };
