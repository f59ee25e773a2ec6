/**
 * What every part of an open repository needs: where it is, what it is, and the keys that open it. Plain data, made
 * once by open.ts.
 */
import type { RepositoryId } from '../../../src-shared/ids.ts';
import {
  type BlobHasher,
  CIPHER,
  type CompressionSpec,
  type FileSecrets,
  type Signer,
  createBlobHasher,
  createSigner,
  deriveKey,
  parseCompression,
} from '../codec/index.ts';
import { type Ports, fromHex } from '../kernel/index.ts';
import type { Store } from '../store/index.ts';
import type { RepositoryConfig } from './config.ts';
import type { Instance } from './identity.ts';
import type { ProcessIdentity } from './lease-rules.ts';
import type { LoosePack } from './loose-pack.ts';
import type { OpenRuns } from './index-runs.ts';
import type { KeptFiles } from './kept-files.ts';
import type { RepositoryLimits } from './limits.ts';

export type RepositoryContext = {
  readonly store: Store;
  readonly ports: Ports;
  readonly self: ProcessIdentity;
  readonly config: RepositoryConfig;
  readonly instance: Instance;
  /** The 16 bytes of the repository id, as sealed files carry them. */
  readonly repositoryIdBytes: Uint8Array;
  readonly secrets: FileSecrets;
  /** K_id, for workers: a hasher can't be shared between threads. */
  readonly idKey: Uint8Array;
  readonly blobHasher: BlobHasher;
  /** Makes the gear table of the chunker. */
  readonly chunkKey: Uint8Array;
  readonly signer: Signer;
  readonly compression: CompressionSpec;
  readonly limits: RepositoryLimits;
  /** Runs that were opened before and have not changed since: shared by readers and writers. */
  readonly indexRuns: OpenRuns;
  /** Commit files and snapshot files that were read before: the same. */
  readonly kept: {
    readonly commits: KeptFiles<LoosePack>;
    readonly snapshots: KeptFiles<readonly Uint8Array[]>;
  };
};

/** The keys of a repository, each for one purpose. */
export function deriveSecrets(
  masterKey: Uint8Array,
  repositoryId: RepositoryId,
  encrypted: boolean,
): Pick<RepositoryContext, 'repositoryIdBytes' | 'secrets' | 'idKey' | 'blobHasher' | 'chunkKey' | 'signer'> {
  const repositoryIdBytes = fromHex(repositoryId);
  const key = (purpose: Parameters<typeof deriveKey>[2]): Uint8Array =>
    deriveKey(masterKey, repositoryIdBytes, purpose);
  return {
    repositoryIdBytes,
    secrets: { cipher: encrypted ? CIPHER.aes256Gcm : CIPHER.none, dataKey: key('data'), metaKey: key('meta') },
    idKey: key('id'),
    blobHasher: createBlobHasher(key('id')),
    chunkKey: key('chunk'),
    signer: createSigner(key('sign')),
  };
}

export function compressionOf(config: RepositoryConfig): CompressionSpec {
  return parseCompression(config.compression);
}
