/**
 * Branded identifiers. An id of one kind can't be passed where another is meant, and ids are made only by the
 * parsers in this file, which throw. `as` is used here and nowhere else for ids.
 *
 * Two shapes: ids that live in bulk (a million at once) are 32 raw bytes; ids that name files or are shown to
 * people are lower-case hex strings.
 */
import { CairnError } from './errors.ts';

declare const brand: unique symbol;
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Length of every hash-shaped id, in bytes. */
export const ID_BYTES = 32;

/** Keyed hash of a blob's plaintext: its address. */
export type BlobId = Brand<Uint8Array, 'BlobId'>;
/** The BlobId of a stored tree page. */
export type PageId = BlobId;
/** Hash of a Merkle node: identity and proof, never an address. */
export type NodeId = Brand<Uint8Array, 'NodeId'>;
/** Plain BLAKE3-256 of a whole file's content. */
export type ContentHash = Brand<Uint8Array, 'ContentHash'>;

export type RepositoryId = Brand<string, 'RepositoryId'>;
export type InstanceId = Brand<string, 'InstanceId'>;
export type SnapshotId = Brand<string, 'SnapshotId'>;
export type ChainId = Brand<string, 'ChainId'>;
/** The hash of a signed event's record: its leaf in the log. */
export type EventId = Brand<string, 'EventId'>;
/** BLAKE3 of a pack file's (or commit file's) bytes, as hex: its name. */
export type PackId = Brand<string, 'PackId'>;
export type IndexRunId = Brand<string, 'IndexRunId'>;
export type SessionId = Brand<string, 'SessionId'>;
export type WriterId = Brand<string, 'WriterId'>;
export type KeySlotId = Brand<string, 'KeySlotId'>;

function hexParser<Id extends string>(what: string, bytes: number): (text: string) => Id {
  const shape = new RegExp(`^[0-9a-f]{${bytes * 2}}$`);
  return (text) => {
    if (!shape.test(text)) throw new CairnError('integrity/malformed', `“${text.slice(0, 80)}” is not a ${what}`);
    return text as Id;
  };
}

export const parseRepositoryId = hexParser<RepositoryId>('repository id', 16);
export const parseInstanceId = hexParser<InstanceId>('instance id', 16);
export const parseSessionId = hexParser<SessionId>('session id', 16);
export const parseWriterId = hexParser<WriterId>('writer id', 16);
export const parseSnapshotId = hexParser<SnapshotId>('snapshot id', 32);
export const parseEventId = hexParser<EventId>('event id', 32);
export const parseChainId = hexParser<ChainId>('chain id', 16);
export const parsePackId = hexParser<PackId>('pack id', 32);
export const parseIndexRunId = hexParser<IndexRunId>('index run id', 32);
export const parseKeySlotId = hexParser<KeySlotId>('key slot id', 32);

function bytesParser<Id extends Uint8Array>(what: string): (bytes: Uint8Array) => Id {
  return (bytes) => {
    if (bytes.length !== ID_BYTES) {
      throw new CairnError('integrity/malformed', `a ${what} has ${ID_BYTES} bytes, this one has ${bytes.length}`);
    }
    return bytes as Id;
  };
}

export const asBlobId = bytesParser<BlobId>('blob id');
export const asNodeId = bytesParser<NodeId>('node id');
export const asContentHash = bytesParser<ContentHash>('content hash');
