/**
 * FORMAT.md against the code, in both directions: a row that only one of them has fails, and so does every example in
 * bytes that Cairn, or the page's own text followed by hand, does not make again. That these checks can fail is shown
 * by changing the page in memory.
 */
import { createHash, hkdfSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { asBlobId, type BlobId, parseIndexRunId } from '../../src-shared/ids.ts';
import {
  BLOB_TYPE,
  CHUNKING,
  chunkAll,
  CIPHER,
  createBlobHasher,
  createChunker,
  deriveKey,
  FILE_TYPE,
  hash,
  type KeyPurpose,
} from '../../src-main/engine/codec/index.ts';
import { equalBytes, toHex } from '../../src-main/engine/kernel/index.ts';
import { XATTRS_IN_BLOB } from '../../src-main/engine/merkle/preimage.ts';
import {
  createDeltaSegment,
  createPackBuilder,
  createPageCache,
  openIndexRun,
  openPack,
} from '../../src-main/engine/pack/index.ts';
import { CONFIG, CONFIG_COPY, FOLDERS, INSTANCE, RESERVE } from '../../src-main/engine/repository/names.ts';
import { noiseBytes } from '../support/codec.ts';
import { CODES, forgottenLayouts, LAYOUTS, LIMITS } from './code-side.ts';
import { examplesByCode } from './examples-by-code.ts';
import { bytesOf, EXAMPLES, render } from './examples-by-hand.ts';
import { BLOBS, MASTER_KEY, REPOSITORY_ID } from './examples-files.ts';
import {
  differencesOfFields,
  differencesOfLayout,
  differencesOfNumbers,
  ENGINE,
  FORMAT_MD,
  type MarkedTable,
  nameIn,
  parseExamples,
  parseTables,
} from './page.ts';
import { recordsByCode } from './records.ts';
import { H, openSealedFile } from './stranger-bytes.ts';

const tables = parseTables(FORMAT_MD);
const tablesOf = (kind: string): readonly MarkedTable[] => tables.filter((table) => table.kind === kind);

function tableOf(kind: string, name = ''): MarkedTable {
  const found = tables.filter((table) => table.kind === kind && table.name === name);
  if (found.length !== 1) throw new Error(`FORMAT.md has ${found.length} tables “${kind} ${name}”`);
  return found[0]!;
}

const limitColumns = { name: 'constant', number: 'value' };
const codeColumns = { name: 'name', number: 'code' };

describe('FORMAT.md', () => {
  test('has every byte table of the code, with its offsets, sizes, types and names', () => {
    expect(
      tablesOf('layout')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(LAYOUTS).sort());
    expect(
      Object.entries(LAYOUTS).flatMap(([name, fields]) => differencesOfLayout(tableOf('layout', name), fields)),
    ).toEqual([]);
  });

  test('leaves out no table of a layout file', () => {
    expect(forgottenLayouts()).toEqual([]);
  });

  test('has every numeric code, and no other', () => {
    expect(
      tablesOf('codes')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(CODES).sort());
    expect(
      Object.entries(CODES).flatMap(([name, codes]) =>
        differencesOfNumbers(tableOf('codes', name), codeColumns, codes),
      ),
    ).toEqual([]);
  });

  test('has every limit with its value, and says whom it binds', () => {
    expect(differencesOfNumbers(tableOf('limits'), limitColumns, LIMITS)).toEqual([]);
    expect(tableOf('limits').rows.filter((row) => row['for'] !== 'format' && row['for'] !== 'writer')).toEqual([]);
    expect(XATTRS_IN_BLOB.toString(16)).toBe('ffffffff');
  });

  test('has every name of a repository', () => {
    const rows = tableOf('names').rows;
    const named = (kind: string): string[] =>
      rows.filter((row) => row['kind'] === kind).map((row) => nameIn(row['name']));
    expect(named('file').sort()).toEqual([CONFIG, CONFIG_COPY, INSTANCE, RESERVE].sort());
    expect(named('folder').sort()).toEqual(Object.values(FOLDERS).sort());
  });

  test('derives every key as the code does', () => {
    const purposes: readonly KeyPurpose[] = ['id', 'data', 'meta', 'chunk', 'sign', 'config'];
    const rows = tableOf('keys').rows;
    expect(rows.map((row) => nameIn(row['key']))).toEqual(purposes);
    for (const row of rows) {
      const byPage = new Uint8Array(hkdfSync('sha256', MASTER_KEY, REPOSITORY_ID, nameIn(row['info']), 32));
      expect(toHex(byPage)).toBe(
        toHex(deriveKey(new Uint8Array(MASTER_KEY), new Uint8Array(REPOSITORY_ID), nameIn(row['key']) as KeyPurpose)),
      );
    }
  });

  test('names every text that keeps one use of a hash or key apart from another', () => {
    const found = new Set<string>();
    for (const name of readdirSync(ENGINE, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      for (const [, literal = ''] of readFileSync(path.join(ENGINE, name), 'utf8').matchAll(
        /['"`](cairn\/[a-z0-9/-]*)/g,
      ))
        found.add(literal);
    }
    expect(
      tableOf('domains')
        .rows.map((row) => nameIn(row['text']))
        .sort(),
    ).toEqual([...found].sort());
  });

  test('lists the fields of every record that is written, with their types', async () => {
    const records = await recordsByCode();
    expect(
      tablesOf('fields')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(records).sort());
    expect(
      Object.entries(records).flatMap(([name, { full, least }]) =>
        differencesOfFields(tableOf('fields', name), full, least),
      ),
    ).toEqual([]);
  });

  test('refers to sections that exist', () => {
    const headings = [...FORMAT_MD.matchAll(/^## (\d+)\. (.*)$/gm)];
    expect(headings.map(([, number]) => Number(number))).toEqual(headings.map((_, index) => index + 1));
    for (const [, number] of FORMAT_MD.matchAll(/§(\d+)/g)) expect(Number(number)).toBeLessThanOrEqual(headings.length);
    const anchors = headings.map(
      ([, number, title = '']) =>
        `#${number ?? ''}-${title
          .toLowerCase()
          .replaceAll(/[^a-z ]/g, '')
          .replaceAll(' ', '-')}`,
    );
    expect([...FORMAT_MD.matchAll(/\]\((#[^)]*)\)/g)].map(([, anchor]) => anchor)).toEqual(anchors);
  });
});

describe('the examples of FORMAT.md', () => {
  const written = parseExamples(FORMAT_MD);
  const hexOf = (bytes: Uint8Array | undefined): string => (bytes === undefined ? 'missing' : toHex(bytes));

  test('follow from its text', () => {
    expect([...written.keys()]).toEqual(EXAMPLES.map(({ name }) => name));
    for (const example of EXAMPLES)
      expect({ [example.name]: hexOf(written.get(example.name)) }).toEqual({ [example.name]: hexOf(bytesOf(example)) });
    // Their remarks as well: a line that says something else than the bytes it stands beside would mislead.
    for (const example of EXAMPLES) expect(FORMAT_MD).toContain(`\`\`\`\n${render(example)}\n\`\`\``);
  });

  test('are what Cairn writes', async () => {
    const byCode = await examplesByCode();
    const read = ['data pack', 'index run'];
    expect([...Object.keys(byCode), ...read].sort()).toEqual([...written.keys()].sort());
    for (const [name, bytes] of Object.entries(byCode))
      expect({ [name]: hexOf(written.get(name)) }).toEqual({ [name]: hexOf(bytes) });
  });

  const identity = {
    repositoryId: new Uint8Array(REPOSITORY_ID),
    secrets: {
      cipher: CIPHER.none,
      dataKey: deriveKey(MASTER_KEY, REPOSITORY_ID, 'data'),
      metaKey: deriveKey(MASTER_KEY, REPOSITORY_ID, 'meta'),
    },
  };
  const blobHasher = createBlobHasher(deriveKey(MASTER_KEY, REPOSITORY_ID, 'id'));
  const fileOf = (name: string) => {
    const bytes = new Uint8Array(written.get(name)!);
    return {
      sizeBytes: bytes.length,
      bytes,
      read: ({ offset, length }: { offset: number; length: number }) =>
        Promise.resolve(bytes.subarray(offset, offset + length)),
    };
  };

  test('are packs and index runs that Cairn reads', async () => {
    const pack = fileOf('data pack');
    const reader = await openPack({ ...identity, ...pack, fileTypes: [FILE_TYPE.dataPack] });
    const segment = reader.footer.segments[0]!;
    const plain = await reader.readSegment(segment, () => Promise.reject(new Error('no delta')));
    const blobs = reader.footer.blobsOf(segment);
    expect(blobs.map(({ offset, length }) => toHex(plain.subarray(offset, offset + length)))).toEqual(BLOBS.map(toHex));
    expect(
      blobs.every(({ id, type, offset, length }) =>
        equalBytes(blobHasher.idOf(type, plain.subarray(offset, offset + length)), id),
      ),
    ).toBe(true);

    const file = fileOf('index run');
    const run = await openIndexRun({
      ...identity,
      ...file,
      runId: parseIndexRunId(toHex(hash(file.bytes))),
      cache: createPageCache(),
    });
    expect(run.packs).toMatchObject([{ packId: toHex(hash(pack.bytes)), sizeBytes: pack.sizeBytes, blobCount: 2 }]);
    for (const { id, offset, length } of blobs) {
      expect(await run.find(id)).toMatchObject({
        frameOffset: 104,
        frameLength: 52,
        offset,
        length,
        type: BLOB_TYPE.fileChunk,
        delta: false,
      });
    }
    expect(await run.find(asBlobId(new Uint8Array(32)))).toBeUndefined();
  });

  test('tell enough to read a delta, even one whose base begins like a dictionary of zstd', () => {
    for (const start of [[], [0x37, 0xa4, 0x30, 0xec]]) {
      const base = noiseBytes(100_000, 1);
      base.set(start);
      const plain = base.slice();
      plain.set(noiseBytes(500, 2), 50_000);
      const idOf = (bytes: Uint8Array): BlobId => blobHasher.idOf(BLOB_TYPE.fileChunk, bytes);
      const delta = createDeltaSegment({
        base: { id: idOf(base), plain: base },
        blob: { id: idOf(plain), type: BLOB_TYPE.fileChunk, plain },
        compression: { kind: 'zstd', level: 3 },
        blobHasher,
      });
      const secrets = { ...identity.secrets, cipher: CIPHER.aes256Gcm };
      const builder = createPackBuilder({
        fileType: FILE_TYPE.dataPack,
        ...identity,
        secrets,
        salt: hash(base),
        blobHasher,
      });
      const bytes = Buffer.concat([builder.header, builder.addSegment(delta!), builder.finish().tail]);
      const keys = {
        repositoryId: REPOSITORY_ID,
        encrypted: true,
        data: Buffer.from(secrets.dataKey),
        meta: Buffer.from(secrets.metaKey),
      };
      const frame = openSealedFile(bytes, [1], keys).frames[0]!;
      expect(frame.length).toBeLessThan(2000);
      expect(toHex(frame.payload.subarray(0, 32))).toBe(toHex(idOf(base)));
      expect(H(frame.plain(Buffer.from(base))).equals(H(plain))).toBe(true);
    }
  });

  test('tell enough to cut files as Cairn does', () => {
    const key = deriveKey(MASTER_KEY, REPOSITORY_ID, 'chunk');
    const gears = new Uint32Array(hkdfSync('sha256', key, Buffer.alloc(0), 'cairn/v1/gear', 1024));
    const { minBytes, averageBytes, maxBytes } = CHUNKING.fine;
    const bytes = noiseBytes(1 << 20, 3);
    const lengths: number[] = [];
    for (let start = 0; start < bytes.length;) {
      const most = Math.min(maxBytes, bytes.length - start);
      let length = Math.min(minBytes, most);
      for (; length < most; length++) {
        let window = 0;
        for (let k = 31; k >= 0; k--) window = ((window << 1) + (gears[bytes[start + length - 1 - k] ?? 0] ?? 0)) >>> 0;
        const zeros = Math.log2(averageBytes) + (length < averageBytes ? 2 : -2);
        if (window >>> (32 - zeros) === 0) break;
      }
      lengths.push(length);
      start += length;
    }
    expect(lengths).toEqual(chunkAll(createChunker(key, CHUNKING.fine), bytes));
    expect(lengths.length).toBeGreaterThan(5);
  });
});

describe('these checks fail', () => {
  /** The page with one line of a marked table changed, then compared as above. */
  function differencesAfter(
    table: MarkedTable,
    change: (rows: MarkedTable['rows']) => MarkedTable['rows'],
  ): readonly string[] {
    const changed = { ...table, rows: change(table.rows) };
    if (table.kind === 'layout') return differencesOfLayout(changed, LAYOUTS[table.name] ?? []);
    if (table.kind === 'codes') return differencesOfNumbers(changed, codeColumns, CODES[table.name] ?? {});
    return differencesOfNumbers(changed, limitColumns, LIMITS);
  }
  const checked = [...tablesOf('layout'), ...tablesOf('codes'), ...tablesOf('limits')];

  test('for every row that is missing or stands there twice', () => {
    for (const table of checked) {
      for (const [index, row] of table.rows.entries()) {
        expect(
          differencesAfter(table, (rows) => rows.toSpliced(index, 1)),
          `${table.name} without row ${index + 1}`,
        ).not.toEqual([]);
        expect(
          differencesAfter(table, (rows) => [...rows, row]),
          `${table.name} with row ${index + 1} twice`,
        ).not.toEqual([]);
      }
    }
  });

  test('for every cell that says something else', () => {
    for (const table of checked) {
      const cells =
        table.kind === 'layout'
          ? ['offset', 'size', 'type', 'field']
          : table.kind === 'codes'
            ? ['code', 'name']
            : ['constant', 'value'];
      for (const index of table.rows.keys()) {
        for (const cell of cells) {
          const change = (rows: MarkedTable['rows']) =>
            rows.map((row, at) => (at === index ? { ...row, [cell]: `${row[cell] ?? ''}1` } : row));
          expect(differencesAfter(table, change), `${table.name} row ${index + 1}, ${cell}`).not.toEqual([]);
        }
      }
    }
  });

  test('for every field of a record that is missing, new, of another type or not always there', async () => {
    const records = await recordsByCode();
    for (const table of tablesOf('fields')) {
      const { full, least } = records[table.name]!;
      const after = (rows: MarkedTable['rows']): readonly string[] =>
        differencesOfFields({ ...table, rows }, full, least);
      expect(after([...table.rows, { field: 'invented', type: 'text', present: 'always' }])).not.toEqual([]);
      for (const [index, row] of table.rows.entries()) {
        const otherType = row['type'] === 'text' ? 'count' : 'text';
        const otherPresence = row['present'] === 'always' ? 'sometimes' : 'always';
        expect(after(table.rows.toSpliced(index, 1)), `${table.name} without ${row['field'] ?? ''}`).not.toEqual([]);
        expect(
          after(
            table.rows.with(index, { ...row, type: row['type']?.startsWith('hex') === true ? 'count' : otherType }),
          ),
          `${table.name}: ${row['field'] ?? ''} as ${otherType}`,
        ).not.toEqual([]);
        expect(
          after(table.rows.with(index, { ...row, present: otherPresence })),
          `${table.name}: ${row['field'] ?? ''} ${otherPresence}`,
        ).not.toEqual([]);
      }
    }
  });

  test('for any digit of any example', () => {
    const blocks = [...FORMAT_MD.matchAll(/<!-- example (.+?) -->\n[^`]*```\n([0-9a-f])/g)];
    expect(blocks).toHaveLength(EXAMPLES.length);
    for (const found of blocks) {
      const at = found.index + found[0].length - 1;
      const digit = FORMAT_MD[at] === '0' ? '1' : '0';
      const changed = parseExamples(FORMAT_MD.slice(0, at) + digit + FORMAT_MD.slice(at + 1));
      const different = EXAMPLES.filter(
        (example) =>
          createHash('sha256').update(changed.get(example.name)!).digest('hex') !==
          createHash('sha256').update(bytesOf(example)).digest('hex'),
      );
      expect(different.map(({ name }) => name)).toEqual([found[1]]);
    }
  });
});
