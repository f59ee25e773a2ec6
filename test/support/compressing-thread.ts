/** A thread that compresses a megabyte on the spot, decodes it again, and ends. */
import { assert } from '../../src-shared/assert.ts';
import { compress, decompress, parseCompression } from '../../src-main/engine/codec/index.ts';

const plain = Buffer.alloc(1_000_000, 'some text that is worth compressing');
const { compression, bytes } = compress(parseCompression('zstd:9'), plain);
assert(Buffer.from(decompress(compression, bytes, plain.length)).equals(plain), 'what was compressed comes back');
