/** The bytes of a stored file, in order and checked: each chunk by its id, the whole by the file's own hash. */
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import { BLOB_TYPE, createHasher } from '../codec/index.ts';
import { equalBytes } from '../kernel/index.ts';
import { type FileEntry, iterateChunks } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import { fetchPages } from './locate.ts';

/**
 * Gives the content chunk by chunk. The last error, if any, comes after the last chunk: a caller that writes a file
 * gives it its name only when the generator has ended.
 * @throws CairnError integrity/…
 */
export async function* readContent(repository: Repository, entry: FileEntry): AsyncGenerator<Uint8Array> {
  const hasher = createHasher();
  let bytes = 0;
  for await (const { id, length } of iterateChunks(fetchPages(repository), entry.content, entry.size)) {
    const plain = await repository.readBlob(id, BLOB_TYPE.fileChunk);
    if (plain.length !== length) throw wrongContent(entry);
    bytes += length;
    hasher.update(plain);
    yield plain;
  }
  if (bytes !== entry.size || !equalBytes(hasher.digest(), entry.contentHash)) throw wrongContent(entry);
}

function wrongContent(entry: FileEntry): CairnError {
  return new CairnError('integrity/damaged', `The content of “${displayPath(entry.name)}” is not what its hash says.`);
}
