/**
 * NodeIds against their definition, written out a second time here with nothing but concatenation, so that a change
 * of the bytes that are hashed can't go unseen.
 */
import { describe, expect, it } from 'vitest';
import { hash } from '../../../src-main/engine/codec/index.ts';
import { compareBytes, concatBytes, fromHex, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  canonicalName,
  createNodeHasher,
  type EntryMetadata,
  nodePath,
  sourcesNode,
} from '../../../src-main/engine/merkle/index.ts';
import { asContentHash, type NodeId } from '../../../src-shared/ids.ts';
import { fileEntry, idOf, nodeIdOf } from '../../support/merkle.ts';

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
const i64 = (value: bigint): Uint8Array => new Uint8Array(BigInt64Array.of(value).buffer);
const sized = (bytes: Uint8Array): Uint8Array => concatBytes([u32(bytes.length), bytes]);
const text = (value: string): Uint8Array => sized(utf8(value));
const nothing = u32(0);

/** The metadata of an entry without owner names, link target, device, attributes and raw name. */
const plain = (size: number, entry: EntryMetadata): Uint8Array =>
  concatBytes([
    ...[u64(size), u32(entry.mode), i64(entry.mtimeNs), u32(entry.uid), u32(entry.gid)],
    ...[nothing, nothing, nothing, u64(0), u32(0), nothing],
  ]);

const hasher = createNodeHasher();
const folder: EntryMetadata = { name: utf8('folder'), mode: 0o755, uid: 5, gid: 6, mtimeNs: 7n };

function folderOf(path: string, children: readonly { name: Uint8Array; nodeId: NodeId }[]): string {
  const node = hasher.createFolderNode(path);
  for (const { name, nodeId } of children) node.add(canonicalName(name).text, name, nodeId);
  return toHex(node.finish(folder));
}

const record = (name: string, nodeId: Uint8Array): Uint8Array => concatBytes([text(name), nodeId]);
const expectHash = (nodeId: Uint8Array | string, parts: readonly Uint8Array[]): void =>
  expect(typeof nodeId === 'string' ? nodeId : toHex(nodeId)).toBe(toHex(hash(concatBytes(parts))));

describe('the NodeId', () => {
  it('of a file hashes tag, path, content hash and metadata', () => {
    const entry = fileEntry('letter.txt', 'Dear Cairn');
    const parts = [text('file'), text('mail/letter.txt'), entry.contentHash, sized(plain(10, entry))];
    expectHash(hasher.leafNode('mail/letter.txt', entry), parts);
  });

  it('of a file hashes owner names, attributes and the raw name that is not NFC', () => {
    const entry = fileEntry('e\u0301', 'x', {
      userName: 'ada',
      groupName: 'staff',
      xattrs: [{ name: utf8('user.a'), value: Uint8Array.of(1, 2) }],
    });
    const metadata = concatBytes([
      ...[u64(1), u32(entry.mode), i64(entry.mtimeNs), u32(entry.uid), u32(entry.gid)],
      ...[text('ada'), text('staff'), nothing, u64(0)],
      ...[u32(1), text('user.a'), sized(Uint8Array.of(1, 2)), text('e\u0301')],
    ]);
    expectHash(hasher.leafNode('\u00e9', entry), [text('file'), text('\u00e9'), entry.contentHash, sized(metadata)]);
  });

  it('of a file with attributes in a blob binds their plain hash, never the blob’s keyed id', () => {
    const xattrHash = asContentHash(nodeIdOf('attributes'));
    const entry = fileEntry('a', 'x', { xattrBlob: { id: idOf('keyed'), hash: xattrHash } });
    const metadata = concatBytes([
      ...[u64(1), u32(entry.mode), i64(entry.mtimeNs), u32(entry.uid), u32(entry.gid)],
      ...[nothing, nothing, nothing, u64(0), u32(0xffff_ffff), xattrHash, nothing],
    ]);
    expectHash(hasher.leafNode('a', entry), [text('file'), text('a'), entry.contentHash, sized(metadata)]);
  });

  it('of a link hashes its target, twice: as content and in the metadata', () => {
    const { name, mode, uid, gid, mtimeNs } = fileEntry('link');
    const target = utf8('../there');
    const entry = { nodeType: 'symlink', name, mode, uid, gid, mtimeNs, target } as const;
    const metadata = concatBytes([
      ...[u64(0), u32(mode), i64(mtimeNs), u32(uid), u32(gid)],
      ...[nothing, nothing, sized(target), u64(0), u32(0), nothing],
    ]);
    expectHash(hasher.leafNode('link', entry), [text('symlink'), text('link'), hash(target), sized(metadata)]);
  });

  it('of a device hashes its numbers, of a pipe a content of zeros', () => {
    const { name, mode, uid, gid, mtimeNs } = fileEntry('special');
    const zeros = new Uint8Array(32);
    const common = { name, mode, uid, gid, mtimeNs };
    const device = concatBytes([
      ...[u64(0), u32(mode), i64(mtimeNs), u32(uid), u32(gid)],
      ...[nothing, nothing, nothing, u32(3), u32(8), u32(0), nothing],
    ]);
    for (const nodeType of ['char-device', 'block-device'] as const) {
      const node = hasher.leafNode('special', { nodeType, ...common, major: 8, minor: 3 });
      expectHash(node, [text(nodeType), text('special'), zeros, sized(device)]);
    }
    for (const nodeType of ['fifo', 'socket'] as const) {
      const node = hasher.leafNode('special', { nodeType, ...common });
      expectHash(node, [text(nodeType), text('special'), zeros, sized(plain(0, common))]);
    }
  });

  it('of an empty folder and of a source root, which has no name of its own', () => {
    expectHash(folderOf('empty', []), [text('directory'), text('empty'), u64(0), sized(plain(0, folder))]);
    const node = hasher.createFolderNode('').finish({ ...folder, name: Uint8Array.of(0xff) });
    expectHash(node, [text('directory'), text(''), u64(0), sized(plain(0, folder))]);
  });

  it('of a folder hashes its children by canonical name, where raw names have another order', () => {
    // Raw: e + accent (65 cc 81) < f (66) < é (c3 a9). Canonical: f < é = é, the raw names decide between the twins.
    const decomposed = { name: utf8('e\u0301'), nodeId: nodeIdOf('decomposed') };
    const plainLetter = { name: utf8('f'), nodeId: nodeIdOf('f') };
    const composed = { name: utf8('\u00e9'), nodeId: nodeIdOf('composed') };
    expectHash(folderOf('p', [decomposed, plainLetter, composed]), [
      ...[text('directory'), text('p'), u64(3)],
      ...[record('f', plainLetter.nodeId), record('\u00e9', decomposed.nodeId), record('\u00e9', composed.nodeId)],
      sized(plain(0, folder)),
    ]);
  });

  it('of a folder of exactly 1,024 children is flat, of one more it is grouped', () => {
    const children = Array.from({ length: 1025 }, (_, index) => ({
      name: utf8(`c${String(index).padStart(4, '0')}`),
      nodeId: nodeIdOf(`${index}`),
    }));
    const records = children.map(({ name, nodeId }) => concatBytes([sized(name), nodeId]));
    const metadata = sized(plain(0, folder));
    const flat = [text('directory'), text('wide'), u64(1024), ...records.slice(0, 1024), metadata];
    expectHash(folderOf('wide', children.slice(0, 1024)), flat);
    const groups = [records.slice(0, 1024), records.slice(1024)].map((part, index) =>
      hash(concatBytes([text('group'), u64(0), u64(index), ...part])),
    );
    expectHash(folderOf('wide', children), [text('directory-groups'), text('wide'), u64(1025), ...groups, metadata]);
  });

  it('of the sources hashes them by the bytes of their names', () => {
    const [home, photos] = [nodeIdOf('home'), nodeIdOf('photos')];
    const expected = [text('sources'), u64(2), record('home', home), record('photos', photos)];
    expectHash(
      sourcesNode([
        { name: 'photos', nodeId: photos },
        { name: 'home', nodeId: home },
      ]),
      expected,
    );
    expectHash(sourcesNode([]), [text('sources'), u64(0)]);
  });
});

