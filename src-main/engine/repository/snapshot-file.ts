/**
 * A snapshot in a file of its own, named by the hash of its bytes.
 *
 * The salt of the file is made from what it holds (keyed), so one snapshot always gives the same bytes and the same
 * name: writing it again after a crash changes nothing. The same key and nonce meet the same plaintext only.
 */
import { FILE_TYPE, FRAME_KIND, createKeyedHasher, hash, sealObjectFile } from '../codec/index.ts';
import { toHex, utf8 } from '../kernel/index.ts';
import { writeWhole } from '../store/index.ts';
import type { RepositoryContext } from './context.ts';
import { snapshotName } from './names.ts';

const SALT_DOMAIN = utf8('cairn/v1/snapshot-salt');

/** Publishes a snapshot and returns the name of its file. */
export async function writeSnapshotFile(context: RepositoryContext, envelope: Uint8Array): Promise<string> {
  const hasher = createKeyedHasher(context.secrets.metaKey);
  hasher.update(SALT_DOMAIN);
  hasher.update(envelope);
  const bytes = sealObjectFile({
    fileType: FILE_TYPE.snapshot,
    repositoryId: context.repositoryIdBytes,
    secrets: context.secrets,
    salt: hasher.digest(),
    frames: [{ kind: FRAME_KIND.object, plain: envelope, compression: { kind: 'none' } }],
  });
  const digest = hash(bytes);
  const name = snapshotName(toHex(digest));
  await writeWhole(context.store, name, bytes, { hash: digest });
  return name;
}
