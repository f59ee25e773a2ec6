/**
 * Modification times, exact to the nanosecond. In order of preference:
 *
 * 1. utimensat through target-native.ts: exact, 0.5 µs a call.
 * 2. Node's own futimes: a double of seconds, up to 119 ns off at today's dates; kept when it happens to be exact.
 * 3. The system's `touch`, one process a file (about 1.5 ms): exact with GNU touch, tried only where 2 was not.
 *
 * The access time is left alone by 1 and set to the same time by 2 and 3.
 */
import { isUtf8 } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { nativeCalls } from './target-native.ts';

const NANOSECONDS = 1_000_000_000n;
const TOUCH_TIMEOUT_MS = 10_000;

/** What gets the time: an open file, an open folder (Linux: O_PATH, by its /proc path), or a path whose last name may be a link. */
export type TimeTarget =
  | { readonly kind: 'descriptor'; readonly fd: number }
  | { readonly kind: 'path'; readonly path: Buffer; readonly follow: boolean };

/** `viaNode` is for tests: it passes over 1. */
export type TimeOptions = { readonly viaNode?: boolean };

/** Sets the modification time. Throws an errno-like error, as fs functions do; a time that is some nanoseconds off is no error. */
export function setModificationTime(target: TimeTarget, mtimeNs: bigint, options: TimeOptions = {}): void {
  const native = options.viaNode === true ? undefined : nativeCalls();
  if (native !== undefined) {
    const code =
      target.kind === 'descriptor'
        ? native.setFileTime(target.fd, mtimeNs)
        : native.setPathTime(target.path, mtimeNs, target.follow);
    if (code !== undefined) throw Object.assign(new Error(`utimensat: ${code}`), { code });
    return;
  }
  setNearest(target, mtimeNs);
  if (currentTime(target) !== mtimeNs) touch(target, mtimeNs);
}

/** A text is converted to a double as it is; a negative *number* Node would replace with the present time. */
function setNearest(target: TimeTarget, mtimeNs: bigint): void {
  const seconds = decimalSeconds(mtimeNs);
  if (target.kind === 'descriptor') fs.futimesSync(target.fd, seconds, seconds);
  else if (target.follow) fs.utimesSync(target.path, seconds, seconds);
  else fs.lutimesSync(target.path, seconds, seconds);
}

function currentTime(target: TimeTarget): bigint {
  if (target.kind === 'descriptor') return fs.fstatSync(target.fd, { bigint: true }).mtimeNs;
  const stats = target.follow
    ? fs.statSync(target.path, { bigint: true })
    : fs.lstatSync(target.path, { bigint: true });
  return stats.mtimeNs;
}

let touchWorks = process.platform === 'linux';

function touch(target: TimeTarget, mtimeNs: bigint): void {
  if (!touchWorks) return;
  const own = `/proc/${process.pid}/fd/`;
  // Arguments are text; a path that is not UTF-8 would not arrive as it is, and keeps the nearest time.
  if (target.kind === 'path' && !isUtf8(target.path)) return;
  const path =
    target.kind === 'descriptor'
      ? `${own}${target.fd}`
      : target.path.toString('utf8').replace(/^\/proc\/self\/fd\//, own);
  const follow = target.kind === 'descriptor' || target.follow;
  const result = spawnSync(
    'touch',
    [...(follow ? [] : ['-h']), '-c', '-d', `@${decimalSeconds(mtimeNs)}`, '--', path],
    {
      stdio: 'ignore',
      timeout: TOUCH_TIMEOUT_MS,
    },
  );
  if (result.status !== 0) touchWorks = false;
}

/** “1763785012.000000001”, “-0.5…”: the number of seconds in decimal, every digit of it. */
function decimalSeconds(timeNs: bigint): string {
  const size = timeNs < 0n ? -timeNs : timeNs;
  return `${timeNs < 0n ? '-' : ''}${size / NANOSECONDS}.${(size % NANOSECONDS).toString().padStart(9, '0')}`;
}