describe('a folder node', () => {
  it('refuses the same raw name twice', () => {
    const twice = [
      { name: utf8('a'), nodeId: nodeIdOf('1') },
      { name: utf8('a'), nodeId: nodeIdOf('2') },
    ];
    expect(() => folderOf('p', twice)).toThrow(/raw name once/);
  });

  it('refuses a child count that is not the number of children, and children after the end', () => {
    const node = hasher.createFolderNode('p');
    expect(() => node.finish(folder, 1)).toThrow(/has the children/);
    node.finish(folder, 0);
    expect(() => node.add('a', utf8('a'), nodeIdOf('a'))).toThrow(/finished/);
  });
});

describe('a canonical name', () => {
  const names: readonly (readonly [string, string, string, boolean])[] = [
    ['plain ASCII as it is', '612e747874', 'a.txt', false],
    ['a backslash in UTF-8 as it is', '5c78', '\\x', false],
    ['NFC as it is', 'c3a9', '\u00e9', false],
    ['NFD composed, with its raw bytes', '65cc81', '\u00e9', true],
    ['a byte order mark kept', 'efbbbf61', '\ufeffa', false],
    ['a bad byte escaped, with its raw bytes', '61ff62', 'a\\xffb', true],
    ['a backslash beside a bad byte doubled', '5cff', '\\\\\\xff', true],
    ['Latin-1 escaped beside good letters', 'e9c3a9', '\\xe9\u00e9', true],
    ['an encoded surrogate escaped', 'eda080', '\\xed\\xa0\\x80', true],
    ['an overlong form escaped', 'c0af', '\\xc0\\xaf', true],
    ['a cut sequence escaped', 'f09f98', '\\xf0\\x9f\\x98', true],
    ['a number above Unicode escaped', 'f4908080', '\\xf4\\x90\\x80\\x80', true],
  ];
  it.each(names)('has %s', (_claim, hex, expected, keepsRaw) => {
    const { text: canonical, raw } = canonicalName(fromHex(hex));
    expect(canonical).toBe(expected);
    expect(raw === undefined ? undefined : toHex(raw)).toBe(keepsRaw ? hex : undefined);
  });

  it('is joined to a path below the source root, whose path is empty', () => {
    expect(nodePath('', 'a')).toBe('a');
    expect(nodePath('a/b', 'c')).toBe('a/b/c');
  });

  it('has the order of its bytes, not of UTF-16', () => {
    // U+FF5E sorts above an emoji in UTF-16 and below it in UTF-8.
    expect(compareBytes(utf8('\uff5e'), utf8('😀'))).toBeLessThan(0);
    const one = { name: utf8('\uff5e'), nodeId: nodeIdOf('1') };
    const other = { name: utf8('😀'), nodeId: nodeIdOf('2') };
    expectHash(folderOf('p', [one, other]), [
      ...[text('directory'), text('p'), u64(2), record('\uff5e', one.nodeId), record('😀', other.nodeId)],
      sized(plain(0, folder)),
    ]);
  });
});
