/** Extended attributes of real entries, as the system gives them to us and to a witness. */
import { execFileSync, fork } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AttributesResult,
  canReadAttributes,
  createAttributeReader,
  readAttributes,
} from '../../../src-main/engine/source/index.ts';
import { keepsAttribute } from '../../../src-main/engine/source/attributes-kept.ts';
import { ACL_TAG, aclValue, makeNode, setXattr, TYPE_BITS } from '../../support/native.ts';

const onLinux = process.platform === 'linux';
const asRoot = onLinux && process.geteuid?.() === 0;
const describeLinux = onLinux ? describe : describe.skip;

let base = '';
const at = (...names: string[]): string => path.join(base, ...names);
beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-attributes-'));
  fs.writeFileSync(at('file'), 'content');
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

const read = (access: string | Buffer | number): AttributesResult => readAttributes(access, Buffer.from('shown'));
/** Names as text with values as text: easier to look at. */
function shown(result: AttributesResult): Record<string, string> {
  if ('failed' in result) throw new Error(result.failed.message);
  return Object.fromEntries(
    result.map(({ name, value }) => [Buffer.from(name).toString('latin1'), Buffer.from(value).toString('latin1')]),
  );
}

describeLinux('the attributes of an entry', () => {
  it('can be read on this system', () => {
    expect(canReadAttributes()).toBe(true);
    expect(read(at('file'))).toEqual([]);
  });

  it('are the same by text, by bytes, by descriptor and below a folder’s descriptor, sorted by name', () => {
    for (const name of ['user.b', 'user.a', 'user.Z', 'user.caf\u00e9']) setXattr(at('file'), name, `value of ${name}`);
    setXattr(Buffer.from(at('file')), Buffer.from('user.\xff\xfe', 'latin1'), Buffer.of(0, 255, 0));
    const expected = read(at('file'));
    if ('failed' in expected) throw new Error(expected.failed.message);
    expect(expected.map(({ name }) => Buffer.from(name).toString('latin1'))).toEqual([
      'user.Z',
      'user.a',
      'user.b',
      'user.caf\u00c3\u00a9',
      'user.\xff\xfe',
    ]);
    expect(expected.at(-1)?.value).toEqual(Uint8Array.of(0, 255, 0));
    expect(read(Buffer.from(at('file')))).toEqual(expected);
    const [file, folder] = [fs.openSync(at('file'), 'r'), fs.openSync(base, 'r')];
    expect(read(file)).toEqual(expected);
    expect(read(`/proc/self/fd/${folder}/file`)).toEqual(expected);
    expect(read(Buffer.from(`/proc/self/fd/${folder}/file`))).toEqual(expected);
    fs.closeSync(file);
    fs.closeSync(folder);
  });

  it('are those a witness in another language sees', () => {
    const script =
      'import os,sys\nfor n in sorted(os.listxattr(sys.argv[1])): print(n, os.getxattr(sys.argv[1], n).hex())';
    setXattr(at('file'), 'user.one', Buffer.from([1, 2, 3]));
    setXattr(at('file'), 'user.empty', '');
    let seen: string;
    try {
      seen = execFileSync('python3', ['-c', script, at('file')], { encoding: 'utf8' });
    } catch {
      return; // No Python here: the witness is missing, the other tests are not.
    }
    expect(seen).toBe('user.empty \nuser.one 010203\n');
    expect(shown(read(at('file')))).toEqual({ 'user.empty': '', 'user.one': '\x01\x02\x03' });
  });

  it('come with names that are not UTF-8 and with paths that are not ASCII', () => {
    const raw = Buffer.concat([Buffer.from(`${base}/`), Buffer.from([0xff, 0x20, 0xc3])]);
    fs.writeFileSync(raw, '');
    setXattr(raw, 'user.a', 'raw');
    expect(shown(read(raw))).toEqual({ 'user.a': 'raw' });
    fs.writeFileSync(at('caf\u00e9'), '');
    setXattr(at('caf\u00e9'), 'user.a', 'text');
    expect(shown(read(at('caf\u00e9')))).toEqual({ 'user.a': 'text' });
  });

  it('are the folder’s own and the ACLs among them', () => {
    const acl = aclValue([
      [ACL_TAG.userOwner, 6],
      [ACL_TAG.user, 4, 1234],
      [ACL_TAG.groupOwner, 4],
      [ACL_TAG.mask, 4],
      [ACL_TAG.other, 0],
    ]);
    fs.mkdirSync(at('folder'));
    setXattr(at('folder'), 'system.posix_acl_access', acl);
    setXattr(at('folder'), 'system.posix_acl_default', acl);
    const result = shown(read(at('folder')));
    expect(Object.keys(result)).toEqual(['system.posix_acl_access', 'system.posix_acl_default']);
    expect(Buffer.from(result['system.posix_acl_access'] ?? '', 'latin1').equals(acl)).toBe(true);
  });

  it('are not followed through a link', () => {
    setXattr(at('file'), 'user.a', 'of the file');
    fs.symlinkSync('file', at('link'));
    expect(read(at('link'))).toEqual([]);
    if (!asRoot) return;
    setXattr(at('link'), 'trusted.a', 'of the link');
    makeNode(at('fifo'), TYPE_BITS.fifo | 0o600);
    setXattr(at('fifo'), 'trusted.a', 'of the fifo');
    expect(shown(read(at('link')))).toEqual({ 'trusted.a': 'of the link' });
    expect(shown(read(at('fifo')))).toEqual({ 'trusted.a': 'of the fifo' });
  });

  it('may be large and many', () => {
    const big = Buffer.alloc(3000, 'x');
    setXattr(at('file'), 'user.big', big);
    for (let index = 0; index < 20; index++) setXattr(at('file'), `user.${'n'.repeat(20)}-${index}`, `${index}`);
    const result = shown(read(at('file')));
    expect(Object.keys(result)).toHaveLength(21);
    expect(result['user.big']).toBe(big.toString());
    // tmpfs takes values up to the greatest there are; ext4 only what fits into a block.
    if (!fs.existsSync('/dev/shm')) return;
    const inMemory = fs.mkdtempSync('/dev/shm/cairn-attributes-');
    try {
      fs.writeFileSync(path.join(inMemory, 'file'), '');
      setXattr(path.join(inMemory, 'file'), 'user.big', Buffer.alloc(65_536, 'y'));
      setXattr(path.join(inMemory, 'file'), 'user.small', 'z');
      const found = shown(read(path.join(inMemory, 'file')));
      expect([found['user.big']?.length, found['user.small']]).toEqual([65_536, 'z']);
    } catch (error) {
      if (!String(error).includes('lsetxattr')) throw error;
    } finally {
      fs.rmSync(inMemory, { recursive: true });
    }
  });

  it('of an entry that is gone, or under a name too long, are a problem with the system’s code', () => {
    expect(read(at('gone'))).toMatchObject({ failed: { path: 'shown', code: 'ENOENT' } });
    expect(read(Buffer.from(`${base}/${'x/'.repeat(3000)}`))).toMatchObject({ failed: { code: 'ENAMETOOLONG' } });
    expect(read(987_654)).toMatchObject({ failed: { code: 'EBADF' } });
  });

  it('are none where the filesystem has none, which is asked, and told, only once a device', () => {
    const asked: string[] = [];
    const told: string[] = [];
    const reader = createAttributeReader(
      {
        list: (access) => {
          asked.push(String(access));
          return access === 'gone' ? -2 : -1;
        },
        get: () => -1,
        codeOf: (result) => (result === -2 ? 'ENOENT' : 'EOPNOTSUPP'),
      },
      (where) => told.push(Buffer.from(where).toString()),
    );
    const path = Buffer.from('shown');
    expect(reader.read('gone', path, 1n)).toMatchObject({ failed: { code: 'ENOENT' } });
    for (const name of ['a', 'b', 'c']) expect(reader.read(name, path, 1n)).toEqual([]);
    for (const name of ['d', 'e']) expect(reader.read(name, path, 2n)).toEqual([]);
    for (const name of ['f', 'g']) expect(reader.read(name, path)).toEqual([]);
    expect(asked).toEqual(['gone', 'a', 'd', 'f', 'g']);
    // One word for each device that is known by its number.
    expect(told).toEqual(['shown', 'shown']);
    setXattr(at('file'), 'user.a', 'b');
    expect(shown(createAttributeReader().read(at('file'), path, 2n))).toEqual({ 'user.a': 'b' });
  });

  it('stay whole while another process changes them under our hands', async () => {
    const script = path.join(import.meta.dirname, '../../support/attributes-changer.ts');
    const child = fork(script, [at('file')], { execArgv: ['--no-warnings'] });
    try {
      await new Promise((ready) => child.once('message', ready));
      const sizes = new Set<number>();
      // A busy machine may not let the other process in for a while.
      for (let round = 0; round < 4000 || (sizes.size < 2 && round < 2_000_000); round++) {
        const xattrs = read(at('file'));
        if ('failed' in xattrs) throw new Error(xattrs.failed.message);
        for (const { name, value } of xattrs) {
          sizes.add(value.length);
          // A value is one that was set, never a piece of one or a mixture of two.
          const [first] = value;
          const isWhole = value.every((byte) => byte === first);
          if (!isWhole) expect({ name: Buffer.from(name).toString(), value }).toBe('one value');
        }
      }
      expect(sizes.size).toBeGreaterThan(1);
    } finally {
      child.kill();
    }
  });
});

describe('what is kept', () => {
  it.each([
    ['user.anything', true],
    ['system.posix_acl_access', true],
    ['system.posix_acl_default', true],
    ['system.nfs4_acl', false],
    ['system.posix_acl_access2', false],
    ['security.capability', true],
    ['security.selinux', true],
    ['security.ima', true],
    ['security.evm', false],
    ['trusted.overlay.opaque', true],
    ['trusted.SGI_ACL_FILE', false],
    ['btrfs.compression', false],
    ['cairn.stream', false],
  ])('on Linux: %s → %s', (name, kept) => expect(keepsAttribute(name, 'linux')).toBe(kept));

  it.each([
    ['com.apple.FinderInfo', true],
    ['com.apple.provenance', false],
    ['org.example', true],
    ['cairn.stream', false],
  ])('on macOS: %s → %s', (name, kept) => expect(keepsAttribute(name, 'darwin')).toBe(kept));
});
