/** Extended attributes: one encoding, one place, and nothing that a hostile repository can make of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOB_TYPE, hash } from '../../../src-main/engine/codec/index.ts';
import { ByteWriter, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  ATTRIBUTES_BYTES_MAX,
  attributeFields,
  type AttributesFetch,
  attributesOf,
  compareEntries,
  createNodeHasher,
  decodeAttributes,
  decodeFolderPage,
  encodeAttributes,
  encodeFolderPage,
  type Xattr,
  XATTR_INLINE_BYTES_MAX,
  XATTRS_MAX,
} from '../../../src-main/engine/merkle/index.ts';
import { asContentHash } from '../../../src-shared/ids.ts';
import { isCairnError } from '../../../src-shared/errors.ts';
import { arbMutations, arbXattrs, fileEntry, idOf, mutate } from '../../support/merkle.ts';

const malformed = { code: 'integrity/malformed' };
const attribute = (name: string, value = ''): Xattr => ({ name: utf8(name), value: utf8(value) });
/** One attribute whose encoding has exactly so many bytes (128 at least). */
function ofLength(bytes: number): Xattr[] {
  const xattrs = [{ name: utf8('user.a'), value: new Uint8Array(bytes - 10) }];
  expect(encodeAttributes(xattrs)).toHaveLength(bytes);
  return xattrs;
}
const neverFetch: AttributesFetch = () => {
  throw new Error('no blob is needed');
};

/** A list as its bytes, without the encoder's checks. */
function listOf(xattrs: readonly Xattr[], count = xattrs.length): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(count);
  for (const { name, value } of xattrs) writer.sizedBytes(name).sizedBytes(value);
  return writer.finish();
}

function errorOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe('extended attributes', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(arbXattrs, (xattrs) => {
        expect(decodeAttributes(encodeAttributes(xattrs))).toEqual(xattrs);
      }),
    );
  });

  it('decode from any bytes to a value that encodes to the same bytes, or to a typed error', () => {
    let decoded = 0;
    fc.assert(
      fc.property(arbXattrs, arbMutations, (xattrs, mutations) => {
        const bytes = mutate(encodeAttributes(xattrs), mutations);
        try {
          expect(encodeAttributes(decodeAttributes(bytes))).toEqual(bytes);
          decoded++;
        } catch (error) {
          if (!isCairnError(error)) throw error;
          expect(error).toMatchObject(malformed);
        }
      }),
      { numRuns: 500 },
    );
    expect(decoded).toBeGreaterThan(20);
  });

  it.each([
    ['none at all', listOf([])],
    ['an empty name', listOf([attribute('')])],
    ['a name with NUL', listOf([attribute('user.\0')])],
    ['a name twice', listOf([attribute('user.a'), attribute('user.a')])],
    ['names that fall', listOf([attribute('user.b'), attribute('user.a')])],
    ['a name of 1,025 bytes', listOf([attribute('u'.repeat(1025))])],
    ['more than there are', listOf([attribute('user.a')], 2)],
    ['bytes behind the last', Uint8Array.of(...listOf([attribute('user.a')]), 0)],
  ])('with %s are refused', (_what, bytes) => {
    expect(errorOf(() => decodeAttributes(bytes))).toMatchObject(malformed);
  });

  it('are bounded in bytes and in number before anything is made of them', () => {
    expect(errorOf(() => decodeAttributes(new Uint8Array(ATTRIBUTES_BYTES_MAX + 1)))).toMatchObject({
      code: 'limit/exceeded',
    });
    const many = new ByteWriter()
      .varint(XATTRS_MAX + 1)
      .bytes(new Uint8Array(4 * XATTRS_MAX))
      .finish();
    expect(errorOf(() => decodeAttributes(many))).toMatchObject(malformed);
    expect(String(errorOf(() => decodeAttributes(many)))).toContain('65537');
  });
});

