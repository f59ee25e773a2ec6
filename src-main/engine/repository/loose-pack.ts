/** What is known of a pack that no index run covers: see blob-index.ts. */
import type { PackId } from '../../../src-shared/ids.ts';
import type { PackFooter } from '../pack/index.ts';

/** A pack or commit file whose footer was read: where each of its blobs lies. */
export type LoosePack = {
  readonly packId: PackId;
  readonly sizeBytes: number;
  readonly footer: PackFooter;
};
