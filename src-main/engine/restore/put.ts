/**
 * Writing one entry that is not a folder: under a temporary name, and under its own when every byte was right. A file
 * chunk by chunk, each looked up, tried in every copy and checked by its id: the careful way, for a file that stands
 * alone or that the fast one (file-flow.ts) could not write.
 */
import { CairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { readContent } from '../browse/index.ts';
import { type Entry, FILE_FLAG, type FileEntry } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { PlaceResult, TargetFolder, TargetMetadata } from './target.ts';

export type Put = {
  readonly repository: Repository;
  readonly folder: TargetFolder;
  /** For problems: relative to what is restored. */
  readonly path: string;
  readonly options: TargetMetadata & { readonly replace: boolean };
  /** Called when the new entry is ready to take its name; a failure leaves the old one where it is. */
  readonly makeWay: () => PlaceResult | undefined;
  readonly onBytes: () => void;
  readonly signal: AbortSignal | undefined;
};

/** An entry without content. @throws CairnError restore/target */
export function putSpecial(
  entry: Exclude<Entry, { nodeType: 'directory' | 'file' }>,
  put: Pick<Put, 'folder' | 'options' | 'makeWay'>,
): PlaceResult {
  const { folder, options, makeWay } = put;
  switch (entry.nodeType) {
    case 'symlink':
      return makeWay() ?? folder.symlink(entry.name, entry.target, options);
    case 'fifo':
    case 'socket':
      return makeWay() ?? folder.special(entry.name, { nodeType: entry.nodeType }, options);
    case 'char-device':
    case 'block-device': {
      const { nodeType, major, minor } = entry;
      return makeWay() ?? folder.special(entry.name, { nodeType, major, minor }, options);
    }
  }
}

/** @throws CairnError engine/cancelled, restore/target, destination/… Nothing is left behind then. */
export async function putFile(entry: FileEntry, put: Put): Promise<PlaceResult> {
  const created = put.folder.createFile(entry.name);
  if (created.kind === 'failed') return created;
  const { file } = created;
  const sparse = ((entry.fileFlags ?? 0) & FILE_FLAG.sparse) !== 0;
  let position = 0;
  try {
    for await (const bytes of readContent(put.repository, entry)) {
      if (isAborted(put.signal)) throw cancelled();
      const problem = file.writeAround(bytes, position, sparse);
      position += bytes.length;
      if (problem !== undefined) {
        file.abort();
        return { kind: 'failed', problem };
      }
      put.onBytes();
    }
  } catch (error) {
    file.abort();
    if (!isIntegrityError(error)) throw error;
    const message = `not restored, because its data is damaged: ${error.message}`;
    return { kind: 'failed', problem: { path: put.path, code: error.code, message } };
  }
  const cut = sparse ? file.setLength(entry.size) : undefined;
  const inTheWay = cut === undefined ? put.makeWay() : { kind: 'failed' as const, problem: cut };
  if (inTheWay !== undefined) {
    file.abort();
    return inTheWay;
  }
  return file.finish(put.options);
}

export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

export function cancelled(): CairnError {
  return new CairnError('engine/cancelled', 'The restore was cancelled.');
}
