/** A file that is going to be written, and what its way through a batch is told. */
import type { FileEntry, Xattr } from '../merkle/index.ts';
import type { FolderNode } from './folder-node.ts';
import type { LinkGroup } from './link-table.ts';
import type { TargetFolder, TargetMetadata } from './target.ts';

export type PlannedFile = {
  readonly entry: FileEntry;
  readonly node: FolderNode;
  /** Open until `node` is released. */
  readonly folder: TargetFolder;
  readonly replace: boolean;
  readonly xattrs: readonly Xattr[];
  /** The group it is the first name of. */
  readonly group: LinkGroup | undefined;
};

/** What a plan leads to, told by who carries it out. Each file is told once. */
export type FileEvents = {
  /** It is there, whole, under its name. */
  readonly placed: (
    file: PlannedFile,
    identity: { readonly device: bigint; readonly inode: bigint } | undefined,
  ) => void;
  /** It is not, and `problem` has been told why. */
  readonly failed: (file: PlannedFile) => void;
  /** Bytes of a large file that is under way. */
  readonly progress: (file: PlannedFile) => void;
  readonly metadata: (file: PlannedFile) => TargetMetadata;
};
