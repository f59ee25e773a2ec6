/**
 * An agent makes a session every few seconds for years. Each once left zstd's own memory behind, of which the collector
 * knows nothing: after 3,800 live backups the process had 3.6 GB.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BLOB_TYPE, createBackgroundCodec, parseCompression } from '../../../src-main/engine/codec/index.ts';
import { nativeZstd, zstdPairsOpen } from '../../../src-main/engine/codec/zstd-native.ts';
import { Lab, WRITER } from '../../support/engine-lab.ts';
import { noise } from '../../support/lab-files.ts';

const CODEC_JOBS = 4;

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
});
afterEach(() => lab.dispose());

const text = (round: number): Uint8Array => Buffer.from(`a line of the file of round ${round}\n`.repeat(3000));

// A runtime that keeps its zstd to itself has nothing to give back.
const hasNative = nativeZstd() !== undefined;

test.runIf(hasNative)('a session that publishes, fails or is given up gives back what it compressed with', async () => {
  const repository = await lab.open();
  const before = zstdPairsOpen();
  const begin = async (round: number) => {
    const session = await repository.beginWrite(WRITER, CODEC_JOBS);
    for (const type of [BLOB_TYPE.fileChunk, BLOB_TYPE.folderPage]) session.add(type, text(round));
    return session;
  };
  await (await begin(1)).publish(() => noise(1, 400));
  expect(zstdPairsOpen()).toBe(before);

  const failing = await begin(2);
  await expect(
    failing.publish(() => {
      throw new Error('no snapshot');
    }),
  ).rejects.toThrow('no snapshot');
  // Whoever publishes gives up what could not be published.
  expect(zstdPairsOpen()).toBeGreaterThan(before);
  await failing.abort();
  expect(zstdPairsOpen()).toBe(before);

  const large = await repository.beginWrite(WRITER, CODEC_JOBS);
  for (let round = 3; round < 60; round++) large.add(BLOB_TYPE.fileChunk, text(round));
  expect(zstdPairsOpen()).toBeGreaterThan(before);
  // In the middle of compressing.
  await large.abort();
  await expect.poll(zstdPairsOpen).toBe(before);
});

test.runIf(hasNative)('a codec that is closed finishes what it has begun', async () => {
  const before = zstdPairsOpen();
  const codec = createBackgroundCodec(2);
  const plain = text(1);
  const decoded: number[] = [];
  const jobs = Array.from({ length: 6 }, () =>
    codec.compress(parseCompression('zstd:3'), plain, (bytes) => decoded.push(bytes.length)),
  );
  codec.close();
  for (const { bytes } of await Promise.all(jobs)) expect(bytes.length).toBeLessThan(plain.length / 10);
  expect(decoded).toEqual(jobs.map(() => plain.length));
  expect(zstdPairsOpen()).toBe(before);
  codec.close();
  await expect(codec.compress(parseCompression('zstd:3'), plain, () => undefined)).rejects.toThrow();
});

// Each thread of a backup, a restore or a check once left its contexts behind when it ended: 10 MB at level 9.
test.runIf(hasNative)('a thread that ends takes its contexts with it', { timeout: 60_000 }, async () => {
  const thread = async (): Promise<void> => {
    const worker = new Worker(new URL('../../support/compressing-thread.ts', import.meta.url));
    expect(await once(worker, 'exit')).toEqual([0]);
  };
  for (let count = 0; count < 5; count++) await thread();
  const before = process.memoryUsage.rss();
  for (let count = 0; count < 20; count++) await thread();
  expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
});
