/** Mounts of a test's own that nobody else sees and that vanish with the process which made them. */
import { spawnSync } from 'node:child_process';

/** Says why a test can't run here, so that it is not missed by accident. */
export function skipLoudly(isPossible: boolean, why: string): boolean {
  if (!isPossible) console.warn(`SKIPPED: ${why}`);
  return !isPossible;
}

/** `unshare` with mounts of our own that nobody else sees, or undefined where the system does not allow it. */
export function mountNamespace(): readonly string[] | undefined {
  const candidates = process.getuid?.() === 0 ? [['unshare', '-m']] : [['unshare', '-Urm']];
  return candidates.find(
    ([program = '', ...args]) => spawnSync(program, [...args, 'sh', '-c', 'mount -t tmpfs tmpfs /tmp']).status === 0,
  );
}
