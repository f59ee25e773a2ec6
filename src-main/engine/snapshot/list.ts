/**
 * Finding snapshots: all of them, oldest first, and one by what a person typed.
 *
 * A snapshot may lie in a file of its own and in a commit file at once (a merge was interrupted): it counts once.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type { SnapshotSummary } from '../../../src-shared/model/index.ts';
import { hash } from '../codec/index.ts';
import { toHex } from '../kernel/index.ts';
import type { Repository } from '../repository/index.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { type Snapshot, bySnapshotOrder } from './chain.ts';
import { decodeSnapshot } from './record.ts';

const PREFIX_LENGTH_MIN = 4;

export type SnapshotListing = {
  readonly snapshots: readonly Snapshot[];
  /** Files that should hold a snapshot and can't be read. */
  readonly damaged: readonly { readonly file: string; readonly error: CairnError }[];
};

/** Every snapshot of the repository, oldest first, and what could not be read. */
export async function listSnapshots(repository: Repository): Promise<SnapshotListing> {
  const { objects, damaged } = await repository.snapshotObjects();
  const found = new Map<string, Snapshot>();
  const unreadable = [...damaged];
  const decode = decoderOf(repository).listing();
  for (const { file, bytes } of objects) {
    try {
      const { id, record } = decode(bytes);
      if (record.repositoryId !== repository.config.repositoryId) {
        throw new CairnError('integrity/damaged', `${file} belongs to another repository.`);
      }
      found.set(id, { id, record });
    } catch (error) {
      if (!isCairnError(error) || error.code === 'repository/newer-format') throw error;
      unreadable.push({ file, error });
    }
  }
  return { snapshots: [...found.values()].sort(bySnapshotOrder), damaged: unreadable };
}

type Decoded = { readonly hash: string; readonly snapshot: Snapshot };

/**
 * Decodes each snapshot once, however often they are listed: checking a signature takes a tenth of a millisecond. A
 * repository gives the same bytes again for a file that it has read; after a merge the same snapshot comes out of another
 * file, and the hash of its bytes tells. What a listing does not meet is forgotten after it.
 */
class SnapshotDecoder {
  readonly #publicKey: Uint8Array;
  readonly #byBytes = new WeakMap<Uint8Array, Decoded>();
  #byHash: ReadonlyMap<string, Decoded> = new Map();

  constructor(publicKey: Uint8Array) {
    this.#publicKey = publicKey;
  }

  /** Gives the function that decodes the snapshots of one listing. */
  listing(): (bytes: Uint8Array) => Snapshot {
    const before = this.#byHash;
    const now = new Map<string, Decoded>();
    this.#byHash = now;
    return (bytes) => {
      const decoded = this.#byBytes.get(bytes) ?? this.#decode(bytes, before);
      now.set(decoded.hash, decoded);
      return decoded.snapshot;
    };
  }

  #decode(bytes: Uint8Array, before: ReadonlyMap<string, Decoded>): Decoded {
    const digest = toHex(hash(bytes));
    const decoded = before.get(digest) ?? { hash: digest, snapshot: decodeSnapshot(bytes, this.#publicKey) };
    this.#byBytes.set(bytes, decoded);
    return decoded;
  }
}

const decoders = new WeakMap<Repository, SnapshotDecoder>();

function decoderOf(repository: Repository): SnapshotDecoder {
  const decoder = decoders.get(repository) ?? new SnapshotDecoder(repository.config.publicKey);
  decoders.set(repository, decoder);
  return decoder;
}

/**
 * The snapshot that `latest`, `latest~N` or an id prefix of at least 4 characters names.
 * @throws CairnError snapshot/not-found, snapshot/ambiguous, usage/invalid
 */
export function resolveSnapshot(snapshots: readonly Snapshot[], text: string): Snapshot {
  const latest = /^latest(?:~(\d{1,9}))?$/.exec(text);
  if (latest !== null) {
    const back = Number(latest[1] ?? '0');
    const found = snapshots[snapshots.length - 1 - back];
    if (found !== undefined) return found;
    const many = snapshots.length === 1 ? 'is 1 snapshot' : `are ${snapshots.length} snapshots`;
    throw new CairnError('snapshot/not-found', `There is no snapshot “${text}”: there ${many} here.`);
  }
  const prefix = text.toLowerCase();
  if (!/^[0-9a-f]+$/.test(prefix) || prefix.length < PREFIX_LENGTH_MIN) {
    throw new CairnError(
      'usage/invalid',
      `“${text}” is not a snapshot: give at least ${PREFIX_LENGTH_MIN} characters of its id, latest, or latest~N.`,
    );
  }
  const matches = snapshots.filter(({ id }) => id.startsWith(prefix));
  const [only] = matches;
  if (only === undefined) throw new CairnError('snapshot/not-found', `There is no snapshot that begins with ${text}.`);
  if (matches.length > 1) throw new CairnError('snapshot/ambiguous', `${matches.length} snapshots begin with ${text}.`);
  return only;
}

/** A snapshot as the command line and the app show it. */
export function summariseSnapshot({ id, record }: Snapshot): SnapshotSummary {
  return {
    id,
    parentId: record.parentId ?? null,
    chainId: record.chainId,
    sequence: record.sequence,
    kind: record.kind,
    time: new Date(record.finishedAtMs).toISOString(),
    host: record.host,
    sources: record.sources.map((source) => ({
      path: escapePath(source.path),
      name: source.name,
      rootNodeId: toHex(source.rootNodeId),
    })),
    tags: record.tags,
    note: record.note,
    pinned: record.pinned,
    problemCount: record.problemCount,
    stats: record.stats,
  };
}
