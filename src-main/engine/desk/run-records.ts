/** The shapes of what runs.ts keeps on disk, checked when it is read again. */
import * as v from 'valibot';
import { ERROR_TABLE, type ErrorCode } from '../../../src-shared/errors.ts';
import type { Run, VerifiedTimes, VerifyDepthName, VerifyReport } from '../../../src-shared/model/index.ts';

/** What the engine takes a restore back by, one for each of its parts. */
type Undoable = { readonly undoIds: readonly string[] };

/** What stands on disk while a job runs. */
export type RunningRecord = Undoable &
  Pick<Run, 'runId' | 'kind' | 'setId' | 'destinationId' | 'startedAt' | 'durationMs' | 'files' | 'bytes'>;

export type RunRecord = Run & Undoable;

export type Verification = {
  readonly times: VerifiedTimes;
  readonly last: { readonly depth: VerifyDepthName; readonly time: string; readonly report: VerifyReport } | null;
  readonly damageCount: number;
};

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const text = v.pipe(v.string(), v.maxLength(256 * 1024));
const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.minValue(0));
const code = v.custom<ErrorCode>((value) => typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value));

const running = {
  runId: id,
  kind: v.picklist(['backup', 'verify', 'restore', 'undo']),
  setId: v.nullable(id),
  destinationId: id,
  startedAt: time,
  durationMs: count,
  files: count,
  bytes: count,
  // An earlier Cairn did not note them while a job ran.
  undoIds: v.optional(v.array(text), []),
};

export const runningSchema: v.GenericSchema<unknown, RunningRecord> = v.object(running);

export const runSchema: v.GenericSchema<unknown, RunRecord> = v.object({
  ...running,
  state: v.picklist(['done', 'cancelled', 'failed', 'interrupted']),
  problemCount: count,
  snapshotId: v.nullable(text),
  error: v.nullable(v.object({ code, message: text, hint: text, retry: v.picklist(['never', 'later', 'ask']) })),
  undoable: v.boolean(),
});

const damageKind = v.picklist([
  'config',
  'instance',
  'reserve',
  'key',
  'pack',
  'commit',
  'index',
  'snapshot',
  'event',
  'condemnation',
  'session',
  'set',
  'missing-blob',
  'tree',
  'node',
  'unknown-file',
]);

const report: v.GenericSchema<unknown, VerifyReport> = v.object({
  ok: v.boolean(),
  checked: v.object({ packs: count, segments: count, blobs: count, nodes: count, snapshots: count }),
  coverage: v.exactOptional(v.object({ bytes: count, bytesTotal: count, contents: count, contentsLeft: count })),
  damage: v.array(
    v.object({ file: text, kind: damageKind, message: text, snapshots: v.array(text), paths: v.array(text) }),
  ),
});

const maybeTime = v.nullable(time);

export const verifiedSchema: v.GenericSchema<unknown, Verification> = v.object({
  times: v.object({ quick: maybeTime, sample: maybeTime, deep: maybeTime }),
  last: v.nullable(v.object({ depth: v.picklist(['quick', 'sample', 'deep']), time, report })),
  damageCount: count,
});

/** JSON that this program wrote whole under a temporary name: it is there as it was, or not at all. */
export function trusted<Shape>(json: string): Shape | null {
  try {
    return JSON.parse(json) as Shape | null;
  } catch {
    return null;
  }
}
