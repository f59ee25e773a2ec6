/** Stand-ins of cloud files are told apart by what their programs write, never by how they look. */
import { expect, it } from 'vitest';
import { utf8 } from '../../../src-main/engine/kernel/index.ts';
import { type FileStat, isPlaceholder } from '../../../src-main/engine/source/index.ts';

const stat = (size: number, nodeType: FileStat['nodeType'] = 'file'): FileStat => ({
  nodeType,
  size,
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: 0n,
  ctimeNs: 0n,
  inode: 1n,
  device: 1n,
  linkCount: 1,
  blocks: 0,
});
const attribute = (name: string, value: string) => [{ name: utf8(name), value: utf8(value) }];

it.each([
  ['a virtual file of Nextcloud', 1, attribute('user.nextcloud.hydrate_exec', 'nextcloud\0'), true],
  ['one whose content came', 5000, attribute('user.nextcloud.hydrate_exec', 'nextcloud\0'), false],
  ['a virtual file of openvfs', 0, attribute('user.openvfs.state', 'virtual'), true],
  ['one that was emptied again', 5000, attribute('user.openvfs.state', 'dehydrated\0'), true],
  ['one whose content is here', 5000, attribute('user.openvfs.state', 'hydrated'), false],
  ['a sparse file of nothing but a hole', 1 << 30, [], false],
  ['a file with other attributes', 1, attribute('user.comment', 'virtual'), false],
])('%s', (_what, size, attributes, expected) => {
  expect(isPlaceholder(stat(size), attributes)).toBe(expected);
});

it('a folder is never one', () => {
  expect(isPlaceholder(stat(0, 'directory'), attribute('user.openvfs.state', 'virtual'))).toBe(false);
});
