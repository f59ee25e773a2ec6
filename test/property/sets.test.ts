/** Merkle sets behave as sets, have one root per set of ids, and prove what they hold and what they don't. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCairnError } from '../../src-shared/errors.ts';
import { hash } from '../../src-main/engine/codec/index.ts';
import { compareBytes, concatBytes, equalBytes, fromHex, toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  decodeSetProof,
  EMPTY_SET_HASH,
  encodeSetProof,
  MerkleSet,
  verifySetProof,
} from '../../src-main/engine/merkle/index.ts';
import { arbCloseId, arbId, arbMutations, mutate } from '../support/merkle.ts';

const arbAnyId = fc.oneof(arbId, arbCloseId);
const arbIds = fc.array(arbAnyId, { maxLength: 60 });

function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  const at = (bit >>> 3) % bytes.length;
  flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

describe('a Merkle set', () => {
  it('has the same ids and root whatever the order of insertion, built at once or one by one', () => {
    fc.assert(
      fc.property(
        arbIds.chain((ids) => fc.tuple(fc.constant(ids), fc.shuffledSubarray(ids, { minLength: ids.length }))),
        ([ids, shuffled]) => {
          const whole = MerkleSet.fromIds(ids);
          const grown = shuffled.reduce((set, id) => set.add(id), MerkleSet.empty);
          expect(toHex(grown.root)).toBe(toHex(whole.root));
          const expected = [...new Set(ids.map(toHex))].sort();
          expect([...whole.ids()].map(toHex)).toEqual(expected);
          expect([...grown.ids()].map(toHex)).toEqual(expected);
          expect(whole.size).toBe(expected.length);
          expect(grown.size).toBe(expected.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('follows any sequence of adding and removing like a plain set, leaving older sets as they were', () => {
    const arbSteps = fc.array(fc.tuple(fc.boolean(), arbCloseId), { maxLength: 60 });
    fc.assert(
      fc.property(arbSteps, (steps) => {
        const plain = new Map<string, Uint8Array>();
        let set = MerkleSet.empty;
        for (const [adding, id] of steps) {
          const before = { set, root: toHex(set.root), size: set.size };
          set = adding ? set.add(id) : set.remove(id);
          if (adding) plain.set(toHex(id), id);
          else plain.delete(toHex(id));
          expect(set.has(id)).toBe(adding);
          expect(toHex(before.set.root)).toBe(before.root);
          expect(toHex(MerkleSet.fromIds(before.set.ids()).root)).toBe(before.root);
          expect(before.set.size).toBe(before.size);
        }
        expect(set.size).toBe(plain.size);
        expect(toHex(set.root)).toBe(toHex(MerkleSet.fromIds(plain.values()).root));
      }),
      { numRuns: 200 },
    );
  });

  it('has another root for any other ids', () => {
    fc.assert(
      fc.property(arbIds, arbAnyId, (ids, id) => {
        const set = MerkleSet.fromIds(ids);
        const changed = set.has(id) ? set.remove(id) : set.add(id);
        expect(toHex(changed.root)).not.toBe(toHex(set.root));
      }),
      { numRuns: 300 },
    );
  });

  it('that is empty has the documented root, and no set with ids has it', () => {
    expect(toHex(EMPTY_SET_HASH)).toBe(toHex(hash(utf8('cairn/merkle-set/empty/v1'))));
    expect(toHex(MerkleSet.empty.root)).toBe(toHex(EMPTY_SET_HASH));
    expect(toHex(MerkleSet.fromIds([]).root)).toBe(toHex(EMPTY_SET_HASH));
    const id = fromHex('11'.repeat(32));
    expect(toHex(MerkleSet.empty.add(id).remove(id).root)).toBe(toHex(EMPTY_SET_HASH));
    expect(toHex(MerkleSet.empty.add(id).root)).not.toBe(toHex(EMPTY_SET_HASH));
    expect(toHex(MerkleSet.empty.add(EMPTY_SET_HASH).root)).not.toBe(toHex(EMPTY_SET_HASH));
  });

  it('keeps its own copy of an id that the caller overwrites later', () => {
    const id = fromHex('22'.repeat(32));
    const set = MerkleSet.fromIds([id]).add(fromHex('33'.repeat(32)));
    const root = toHex(set.root);
    id.fill(0);
    expect(toHex(MerkleSet.fromIds(set.ids()).root)).toBe(root);
  });
});

describe('a proof about a set', () => {
  it('shows membership of every member and absence of every other id, also after a trip through bytes', () => {
    fc.assert(
      fc.property(arbIds, arbAnyId, (ids, id) => {
        const set = MerkleSet.fromIds(ids);
        for (const asked of [id, ...ids]) {
          const proof = decodeSetProof(encodeSetProof(set.prove(asked)));
          expect(verifySetProof(set.root, asked, proof)).toBe(set.has(asked) ? 'member' : 'absent');
        }
      }),
      { numRuns: 200 },
    );
  });

  it('proves nothing for another id or another set', () => {
    fc.assert(
      fc.property(arbIds, arbAnyId, arbAnyId, (ids, id, other) => {
        fc.pre(!equalBytes(id, other));
        const set = MerkleSet.fromIds(ids);
        const proof = set.prove(id);
        const changed = set.has(other) ? set.remove(other) : set.add(other);
        expect(() => verifySetProof(changed.root, id, proof)).toThrow();
        try {
          // A path may lead to the same leaf for both ids; then it must say the truth about the other one too.
          expect(verifySetProof(set.root, other, proof)).toBe(set.has(other) ? 'member' : 'absent');
        } catch (error) {
          if (!isCairnError(error, 'integrity/damaged')) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('with any changed bytes fails with a typed error or still says the truth', () => {
    fc.assert(
      fc.property(arbIds, arbAnyId, arbMutations, (ids, id, mutations) => {
        const set = MerkleSet.fromIds(ids);
        const bytes = mutate(encodeSetProof(set.prove(id)), mutations);
        try {
          const proof = decodeSetProof(bytes);
          expect(toHex(encodeSetProof(proof))).toBe(toHex(bytes));
          expect(verifySetProof(set.root, id, proof)).toBe(set.has(id) ? 'member' : 'absent');
        } catch (error) {
          if (!isCairnError(error)) throw error;
        }
      }),
      { numRuns: 10_000 },
    );
  });

  it('with any single bit flipped fails', () => {
    fc.assert(
      fc.property(arbIds, arbAnyId, fc.nat(), (ids, id, bit) => {
        const set = MerkleSet.fromIds(ids);
        const bytes = encodeSetProof(set.prove(id));
        expect(() => verifySetProof(set.root, id, decodeSetProof(flipBit(bytes, bit % (bytes.length * 8))))).toThrow();
      }),
      { numRuns: 2000 },
    );
  });

  it('cannot claim a member in a place its bits do not lead to', () => {
    const ids = ['00', '40', '80', 'c0'].map((byte) => fromHex(byte.repeat(32)));
    const set = MerkleSet.fromIds(ids);
    const [first, second] = ids;
    if (first === undefined || second === undefined) throw new Error('four ids');
    const proof = set.prove(first);
    if (proof.kind !== 'leaf') throw new Error('a leaf proof');
    expect(() => verifySetProof(set.root, second, proof)).toThrow();
    // The leaf of the last id lies on the other side, so it says nothing about the first one.
    const other = set.prove(ids[3] ?? first);
    if (other.kind !== 'leaf') throw new Error('a leaf proof');
    expect(() => verifySetProof(set.root, first, { ...other, otherId: ids[3] ?? first })).toThrow();
  });

  it('cannot show a member as absent by calling it another id', () => {
    fc.assert(
      fc.property(arbIds, arbAnyId, (ids, id) => {
        const set = MerkleSet.fromIds(ids).add(id);
        const proof = set.prove(id);
        if (proof.kind !== 'leaf') throw new Error('a leaf proof');
        expect(() => verifySetProof(set.root, id, { ...proof, otherId: id })).toThrow(/itself/);
      }),
      { numRuns: 100 },
    );
  });

  it('under the root of a trie with an id in the wrong place shows nothing', () => {
    // Hashed by hand, as the head of set.ts says; the first case shows that the hashes are the right ones.
    const [low, high] = [fromHex('00'.repeat(32)), fromHex('80'.repeat(32))];
    const leaf = (id: Uint8Array): Uint8Array => hash(concatBytes([utf8('frame_leaf'), id]));
    const inner = (left: Uint8Array, right: Uint8Array): Uint8Array =>
      hash(concatBytes([utf8('frame_node'), Uint8Array.of(0, 0), left, right]));
    const root = (top: Uint8Array): Uint8Array =>
      hash(concatBytes([utf8('frame_root'), Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0), top]));
    const right = root(inner(leaf(low), leaf(high)));
    expect(toHex(MerkleSet.fromIds([low, high]).root)).toBe(toHex(right));
    const wrong = root(inner(leaf(high), leaf(low)));
    const proof = { kind: 'leaf', count: 2, steps: [{ bit: 0, sibling: leaf(low) }], otherId: high } as const;
    expect(() => verifySetProof(wrong, low, proof)).toThrow(/does not belong/);
  });

  it('of a set of one thousand ids has about one step per doubling', () => {
    const set = MerkleSet.fromIds(Array.from({ length: 1000 }, (_, index) => hash(utf8(`id ${index}`))));
    const sorted = [...set.ids()];
    expect(sorted.every((id, index) => index === 0 || compareBytes(sorted[index - 1] ?? id, id) < 0)).toBe(true);
    for (const id of sorted) {
      const proof = set.prove(id);
      expect(proof.kind === 'leaf' ? proof.steps.length : 99).toBeLessThan(32);
    }
  });
});
