/**
 * Whole small files, as fast as the system gives them: opened by their folder's descriptor, read in one call, looked at
 * once.
 *
 * Invariants: never follows a link, never waits for a FIFO, never gives bytes of another object than the one listed, nor
 * of one that changed since. Anything unusual gives undefined; file.ts finds out what it was.
 */
import fs from 'node:fs';
import type { Xattr } from '../merkle/index.ts';
import type { AttributeReader } from './attributes.ts';
import { openSourceFile } from './file.ts';
import { joinPath } from './folder.ts';
import { nativeName, sameRow } from './list-table.ts';
import type { Listing } from './listing.ts';
import { CURRENT_FOLDER, type NativeFiles, type NativePath, nativeFiles } from './native.ts';

export type SmallFilePlace = {
  /** The folder's descriptor where it is held by one. */
  readonly descriptor: number | undefined;
  /** The folder for system calls. */
  readonly access: Uint8Array;
  /** The folder for people. */
  readonly path: Uint8Array;
};

export type SmallFileReader = {
  /** Fills `content`, which has the listed size, and gives the file's attributes; undefined where it is not as listed. */
  readonly read: (
    place: SmallFilePlace,
    listing: Listing,
    row: number,
    content: Uint8Array,
    attributes: AttributeReader,
  ) => readonly Xattr[] | undefined;
};

const { O_RDONLY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_NOATIME = 0 } = fs.constants;
const FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

export function createSmallFileReader(): SmallFileReader {
  const native = nativeFiles();
  const user = process.geteuid?.();
  if (native === undefined) return { read: readWithNode };
  return {
    read: (place, listing, row, content, attributes) => {
      const name = listing.name(row);
      const [folder, path] = place.descriptor === undefined ? pathOf(place, name) : [place.descriptor, nameOf(name)];
      // Reading should not count as an access; only the owner and root may ask for that.
      const quiet = user === 0 || user === listing.uid(row) ? O_NOATIME : 0;
      const fd = native.open(folder, path, FLAGS | quiet);
      if (fd < 0) return undefined;
      try {
        return readOpen(native, fd, { place, listing, row, content, attributes });
      } finally {
        native.close(fd);
      }
    },
  };
}

type Reading = {
  readonly place: SmallFilePlace;
  readonly listing: Listing;
  readonly row: number;
  readonly content: Uint8Array;
  readonly attributes: AttributeReader;
};

function readOpen(
  native: NativeFiles,
  fd: number,
  { place, listing, row, content, attributes }: Reading,
): readonly Xattr[] | undefined {
  if (content.length > 0 && native.read(fd, content) !== content.length) return undefined;
  const found = attributes.read(fd, place.path);
  // One look, at the end: it is the object that was listed, and what was written since would show in size, mtime or
  // ctime, and so would a changed attribute.
  if ('failed' in found || native.statOpen(fd) !== 0 || !sameRow(listing, row, native.statWords)) return undefined;
  return found;
}

function readWithNode(
  place: SmallFilePlace,
  listing: Listing,
  row: number,
  content: Uint8Array,
  attributes: AttributeReader,
): readonly Xattr[] | undefined {
  const name = listing.name(row);
  const access = joinPath(place.access, name);
  const listed = listing.stat(row);
  const opened = openSourceFile(access, listed, joinPath(place.path, name));
  if (opened.kind !== 'opened') return undefined;
  const { file } = opened;
  const { size, mtimeNs, ctimeNs } = file.stat;
  const isAsListed = size === listed.size && mtimeNs === listed.mtimeNs && ctimeNs === listed.ctimeNs;
  const count = isAsListed && size > 0 ? file.readInto(content, 0, size) : 0;
  const found = attributes.read(access, place.path, listed.device);
  const { changed } = file.close();
  return isAsListed && count === size && !changed && !('failed' in found) ? found : undefined;
}

function nameOf(name: Uint8Array): NativePath {
  return nativeName(Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1'));
}

function pathOf(place: SmallFilePlace, name: Uint8Array): [number, NativePath] {
  return [CURRENT_FOLDER, nameOf(joinPath(place.access, name))];
}
