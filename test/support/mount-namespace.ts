/** Drives that only a test's own program can see. */
import { spawnSync } from 'node:child_process';

/** `unshare` with mounts of our own that nobody else sees, or undefined where the system does not allow it. */
export function mountNamespace(): readonly string[] | undefined {
  const candidates = process.getuid?.() === 0 ? [['unshare', '-m']] : [['unshare', '-Urm']];
  return candidates.find(
    ([program = '', ...args]) => spawnSync(program, [...args, 'sh', '-c', 'mount -t tmpfs tmpfs /tmp']).status === 0,
  );
}
