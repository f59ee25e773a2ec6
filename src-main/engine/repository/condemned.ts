/**
 * Condemnations: packs that a reclaim has marked and will delete once no older session lives. For a writer a
 * condemned pack counts as absent, so it stores again what it needs; a reader still finds everything in it.
 *
 * The order is by generation, a number that only rises: wall time never decides about deletion. Reclaim itself comes
 * later; what is written down here is what every writer has to respect from the first version on.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { type PackId, parsePackId } from '../../../src-shared/ids.ts';
import {
  ENVELOPE_FORMAT,
  FILE_TYPE,
  FRAME_KIND,
  OBJECT_TYPE,
  decodeEnvelope,
  encodeEnvelope,
  openObjectFile,
} from '../codec/index.ts';
import { RecordReader, fromHex, toHex } from '../kernel/index.ts';
import type { RepositoryContext } from './context.ts';
import { FOLDERS } from './names.ts';

export const CONDEMNATION_SCHEMA = 1;
const CONDEMNATIONS_MAX = 4096;

export type Condemnation = {
  readonly generation: number;
  readonly createdAtMs: number;
  readonly packs: readonly PackId[];
};

export function encodeCondemnation(condemnation: Condemnation): Uint8Array {
  return encodeEnvelope({
    objectType: OBJECT_TYPE.condemnation,
    schemaVersion: CONDEMNATION_SCHEMA,
    readerVersionMin: CONDEMNATION_SCHEMA,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: condemnation.createdAtMs,
    payload: {
      generation: condemnation.generation,
      createdAtMs: condemnation.createdAtMs,
      packs: condemnation.packs.map(fromHex),
    },
  });
}

export function decodeCondemnation(bytes: Uint8Array): Condemnation {
  const { value } = decodeEnvelope(bytes, {
    objectType: OBJECT_TYPE.condemnation,
    schemaVersionMax: CONDEMNATION_SCHEMA,
  });
  const fields = new RecordReader(value, 'condemnation');
  return {
    generation: fields.count('generation'),
    createdAtMs: fields.count('createdAtMs'),
    packs: fields.list('packs', (item) =>
      item instanceof Uint8Array ? parsePackId(toHex(item)) : fields.fail('packs'),
    ),
  };
}

/** All packs condemned now, and the newest generation. A condemnation that can't be read stops a writer: it can't know what to avoid. */
export async function readCondemned(
  context: RepositoryContext,
): Promise<{ readonly generation: number; readonly packs: ReadonlySet<PackId> }> {
  const files = await context.store.list(FOLDERS.condemned);
  if (files.length > CONDEMNATIONS_MAX)
    throw new CairnError('limit/exceeded', `There are ${files.length} condemnation files.`);
  const packs = new Set<PackId>();
  let generation = 0;
  for (const { name } of files) {
    const condemnation = openCondemnationFile(context, await context.store.read(name));
    generation = Math.max(generation, condemnation.generation);
    for (const pack of condemnation.packs) packs.add(pack);
  }
  return { generation, packs };
}

export function openCondemnationFile(context: RepositoryContext, bytes: Uint8Array): Condemnation {
  const { repositoryIdBytes, secrets } = context;
  const { frames } = openObjectFile(bytes, {
    fileTypes: [FILE_TYPE.condemnation],
    repositoryId: repositoryIdBytes,
    secrets,
  });
  const object = frames.find(({ kind }) => kind === FRAME_KIND.object);
  if (object === undefined) throw new CairnError('integrity/malformed', 'A condemnation file holds no record.');
  return decodeCondemnation(object.plain);
}
