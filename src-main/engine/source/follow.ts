/**
 * Following a link, where a source is told to: to the real file or folder it leads to, with circles found by device
 * and inode of the folders above.
 */
import fs from 'node:fs';
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { problemOf } from './problem.ts';
import { type FileStat, fileStatOf, sameObject } from './stat.ts';

export type FollowedLink = { readonly path: Buffer; readonly stat: FileStat } | { readonly failed: Problem };

/** `access` is the link for system calls, `path` for people; `ancestors` are the folders the walk stands in. */
export function followLink(access: Buffer, path: Uint8Array, ancestors: readonly FileStat[]): FollowedLink {
  try {
    const target = fs.realpathSync.native(access, { encoding: 'buffer' });
    const stat = fileStatOf(fs.lstatSync(target, { bigint: true }));
    if (ancestors.some((folder) => sameObject(folder, stat))) {
      return {
        failed: {
          path: escapePath(path),
          code: 'link-circle',
          message: 'this link leads back to a folder above it; it is stored as a link',
        },
      };
    }
    return { path: target, stat };
  } catch (error) {
    return { failed: problemOf(path, 'this link can’t be followed; it is stored as a link', error) };
  }
}
