/** The damage report as it grows: one record per damaged file, with every snapshot and path that needs it. */
import type { SnapshotId } from '../../../src-shared/ids.ts';
import type { Damage, DamageKind } from '../../../src-shared/model/index.ts';

/** A report names this many paths per file; the count in the message goes on. */
const PATHS_MAX = 10_000;

type Row = {
  readonly file: string;
  readonly kind: DamageKind;
  message: string;
  readonly snapshots: Set<string>;
  readonly paths: Set<string>;
  dropped: number;
};

export class DamageList {
  readonly #rows = new Map<string, Row>();

  /** Notes that a file is damaged; the first message stays. */
  add(file: string, kind: DamageKind, message: string): void {
    this.#row(file, kind, message);
  }

  /** Notes what can't be restored because of a file. */
  affects(file: string, kind: DamageKind, message: string, snapshot: SnapshotId, path: string): void {
    const row = this.#row(file, kind, message);
    row.snapshots.add(snapshot);
    if (row.paths.size < PATHS_MAX) row.paths.add(path);
    else if (!row.paths.has(path)) row.dropped++;
  }

  /** Notes a snapshot that can't be read at all. */
  losesSnapshot(file: string, kind: DamageKind, message: string, snapshot: SnapshotId): void {
    this.#row(file, kind, message).snapshots.add(snapshot);
  }

  has(file: string): boolean {
    return this.#rows.has(file);
  }

  /** The only damaged pack or commit file, where there is exactly one: what is missing was probably in it. */
  onlyLostContainer(): string | undefined {
    const containers = [...this.#rows.values()].filter(({ kind }) => kind === 'pack' || kind === 'commit');
    return containers.length === 1 ? containers[0]?.file : undefined;
  }

  result(): readonly Damage[] {
    return [...this.#rows.values()].map(({ file, kind, message, snapshots, paths, dropped }) => ({
      file,
      kind,
      message: dropped === 0 ? message : `${message} (and ${dropped} more paths)`,
      snapshots: [...snapshots],
      paths: [...paths],
    }));
  }

  #row(file: string, kind: DamageKind, message: string): Row {
    const known = this.#rows.get(file);
    if (known !== undefined) return known;
    const row: Row = { file, kind, message, snapshots: new Set(), paths: new Set(), dropped: 0 };
    this.#rows.set(file, row);
    return row;
  }
}
