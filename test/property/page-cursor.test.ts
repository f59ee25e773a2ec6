/** The record cursor and the page decoder are one reader: the same pages, the same fields, the same refusals. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PageId } from '../../src-shared/ids.ts';
import { isCairnError } from '../../src-shared/errors.ts';
import { ByteWriter, compareBytes, concatBytes, equalBytes, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  createFolderPageBuilder,
  decodeFolderPage,
  encodeAttributes,
  encodeFolderPage,
  encodeOwnerNames,
  type Entry,
  iterateFolderLeaves,
  iterateFolderPages,
  NODE_TYPE_NUMBER,
  PageRecordCursor,
} from '../../src-main/engine/merkle/index.ts';
import {
  arbEntries,
  arbMutations,
  arbName,
  buildFolder,
  createPageStore,
  fileEntry,
  mutate,
} from '../support/merkle.ts';

const EMPTY = new Uint8Array(0);

function refusal(action: () => void): string {
  try {
    action();
    return 'none';
  } catch (error) {
    if (!isCairnError(error)) throw error;
    return error.code;
  }
}

/** Everything the cursor says of a page, compared with the entries it should hold. */
function expectEqual(cursor: PageRecordCursor, page: Uint8Array, entries: readonly Entry[]): void {
  cursor.open(page);
  expect(cursor.count).toBe(entries.length);
  for (const entry of entries) {
    expect(cursor.next()).toBe(true);
    const { nodeType, mode, uid, gid, mtimeNs } = entry;
    expect(equalBytes(cursor.name, entry.name)).toBe(true);
    const high = BigInt(cursor.mtimeHigh);
    expect({
      nodeType: cursor.nodeType,
      mode: cursor.mode,
      uid: cursor.uid,
      gid: cursor.gid,
      mtimeNs: (high << 32n) | BigInt(cursor.mtimeLow),
      size: cursor.size,
      fileFlags: cursor.fileFlags,
      linkGroup: cursor.linkGroup,
      totals: [cursor.totalEntries, cursor.totalBytes],
    }).toEqual({
      nodeType: NODE_TYPE_NUMBER[nodeType],
      mode,
      uid,
      gid,
      mtimeNs,
      size: nodeType === 'file' ? entry.size : 0,
      fileFlags: nodeType === 'file' ? (entry.fileFlags ?? 0) : 0,
      linkGroup: entry.linkGroup ?? -1,
      totals: nodeType === 'directory' ? [entry.totalEntries, entry.totalBytes] : [0, 0],
    });
    const size = nodeType === 'file' ? entry.size : 12_345;
    const [low, top] = [cursor.mtimeLow, cursor.mtimeHigh];
    expect(cursor.matches(mode, uid, gid, low, top, size)).toBe(true);
    expect(cursor.matches(mode ^ 1, uid, gid, low, top, size)).toBe(false);
    expect(cursor.matches(mode, uid + 1, gid, low, top, size)).toBe(false);
    expect(cursor.matches(mode, uid, gid + 1, low, top, size)).toBe(false);
    expect(cursor.matches(mode, uid, gid, low ^ 1, top, size)).toBe(false);
    expect(cursor.matches(mode, uid, gid, low, top ^ 1, size)).toBe(false);
    expect(cursor.matches(mode, uid, gid, low, top, size + 1)).toBe(nodeType !== 'file');
    const owner = encodeOwnerNames(entry.userName, entry.groupName);
    expect(cursor.hasOwnerNames(owner)).toBe(true);
    expect(cursor.hasOwnerNames(encodeOwnerNames(`${entry.userName ?? ''}x`, entry.groupName))).toBe(false);
    expect(cursor.hasOwnerNames(EMPTY)).toBe(owner.length === 0);
    const xattrs = entry.xattrs === undefined ? EMPTY : encodeAttributes(entry.xattrs);
    expect(cursor.hasXattrs(xattrs)).toBe(entry.xattrBlob === undefined);
    expect(cursor.hasXattrs(encodeAttributes([{ name: utf8('user.zz'), value: EMPTY }]))).toBe(false);
    const chunks = nodeType === 'file' && entry.content.kind === 'inline' ? entry.content.chunks : [];
    if (cursor.chunkCount >= 0) {
      expect(Array.from({ length: cursor.chunkCount }, (_, index) => cursor.chunkId(index))).toEqual(
        chunks.map(({ id }) => id),
      );
    }
    expect(cursor.decode()).toEqual(entry);
  }
  expect(cursor.next()).toBe(false);
}

