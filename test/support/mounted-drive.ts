/**
 * A drive that is really mounted, in a mount namespace of this process's own: a filesystem on a loop device with a label
 * and an id, or, where those are not allowed, a tmpfs. Unplugging it is a lazy unmount: files that are open stay open, and
 * every path from then on leads to the empty folder below, as with a drive that is pulled out.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export function succeeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args).status === 0;
}

export function mustRun(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

export class MountedDrive {
  /** False: a tmpfs, which is no drive that a person would know, and is found in its place only. */
  readonly isReal: boolean;
  readonly image: string;
  readonly #store: string;
  #at: string | undefined;

  /** Formatted and mounted at `place`. */
  constructor(folder: string, place: string, sizeBytes: number) {
    this.image = path.join(folder, 'drive.img');
    this.#store = path.join(folder, 'drive-store');
    fs.writeFileSync(this.image, '');
    fs.truncateSync(this.image, sizeBytes);
    this.isReal = succeeds('mkfs.ext4', '-q', '-L', 'Blue', this.image) && this.#mountImage(place);
    if (this.isReal) return;
    fs.mkdirSync(this.#store);
    mustRun('mount', '-t', 'tmpfs', 'tmpfs', this.#store);
    this.plugIn(place);
  }

  plugIn(place: string): void {
    if (!this.isReal) mustRun('mount', '--bind', this.#store, place);
    else if (!this.#mountImage(place)) throw new Error(`the drive could not be mounted at ${place}`);
    this.#at = place;
  }

  unplug(): void {
    if (this.#at !== undefined) mustRun('umount', '-l', this.#at);
    this.#at = undefined;
  }

  dispose(): void {
    this.unplug();
    if (!this.isReal) mustRun('umount', '-l', this.#store);
  }

  #mountImage(place: string): boolean {
    const isMounted = succeeds('mount', '-o', 'loop', this.image, place);
    if (isMounted) this.#at = place;
    return isMounted;
  }
}
