/** Large files that a lane cuts: both sides of it, with messages that take their time. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { toHex } from '../../../src-main/engine/kernel/index.ts';
import { type BlobHasher, createBlobHasher, hash } from '../../../src-main/engine/codec/index.ts';
import { type CutFile, FileCutter, chunksOf } from '../../../src-main/engine/backup/cut-file.ts';
import { CutsUnderWay, type FromCuts, LaneCuts, type ToCuts } from '../../../src-main/engine/backup/lane-cuts.ts';
import { readerOf } from '../../../src-main/engine/source/index.ts';
import { seeded, testSeed } from '../../support/seed.ts';

const KEY = Buffer.alloc(32, 7);
const BYTES = 37_000_000;

let folder: string;
let file: string;
let fd: number;
let blobHasher: BlobHasher;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-cuts-'));
  file = path.join(folder, 'large');
  fs.writeFileSync(file, seeded(testSeed('lane cuts')).bytes(BYTES));
  fd = fs.openSync(file, 'r');
  blobHasher = createBlobHasher(KEY);
});
afterEach(() => {
  fs.closeSync(fd);
  fs.rmSync(folder, { recursive: true });
});

/** A lane at the other end of a line on which every message is cloned and takes a turn of the event loop. */
function connect(): { cuts: CutsUnderWay; post: (message: ToCuts) => void; told: FromCuts[] } {
  const cuts = new CutsUnderWay();
  const told: FromCuts[] = [];
  const lane = new LaneCuts(KEY, blobHasher, (message) => {
    told.push(message);
    setImmediate(() => cuts.receive(structuredClone(message)));
  });
  return { cuts, told, post: (message) => void setImmediate(() => lane.take(message)) };
}

function cutHere(size: number): { ids: string[]; end: CutFile } {
  const cutter = new FileCutter(KEY, blobHasher);
  cutter.begin(size, readerOf(fd, Buffer.from(file)));
  const ids: string[] = [];
  for (;;) {
    const part = cutter.next();
    if ('code' in part) throw new Error(part.message);
    for (const { id } of chunksOf(part)) ids.push(toHex(id));
    if (part.isLast) return { ids, end: cutter.finish() };
  }
}

const request = (size = BYTES): { fd: number; path: Buffer; size: number } => ({ fd, path: Buffer.from(file), size });

test('a lane gives the chunks and the hash that are made here, and the bytes of each chunk', async () => {
  const { cuts, post } = connect();
  const ids: string[] = [];
  const pieces: Buffer[] = [];
  const end = await cuts.begin(1, request(), {
    post,
    onPart: async (part) => {
      // A store that takes its time: the lane must not write into what is being stored.
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (const { id, plain } of chunksOf(part)) {
        ids.push(toHex(id));
        pieces.push(Buffer.from(plain));
      }
    },
  });
  const here = cutHere(BYTES);
  expect(ids).toEqual(here.ids);
  expect(end).toEqual(here.end);
  expect(Buffer.concat(pieces).equals(fs.readFileSync(file))).toBe(true);
  expect('contentHash' in end && toHex(end.contentHash)).toBe(toHex(hash(fs.readFileSync(file))));
});

test('a file that became shorter is cut as far as it goes', async () => {
  const { cuts, post } = connect();
  fs.truncateSync(file, 20_000_000);
  expect(await cuts.begin(1, request(), { post, onPart: () => Promise.resolve() })).toMatchObject({
    bytes: 20_000_000,
  });
});

test('where a part can’t be stored the lane stops, says so last of all, and cuts the next file', async () => {
  const { cuts, post, told } = connect();
  let parts = 0;
  const onPart = (): Promise<void> =>
    ++parts === 2 ? Promise.reject(new Error('the drive is full')) : Promise.resolve();
  await expect(cuts.begin(1, request(), { post, onPart })).rejects.toThrow('the drive is full');
  expect(told.at(-1)).toMatchObject({ end: 'stopped' });
  expect(parts).toBe(2);
  expect(await cuts.begin(2, request(), { post, onPart: () => Promise.resolve() })).toEqual(cutHere(BYTES).end);
});

test('what can’t be read is a problem of the file, told when every part before it is stored', async () => {
  const { cuts, post } = connect();
  const directory = fs.openSync(folder, 'r');
  try {
    const end = await cuts.begin(1, { ...request(), fd: directory }, { post, onPart: () => Promise.resolve() });
    expect(end).toMatchObject({ code: 'EISDIR', path: file });
  } finally {
    fs.closeSync(directory);
  }
  expect(await cuts.begin(2, request(), { post, onPart: () => Promise.resolve() })).toEqual(cutHere(BYTES).end);
});
