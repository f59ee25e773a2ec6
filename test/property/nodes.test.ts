/** NodeIds: determined by path, content, metadata and children alone, and different wherever one of these is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes, equalBytes, toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  canonicalName,
  createNodeHasher,
  type DirectoryEntry,
  type Entry,
  type EntryMetadata,
  nodePath,
  sourcesNode,
} from '../../src-main/engine/merkle/index.ts';
import { asNodeId, type NodeId } from '../../src-shared/ids.ts';
import { arbEntry, arbId, arbName, fileEntry, nodeIdOf } from '../support/merkle.ts';

type Leaf = Exclude<Entry, DirectoryEntry>;
const arbLeaf: fc.Arbitrary<Leaf> = arbEntry.filter((entry): entry is Leaf => entry.nodeType !== 'directory');
const arbChildren = (maxLength: number): fc.Arbitrary<{ name: Uint8Array; nodeId: NodeId }[]> =>
  fc
    .uniqueArray(fc.record({ name: arbName, nodeId: arbId.map((id) => asNodeId(id)) }), {
      maxLength,
      selector: ({ name }) => toHex(name),
    })
    .map((children) => children.toSorted((left, right) => compareBytes(left.name, right.name)));

const folder: EntryMetadata = { name: utf8('folder'), mode: 0o755, uid: 1, gid: 2, mtimeNs: -5n };
const hasher = createNodeHasher();

function folderNode(
  path: string,
  children: readonly { name: Uint8Array; nodeId: NodeId }[],
  metadata = folder,
): string {
  const node = hasher.createFolderNode(path);
  for (const { name, nodeId } of children) node.add(canonicalName(name).text, name, nodeId);
  return toHex(node.finish(metadata, children.length));
}

describe('a canonical name', () => {
  it('is NFC, keeps the raw bytes exactly where they differ, and never holds what a path may not', () => {
    fc.assert(
      fc.property(arbName, (raw) => {
        const { text, raw: kept } = canonicalName(raw);
        expect(text).toBe(text.normalize('NFC'));
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toMatch(/\/|\0/);
        expect(['', '.', '..']).not.toContain(text);
        expect(kept === undefined ? equalBytes(utf8(text), raw) : equalBytes(kept, raw)).toBe(true);
        expect(kept !== undefined).toBe(!equalBytes(utf8(text), raw));
      }),
      { numRuns: 2000 },
    );
  });

  it('with its raw bytes tells any two names apart', () => {
    fc.assert(
      fc.property(arbName, arbName, (left, right) => {
        const [one, other] = [canonicalName(left), canonicalName(right)];
        const same = one.text === other.text && toHex(one.raw ?? utf8('')) === toHex(other.raw ?? utf8(''));
        expect(same).toBe(equalBytes(left, right));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the NodeId of an entry', () => {
  it('is the same every time and from every hasher', () => {
    fc.assert(
      fc.property(arbLeaf, (entry) => {
        const path = nodePath('a/b', canonicalName(entry.name).text);
        expect(toHex(hasher.leafNode(path, entry))).toBe(toHex(createNodeHasher().leafNode(path, entry)));
      }),
      { numRuns: 300 },
    );
  });

  it('changes with every hashed field and with none that is not hashed', () => {
    fc.assert(
      fc.property(arbLeaf, arbLeaf, (entry, other) => {
        const path = 'x';
        const before = toHex(hasher.leafNode(path, entry));
        const swap = (fields: Partial<Leaf>): string => toHex(hasher.leafNode(path, { ...entry, ...fields } as Leaf));
        for (const key of ['mode', 'uid', 'gid', 'mtimeNs'] as const) {
          const changed = entry[key] !== other[key];
          expect(swap({ [key]: other[key] }) !== before).toBe(changed);
        }
        expect(swap({ userName: `${entry.userName ?? ''}x` })).not.toBe(before);
        expect(swap({ groupName: `${entry.groupName ?? ''}x` })).not.toBe(before);
        expect(swap({ linkGroup: 77, extension: utf8('later') })).toBe(before);
        expect(toHex(hasher.leafNode('y', entry))).not.toBe(before);
        if (entry.nodeType === 'file') {
          expect(swap({ size: entry.size + 1 })).not.toBe(before);
          expect(swap({ contentHash: fileEntry('f', 'other').contentHash })).not.toBe(before);
          expect(swap({ content: fileEntry('f', 'other').content })).toBe(before);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the NodeId of a folder', () => {
  it('is determined by its children, whatever was hashed in between', () => {
    fc.assert(
      fc.property(arbChildren(40), arbChildren(5), (children, others) => {
        const alone = folderNode('p', children);
        const open = hasher.createFolderNode('p');
        for (const [index, { name, nodeId }] of children.entries()) {
          if (index === 1) folderNode('q', others);
          open.add(canonicalName(name).text, name, nodeId);
        }
        expect(toHex(open.finish(folder))).toBe(alone);
      }),
      { numRuns: 200 },
    );
  });

  it('does not depend on the order its children arrive in', () => {
    fc.assert(
      fc.property(
        arbChildren(30).chain((children) =>
          fc.tuple(fc.constant(children), fc.shuffledSubarray(children, { minLength: children.length })),
        ),
        ([children, shuffled]) => {
          expect(folderNode('p', shuffled)).toBe(folderNode('p', children));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('changes with every child’s name and node, and with its own path and metadata', () => {
    fc.assert(
      fc.property(arbChildren(20), fc.nat(), arbId, (children, at, id) => {
        const before = folderNode('p', children);
        expect(folderNode('q', children)).not.toBe(before);
        expect(folderNode('p', children, { ...folder, mtimeNs: -4n })).not.toBe(before);
        if (children.length === 0) return;
        const index = at % children.length;
        expect(folderNode('p', children.toSpliced(index, 1))).not.toBe(before);
        const changed = children.map((child, place) => (place === index ? { ...child, nodeId: asNodeId(id) } : child));
        expect(folderNode('p', changed)).not.toBe(before);
      }),
      { numRuns: 200 },
    );
  });

  it('above 1,024 children binds every child too', () => {
    const children = Array.from({ length: 3000 }, (_, index) => ({
      name: utf8(`child ${String(index).padStart(5, '0')}`),
      nodeId: nodeIdOf(`child ${index}`),
    }));
    const before = folderNode('p', children);
    fc.assert(
      fc.property(fc.nat(2999), (index) => {
        const changed = children.with(index, { name: children[index]?.name ?? utf8('?'), nodeId: nodeIdOf('other') });
        expect(folderNode('p', changed)).not.toBe(before);
        expect(folderNode('p', children.toSpliced(index, 1))).not.toBe(before);
      }),
      { numRuns: 20 },
    );
  });
});

describe('the sources node', () => {
  it('binds names and nodes, not the order they are given in', () => {
    const sources = ['home', 'Documents', 'é'].map((name) => ({ name, nodeId: nodeIdOf(name) }));
    const before = toHex(sourcesNode(sources));
    expect(toHex(sourcesNode(sources.toReversed()))).toBe(before);
    expect(toHex(sourcesNode(sources.slice(1)))).not.toBe(before);
    expect(toHex(sourcesNode(sources.with(0, { name: 'home', nodeId: nodeIdOf('x') })))).not.toBe(before);
    expect(toHex(sourcesNode([]))).not.toBe(before);
  });
});
