/** Entry proofs: every entry and every absence can be proved, and a changed proof never proves anything untrue. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCairnError } from '../../src-shared/errors.ts';
import { compareBytes, toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  buildEntryProof,
  canonicalName,
  checkEntryProof,
  createNodeHasher,
  decodeEntryProof,
  type DirectoryEntry,
  encodeEntryProof,
  type Entry,
  type EntryMetadata,
  type EntryStatement,
  type EntryToProve,
  type FolderToProve,
  nodePath,
  sourcesNode,
} from '../../src-main/engine/merkle/index.ts';
import type { NodeId } from '../../src-shared/ids.ts';
import { arbEntry, arbMutations, fileEntry, mutate, nodeIdOf } from '../support/merkle.ts';

type Leaf = Exclude<Entry, DirectoryEntry>;
type Tree = { readonly metadata: EntryMetadata; readonly leaves: readonly Leaf[]; readonly folders: readonly Tree[] };

const arbLeaf = arbEntry.filter((entry): entry is Leaf => entry.nodeType !== 'directory');
const metadataOf = ({ name, mode, uid, gid, mtimeNs }: EntryMetadata): EntryMetadata => ({
  name,
  mode,
  uid,
  gid,
  mtimeNs,
});
/** Folders up to `depth` below the top one. Written out by depth: entries are too large for a recursive generator. */
const treeOf = (depth: number): fc.Arbitrary<Tree> =>
  fc
    .record({
      metadata: arbEntry.map(metadataOf),
      leaves: fc.array(arbLeaf, { maxLength: 5 }),
      folders: depth === 0 ? fc.constant<Tree[]>([]) : fc.array(treeOf(depth - 1), { maxLength: 2 }),
    })
    .map(({ metadata, leaves, folders }) => {
      const taken = new Set<string>();
      const isNew = (name: Uint8Array): boolean => !taken.has(toHex(name)) && taken.add(toHex(name)).size > 0;
      return {
        metadata,
        folders: folders.filter((folder) => isNew(folder.metadata.name)),
        leaves: leaves.filter((leaf) => isNew(leaf.name)),
      };
    });
const arbTree = treeOf(3);

const hasher = createNodeHasher();

/** Everything that can be proved about a tree, and the tree's root. */
function provable(tree: Tree): { all: EntryToProve[]; root: Uint8Array } {
  type Found = Pick<EntryToProve, 'target' | 'folders'>;
  const visit = (folder: Tree, path: string): { node: NodeId; found: Found[] } => {
    const children: { name: Uint8Array; nodeId: NodeId }[] = [];
    const found: Found[] = [];
    for (const entry of folder.leaves) {
      const childPath = nodePath(path, canonicalName(entry.name).text);
      children.push({ name: entry.name, nodeId: hasher.leafNode(childPath, entry) });
      found.push({ target: { kind: 'leaf', path: childPath, entry }, folders: [] });
    }
    for (const child of folder.folders) {
      const inside = visit(child, nodePath(path, canonicalName(child.metadata.name).text));
      children.push({ name: child.metadata.name, nodeId: inside.node });
      found.push(...inside.found);
    }
    children.sort((left, right) => compareBytes(left.name, right.name));
    const node = hasher.createFolderNode(path);
    for (const { name, nodeId } of children) node.add(canonicalName(name).text, name, nodeId);
    const self: FolderToProve = { path, metadata: folder.metadata, children };
    const targets: Found[] = [
      { target: { kind: 'folder' }, folders: [] },
      { target: { kind: 'absent', name: 'not there' }, folders: [] },
      ...found,
    ];
    return {
      node: node.finish(folder.metadata),
      found: targets.map(({ target, folders }) => ({ target, folders: [...folders, self] })),
    };
  };
  const { node, found } = visit(tree, '');
  const sources = [
    { name: 'home', nodeId: node },
    { name: 'elsewhere', nodeId: nodeIdOf('elsewhere') },
  ];
  return { all: found.map((item) => ({ ...item, source: 'home', sources })), root: sourcesNode(sources) };
}

/** What the proof has to say. */
function expectTruth(statement: EntryStatement, input: EntryToProve): void {
  const folder = input.folders[0];
  expect(statement.source).toBe('home');
  if (input.target.kind === 'leaf') {
    const { entry, path } = input.target;
    expect(statement).toMatchObject({ kind: 'present', path, nodeType: entry.nodeType });
    if (statement.kind !== 'present') return;
    expect(statement.metadata).toMatchObject({
      mode: entry.mode,
      mtimeNs: entry.mtimeNs,
      uid: entry.uid,
      gid: entry.gid,
    });
    if (entry.nodeType === 'file') {
      expect(toHex(statement.contentHash ?? utf8(''))).toBe(toHex(entry.contentHash));
      expect(statement.metadata.size).toBe(entry.size);
    }
    if (entry.nodeType === 'symlink') expect(toHex(statement.metadata.target)).toBe(toHex(entry.target));
  } else if (input.target.kind === 'folder') {
    expect(statement).toMatchObject({ kind: 'present', path: folder?.path, nodeType: 'directory' });
  } else {
    expect(statement).toEqual({
      kind: 'absent',
      source: 'home',
      path: nodePath(folder?.path ?? '', input.target.name),
    });
  }
}

