/** Group b: the structure of pages. Every reference, level, count and total that can lie, does. */
import { BLOB_TYPE, hash } from '../../../src-main/engine/codec/index.ts';
import { concatBytes, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { verify } from '../../../src-main/engine/verify/index.ts';
import type { VerifyReport } from '../../../src-shared/model/index.ts';
import { type CaseGroup, type CaseRoom, type HostileCase, equal, isTrue } from '../case.ts';
import { type Outcome, type Probe, TREE_REFUSED, probes } from '../probe.ts';
import {
  PAGE,
  type RawChunk,
  type RawPage,
  chunkRef,
  fileBody,
  folderEntry,
  folderRef,
  pagedFileBody,
  rawEntry,
  rawPage,
  seal,
  sealRef,
  u8,
  varint,
} from '../raw.ts';
import { Workshop } from '../workshop.ts';

type Expected = Partial<Record<keyof Probe, Outcome | readonly Outcome[]>>;
type Counts = Parameters<Workshop['snapshotOf']>[1];

const leaf = (...records: Uint8Array[]): Uint8Array => rawPage({ kind: PAGE.folderLeaf, records });
const emptyFile = (name: string): Uint8Array => rawEntry({ name, body: fileBody([]) });
const id = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

/** A snapshot whose source's root page is what `build` makes. */
function pageCase(
  name: string,
  build: (workshop: Workshop) => Uint8Array,
  options: {
    readonly counts?: Counts;
    readonly expected?: Expected;
    readonly defect?: string;
    readonly patienceMs?: number;
  } = {},
): HostileCase {
  const { counts = {}, expected = TREE_REFUSED, defect, patienceMs } = options;
  return {
    name,
    ...(defect === undefined ? {} : { defect }),
    ...(patienceMs === undefined ? {} : { patienceMs }),
    run: async (room) => {
      const workshop = await Workshop.open();
      await workshop.snapshotOf(build(workshop), counts);
      await probes(workshop.repository, room, expected);
    },
  };
}

const honest: RawPage = { kind: PAGE.folderLeaf, records: [emptyFile('file')] };

const HEADERS: readonly HostileCase[] = [
  pageCase('a page with another magic is refused', () => rawPage({ ...honest, magic: 'CrnQ' })),
  pageCase('a page of version 0 is refused', () => rawPage({ ...honest, version: 0 })),
  pageCase('a page of version 2 is newer, not damaged, for who lists it', () => rawPage({ ...honest, version: 2 }), {
    expected: { list: 'repository/newer-format', restore: 'repository/newer-format' },
  }),
  pageCase(
    'a page of version 255 is newer, not damaged, for who lists it',
    () => rawPage({ ...honest, version: 255 }),
    {
      expected: { list: 'repository/newer-format' },
    },
  ),
  pageCase('a page with flags is refused', () => rawPage({ ...honest, flags: 1 })),
  pageCase('a leaf of level 1 is refused', () => rawPage({ ...honest, level: 1 })),
  pageCase('a page of kind 0 is refused', () => rawPage({ ...honest, kind: 0 })),
  pageCase('a page of kind 7 is refused', () => rawPage({ ...honest, kind: 7 })),
  ...([3, 4, 5, 6] as const).map((kind) =>
    pageCase(`a page of kind ${kind} where a folder is expected is refused`, () =>
      rawPage({ kind, level: kind % 2 === 0 ? 1 : 0, records: [concatBytes([id(1), varint(5), varint(5)])] }),
    ),
  ),
  pageCase('bytes after the last entry are refused', () => rawPage({ ...honest, trailing: u8(0) })),
  pageCase('a page of nothing is refused', () => new Uint8Array(0)),
  pageCase('a page cut off in its header is refused', () => rawPage(honest).subarray(0, 6)),
  pageCase('a page cut off in an entry is refused', () => rawPage(honest).subarray(0, 20)),
  pageCase('a page over a megabyte is refused', () =>
    leaf(
      rawEntry({ name: 'file', body: fileBody([]) }),
      ...Array.from({ length: 260 }, (_, index) =>
        rawEntry({ name: `file${String(index).padStart(4, '0')}${'x'.repeat(4000)}`, body: fileBody([]) }),
      ),
    ),
  ),
];

const COUNTS: readonly HostileCase[] = [
  ...(
    [
      ['2', 2],
      ['0', 0],
      ['2^31', 2n ** 31n],
      ['2^32 − 1', 2n ** 32n - 1n],
      ['2^53 − 1', 2n ** 53n - 1n],
      ['2^53', 2n ** 53n],
      ['2^63', 2n ** 63n],
      ['−1 in ten bytes', 2n ** 64n - 1n],
    ] as const
  ).map(([label, count]) =>
    pageCase(`a page of one entry that counts ${label} is refused`, () => rawPage({ ...honest, count }), {
      counts: { entryCount: count },
    }),
  ),
  pageCase('a count that is not in its shortest form is refused', () =>
    concatBytes([utf8('CrnP'), Uint8Array.of(1, 1, 0, 0, 0x81, 0x00), emptyFile('file')]),
  ),
  pageCase(
    'a folder that says it holds 2^53 − 1 entries and holds one is named by verify',
    () => leaf(emptyFile('file')),
    {
      counts: { entryCount: 2n ** 53n - 1n },
      expected: { deep: 'damage' },
    },
  ),
  pageCase('a folder with more names than its subtree is refused', () => leaf(emptyFile('file')), {
    counts: { entryCount: 2, totalEntries: 1 },
  }),
  pageCase('a folder whose level is 9 is refused', () => leaf(emptyFile('file')), { counts: { level: 9 } }),
  pageCase('a folder whose level is 255 is refused', () => leaf(emptyFile('file')), { counts: { level: 255 } }),
];

/** Inner pages above one honest leaf. */
function innerCase(name: string, build: (workshop: Workshop, below: Uint8Array) => Uint8Array, level = 1): HostileCase {
  return pageCase(name, (workshop) => build(workshop, workshop.folderPage(leaf(emptyFile('b'), emptyFile('c')))), {
    counts: { level, entryCount: 2 },
  });
}

const inner = (level: number, ...records: Uint8Array[]): Uint8Array =>
  rawPage({ kind: PAGE.folderInner, level, records });

const INNER: readonly HostileCase[] = [
  innerCase('an inner page of level 0 is refused', (_, below) => inner(0, folderRef('b', below, 2)), 0),
  innerCase('an inner page of level 9 is refused', (_, below) => inner(9, folderRef('b', below, 2)), 8),
  innerCase('an inner page without references is refused', () => inner(1)),
  innerCase('an inner page of level 2 above a leaf is refused', (_, below) => inner(2, folderRef('b', below, 2)), 2),
  innerCase(
    'an inner page of level 1 where its parent says 2 is refused',
    (_, below) => inner(1, folderRef('b', below, 2)),
    2,
  ),
  innerCase('an inner page where its parent says leaf is refused', (_, below) => inner(1, folderRef('b', below, 2)), 0),
  innerCase('a first name before that of the page is refused', (_, below) => inner(1, folderRef('a', below, 2))),
  innerCase('a first name after that of the page is refused', (_, below) => inner(1, folderRef('c', below, 2))),
  innerCase('a count above that of the page is refused', (_, below) => inner(1, folderRef('b', below, 3))),
  innerCase('a count of 2^53 − 1 for two entries is refused', (_, below) =>
    inner(1, folderRef('b', below, 2n ** 53n - 1n)),
  ),
  innerCase('a count of 0 is refused', (_, below) => inner(1, folderRef('b', below, 0))),
  innerCase('a page that reaches into its sibling is refused', (w, below) =>
    inner(1, folderRef('b', below, 2), folderRef('c', w.folderPage(leaf(emptyFile('c'))), 1)),
  ),
  innerCase('first names that fall are refused', (w, below) =>
    inner(1, folderRef('b', below, 2), folderRef('a', w.folderPage(leaf(emptyFile('a'))), 1)),
  ),
  innerCase('one page referred to twice in a folder is refused', (_, below) =>
    inner(1, folderRef('b', below, 2), folderRef('b', below, 2)),
  ),
  innerCase('a reference to a page that is nowhere is refused', () => inner(1, folderRef('b', id(9), 2))),
  innerCase('a reference to an empty leaf is refused', (w) => inner(1, folderRef('b', w.folderPage(leaf()), 1))),
  innerCase('a reference to a chunk instead of a page is refused', (w) =>
    inner(1, folderRef('b', w.chunk(leaf(emptyFile('b'), emptyFile('c'))), 2)),
  ),
  innerCase('a reference to a seal page is refused', (w) =>
    inner(1, folderRef('b', w.sealPage(rawPage({ kind: PAGE.sealLeaf, records: [seal(id(1))] })), 2)),
  ),
  innerCase(
    'nine inner pages above each other are refused',
    (w, below) => {
      let page = below;
      for (let level = 1; level <= 8; level++) page = w.folderPage(inner(level, folderRef('b', page, 2)));
      return inner(9, folderRef('b', page, 2));
    },
    8,
  ),
  pageCase(
    'eight inner pages above each other are read',
    (w) => {
      let page = w.folderPage(leaf(emptyFile('b')));
      for (let level = 1; level <= 7; level++) page = w.folderPage(inner(level, folderRef('b', page, 1)));
      return inner(8, folderRef('b', page, 1));
    },
    { counts: { level: 8 }, expected: { list: 'ok', restore: 'ok' } },
  ),
];

/** A folder of `width` names that all lead to the folder below, `levels` times: width^levels entries in a few pages. */
function bush(
  workshop: Workshop,
  levels: number,
  width: number,
  totals: 'true' | 'small',
): { page: Uint8Array; total: bigint } {
  let page = workshop.folderPage(leaf(emptyFile('file')));
  let entryCount = 1;
  let total = 1n;
  for (let level = 0; level < levels; level++) {
    const claimed = totals === 'true' ? total : BigInt(width);
    const child = { page, entryCount, totalEntries: claimed };
    const names = Array.from({ length: width }, (_, index) => `d${String(index).padStart(4, '0')}`);
    page = workshop.folderPage(leaf(...names.map((name) => folderEntry(name, child))));
    entryCount = width;
    total = BigInt(width) + BigInt(width) * total;
  }
  return { page, total };
}

type Reader = 'list' | 'find' | 'dryRun' | 'restore' | 'deep' | 'diff';

/** Each reader alone, because one that never ends hides what the others do. */
function bushCase(
  reader: Reader,
  label: string,
  shape: { readonly levels: number; readonly width: number; readonly totals: 'true' | 'small' },
): HostileCase {
  return {
    name: `a tree of ${label} ends in a typed error for ${READERS[reader]}`,
    patienceMs: 20_000,
    run: async (room) => {
      const { readAlone } = await import('../readers.ts');
      const workshop = await Workshop.open();
      const { page, total } = bush(workshop, shape.levels, shape.width, shape.totals);
      const totalEntries = shape.totals === 'true' ? total : BigInt(shape.width);
      await workshop.snapshotOfTop(leaf(folderEntry('source', { page, entryCount: shape.width, totalEntries })));
      await readAlone(workshop.repository, room, reader);
    },
  };
}

const READERS: Record<Reader, string> = {
  list: 'ls --recursive',
  find: 'find',
  dryRun: 'restore --dry-run',
  restore: 'restore',
  deep: 'verify --deep',
  diff: 'diff with nothing',
};

const BUSHES: readonly HostileCase[] = (Object.keys(READERS) as Reader[]).flatMap((reader) => [
  bushCase(reader, '40 levels of two names to one page', { levels: 40, width: 2, totals: 'true' }),
  bushCase(reader, '40 levels of two names to one page that says it has 2 entries', {
    levels: 40,
    width: 2,
    totals: 'small',
  }),
]);

const DEEP: readonly HostileCase[] = [
  {
    name: 'a chain of 8,300 folders ends in a typed error for every reader',
    run: async (room) => {
      const workshop = await Workshop.open();
      let page = workshop.folderPage(leaf(emptyFile('file')));
      let total = 1;
      for (let depth = 0; depth < 8300; depth++) {
        page = workshop.folderPage(leaf(folderEntry('d', { page, entryCount: 1, totalEntries: total })));
        total++;
      }
      await workshop.snapshotOfTop(leaf(folderEntry('source', { page, entryCount: 1, totalEntries: total })));
      await probes(workshop.repository, room, { deep: ['damage', 'limit/exceeded'] });
    },
  },
];

/** Files whose chunk list stands in the entry. */
function chunkCase(
  name: string,
  build: (workshop: Workshop, good: RawChunk) => Uint8Array,
  options: { readonly expected?: Expected; readonly defect?: string; readonly patienceMs?: number } = {},
): HostileCase {
  const content = utf8('four');
  return pageCase(
    name,
    (workshop) => leaf(build(workshop, { id: workshop.chunk(content), length: content.length })),
    options,
  );
}

const CONTENT_REFUSED: Expected = { restore: 'problems', deep: 'damage' };
const file = (body: Uint8Array, mask = 0): Uint8Array => rawEntry({ name: 'file', mask, body });

const CHUNKS: readonly HostileCase[] = [
  chunkCase('a file larger than its chunks is refused', (_, good) => file(fileBody([good], { size: 5 }))),
  chunkCase('a file smaller than its chunks is refused', (_, good) => file(fileBody([good], { size: 3 }))),
  chunkCase('a file of 2^53 − 1 bytes in one small chunk is refused', (_, good) =>
    file(fileBody([good], { size: 2n ** 53n - 1n })),
  ),
  chunkCase('a file of 2^53 bytes is refused', (_, good) => file(fileBody([good], { size: 2n ** 53n }))),
  chunkCase('a chunk of no bytes is refused', (w) => file(fileBody([{ id: w.chunk(''), length: 0 }]))),
  chunkCase('a chunk of 8 MiB and a byte is refused', (_, good) =>
    file(fileBody([{ ...good, length: 8 * 2 ** 20 + 1 }])),
  ),
  chunkCase('a chunk of 2^53 − 1 bytes is refused', (_, good) => file(fileBody([{ ...good, length: 2n ** 53n - 1n }]))),
  chunkCase('33 chunks in an entry are refused', (_, good) => file(fileBody(Array.from({ length: 33 }, () => good)))),
  chunkCase('2^50 chunks in an entry are refused', (_, good) => file(fileBody([good], { count: 2n ** 50n }))),
  chunkCase('one chunk with two lengths is refused', (_, good) => file(fileBody([good, { ...good, length: 3 }]))),
  chunkCase(
    'a chunk that says it is longer than it is is a problem',
    (_, good) => file(fileBody([{ ...good, length: 5 }])),
    {
      expected: CONTENT_REFUSED,
    },
  ),
  chunkCase(
    'a chunk that says it is shorter than it is is a problem',
    (_, good) => file(fileBody([{ ...good, length: 3 }])),
    {
      expected: CONTENT_REFUSED,
    },
  ),
  chunkCase(
    'a content hash that is not that of the content is a problem',
    (_, good) => file(fileBody([good], { contentHash: id(7) })),
    {
      expected: CONTENT_REFUSED,
    },
  ),
  chunkCase(
    'a chunk that is a page is a problem',
    (w) => {
      const page = leaf(emptyFile('x'));
      return file(fileBody([{ id: w.folderPage(page), length: page.length }], { contentHash: hash(page) }));
    },
    { expected: CONTENT_REFUSED },
  ),
  chunkCase('a chunk that is nowhere is a problem', () => file(fileBody([{ id: id(8), length: 4 }])), {
    expected: CONTENT_REFUSED,
  }),
  chunkCase('a placeholder with chunks is refused', (_, good) =>
    rawEntry({ name: 'file', mask: 32, body: fileBody([good]), optional: varint(4) }),
  ),
  chunkCase(
    'a placeholder of 2^53 − 1 bytes is not made of them',
    () =>
      rawEntry({
        name: 'file',
        mask: 32,
        body: fileBody([], { size: 2n ** 53n - 1n, contentHash: new Uint8Array(32) }),
        optional: varint(4),
      }),
    {
      expected: { list: 'ok' },
    },
  ),
];

const chunkLeaf = (...records: readonly RawChunk[]): Uint8Array =>
  rawPage({ kind: PAGE.chunkLeaf, records: records.map((chunk) => concatBytes([chunk.id, varint(chunk.length)])) });
const paged = (size: number | bigint, chunkCount: number | bigint, root: Uint8Array, level = 0): Uint8Array =>
  file(pagedFileBody({ size, chunkCount, root, level }), 1);
const repeated = (chunk: RawChunk, count: number): RawChunk[] => Array.from({ length: count }, () => chunk);

const PAGED: readonly HostileCase[] = [
  chunkCase('a chunk list of 32 in pages is refused', (w, good) =>
    paged(128, 32, w.chunkPage(chunkLeaf(...repeated(good, 32)))),
  ),
  chunkCase(
    'a chunk list that counts more than its page is a problem',
    (w, good) => paged(160, 41, w.chunkPage(chunkLeaf(...repeated(good, 40)))),
    { expected: CONTENT_REFUSED },
  ),
  chunkCase(
    'a chunk list that adds up to another size is a problem',
    (w, good) => paged(161, 40, w.chunkPage(chunkLeaf(...repeated(good, 40)))),
    { expected: CONTENT_REFUSED },
  ),
  chunkCase('a chunk list that counts 2^53 is refused', (w, good) =>
    paged(160, 2n ** 53n, w.chunkPage(chunkLeaf(...repeated(good, 40)))),
  ),
  chunkCase('a chunk list of level 9 is refused', (w, good) =>
    paged(160, 40, w.chunkPage(chunkLeaf(...repeated(good, 40))), 9),
  ),
  chunkCase(
    'a chunk list of level 1 that is a leaf is a problem',
    (w, good) => paged(160, 40, w.chunkPage(chunkLeaf(...repeated(good, 40))), 1),
    { expected: CONTENT_REFUSED },
  ),
  chunkCase(
    'a chunk list that is a folder page is a problem',
    (w) => paged(160, 40, w.folderPage(leaf(emptyFile('x')))),
    { expected: CONTENT_REFUSED },
  ),
  chunkCase('a chunk list that is nowhere is a problem', () => paged(160, 40, id(9)), { expected: CONTENT_REFUSED }),
  chunkCase('an empty chunk-list page is a problem', (w) => paged(160, 40, w.chunkPage(chunkLeaf())), {
    expected: CONTENT_REFUSED,
  }),
  chunkCase(
    'an inner chunk-list page whose count lies is a problem',
    (w, good) => {
      const page = w.chunkPage(chunkLeaf(...repeated(good, 40)));
      return paged(
        160,
        41,
        w.chunkPage(rawPage({ kind: PAGE.chunkInner, level: 1, records: [chunkRef(page, 41, 160)] })),
        1,
      );
    },
    { expected: CONTENT_REFUSED },
  ),
  chunkCase(
    'an inner chunk-list page whose bytes lie is a problem',
    (w, good) => {
      const page = w.chunkPage(chunkLeaf(...repeated(good, 40)));
      return paged(
        161,
        40,
        w.chunkPage(rawPage({ kind: PAGE.chunkInner, level: 1, records: [chunkRef(page, 40, 161)] })),
        1,
      );
    },
    { expected: CONTENT_REFUSED },
  ),
  chunkCase(
    'an inner chunk-list page whose sums overflow 2^53 is a problem',
    (w, good) => {
      const page = w.chunkPage(chunkLeaf(...repeated(good, 40)));
      const big = 2n ** 53n - 1n;
      const records = [chunkRef(page, big, big), chunkRef(page, big, big)];
      return paged(big, big, w.chunkPage(rawPage({ kind: PAGE.chunkInner, level: 1, records })), 1);
    },
    { expected: CONTENT_REFUSED },
  ),
];

/** A file of very many bytes in few pages: `levels` inner pages of `width` references to one page each. */
function hugeFile(workshop: Workshop, chunk: RawChunk, levels: number, width: number): Uint8Array {
  let page = workshop.chunkPage(chunkLeaf(...repeated(chunk, width)));
  let count = BigInt(width);
  let bytes = count * BigInt(chunk.length);
  for (let level = 1; level <= levels; level++) {
    const records = Array.from({ length: width }, () => chunkRef(page, count, bytes));
    page = workshop.chunkPage(rawPage({ kind: PAGE.chunkInner, level, records }));
    count *= BigInt(width);
    bytes *= BigInt(width);
  }
  return paged(bytes, count, page, levels);
}

const HUGE: readonly HostileCase[] = [
  {
    name: 'verify --deep of a file of 10^12 chunks that are one chunk in five pages ends soon, and says that its content is not hashed',
    patienceMs: 3_000,
    run: async (room) => {
      const workshop = await Workshop.open();
      const chunk = { id: workshop.chunk(utf8('four')), length: 4 };
      await workshop.snapshotOf(leaf(hugeFile(workshop, chunk, 3, 1000)), { totalBytes: 4_000_000_000_000 });
      const report = await verifyDeep(workshop, room);
      // Nothing that was written is damaged, and nobody can read 4 TB of it: left, and told so.
      equal(report.damage, [], 'damage');
      equal([report.coverage?.contents, report.coverage?.contentsLeft], [0, 1], 'contents hashed, and left');
    },
  },
  {
    name: 'verify --deep of a file of 10^12 chunks that are not there ends soon, and names the file',
    patienceMs: 3_000,
    run: async (room) => {
      const workshop = await Workshop.open();
      const chunk = { id: new Uint8Array(32).fill(7), length: 4 };
      await workshop.snapshotOf(leaf(hugeFile(workshop, chunk, 3, 1000)), { totalBytes: 4_000_000_000_000 });
      const { damage } = await verifyDeep(workshop, room);
      isTrue(
        damage.some(({ kind, paths }) => kind === 'missing-blob' && paths.includes('file')),
        `the missing chunk is not named: ${JSON.stringify(damage)}`,
      );
    },
  },
  {
    name: 'verify --deep of many chunks of a byte ends soon, and leaves them where they take too long',
    patienceMs: 3_000,
    run: async (room) => {
      const workshop = await Workshop.open();
      const chunk = { id: workshop.chunk(utf8('1')), length: 1 };
      // 10^6 chunks in a megabyte: little to read, and a lot to look up.
      await workshop.snapshotOf(leaf(hugeFile(workshop, chunk, 1, 1000)), { totalBytes: 1_000_000 });
      const report = await verifyDeep(workshop, room);
      equal([report.damage, report.coverage?.contentsLeft], [[], 1], 'damage and contents left');
    },
  },
  {
    name: 'verify --deep finds the one wrong sum among 10^9 chunks that are right',
    patienceMs: 3_000,
    run: async (room) => {
      const workshop = await Workshop.open();
      const chunk = { id: workshop.chunk(utf8('four')), length: 4 };
      const right = workshop.chunkPage(chunkLeaf(...repeated(chunk, 1000)));
      // Said to be of 1,000 chunks like all its neighbours, and of 999.
      const wrong = workshop.chunkPage(chunkLeaf(...repeated(chunk, 999)));
      const inner = Array.from({ length: 1000 }, (_, index) => chunkRef(index === 777 ? wrong : right, 1000, 4000));
      const page = workshop.chunkPage(rawPage({ kind: PAGE.chunkInner, level: 1, records: inner }));
      const outer = Array.from({ length: 1000 }, () => chunkRef(page, 1_000_000, 4_000_000));
      const root = workshop.chunkPage(rawPage({ kind: PAGE.chunkInner, level: 2, records: outer }));
      await workshop.snapshotOf(leaf(paged(4_000_000_000, 1_000_000_000, root, 2)), { totalBytes: 4_000_000_000 });
      const { damage } = await verifyDeep(workshop, room);
      const messages = damage.map(({ message }) => message);
      equal(messages, ['the pages of a list contradict each other: 999 records instead of 1000'], 'damage');
    },
  },
];

function verifyDeep(workshop: Workshop, room: CaseRoom): Promise<VerifyReport> {
  const options = {
    depth: { kind: 'deep' },
    knownSnapshots: [],
    onProgress: () => undefined,
    signal: undefined,
  } as const;
  return room.attack(() => verify(workshop.repository, options));
}

/** Seal pages of the top page and of the source. */
function sealCase(
  name: string,
  build: (workshop: Workshop) => { readonly page: Uint8Array; readonly level: number },
  options: { readonly defect?: string; readonly patienceMs?: number } = {},
): HostileCase {
  return {
    name,
    ...options,
    run: async (room) => {
      const workshop = await Workshop.open();
      const page = workshop.folderPage(leaf(emptyFile('file')));
      const top = leaf(folderEntry('source', { page, entryCount: 1, totalEntries: 1 }));
      await workshop.snapshotOfTop(top, { sealPage: build(workshop) });
      await probes(workshop.repository, room, { list: 'ok', restore: 'ok', deep: 'damage' });
    },
  };
}

const sealLeaf = (...seals: Uint8Array[]): Uint8Array => rawPage({ kind: PAGE.sealLeaf, records: seals });
const sealInner = (level: number, ...records: Uint8Array[]): Uint8Array =>
  rawPage({ kind: PAGE.sealInner, level, records });

const SEALS: readonly HostileCase[] = [
  sealCase('a seal page that is nowhere is damage', () => ({ page: id(9), level: 0 })),
  sealCase('a seal page of level 9 is damage', (w) => ({ page: w.sealPage(sealLeaf(seal(id(1)))), level: 9 })),
  sealCase('a seal page of level 2^53 − 1 is damage', (w) => ({
    page: w.sealPage(sealLeaf(seal(id(1)))),
    level: Number.MAX_SAFE_INTEGER,
  })),
  sealCase('two seals for one folder are damage', (w) => ({
    page: w.sealPage(sealLeaf(seal(id(1)), seal(id(2)))),
    level: 0,
  })),
  sealCase('a seal page without seals is damage', (w) => ({ page: w.sealPage(sealLeaf()), level: 0 })),
  sealCase('a seal with a byte that is neither yes nor no is damage', (w) => ({
    page: w.sealPage(sealLeaf(concatBytes([id(1), u8(2)]))),
    level: 0,
  })),
  sealCase('a seal that names a page of level 9 is damage', (w) => ({
    page: w.sealPage(sealLeaf(seal(id(1), { page: id(2), level: 9 }))),
    level: 0,
  })),
  sealCase('a seal that names a page that is nowhere is damage', (w) => ({
    page: w.sealPage(sealLeaf(seal(id(1), { page: id(2), level: 0 }))),
    level: 0,
  })),
  sealCase('an inner seal page whose count lies is damage', (w) => ({
    page: w.sealPage(sealInner(1, sealRef(w.sealPage(sealLeaf(seal(id(1)))), 5))),
    level: 1,
  })),
  sealCase('a seal page of another kind is damage', (w) => ({
    page: w.sealPage(chunkLeaf({ id: id(1), length: 1 })),
    level: 0,
  })),
  sealCase(
    'a seal list of 10^9 in three pages takes neither memory nor time',
    (w) => {
      let page = w.sealPage(sealLeaf(...Array.from({ length: 1000 }, () => seal(id(1)))));
      let count = 1000n;
      for (let level = 1; level <= 2; level++) {
        const records = Array.from({ length: 1000 }, () => sealRef(page, count));
        page = w.sealPage(sealInner(level, ...records));
        count *= 1000n;
      }
      return { page, level: 2 };
    },
    { patienceMs: 10_000 },
  ),
];

/** The root page reference in the record. */
const ROOTS: readonly HostileCase[] = [
  ['is nowhere', { page: id(9), level: 0 }],
  ['has level 1 and is a leaf', undefined],
  ['has level 2^53 − 1', { page: id(9), level: Number.MAX_SAFE_INTEGER }],
].map(([label, given]): HostileCase => ({
  name: `a root page that ${label as string} is refused`,
  run: async (room) => {
    const workshop = await Workshop.open();
    const page = workshop.folderPage(leaf(emptyFile('source')));
    await workshop.flush();
    await workshop.putSnapshot({ rootPage: given ?? { page, level: 1 } });
    await workshop.reopen();
    await probes(workshop.repository, room, TREE_REFUSED);
  },
}));

const TYPES: readonly HostileCase[] = [
  {
    name: 'a top page without entries for the sources is damage and restores nothing',
    run: async (room) => {
      const workshop = await Workshop.open();
      await workshop.snapshotOfTop(leaf(), { sources: [workshop.sourceFields('source')] });
      await probes(workshop.repository, room, { deep: 'damage' });
    },
  },
  {
    name: 'a top page of 4,000 sources is damage and ends',
    run: async (room) => {
      const workshop = await Workshop.open();
      const records = Array.from({ length: 4000 }, (_, index) => emptyFile(`source${String(index).padStart(6, '0')}`));
      await workshop.snapshotOfTop(leaf(...records));
      await probes(workshop.repository, room, { deep: 'damage' });
    },
  },
  {
    name: 'two sources whose names are NFC and NFD of one text are damage, not a crash',
    run: async (room) => {
      const workshop = await Workshop.open();
      await workshop.snapshotOfTop(leaf(emptyFile('e\u0301'), emptyFile('\u00e9')));
      await probes(workshop.repository, room, { deep: 'damage' });
    },
  },
  {
    name: 'a page stored as a blob of an unknown type is not found',
    run: async (room) => {
      const workshop = await Workshop.open();
      const page = workshop.blob(BLOB_TYPE.sealPage, leaf(emptyFile('file')));
      await workshop.snapshotOfTop(leaf(folderEntry('source', { page, entryCount: 1, totalEntries: 1 })));
      await probes(workshop.repository, room, TREE_REFUSED);
    },
  },
];

export const PAGES: CaseGroup = {
  name: 'pages',
  cases: [
    ...HEADERS,
    ...COUNTS,
    ...INNER,
    ...BUSHES,
    ...DEEP,
    ...CHUNKS,
    ...PAGED,
    ...HUGE,
    ...SEALS,
    ...ROOTS,
    ...TYPES,
  ],
};
