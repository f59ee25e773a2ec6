/** A child of test/engine/source/attributes.test.ts: sets, grows, shrinks and removes attributes of a file until it is ended. */
import { removeXattr, setXattr } from './native.ts';

const file = process.argv[2] ?? '';
for (let round = 0; ; round++) {
  // Values below and above what is offered at first (1,024 bytes); ext4 takes 4 KiB in all.
  setXattr(file, 'user.grows', Buffer.alloc(round % 2 === 0 ? 10 : 2500, round % 250));
  setXattr(file, `user.${'n'.repeat(1 + (round % 200))}`, Buffer.alloc(round % 50, 7));
  removeXattr(file, `user.${'n'.repeat(1 + (round % 200))}`);
  if (round % 5 === 0) removeXattr(file, 'user.grows');
  if (round === 10) process.send?.('ready');
  if (round > 10_000_000 || process.ppid === 1) break;
}
