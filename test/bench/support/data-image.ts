/**
 * A data set like the disk of a virtual machine, made from a seed: one file of extents, each a kind of its own, with
 * sizes as files have them (log-normal around 256 KiB, in sectors of 4 KiB).
 *
 * The mix, as parts of the bytes: 25 % zero runs (free space, written all the same: the file has no holes); 30 % text
 * (sources, logs, configuration); 20 % programs (instructions of a skewed alphabet with random operands); 25 % what is
 * packed already (media, archives: noise). A sixth of the extents that are not zeros is instead a copy of an earlier one,
 * as packages and libraries stand twice on a disk. describeImage says how it packs.
 */
import { createCipheriv } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { breathe, createDraw, type Draw, makeText, share, skewed } from './data.ts';

export const IMAGE_NAME = 'disk.img';
const SECTOR_BYTES = 4096;
const EXTENT_BYTES_MEDIAN = 256 * 1024;
/** The largest extent, as a part of the image: a smaller image shall have the same mix. */
const EXTENT_SHARE_MAX = 1 / 64;
const EXTENT_SIGMA = 1.4;
/** Of everything in turn: what is below the first is zeros, below the second text, and so on. */
const ZERO_TO = 0.25;
const TEXT_TO = 0.55;
const PROGRAM_TO = 0.75;
const COPY_SHARE = 1 / 6;

/** Extents are cut from this much text and this much program: no two megabytes are alike. */
const QUARRY_BYTES = 24 * 1024 * 1024;

type Extent = { readonly at: number; readonly bytes: number };

/** Makes `folder`, which must not exist, with the image in it. */
export async function writeImage(folder: string, options: { readonly seed: number; readonly bytes: number }) {
  const { seed, bytes } = options;
  const draw = createDraw(seed + 11);
  const quarries = { text: makeText(seed + 12, QUARRY_BYTES), program: makeProgram(seed + 13, QUARRY_BYTES) };
  const noise = createNoise(seed);
  fs.mkdirSync(folder);
  const file = fs.openSync(path.join(folder, IMAGE_NAME), 'wx+');
  try {
    const earlier: Extent[] = [];
    for (let at = 0; at < bytes;) {
      const extent = { at, bytes: Math.min(bytes - at, extentBytes(draw, bytes * EXTENT_SHARE_MAX)) };
      fs.writeSync(file, makeExtent(extent, { draw, file, earlier, noise, ...quarries }), 0, extent.bytes, at);
      at += extent.bytes;
      await breathe();
    }
  } finally {
    fs.closeSync(file);
  }
}

type Sources = {
  readonly draw: Draw;
  readonly file: number;
  readonly earlier: Extent[];
  readonly noise: (bytes: number) => Uint8Array;
  readonly text: Uint8Array;
  readonly program: Uint8Array;
};

function makeExtent(extent: Extent, { draw, file, earlier, noise, text, program }: Sources): Uint8Array {
  const kind = share(draw);
  const content = new Uint8Array(extent.bytes);
  if (kind < ZERO_TO) return content;
  const copied = share(draw) < COPY_SHARE ? earlier[draw() % Math.max(1, earlier.length)] : undefined;
  if (copied !== undefined) {
    // What an extent is longer than the one that it copies stays zero, as the rest of a last sector does.
    fs.readSync(file, content, 0, Math.min(copied.bytes, extent.bytes), copied.at);
    return content;
  }
  earlier.push(extent);
  if (kind >= PROGRAM_TO) return noise(extent.bytes);
  const quarry = kind < TEXT_TO ? text : program;
  for (let at = 0; at < content.length; at += SECTOR_BYTES) {
    const from = draw() % (QUARRY_BYTES - SECTOR_BYTES);
    content.set(quarry.subarray(from, from + Math.min(SECTOR_BYTES, content.length - at)), at);
  }
  return content;
}

function extentBytes(draw: Draw, bytesMax: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - share(draw))) * Math.cos(2 * Math.PI * share(draw));
  const sectors = Math.ceil((EXTENT_BYTES_MEDIAN * Math.exp(EXTENT_SIGMA * normal)) / SECTOR_BYTES);
  return Math.min(Math.ceil(bytesMax / SECTOR_BYTES), sectors) * SECTOR_BYTES;
}

const INSTRUCTIONS = 3000;
const INSTRUCTION_BYTES_MAX = 7;
/** One byte in so many is an operand that nothing foretells. */
const OPERAND_EVERY = 9;

function makeProgram(seed: number, bytes: number): Uint8Array {
  const draw = createDraw(seed);
  const table = Array.from({ length: INSTRUCTIONS }, () =>
    Uint8Array.from({ length: 1 + (draw() % INSTRUCTION_BYTES_MAX) }, () => draw() >>> 24),
  );
  const program = new Uint8Array(bytes);
  for (let at = 0; at < bytes;) {
    const instruction = table[skewed(draw, INSTRUCTIONS)] ?? new Uint8Array(1);
    for (const byte of instruction) program[at++] = draw() % OPERAND_EVERY === 0 ? draw() >>> 24 : byte;
  }
  return program;
}

/** Bytes without any pattern, at the speed of AES: the stream of one key. */
function createNoise(seed: number): (bytes: number) => Uint8Array {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed >>> 0);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return (bytes) => cipher.update(new Uint8Array(bytes));
}

const SAMPLE_EVERY_BYTES = 8 * 1024 * 1024;
const SAMPLE_BYTES = 1024 * 1024;

/** What zstd 3 leaves of every eighth mebibyte, by itself, as a part of its size. Copies are not found that way. */
export function describeImage(folder: string): number {
  const file = fs.openSync(path.join(folder, IMAGE_NAME), 'r');
  const { size } = fs.fstatSync(file);
  const piece = new Uint8Array(SAMPLE_BYTES);
  let whole = 0;
  let packed = 0;
  for (let at = 0; at < size; at += SAMPLE_EVERY_BYTES) {
    const count = fs.readSync(file, piece, 0, SAMPLE_BYTES, at);
    whole += count;
    packed += Math.min(count, zlib.zstdCompressSync(piece.subarray(0, count)).length);
  }
  fs.closeSync(file);
  return packed / whole;
}
