/**
 * The index runs that an open repository has open. A run never changes under its name (the name is the hash of its
 * bytes), so what was opened, or loaded whole, serves every later look at the index: only new runs are read.
 */
import type { IndexRunId } from '../../../src-shared/ids.ts';
import type { FileSecrets } from '../codec/index.ts';
import { type IndexRun, openIndexRun, sharedPageCache } from '../pack/index.ts';
import type { Store } from '../store/index.ts';
import { indexRunName } from './names.ts';

export type OpenRun = { readonly id: IndexRunId; readonly run: IndexRun; readonly sizeBytes: number };

/** The part of a repository’s context that opening a run takes; the context holds this class. */
type RunSource = { readonly store: Store; readonly repositoryIdBytes: Uint8Array; readonly secrets: FileSecrets };

export class OpenRuns {
  readonly #runs = new Map<IndexRunId, OpenRun>();

  /** An open run, or opens it. A file of another size than the one that was opened is not trusted. */
  async open(source: RunSource, id: IndexRunId, sizeBytes: number): Promise<OpenRun> {
    const known = this.#runs.get(id);
    if (known?.sizeBytes === sizeBytes) return known;
    const run = await openIndexRun({
      read: (range) => source.store.read(indexRunName(id), range),
      sizeBytes,
      repositoryId: source.repositoryIdBytes,
      secrets: source.secrets,
      runId: id,
      cache: sharedPageCache(),
    });
    const opened = { id, run, sizeBytes };
    this.#runs.set(id, opened);
    return opened;
  }

  /** Forgets the runs that are not among these: merged away, lost, or found to be damaged. */
  keepOnly(ids: ReadonlySet<IndexRunId>): void {
    for (const [id, { run }] of this.#runs) {
      if (ids.has(id)) continue;
      run.release();
      this.#runs.delete(id);
    }
  }
}
