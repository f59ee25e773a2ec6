/** An open repository: keys, index, blobs, sessions, and the order in which things are written and deleted. */
export { type BlobIndex, type IndexDamage, listPacks, readLoosePack } from './blob-index.ts';
export type { LoosePack } from './loose-pack.ts';
export { type Condemnation, encodeCondemnation, decodeCondemnation, openCondemnationFile } from './condemned.ts';
export { FORMAT_VERSION, type RepositoryConfig, checkConfigMac, decodeConfig, encodeConfig } from './config.ts';
export type { RepositoryContext } from './context.ts';
export { damageOf } from './damage.ts';
export { type Instance, assertSameInstance, decodeInstance, encodeInstance, readInstance } from './identity.ts';
export { type InitOptions, type Initialised, initRepository, kdfCostOf } from './init.ts';
export { KEY_SLOTS_MAX, type StoredSlot, listSlots, removeSlot, storeSlot, unlock } from './key-slots.ts';
export { type Lease, type ProcessIdentity, type ProcessMark, judgeLease, judgeProcess } from './lease-rules.ts';
export {
  type Session,
  type SessionFile,
  type SessionOptions,
  decodeLease,
  encodeLease,
  judgeSessions,
  listSessions,
  openSession,
} from './leases.ts';
export {
  COMMIT_FILE_BYTES_MAX,
  COMMIT_FILES_MAX,
  INDEX_RUNS_MAX,
  REPOSITORY_LIMITS,
  type RepositoryLimits,
  type TierLimits,
} from './limits.ts';
export {
  CONFIG,
  CONFIG_COPY,
  FOLDERS,
  INSTANCE,
  PACK_FOLDERS,
  RESERVE,
  baseName,
  commitName,
  indexRunName,
  packName,
  snapshotName,
} from './names.ts';
export { type OpenOptions, openRepository, readConfig } from './open.ts';
export { Repository, type SecretSource, noSecret } from './repository.ts';
export { RESERVE_BYTES, buildReserve, checkReserve } from './reserve.ts';
export {
  type StoredSetRecord,
  decodeStoredSet,
  encodeStoredSet,
  openStoredSetFile,
  writeStoredSet,
} from './stored-sets.ts';
export { type AddedFacts, type Publication, type WriteSession } from './write-session.ts';