describe('the record cursor', () => {
  // One for all pages: nothing may be left in it from the page before.
  const cursor = new PageRecordCursor();

  it('says of every page what the decoder says', () => {
    fc.assert(
      fc.property(arbEntries(12), (entries) => {
        expectEqual(cursor, encodeFolderPage({ kind: 'leaf', entries }), entries);
      }),
      { numRuns: 300 },
    );
  });

  it('says it too where owners and attributes repeat, as on a real machine', () => {
    const xattrs = [{ name: utf8('security.selinux'), value: utf8('label') }];
    const fields = [
      { userName: 'ann', groupName: 'staff', xattrs },
      { userName: 'müller', xattrs: [...xattrs, { name: utf8('user.a'), value: utf8('b') }] },
      { groupName: 'staff' },
      {},
    ];
    const entries = Array.from({ length: 200 }, (_, index) =>
      fileEntry(String(index).padStart(4, '0'), `${index % 3}`, fields[Math.floor(index / 3) % fields.length] ?? {}),
    );
    const page = encodeFolderPage({ kind: 'leaf', entries });
    expectEqual(cursor, page, entries);
    // Such records are read here, not decoded: their chunks are known.
    cursor.open(page);
    while (cursor.next()) expect(cursor.chunkCount).toBe(1);
  });

  it('accepts what the decoder accepts of hostile bytes, and refuses the rest with the same code', () => {
    const outcomes: Record<string, number> = {};
    fc.assert(
      fc.property(arbEntries(5), arbMutations, (entries, mutations) => {
        const page = mutate(encodeFolderPage({ kind: 'leaf', entries }), mutations);
        let decoded: readonly Entry[] = [];
        const expected = refusal(() => {
          const result = decodeFolderPage(page);
          if (result.kind === 'leaf') decoded = result.entries;
        });
        outcomes[expected] = (outcomes[expected] ?? 0) + 1;
        if (expected === 'none') expectEqual(cursor, page, decoded);
        const found = refusal(() => {
          cursor.open(page);
          while (cursor.next());
        });
        expect(found).toBe(expected);
      }),
      { numRuns: 3000 },
    );
    expect(outcomes['none']).toBeGreaterThan(50);
    expect(outcomes['integrity/malformed']).toBeGreaterThan(500);
  });

  // Each is one record of which a single thing is wrong; random changes rarely make these.
  const fixed = (type: number, mask: number, name = 'a'): ByteWriter =>
    new ByteWriter().u8(type).varint(mask).text(name).varint(0o644).varint(0).varint(0).i64(1n);
  const file = (mask: number, size: number, chunks: readonly (readonly [number, number])[], name = 'a'): ByteWriter => {
    const writer = fixed(1, mask, name).varint(size).bytes(new Uint8Array(32).fill(9)).varint(chunks.length);
    for (const [id, length] of chunks) writer.bytes(new Uint8Array(32).fill(id)).varint(length);
    return writer;
  };
  const folder = (entryCount: number, totalEntries: number, level = 0): ByteWriter =>
    fixed(2, 0).bytes(new Uint8Array(32)).u8(level).varint(entryCount).varint(totalEntries).varint(5);
  const raw = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
  it.each<[string, 'good' | 'bad', ...ByteWriter[]]>([
    [
      'a file of two chunks',
      'good',
      file(0, 5, [
        [1, 2],
        [2, 3],
      ]),
    ],
    [
      'chunks that do not add up',
      'bad',
      file(0, 6, [
        [1, 2],
        [2, 3],
      ]),
    ],
    [
      'one chunk twice',
      'good',
      file(0, 4, [
        [1, 2],
        [1, 2],
      ]),
    ],
    [
      'one chunk of two lengths',
      'bad',
      file(0, 5, [
        [1, 2],
        [1, 3],
      ]),
    ],
    ['a chunk of no bytes', 'bad', file(0, 0, [[1, 0]])],
    ['a chunk larger than any', 'bad', file(0, 8 * 1024 * 1024 + 1, [[1, 8 * 1024 * 1024 + 1]])],
    [
      '33 chunks in the entry',
      'bad',
      file(
        0,
        33,
        Array.from({ length: 33 }, (_, index) => [index, 1] as const),
      ),
    ],
    ['a placeholder', 'good', file(32, 7, []).varint(4)],
    ['a placeholder with a chunk', 'bad', file(32, 2, [[1, 2]]).varint(4)],
    ['file flags of 0', 'bad', file(32, 0, []).varint(0)],
    ['file flags of 33 bits', 'bad', file(32, 0, []).varint(2 ** 32)],
    ['owner names', 'good', file(2, 0, []).text('').text('staff')],
    ['owner names that are both empty', 'bad', file(2, 0, []).text('').text('')],
    ['an owner name that is not UTF-8', 'bad', file(2, 0, []).sizedBytes(raw(0xc3)).text('a')],
    ['an owner name too long', 'bad', file(2, 0, []).text('x'.repeat(4097)).text('')],
    ['a name twice', 'bad', file(0, 0, []), file(0, 0, [])],
    ['names that rise', 'good', file(0, 0, [], 'a'), file(0, 0, [], 'aa')],
    ['names that fall', 'bad', file(0, 0, [], 'aa'), file(0, 0, [], 'a')],
    ['more names below a folder than in all', 'bad', folder(4, 3)],
    ['as many', 'good', folder(3, 3)],
    ['a page level too high', 'bad', folder(3, 3, 9)],
    ['a number in a longer form than it needs', 'bad', fixed(4, 16).bytes(raw(0x80, 0x00))],
    ['a number beyond any', 'bad', fixed(4, 16).bytes(raw(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))],
    ['a number without an end', 'bad', fixed(4, 16).bytes(new Uint8Array(9).fill(0xff))],
    ['a link', 'good', fixed(3, 0).text('target')],
    ['a link target with NUL', 'bad', fixed(3, 0).text('tar\0get')],
    [
      'a link target that reaches behind the end',
      'bad',
      fixed(3, 0)
        .varint(5)
        .bytes(raw(1, 1, 1)),
    ],
    [
      'a device',
      'good',
      fixed(6, 0)
        .varint(1)
        .varint(2 ** 32 - 1),
    ],
    [
      'a device number of 33 bits',
      'bad',
      fixed(7, 0)
        .varint(1)
        .varint(2 ** 32),
    ],
    ['no type', 'bad', fixed(0, 0)],
    ['a type that does not exist', 'bad', fixed(8, 0)],
    ['a field the type can’t have', 'bad', folder(3, 3).bytes(raw(1)), fixed(2, 16)],
    ['a mask of nine bits', 'bad', fixed(4, 256)],
    [
      'a mode of 13 bits',
      'bad',
      new ByteWriter().u8(4).varint(0).text('a').varint(0o10000).varint(0).varint(0).i64(1n),
    ],
    [
      'an owner of 33 bits',
      'bad',
      new ByteWriter()
        .u8(4)
        .varint(0)
        .text('a')
        .varint(0)
        .varint(2 ** 32)
        .varint(0)
        .i64(1n),
    ],
    [
      'a group of 33 bits',
      'bad',
      new ByteWriter()
        .u8(4)
        .varint(0)
        .text('a')
        .varint(0)
        .varint(0)
        .varint(2 ** 32)
        .i64(1n),
    ],
    ['a file whose id is cut off', 'bad', fixed(1, 0).varint(0).bytes(new Uint8Array(31))],
    ['a device that is cut off', 'bad', fixed(6, 0).varint(1)],
    ['the name “..”', 'bad', fixed(4, 0, '..')],
    ['the name “...”', 'good', fixed(4, 0, '...')],
    ['a name with a slash', 'bad', fixed(4, 0, 'a/b')],
  ])('agrees with the decoder about %s: %s', (_what, verdict, ...records) => {
    const writer = new ByteWriter().bytes(encodeFolderPage({ kind: 'leaf', entries: [] }).subarray(0, 8));
    writer.varint(records.length);
    for (const record of records) writer.bytes(record.view());
    const page = writer.finish();
    const expected = refusal(() => decodeFolderPage(page));
    expect(expected).toBe(verdict === 'good' ? 'none' : 'integrity/malformed');
    const found = refusal(() => {
      cursor.open(page);
      while (cursor.next());
    });
    expect(found).toBe(expected);
  });

  it.each([
    ['file', file(2, 0, []).text('ann').text('staff')],
    ['file without owner names', file(0, 0, [])],
    ['folder', folder(3, 3)],
    ['device', fixed(6, 0).varint(1).varint(2)],
    ['fifo', fixed(4, 16).varint(2)],
  ])('refuses a %s that is cut off when it comes to it, not only behind the last', (_what, writer) => {
    const whole = writer.finish();
    const page = new ByteWriter().bytes(encodeFolderPage({ kind: 'leaf', entries: [] }).subarray(0, 8));
    page.varint(1);
    for (let length = 17; length <= whole.length; length++) {
      cursor.open(concatBytes([page.view(), whole.subarray(0, length)]));
      expect({ length, code: refusal(() => cursor.next()) }).toEqual({
        length,
        code: length === whole.length ? 'none' : 'integrity/malformed',
      });
    }
  });

  it('refuses an inner page, another kind of page, and one longer than any', () => {
    const child = { firstName: utf8('a'), page: fileEntry('a').contentHash as never, entryCount: 1 };
    const inner = encodeFolderPage({ kind: 'inner', level: 1, children: [child] });
    expect(refusal(() => cursor.open(inner))).toBe('integrity/malformed');
    expect(refusal(() => cursor.open(utf8('CrnP')))).toBe('integrity/malformed');
    const long = new Uint8Array(2 * 1024 * 1024);
    long.set(encodeFolderPage({ kind: 'leaf', entries: [] }));
    expect(refusal(() => cursor.open(long))).toBe('limit/exceeded');
  });

  it('walks a folder of many pages as the decoder does, and finds the same contradictions between them', async () => {
    const entries = Array.from({ length: 3000 }, (_, index) => fileEntry(`file ${String(index).padStart(5, '0')}`));
    const store = createPageStore();
    const root = buildFolder(store.sink, entries);
    expect(root.level).toBe(1);
    const names: string[] = [];
    for await (const page of iterateFolderPages(store.fetch, root.page, root.level)) {
      cursor.open(page);
      while (cursor.next()) names.push(Buffer.from(cursor.name).toString());
    }
    expect(names).toEqual(entries.map(({ name }) => Buffer.from(name).toString()));

    const rootPage = decodeFolderPage(await store.fetch(root.page, 2));
    if (rootPage.kind !== 'inner') throw new Error('a root of level 1 is an inner page');
    const [first, second] = rootPage.children;
    const children = rootPage.children.slice(1);
    const lies: (typeof rootPage.children)[] = [
      [{ ...first!, entryCount: first!.entryCount + 1 }, ...children],
      [{ ...first!, firstName: utf8('file 0') }, ...children],
      [{ ...first!, page: second!.page }, ...children],
      [first!, { ...second!, firstName: utf8('file 00001') }, ...children.slice(1)],
    ];
    const walks = [iterateFolderPages, iterateFolderLeaves].map((iterate) => async (page: PageId) => {
      for await (const leaf of iterate(store.fetch, page, 1)) expect(leaf.length).toBeGreaterThan(0);
    });
    for (const lie of lies) {
      const page = store.sink(2, encodeFolderPage({ kind: 'inner', level: 1, children: lie }));
      for (const walk of walks) await expect(walk(page)).rejects.toMatchObject({ code: 'integrity/malformed' });
    }
  });

  it('compares names as the page sorts them', () => {
    fc.assert(
      fc.property(arbName, arbName, (left, right) => {
        cursor.open(encodeFolderPage({ kind: 'leaf', entries: [fileEntry(left)] }));
        cursor.next();
        const bytes = new Uint8Array(right.length + 7);
        bytes.set(right, 3);
        const order = cursor.compareName(bytes, 3, 3 + right.length);
        expect(Math.sign(order)).toBe(compareBytes(left, right));
      }),
    );
  });

  it('lets a builder take records over: the same pages as from the entries', () => {
    fc.assert(
      fc.property(arbEntries(12), fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (entries, taken) => {
        const store = createPageStore();
        const page = encodeFolderPage({ kind: 'leaf', entries });
        const sums = entries.map((entry) => ('totalEntries' in entry ? entry.totalEntries + entry.totalBytes : 0));
        // The sums of a folder are numbers; generated ones may be too large to add up.
        if (sums.reduce((sum, next) => sum + next, 0) > Number.MAX_SAFE_INTEGER / 4) return;
        const builder = createFolderPageBuilder(store.sink);
        cursor.open(page);
        for (const [index, entry] of entries.entries()) {
          cursor.next();
          if (taken[index] === true) builder.addRecord(cursor);
          else builder.add(entry);
        }
        expect(builder.finish()).toEqual(buildFolder(store.sink, entries));
      }),
    );
  });
});
