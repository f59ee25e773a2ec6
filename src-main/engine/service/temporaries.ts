/**
 * Temporary files that nobody writes any more. No clock of a computer is trusted with this: a wrong one would take away
 * what another backup is writing.
 *
 * - Of a session that is at work (its lease has their tag): kept, however old they look.
 * - Of a session whose process is known to be dead: removed at once.
 * - Of any other: removed when they are a day old by the destination's own clock, which dated them too.
 */
import type { Ports } from '../kernel/index.ts';
import { type ProcessIdentity, judgeSessions } from '../repository/index.ts';
import { type LocalStore, baseOf } from '../store/index.ts';

/** No file takes a day to write; a computer that slept that long in the middle gets an error, and begins that file anew. */
const TEMPORARY_AGE_MS = 86_400_000;
const PREFIX = 'tmp-';

/** Removes what is nobody's. To be called before a session of one's own clears away the leases of the dead. */
export async function sweepTemporaries(options: {
  readonly store: LocalStore;
  readonly self: ProcessIdentity;
  readonly ports: Ports;
}): Promise<void> {
  const { store } = options;
  if ((await store.listTemporary()).length === 0) return;
  const live = new Set<string>();
  const dead = new Set<string>();
  for (const file of await judgeSessions(options)) {
    if (file.verdict === 'torn' || file.lease.temporaryTag === '') continue;
    if (file.verdict === 'live') live.add(file.lease.temporaryTag);
    else if (file.verdict === 'dead') dead.add(file.lease.temporaryTag);
  }
  const nowMs = await store.clock.nowMs();
  await store.removeTemporary({
    which: ({ name, modifiedAtMs }) => {
      const tag = baseOf(name).slice(PREFIX.length, PREFIX.length + store.temporaryTag.length);
      if (live.has(tag)) return false;
      return dead.has(tag) || nowMs - modifiedAtMs > TEMPORARY_AGE_MS;
    },
  });
}
