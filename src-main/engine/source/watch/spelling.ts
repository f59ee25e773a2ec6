/**
 * Paths that mean the same and are not the same text, on Linux: /proc/self/root is this process's own “/”, and there are
 * several ways to it, one behind the other too. For parcel-watcher.ts, which must not give one text twice.
 */
import process from 'node:process';

const DOORS = ['/proc/self/root', '/proc/thread-self/root', `/proc/${process.pid}/root`];

/** Process-wide, as the memory is that must be deceived. */
let given = 0;

/** What to put before an absolute path. Nothing the first time, and never where there is no /proc. */
export function newSpelling(): string {
  if (process.platform !== 'linux') return '';
  let door = '';
  for (let rest = given++; rest > 0; rest = Math.floor((rest - 1) / DOORS.length)) {
    door += DOORS[(rest - 1) % DOORS.length] ?? '';
  }
  return door;
}
