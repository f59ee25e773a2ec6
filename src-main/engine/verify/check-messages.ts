/**
 * What a check says to the lanes that decode packs for it. Plain data for structured clone; large bytes are transferred.
 *
 * A pack is opened in a lane from the few ranges that hold its header and footer. Then come pieces: whole frames as they
 * lie in the file, and the places of the segments in them. Delta segments come apart from the pieces, with their base.
 */
import type { FileSecrets, FileType } from '../codec/index.ts';
import type { EntrySum } from './entry-sum.ts';

export type LaneSetup = {
  readonly idKey: Uint8Array;
  /** 16 bytes. */
  readonly repositoryId: Uint8Array;
  readonly secrets: FileSecrets;
};

/** A range of a file that was read. */
export type ReadRangeBytes = { readonly offset: number; readonly bytes: Uint8Array };

export type PackToOpen = {
  /** Names the pack in later messages. */
  readonly pack: number;
  readonly sizeBytes: number;
  readonly fileTypes: readonly FileType[];
  /** Header, end and footer, exactly as opening the pack asks for them. */
  readonly ranges: readonly ReadRangeBytes[];
};

/** Some frames of a pack that lie together. */
export type PieceWork = {
  readonly kind: 'piece';
  readonly pack: number;
  /** Place of the first segment among the segments of the footer, and how many. */
  readonly first: number;
  readonly count: number;
  /** Where in the file `bytes` begin. */
  readonly offset: number;
  readonly bytes: Uint8Array;
};

/** Delta segments, of any packs, that have one base. */
export type DeltaWork = {
  readonly kind: 'deltas';
  readonly base: Uint8Array;
  readonly deltas: readonly { readonly pack: number; readonly segment: number; readonly frame: Uint8Array }[];
};

export type Work = PieceWork | DeltaWork;

export type SegmentFault = { readonly pack: number; readonly segment: number; readonly message: string };

export type WorkResult = {
  readonly faults: readonly SegmentFault[];
  readonly packs: readonly {
    readonly pack: number;
    /** Blobs whose ids were recomputed and are right. */
    readonly blobs: number;
    /** The footer's entries for these segments. */
    readonly sum: EntrySum;
  }[];
};

export type ToLane =
  | { readonly kind: 'open'; readonly pack: PackToOpen }
  | { readonly kind: 'close'; readonly pack: number }
  | { readonly kind: 'work'; readonly job: number; readonly work: Work }
  | { readonly kind: 'stop' };

export type FromLane = { readonly job: number; readonly result: WorkResult };
