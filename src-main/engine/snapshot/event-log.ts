/**
 * History is an append-only log: each writer's events (a snapshot, a forget, a consolidation, a note) stand in a
 * sequence, each naming the hash of the one before, and each signed with the repository's Ed25519 key.
 *
 * The log is hashed as in RFC 6962: a leaf is H(0x00 ‖ event id), an inner node H(0x01 ‖ left ‖ right), and the root of
 * n leaves splits at the largest power of two below n. Only the frontier (the roots of the perfect subtrees, largest
 * first) is kept, so appending costs O(log n) and a writer needs no more than its own last event to go on.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { HASH_BYTES, hash } from '../codec/index.ts';
import { type RecordReader, concatBytes, utf8 } from '../kernel/index.ts';

/** The root of a log without events. */
export const EMPTY_LOG_ROOT: Uint8Array = hash(utf8('cairn/event-log/empty/v1'));

/** 2^53 events need at most 53 perfect subtrees. */
export const FRONTIER_MAX = 53;

export type LogHead = {
  /** Number of events. */
  readonly size: number;
  /** Roots of the perfect subtrees, largest first: one for each bit set in `size`. */
  readonly frontier: readonly Uint8Array[];
};

export const EMPTY_LOG: LogHead = { size: 0, frontier: [] };

const LEAF = Uint8Array.of(0x00);
const INNER = Uint8Array.of(0x01);

export function hashLeaf(eventId: Uint8Array): Uint8Array {
  return hash(concatBytes([LEAF, eventId]));
}

export function hashInner(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash(concatBytes([INNER, left, right]));
}

/** The log with one more event. */
export function appendEvent(head: LogHead, eventId: Uint8Array): LogHead {
  const frontier = [...head.frontier];
  let node = hashLeaf(eventId);
  // Each trailing one bit of the size is a subtree as large as the one we carry: they become one, twice as large.
  for (let rest = head.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
    const left = frontier.pop();
    if (left === undefined)
      throw new CairnError('integrity/malformed', 'The frontier of an event log does not fit its size.');
    node = hashInner(left, node);
  }
  frontier.push(node);
  return { size: head.size + 1, frontier };
}

/** The root that binds every event so far. */
export function logRoot(head: LogHead): Uint8Array {
  let root: Uint8Array | undefined;
  for (const subtree of head.frontier.toReversed()) root = root === undefined ? subtree : hashInner(subtree, root);
  return root ?? EMPTY_LOG_ROOT;
}

/** @throws CairnError integrity/malformed unless the frontier has one 32-byte root for each bit of the size. */
export function checkHead(head: LogHead): void {
  let bits = 0;
  for (let rest = head.size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  if (head.frontier.length !== bits || head.frontier.some((root) => root.length !== HASH_BYTES)) {
    throw new CairnError('integrity/malformed', 'The frontier of an event log does not fit its size.');
  }
}

/** A head as records hold it: {size, frontier}. */
export function readLogHead(fields: RecordReader): LogHead {
  const size = fields.count('size');
  const frontier = fields.list('frontier', (item) => (item instanceof Uint8Array ? item : fields.fail('frontier')));
  const head: LogHead = { size, frontier };
  checkHead(head);
  return head;
}
