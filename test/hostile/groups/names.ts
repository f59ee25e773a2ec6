/** Group a: names and paths, in folder pages, in the top page, in the snapshot record, in links. */
import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { concatBytes, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { hash } from '../../../src-main/engine/codec/index.ts';
import { RESTORE_DEFAULTS, restore } from '../../../src-main/engine/restore/index.ts';
import { listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import { type CaseGroup, type CaseRoom, type HostileCase, equal, isTrue, outcomeOf } from '../case.ts';
import { type Outcome, TREE_REFUSED, probes } from '../probe.ts';
import { PAGE, fileBody, folderEntry, folderRef, linkEntry, rawEntry, rawPage, sized, u8, varint } from '../raw.ts';
import { type Fields, Workshop } from '../workshop.ts';

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

/** Names no folder can hold; what each is called in the claim. */
const BAD_NAMES: readonly (readonly [string, Uint8Array])[] = [
  ['“..”', utf8('..')],
  ['“.”', utf8('.')],
  ['nothing at all', new Uint8Array(0)],
  ['“/”', utf8('/')],
  ['“a/b”', utf8('a/b')],
  ['“../../../../etc/passwd”', utf8('../../../../etc/passwd')],
  ['“/etc/passwd”', utf8('/etc/passwd')],
  ['“a/”', utf8('a/')],
  ['“/a”', utf8('/a')],
  ['a NUL alone', bytes(1, 0)],
  ['a NUL inside', utf8('pass\0wd')],
  ['a NUL at the end', utf8('file\0')],
  ['“..” and a NUL', utf8('..\0')],
  ['4,097 bytes', bytes(4097, 0x61)],
  ['a megabyte', bytes(1_000_000, 0x61)],
];

/** Names that are odd and allowed; each has to come back as it was, where the filesystem takes it. */
const ODD_NAMES: readonly (readonly [string, Uint8Array])[] = [
  ['“...”', utf8('...')],
  ['“..a”', utf8('..a')],
  ['“~root”', utf8('~root')],
  ['“-rf”', utf8('-rf')],
  ['“C:\\Windows”', utf8('C:\\Windows')],
  ['“..\\..\\x”', utf8('..\\..\\x')],
  ['a newline', utf8('a\nb')],
  ['an ESC sequence', utf8('\u001b[2J\u001b]0;x\u0007')],
  ['bytes that are not UTF-8', Uint8Array.of(0xff, 0xfe, 0xc0, 0xaf)],
  ['an overlong slash', Uint8Array.of(0xc0, 0xaf)],
  ['a right-to-left override', utf8('\u202egpj.exe')],
  ['the name of a temporary file', utf8('.cairn-0123456789abcdef-0')],
  ['“$(reboot)”', utf8('$(reboot)')],
  ['“__proto__”', utf8('__proto__')],
  ['“constructor”', utf8('constructor')],
];

const leaf = (...records: Uint8Array[]): Uint8Array => rawPage({ kind: PAGE.folderLeaf, records });

/** An empty file, or one whose content is these bytes. */
function fileEntry(workshop: Workshop, name: Uint8Array | string, content = ''): Uint8Array {
  const plain = utf8(content);
  const chunks = content === '' ? [] : [{ id: workshop.chunk(plain), length: plain.length }];
  return rawEntry({ name, body: fileBody(chunks, { contentHash: hash(plain) }) });
}

function namesInTarget(room: CaseRoom): string[] {
  return readdirSync(room.path('target'), { recursive: true, encoding: 'latin1' });
}

function badName([label, name]: readonly [string, Uint8Array]): readonly HostileCase[] {
  return [
    {
      name: `a file whose name is ${label} is in no listing and no restored folder`,
      run: async (room) => {
        const workshop = await Workshop.open();
        await workshop.snapshotOf(leaf(fileEntry(workshop, name, 'evil')));
        await probes(workshop.repository, room, TREE_REFUSED);
        equal(namesInTarget(room), [], 'restored names');
      },
    },
    {
      name: `a folder whose name is ${label} is not entered`,
      run: async (room) => {
        const workshop = await Workshop.open();
        const inner = workshop.folderPage(leaf(fileEntry(workshop, 'planted', 'evil')));
        await workshop.snapshotOf(leaf(folderEntry(name, { page: inner, entryCount: 1, totalEntries: 1 })), {
          totalEntries: 2,
        });
        await probes(workshop.repository, room, TREE_REFUSED);
        equal(namesInTarget(room), [], 'restored names');
      },
    },
  ];
}

const MORE_BAD: readonly HostileCase[] = [
  ...BAD_NAMES.slice(0, 6).map(([label, name]): HostileCase => ({
    name: `a source whose name in the top page is ${label} is not restored`,
    run: async (room) => {
      const workshop = await Workshop.open();
      const page = workshop.folderPage(leaf(fileEntry(workshop, 'file', 'evil')));
      const text = Buffer.from(name).toString();
      await workshop.snapshotOfTop(leaf(folderEntry(name, { page, entryCount: 1, totalEntries: 1 })), {
        sources: [workshop.sourceFields(text)],
      });
      await probes(workshop.repository, room, TREE_REFUSED);
      equal(namesInTarget(room), [], 'restored names');
    },
  })),
  ...BAD_NAMES.slice(0, 6).map(([label, name]): HostileCase => ({
    name: `an inner page whose first name is ${label} is refused`,
    run: async (room) => {
      const workshop = await Workshop.open();
      const below = workshop.folderPage(leaf(fileEntry(workshop, 'file')));
      const inner = rawPage({ kind: PAGE.folderInner, level: 1, records: [folderRef(name, below, 1)] });
      await workshop.snapshotOf(inner, { level: 1 });
      await probes(workshop.repository, room, TREE_REFUSED);
    },
  })),
];

const ORDER: readonly HostileCase[] = [
  ['one name twice', ['same', 'same']],
  ['names that fall', ['b', 'a']],
  ['three names of which the last repeats the first', ['a', 'b', 'a']],
  ['a name after one that it begins', ['ab', 'a']],
].map(([label, names]): HostileCase => ({
  name: `a page with ${label as string} is refused`,
  run: async (room) => {
    const workshop = await Workshop.open();
    const records = (names as string[]).map((name) => fileEntry(workshop, name, name));
    await workshop.snapshotOf(leaf(...records), { entryCount: records.length });
    await probes(workshop.repository, room, TREE_REFUSED);
  },
}));

/** Allowed: every reader says ok. */
const TWINS: readonly HostileCase[] = [
  ['NFC and NFD of one name', [utf8('e\u0301'), utf8('\u00e9')], 2],
  ['names that differ in case alone', [utf8('FILE'), utf8('file')], 2],
  ['a name with and without a backslash escape', [utf8('\\xff'), Uint8Array.of(0xff)], 2],
  ['names that differ in a zero-width space', [utf8('a'), utf8('a\u200b')], 2],
].map(([label, names]): HostileCase => ({
  name: `${label as string} are both restored, each with its own content`,
  run: async (room) => {
    const workshop = await Workshop.open();
    const sorted = (names as Uint8Array[]).toSorted((left, right) => Buffer.compare(left, right));
    const records = sorted.map((name, index) => fileEntry(workshop, name, `content ${index}`));
    await workshop.snapshotOf(leaf(...records), { entryCount: 2 });
    const found = await probes(workshop.repository, room, { list: 'ok', restore: ['ok', 'problems'] });
    // A filesystem that folds case or normalises can't hold both: then it is a problem, not a lost content.
    isTrue(found.restore !== 'ok' || namesInTarget(room).length === 2, 'a twin is missing');
  },
}));

function oddName([label, name]: readonly [string, Uint8Array]): HostileCase {
  return {
    name: `a file whose name is ${label} is restored under exactly that name or is a problem`,
    run: async (room) => {
      const workshop = await Workshop.open();
      await workshop.snapshotOf(leaf(fileEntry(workshop, name, 'odd')));
      const found = await probes(workshop.repository, room, { list: 'ok', restore: ['ok', 'problems'] });
      const names = namesInTarget(room).map((text) => Buffer.from(text, 'latin1').toString('hex'));
      if (found.restore === 'ok') equal(names, [Buffer.from(name).toString('hex')], 'restored names');
      else equal(names, [], 'restored names');
    },
  };
}

/** Snapshots of one file whose record's sources say something else. */
function sourceCase(
  name: string,
  sources: (workshop: Workshop) => readonly Fields[],
  outcome: 'refused' | 'any',
  more: { readonly origin?: 'refused' } = {},
): HostileCase {
  return {
    name,
    run: async (room) => {
      const workshop = await Workshop.open();
      const page = workshop.folderPage(leaf(fileEntry(workshop, 'file', 'evil')));
      await workshop.snapshotOfTop(leaf(folderEntry('source', { page, entryCount: 1, totalEntries: 1 })), {
        sources: sources(workshop),
      });
      await probes(
        workshop.repository,
        room,
        outcome === 'refused'
          ? { restore: ['none', 'problems', 'integrity/malformed', 'integrity/damaged'], deep: 'damage' }
          : { deep: 'damage' },
      );
      const origin = await room.attack(() => restoreToOrigin(workshop, room));
      if (more.origin === 'refused') isTrue(origin !== 'ok', 'a restore to such a place was not refused');
    },
  };
}

/** Without a target: only where the original place is one that can't be, so that a test writes nowhere. */
async function restoreToOrigin(workshop: Workshop, room: CaseRoom): Promise<Outcome> {
  const { snapshots } = await listSnapshots(workshop.repository);
  const [snapshot] = snapshots;
  if (snapshot === undefined) return 'none';
  process.chdir(room.folder);
  const before = readdirSync(room.folder).join();
  const options = { ...RESTORE_DEFAULTS, target: undefined, restoreOwner: false, dryRun: true };
  const outcome = await outcomeOf(() => restore(workshop.repository, snapshot, options));
  equal(readdirSync(room.folder).join(), before, 'names in the working folder');
  return outcome;
}

const SOURCES: readonly HostileCase[] = [
  sourceCase(
    'a source called “../x” in the record does not lead out of the target',
    (w) => [w.sourceFields('../x')],
    'refused',
  ),
  sourceCase('a record without sources names no place to restore to', () => [], 'refused'),
  sourceCase(
    'two sources of one name are not taken for each other',
    (w) => [w.sourceFields('source'), w.sourceFields('source', { path: utf8('/elsewhere') })],
    'any',
  ),
  sourceCase(
    'a source whose path holds a NUL ends in a typed error',
    (w) => [w.sourceFields('source', { path: utf8('/tmp/\0/x') })],
    'any',
    { origin: 'refused' },
  ),
  sourceCase(
    'a source whose path is empty ends in a typed error',
    (w) => [w.sourceFields('source', { path: new Uint8Array(0) })],
    'any',
    { origin: 'refused' },
  ),
  sourceCase(
    'a source whose path is relative writes nothing beside the program',
    (w) => [w.sourceFields('source', { path: utf8('relative/place') })],
    'any',
    { origin: 'refused' },
  ),
  sourceCase(
    'a source whose path is “..” does not lead out of the target',
    (w) => [w.sourceFields('source', { path: utf8('..') })],
    'any',
    { origin: 'refused' },
  ),
  sourceCase(
    'a source whose path ends in “..” does not lead out of the target',
    (w) => [w.sourceFields('source', { path: utf8('/x/..') })],
    'any',
  ),
  sourceCase(
    'a source whose path has a megabyte ends in a typed error',
    (w) => [w.sourceFields('source', { path: bytes(1_000_000, 0x2f) })],
    'any',
  ),
  sourceCase(
    'a source whose path is not UTF-8 ends in a typed error',
    (w) => [w.sourceFields('source', { path: Uint8Array.of(0x2f, 0xff, 0xfe) })],
    'any',
  ),
  sourceCase(
    'a thousand sources of which the tree holds one are refused by verify',
    (w) => Array.from({ length: 1000 }, (_, index) => w.sourceFields(`source${index}`)),
    'refused',
  ),
];

function linkCase(label: string, target: Uint8Array, listed: 'ok' | 'refused'): HostileCase {
  return {
    name: `a link whose target is ${label} is ${listed === 'ok' ? 'restored as a link or a problem' : 'refused'}`,
    run: async (room) => {
      const workshop = await Workshop.open();
      await workshop.snapshotOf(leaf(linkEntry('link', target)));
      if (listed === 'refused') {
        await probes(workshop.repository, room, TREE_REFUSED);
        return;
      }
      const found = await probes(workshop.repository, room, { list: 'ok', restore: ['ok', 'problems'] });
      if (found.restore === 'ok') {
        const made = readlinkSync(path.join(room.path('target'), 'link'), { encoding: 'buffer' });
        equal(made.toString('hex'), Buffer.from(target).toString('hex'), 'link target');
      }
    },
  };
}

const LINKS: readonly HostileCase[] = [
  linkCase('“../../outside/file”', utf8('../../outside/file'), 'ok'),
  linkCase('“/”', utf8('/'), 'ok'),
  linkCase('itself', utf8('link'), 'ok'),
  linkCase('not UTF-8', Uint8Array.of(0xff, 0x2f, 0xfe), 'ok'),
  linkCase('5,000 bytes', bytes(5000, 0x61), 'ok'),
  linkCase('131,072 bytes', bytes(131_072, 0x61), 'ok'),
  linkCase('131,073 bytes', bytes(131_073, 0x61), 'refused'),
  linkCase('a NUL', bytes(1, 0), 'refused'),
  linkCase('a path with a NUL', utf8('/etc\0/passwd'), 'refused'),
  linkCase('empty', new Uint8Array(0), 'ok'),
  {
    name: 'a link and a folder of one name can’t stand in one folder, so nothing is written through the link',
    run: async (room) => {
      const workshop = await Workshop.open();
      const inner = workshop.folderPage(leaf(fileEntry(workshop, 'file', 'evil')));
      const folder = folderEntry('way', { page: inner, entryCount: 1, totalEntries: 1 });
      await workshop.snapshotOf(leaf(linkEntry('way', '../outside'), folder), { entryCount: 2, totalEntries: 3 });
      await probes(workshop.repository, room, TREE_REFUSED);
    },
  },
  {
    name: 'a link made by one source is not followed by another of nearly the same name',
    run: async (room) => {
      const workshop = await Workshop.open();
      const inner = workshop.folderPage(leaf(fileEntry(workshop, 'file', 'evil')));
      const top = leaf(
        linkEntry('a', '../outside'),
        folderEntry('a ', { page: inner, entryCount: 1, totalEntries: 1 }),
      );
      await workshop.snapshotOfTop(top, { sources: [workshop.sourceFields('a'), workshop.sourceFields('a ')] });
      await probes(workshop.repository, room, { list: 'ok' });
    },
  },
];

/** Fields of an entry beside its name. */
function entryCase(name: string, record: (workshop: Workshop) => Uint8Array): HostileCase {
  return {
    name,
    run: async (room) => {
      const workshop = await Workshop.open();
      await workshop.snapshotOf(leaf(record(workshop)));
      await probes(workshop.repository, room, TREE_REFUSED);
    },
  };
}

const ENTRIES: readonly HostileCase[] = [
  entryCase('an entry of node type 0 is refused', () => rawEntry({ name: 'file', type: 0, body: fileBody([]) })),
  entryCase('an entry of node type 8 is refused', () => rawEntry({ name: 'file', type: 8, body: fileBody([]) })),
  entryCase('an entry of node type 255 is refused', () => rawEntry({ name: 'file', type: 255, body: fileBody([]) })),
  entryCase('a mode of thirteen bits is refused', () => rawEntry({ name: 'file', mode: 0o10000, body: fileBody([]) })),
  entryCase('an owner of 2^32 is refused', () => rawEntry({ name: 'file', uid: 2n ** 32n, body: fileBody([]) })),
  entryCase('an owner of 2^53 is refused', () => rawEntry({ name: 'file', uid: 2n ** 53n, body: fileBody([]) })),
  entryCase('a group of ten bytes is refused', () =>
    rawEntry({ name: 'file', gid: 2n ** 64n - 1n, body: fileBody([]) }),
  ),
  entryCase('a field mask with an unknown bit is refused', () =>
    rawEntry({ name: 'file', mask: 256, body: fileBody([]) }),
  ),
  entryCase('a field mask of 2^40 is refused', () => rawEntry({ name: 'file', mask: 2n ** 40n, body: fileBody([]) })),
  entryCase('owner names that are announced and empty are refused', () =>
    rawEntry({
      name: 'file',
      mask: 2,
      body: fileBody([]),
      optional: concatBytes([sized(new Uint8Array(0)), sized(new Uint8Array(0))]),
    }),
  ),
  entryCase('an owner name of 5,000 bytes is refused', () =>
    rawEntry({
      name: 'file',
      mask: 2,
      body: fileBody([]),
      optional: concatBytes([sized(bytes(5000, 0x61)), sized(new Uint8Array(0))]),
    }),
  ),
  entryCase('an owner name that is not UTF-8 is refused', () =>
    rawEntry({
      name: 'file',
      mask: 2,
      body: fileBody([]),
      optional: concatBytes([sized(bytes(1, 0xff)), sized(new Uint8Array(0))]),
    }),
  ),
  entryCase('attributes that count 2^50 are refused', () =>
    rawEntry({ name: 'file', mask: 4, body: fileBody([]), optional: varint(2n ** 50n) }),
  ),
  entryCase('an extension of a megabyte is refused', () =>
    rawEntry({ name: 'file', mask: 128, body: fileBody([]), optional: sized(bytes(1_000_000 - 100, 1)) }),
  ),
  entryCase('an extension longer than what is left is refused', () =>
    rawEntry({ name: 'file', mask: 128, body: fileBody([]), optional: varint(60_000) }),
  ),
  entryCase('a link group on a folder is refused', (w) =>
    rawEntry({
      name: 'file',
      type: 2,
      mask: 16,
      body: concatBytes([w.folderPage(leaf()), u8(0), varint(0), varint(0), varint(0)]),
      optional: varint(1),
    }),
  ),
  entryCase('a device number of 2^32 is refused', () =>
    rawEntry({ name: 'file', type: 6, body: concatBytes([varint(2n ** 32n), varint(1)]) }),
  ),
  entryCase('file flags of 2^32 are refused', () =>
    rawEntry({ name: 'file', mask: 32, body: fileBody([]), optional: varint(2n ** 32n) }),
  ),
  {
    name: 'times from 1677 to 2262 are listed and restored or are a problem',
    run: async (room) => {
      const workshop = await Workshop.open();
      const times = [-(2n ** 63n), 2n ** 63n - 1n, -1n, 0n, -(10n ** 18n)];
      const records = times.map((mtimeNs, index) => rawEntry({ name: `file${index}`, mtimeNs, body: fileBody([]) }));
      await workshop.snapshotOf(leaf(...records), { entryCount: records.length });
      await probes(workshop.repository, room, { list: 'ok', find: 'ok', restore: ['ok', 'problems'] });
    },
  },
  {
    name: 'devices, sockets and pipes of a stranger’s backup are made or are problems, and nothing waits for them',
    run: async (room) => {
      const workshop = await Workshop.open();
      const numbers = concatBytes([varint(1), varint(3)]);
      const records = [
        rawEntry({ name: 'a-char', type: 6, body: numbers }),
        rawEntry({ name: 'b-block', type: 7, body: numbers }),
        rawEntry({ name: 'c-pipe', type: 4, body: new Uint8Array(0) }),
        rawEntry({ name: 'd-socket', type: 5, body: new Uint8Array(0) }),
      ];
      await workshop.snapshotOf(leaf(...records), { entryCount: 4 });
      await probes(workshop.repository, room, { list: 'ok', restore: ['ok', 'problems'] });
    },
  },
  {
    name: 'a file with all mode bits set is restored without set-user bits for another than its owner',
    run: async (room) => {
      const workshop = await Workshop.open();
      await workshop.snapshotOf(leaf(rawEntry({ name: 'file', mode: 0o7777, uid: 0, gid: 0, body: fileBody([]) })));
      await probes(workshop.repository, room, { list: 'ok', restore: ['ok', 'problems'] });
      const { statSync } = await import('node:fs');
      equal(statSync(path.join(room.path('target'), 'file')).mode & 0o6000, 0, 'set-id bits');
    },
  },
];

export const NAMES: CaseGroup = {
  name: 'names',
  cases: [
    {
      name: 'an honest file in a repository of the workshop is listed, read and restored',
      run: async (room) => {
        const workshop = await Workshop.open();
        await workshop.snapshotOf(leaf(fileEntry(workshop, 'file', 'honest')), { totalBytes: 6 });
        await probes(workshop.repository, room, {
          snapshots: 'ok',
          list: 'ok',
          find: 'ok',
          versions: 'ok',
          cat: 'ok',
          diff: 'ok',
          dryRun: 'ok',
          restore: 'ok',
          quick: 'ok',
          deep: 'ok',
        });
      },
    },
    ...BAD_NAMES.flatMap(badName),
    ...MORE_BAD,
    ...ORDER,
    ...TWINS,
    ...ODD_NAMES.map(oddName),
    ...SOURCES,
    ...LINKS,
    ...ENTRIES,
  ],
};
