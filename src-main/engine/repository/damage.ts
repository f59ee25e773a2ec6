/**
 * Damage or a newer format? A flipped bit in the version field of a sealed file looks just like a file that a newer
 * Cairn has written. The name decides: it is the hash of the bytes, so a file that is really newer still has it right.
 */
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { hash } from '../codec/index.ts';
import { toHex } from '../kernel/index.ts';
import type { Store } from '../store/index.ts';
import { baseName } from './names.ts';

const HASH_NAME = /^[0-9a-f]{64}$/;

/** The damage behind an error met in a file that is named by its hash; undefined where the bytes are not to blame. */
export async function damageOf(store: Store, name: string, error: unknown): Promise<CairnError | undefined> {
  if (isIntegrityError(error)) return error;
  if (!isCairnError(error, 'repository/newer-format') || !HASH_NAME.test(baseName(name))) return undefined;
  try {
    if (toHex(hash(await store.read(name))) === baseName(name)) return undefined;
  } catch (second) {
    if (isIntegrityError(second)) return second;
    throw second;
  }
  return new CairnError('integrity/damaged', `${name} is not what its name says.`, {
    context: { file: name },
    cause: error,
  });
}
