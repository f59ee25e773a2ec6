/**
 * Who this copy is: the instance marker, a small file at the root of every physical copy of a repository.
 *
 * Identity is repository id + instance id, never a path. A mount point whose drive is away has no marker, so nothing
 * is ever written into it; a writer looks at the marker again before each file it makes (guarded-store.ts).
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { type InstanceId, type RepositoryId, parseInstanceId, parseRepositoryId } from '../../../src-shared/ids.ts';
import { ENVELOPE_FORMAT, OBJECT_TYPE, decodeEnvelope, encodeEnvelope } from '../codec/index.ts';
import { RecordReader } from '../kernel/index.ts';
import type { Store } from '../store/index.ts';
import type { Place } from './guarded-store.ts';
import { INSTANCE } from './names.ts';

export const INSTANCE_SCHEMA = 1;
/** A marker is a few hundred bytes; more is not one of ours. */
const INSTANCE_BYTES_MAX = 16_384;

export type Instance = {
  readonly repositoryId: RepositoryId;
  readonly instanceId: InstanceId;
  readonly createdAtMs: number;
  readonly host: string;
};

/** Stands for the instance id of a repository that was opened without a readable marker of its own. */
export const NO_INSTANCE = '' as InstanceId;

export function encodeInstance(instance: Instance): Uint8Array {
  return encodeEnvelope({
    objectType: OBJECT_TYPE.instance,
    schemaVersion: INSTANCE_SCHEMA,
    readerVersionMin: INSTANCE_SCHEMA,
    format: ENVELOPE_FORMAT.json,
    compression: { kind: 'none' },
    createdAtMs: instance.createdAtMs,
    payload: instance,
  });
}

export function decodeInstance(bytes: Uint8Array): Instance {
  if (bytes.length > INSTANCE_BYTES_MAX) {
    throw new CairnError(
      'limit/exceeded',
      `The instance marker has ${bytes.length} bytes; at most ${INSTANCE_BYTES_MAX} are possible.`,
    );
  }
  const { value } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.instance, schemaVersionMax: INSTANCE_SCHEMA });
  const fields = new RecordReader(value, 'instance marker');
  return {
    repositoryId: parseRepositoryId(fields.text('repositoryId')),
    instanceId: parseInstanceId(fields.text('instanceId')),
    createdAtMs: fields.count('createdAtMs'),
    host: fields.text('host'),
  };
}

/** The marker, or undefined where there is none. */
export async function readInstance(store: Pick<Store, 'read'>): Promise<Instance | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await store.read(INSTANCE, undefined, { sizeBytesMax: INSTANCE_BYTES_MAX });
  } catch (error) {
    if (isCairnError(error, 'integrity/missing')) return undefined;
    throw error;
  }
  return decodeInstance(bytes);
}

/**
 * Stops a writer whose drive was unplugged or swapped while it worked.
 * @throws CairnError destination/gone where the marker is away, repository/wrong-identity where it is another's.
 */
export async function assertSameInstance(place: Place, expected: Instance): Promise<void> {
  const found = await readInstance(place);
  if (found === undefined) {
    throw new CairnError(
      'destination/gone',
      `The repository in ${place.description} is no longer there: its marker is missing.`,
    );
  }
  if (found.instanceId !== expected.instanceId || found.repositoryId !== expected.repositoryId) {
    throw new CairnError('repository/wrong-identity', `Another repository now stands in ${place.description}.`);
  }
}