describe('the attributes of an entry', () => {
  it('stand in it up to 4,096 bytes of encoding and in a blob beyond', async () => {
    const blobs: { plain: Uint8Array; plainHash: Uint8Array }[] = [];
    const store = (plain: Uint8Array, plainHash: Uint8Array) => {
      blobs.push({ plain, plainHash });
      return idOf('keyed');
    };
    expect(attributeFields([], store)).toEqual({});
    const short = ofLength(XATTR_INLINE_BYTES_MAX);
    expect(attributeFields(short, store)).toEqual({ xattrs: short });
    expect(await attributesOf({ xattrs: short }, neverFetch)).toEqual(short);
    expect(await attributesOf({}, neverFetch)).toEqual([]);
    expect(blobs).toEqual([]);

    const long = ofLength(XATTR_INLINE_BYTES_MAX + 1);
    const fields = attributeFields(long, store);
    expect(blobs).toEqual([{ plain: encodeAttributes(long), plainHash: hash(encodeAttributes(long)) }]);
    expect(fields).toEqual({ xattrBlob: { id: idOf('keyed'), hash: hash(encodeAttributes(long)) } });
    const read = await attributesOf(fields, (id, type) => {
      expect({ id, type }).toEqual({ id: idOf('keyed'), type: BLOB_TYPE.attributes });
      return Promise.resolve(encodeAttributes(long));
    });
    expect(read).toEqual(long);
  });

  it('are refused in the other place, in both directions', async () => {
    const long = ofLength(XATTR_INLINE_BYTES_MAX + 1);
    expect(() => encodeFolderPage({ kind: 'leaf', entries: [fileEntry('a', 'x', { xattrs: long })] })).toThrow('blob');
    const good = encodeFolderPage({
      kind: 'leaf',
      entries: [fileEntry('a', 'x', { xattrs: ofLength(XATTR_INLINE_BYTES_MAX) })],
    });
    const at = Buffer.from(good).indexOf(Buffer.from(encodeAttributes(ofLength(XATTR_INLINE_BYTES_MAX))));
    const bad = Uint8Array.of(...good.subarray(0, at), ...encodeAttributes(long));
    expect(errorOf(() => decodeFolderPage(bad))).toMatchObject(malformed);

    const short = encodeAttributes(ofLength(XATTR_INLINE_BYTES_MAX));
    const inBlob = { xattrBlob: { id: idOf('keyed'), hash: asContentHash(hash(short)) } };
    await expect(attributesOf(inBlob, () => short)).rejects.toMatchObject(malformed);
  });

  it('are refused where the blob is another one than the entry means', async () => {
    const plain = encodeAttributes(ofLength(5000));
    const entry = { xattrBlob: { id: idOf('keyed'), hash: asContentHash(hash(plain)) } };
    const other = plain.slice();
    other[4000] = 1;
    await expect(attributesOf(entry, () => other)).rejects.toMatchObject({ code: 'integrity/damaged' });
  });

  it('are metadata: a change of them changes the NodeId and nothing of the content', () => {
    const hasher = createNodeHasher();
    const before = fileEntry('a', 'x', { xattrs: [attribute('user.a', '1')] });
    const blobOf = (text: string, id: string) =>
      fileEntry('a', 'x', { xattrBlob: { id: idOf(id), hash: asContentHash(hash(utf8(text))) } });
    for (const after of [
      fileEntry('a', 'x'),
      fileEntry('a', 'x', { xattrs: [attribute('user.a', '2')] }),
      fileEntry('a', 'x', { xattrs: [attribute('user.b', '1')] }),
      blobOf('one', 'id'),
    ]) {
      expect(compareEntries(before, after)).toBe('metadata');
      expect(hasher.leafNode('a', after)).not.toEqual(hasher.leafNode('a', before));
    }
    expect(compareEntries(blobOf('one', 'id'), blobOf('other', 'id'))).toBe('metadata');
    // The id is keyed: another repository's is another one for equal attributes.
    expect(compareEntries(blobOf('one', 'id'), blobOf('one', 'other id'))).toBe('equal');
    expect(hasher.leafNode('a', blobOf('one', 'id'))).toEqual(hasher.leafNode('a', blobOf('one', 'other id')));
  });
});
