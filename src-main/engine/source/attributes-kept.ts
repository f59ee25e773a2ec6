/**
 * Which extended attributes a backup keeps. The rule: what belongs to the file is kept, whoever set it; what belongs to
 * this one inode, or is a view that a filesystem makes of something it keeps elsewhere, is not. restic and Borg take all
 * that is listed; GNU tar takes `user.*` unless it is told more.
 *
 * Linux, by name space:
 * - `user.*`: kept, all of it.
 * - `system.posix_acl_access`, `system.posix_acl_default`: kept. They are the ACLs.
 * - any other `system.*` (nfs4_acl, cifs_acl, ntfs_attrib, richacl …): left out. A driver makes them up from what a server
 *   or another format says; nearly no other filesystem takes them back, and the mode bits stay.
 * - `security.capability`, `security.selinux`, `security.SMACK64*`, `security.apparmor`, `security.ima`: kept. They say
 *   what the file may do or what its content is signed as, and hold for an equal file anywhere.
 * - `security.evm`: left out. It is a seal over the number of the inode and the id of the filesystem; on a restored file
 *   it would be a forged one. The kernel makes it anew.
 * - `trusted.*`: kept (only root sees them), overlayfs's among them: without `trusted.overlay.opaque` an upper folder
 *   means something else. `trusted.SGI_ACL_FILE` and `_DEFAULT` are left out: XFS shows root its ACLs a second time.
 * - `btrfs.*` (compression) and all others: left out. They say how this filesystem stores the file.
 *
 * macOS: everything but `com.apple.provenance` and `com.apple.rootless`, which the system alone may set, and names that
 * begin with `cairn.`, which the format keeps for itself (FORMAT.md §23).
 */

const LINUX_KEPT = /^(?:user|security|trusted)\./;
const LINUX_ACLS: ReadonlySet<string> = new Set(['system.posix_acl_access', 'system.posix_acl_default']);
const LINUX_LEFT_OUT = /^(?:security\.evm|trusted\.SGI_ACL_(?:FILE|DEFAULT))$/;
const DARWIN_LEFT_OUT = /^(?:com\.apple\.provenance$|com\.apple\.rootless$|cairn\.)/;

/** Whether an attribute of this name is part of a backup. Each character of `name` stands for one byte. */
export function keepsAttribute(name: string, platform: NodeJS.Platform = process.platform): boolean {
  if (platform === 'darwin') return !DARWIN_LEFT_OUT.test(name);
  return LINUX_ACLS.has(name) || (LINUX_KEPT.test(name) && !LINUX_LEFT_OUT.test(name));
}
