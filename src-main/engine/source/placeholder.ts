/**
 * Whether a file is only a stand-in: a sync program shows its name and fetches the content when somebody reads it. A
 * backup must not pull a whole cloud down, so such a file is stored as what it is (FILE_FLAG.placeholder).
 *
 * Only signs that the programs themselves write and test are looked at, never appearance: no blocks on disk is what a
 * sparse file looks like, too. Where a system has no sign that can be seen from here the answer is no, and the file is
 * read:
 * - Linux: the attributes of Nextcloud's and ownCloud's virtual files, below. The placeholders that Nextcloud makes with
 *   a suffix (“.nextcloud”, one byte) are files of their own, stored as such. What a FUSE drive (rclone, Google Drive)
 *   fetches leaves no sign.
 * - macOS: a dataless file has SF_DATALESS (0x40000000) in st_flags, which Node does not give; not looked at yet.
 * - Windows: FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS (0x400000), which Node does not give; not looked at yet.
 */
import type { Xattr } from '../merkle/index.ts';
import type { FileStat } from './stat.ts';

/** Nextcloud desktop: stands on a file as long as its content is not there, which then has at most one byte. */
const NEXTCLOUD_SIGN = 'user.nextcloud.hydrate_exec';
const NEXTCLOUD_SIZE_MAX = 1;
/** openvfs (ownCloud, Nextcloud): the state of the content, in words; some versions end it with NUL. */
const OPENVFS_SIGN = 'user.openvfs.state';
const OPENVFS_STATES: ReadonlySet<string> = new Set(['virtual', 'dehydrated']);

/** `attributes`: of the same entry, as readAttributes gives them. Always false for anything but a regular file. */
export function isPlaceholder(stat: FileStat, attributes: readonly Xattr[]): boolean {
  if (attributes.length === 0 || stat.nodeType !== 'file') return false;
  return attributes.some(({ name, value }) => {
    const sign = Buffer.from(name).toString('latin1');
    if (sign === NEXTCLOUD_SIGN) return stat.size <= NEXTCLOUD_SIZE_MAX;
    return sign === OPENVFS_SIGN && OPENVFS_STATES.has(Buffer.from(value).toString('latin1').replace(/\0$/, ''));
  });
}