type Wide = { readonly prove: (target: EntryToProve['target']) => EntryToProve; readonly root: Uint8Array };

/** A folder as the only one of its source. */
function provableFolder(children: FolderToProve['children']): Wide {
  const metadata: EntryMetadata = { name: utf8('top'), mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n };
  const folders: FolderToProve[] = [{ path: '', metadata, children }];
  const node = hasher.createFolderNode('');
  for (const { name, nodeId } of children) node.add(canonicalName(name).text, name, nodeId);
  const sources = [{ name: 'home', nodeId: node.finish(metadata) }];
  return { root: sourcesNode(sources), prove: (target) => ({ target, folders, source: 'home', sources }) };
}

/** A folder of many files. */
function wideFolder(count: number): Wide & { readonly entries: readonly Leaf[] } {
  const entries = Array.from({ length: count }, (_, index) =>
    fileEntry(`file ${String(index).padStart(6, '0')}`, `${index}`),
  );
  const children = entries.map((entry) => ({
    name: entry.name,
    nodeId: hasher.leafNode(canonicalName(entry.name).text, entry),
  }));
  return { entries, ...provableFolder(children) };
}

describe('an entry proof', () => {
  it('shows every entry, folder and absent name of any tree, also after a trip through bytes', () => {
    fc.assert(
      fc.property(arbTree, (tree) => {
        const { all, root } = provable(tree);
        for (const input of all) {
          const bytes = encodeEntryProof(buildEntryProof(input));
          expectTruth(checkEntryProof(decodeEntryProof(bytes), root), input);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('with any changed bytes fails with a typed error or still shows the same', () => {
    // Few trees and many changes: making a tree costs a hundred times as much as changing a proof.
    const cases = fc.sample(arbTree, { numRuns: 40, seed: 1 }).flatMap((tree) => {
      const { all, root } = provable(tree);
      return all.slice(0, 12).map((input) => ({ all, root, bytes: encodeEntryProof(buildEntryProof(input)) }));
    });
    fc.assert(
      fc.property(fc.constantFrom(...cases), arbMutations, ({ all, root, bytes }, mutations) => {
        const changed = mutate(bytes, mutations);
        try {
          const proof = decodeEntryProof(changed);
          expect(toHex(encodeEntryProof(proof))).toBe(toHex(changed));
          expectStatementOf(all, checkEntryProof(proof, root));
        } catch (error) {
          if (!isCairnError(error)) throw error;
        }
      }),
      { numRuns: 10_000 },
    );
  });

  it('with any single byte changed fails, or shows another absence that is true', () => {
    const { all, root } = provable({
      metadata: fileEntry('top'),
      leaves: [fileEntry('a'), fileEntry('b', 'other')],
      folders: [{ metadata: fileEntry('sub'), leaves: [fileEntry('c')], folders: [] }],
    });
    for (const input of all) {
      const bytes = encodeEntryProof(buildEntryProof(input));
      for (let at = 0; at < bytes.length; at++) {
        for (const change of [1, 0x80, 0xff]) {
          const changed = bytes.slice();
          changed[at] = (changed[at] ?? 0) ^ change;
          try {
            const statement = checkEntryProof(decodeEntryProof(changed), root);
            expect(statement.kind).toBe('absent');
            expectStatementOf(all, statement);
          } catch (error) {
            if (!isCairnError(error)) throw error;
          }
        }
      }
    }
  });

  it('shows nothing under another root', () => {
    fc.assert(
      fc.property(arbTree, fc.nat(), (tree, at) => {
        const { all } = provable(tree);
        const input = all[at % all.length];
        if (input === undefined) throw new Error('there is always the root folder');
        expect(() => checkEntryProof(buildEntryProof(input), nodeIdOf('another snapshot'))).toThrow(/another snapshot/);
      }),
      { numRuns: 50 },
    );
  });

  it('of a folder with 20,000 entries is small and shows members, edges and gaps', () => {
    const { entries, prove, root } = wideFolder(20_000);
    for (const index of [0, 1023, 1024, 10_000, 19_999]) {
      const entry = entries[index];
      if (entry === undefined) throw new Error('an entry');
      const path = canonicalName(entry.name).text;
      const bytes = encodeEntryProof(buildEntryProof(prove({ kind: 'leaf', path, entry })));
      expect(bytes.length).toBeLessThan(64 * 1024);
      expect(checkEntryProof(decodeEntryProof(bytes), root)).toMatchObject({ kind: 'present', path });
    }
    for (const name of ['a', 'file 001023 ', 'file 010000 ', 'file 020479x', 'zzz', 'file 001022 ']) {
      const bytes = encodeEntryProof(buildEntryProof(prove({ kind: 'absent', name })));
      expect(checkEntryProof(decodeEntryProof(bytes), root)).toEqual({ kind: 'absent', source: 'home', path: name });
    }
    const self = encodeEntryProof(buildEntryProof(prove({ kind: 'folder' })));
    expect(checkEntryProof(decodeEntryProof(self), root)).toMatchObject({
      kind: 'present',
      nodeType: 'directory',
      path: '',
    });
  });

  it('cannot show a present name as absent by showing other groups', () => {
    const { prove, root } = wideFolder(5000);
    const honest = buildEntryProof(prove({ kind: 'absent', name: 'zzz' }));
    const lie = { steps: honest.steps.with(0, { kind: 'absent', name: 'file 000007' }) };
    expect(() => checkEntryProof(lie, root)).toThrow(/another group/);
    const between = buildEntryProof(prove({ kind: 'absent', name: 'file 001023 ' }));
    const step = between.steps[1];
    if (step?.kind !== 'grouped-folder') throw new Error('a grouped folder');
    expect(step.groups).toHaveLength(2);
    const half = { steps: between.steps.with(1, { ...step, groups: step.groups.slice(0, 1) }) };
    expect(() => checkEntryProof(half, root)).toThrow(/another group/);
  });

  it('cannot show a name as absent from a folder that shows it', () => {
    for (const count of [10, 5000]) {
      const { prove, root } = wideFolder(count);
      const honest = buildEntryProof(prove({ kind: 'absent', name: 'file 000003 ' }));
      for (const name of ['file 000003', 'file 000000']) {
        expect(() => checkEntryProof({ steps: honest.steps.with(0, { kind: 'absent', name }) }, root)).toThrow(
          /is there/,
        );
      }
    }
  });

  it('must reach the root of the source, even where a snapshot names another node as one', () => {
    const entry = fileEntry('letter');
    const inside = hasher.leafNode('letter', entry);
    const sources = [{ name: 'home', nodeId: inside }];
    const input: EntryToProve = {
      target: { kind: 'leaf', path: 'letter', entry },
      folders: [],
      source: 'home',
      sources,
    };
    expect(() => checkEntryProof(buildEntryProof(input), sourcesNode(sources))).toThrow(/root of its source/);
  });

  it('of a source that is a single file needs no folder', () => {
    const entry = fileEntry('letter');
    const sources = [{ name: 'letter', nodeId: hasher.leafNode('', entry) }];
    const input: EntryToProve = { target: { kind: 'leaf', path: '', entry }, folders: [], source: 'letter', sources };
    const statement = checkEntryProof(buildEntryProof(input), sourcesNode(sources));
    expect(statement).toMatchObject({ kind: 'present', source: 'letter', path: '', nodeType: 'file' });
  });

  it('in a folder of more than 1,048,576 children goes over two levels of groups', () => {
    const count = 1024 * 1024 + 5;
    const nodeId = nodeIdOf('any child');
    const digits = (index: number): string => String(index).padStart(7, '0');
    const entry = fileEntry(digits(1024 * 1024 - 1));
    const path = digits(1024 * 1024 - 1);
    const children = Array.from({ length: count }, (_, index) => ({ name: utf8(digits(index)), nodeId }));
    children[1024 * 1024 - 1] = { name: entry.name, nodeId: hasher.leafNode(path, entry) };
    const { prove, root } = provableFolder(children);
    const proof = buildEntryProof(prove({ kind: 'leaf', path, entry }));
    const step = proof.steps[1];
    expect(step?.kind === 'grouped-folder' ? step.groups.map((group) => group.lists.length) : []).toEqual([1]);
    expect(checkEntryProof(decodeEntryProof(encodeEntryProof(proof)), root)).toMatchObject({ kind: 'present', path });
  });

  it('tells NFC and NFD twins apart', () => {
    const twins = [fileEntry('\u00e9', 'composed'), fileEntry('e\u0301', 'decomposed')];
    const { all, root } = provable({ metadata: fileEntry('top'), leaves: twins, folders: [] });
    const hashes = all
      .filter((input) => input.target.kind === 'leaf')
      .map((input) => checkEntryProof(buildEntryProof(input), root))
      .map((statement) => (statement.kind === 'present' ? toHex(statement.contentHash ?? utf8('')) : ''));
    expect(hashes).toEqual(twins.map((twin) => toHex(twin.contentHash)));
  });
});

/** True of the tree: one of the present statements, or an absence of a name that no present one has. */
function expectStatementOf(all: readonly EntryToProve[], statement: EntryStatement): void {
  const paths = all.flatMap((input) =>
    input.target.kind === 'leaf' ? [input.target.path] : input.target.kind === 'folder' ? [input.folders[0]?.path] : [],
  );
  expect(paths.includes(statement.path)).toBe(statement.kind === 'present');
  if (statement.kind === 'absent') return;
  const truths = all.filter(
    ({ target, folders }) =>
      (target.kind === 'leaf' && target.path === statement.path) ||
      (target.kind === 'folder' && folders[0]?.path === statement.path),
  );
  const hashes = truths.flatMap(({ target }) =>
    target.kind === 'leaf' && target.entry.nodeType === 'file' ? [toHex(target.entry.contentHash)] : [],
  );
  if (statement.nodeType === 'file') expect(hashes).toContain(toHex(statement.contentHash ?? utf8('')));
}
