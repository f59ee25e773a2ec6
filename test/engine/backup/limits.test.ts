/**
 * How fast a backup may read and write. The clock stands still until the test moves it, and so does the backup: what it
 * has read or written is held against the seconds that it was given.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PART_BYTES_MAX } from '../../../src-main/engine/backup/cut-file.ts';
import { openEngine } from '../../../src-main/engine/index.ts';
import { Lab, heldClock } from '../../support/engine-lab.ts';

/** Longer than the bucket sleeps between two looks at the clock: a backup that may go on has gone on. */
const LOOK_MS = 250;
const STEPS_MAX = 1000;
const MB = 1_000_000;
/** What a bucket lets pass at once (rate-bucket.ts). */
const BURST_S = 0.25;

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
  fs.mkdirSync(lab.source);
});
afterEach(() => lab.dispose());

/**
 * Gives a second after each look, until the work is done. At every look no more may have passed than the seconds so far
 * allow; `ahead` bytes pass before they are paid for.
 */
async function secondsFor(
  work: Promise<unknown>,
  limit: { readonly bytesPerSecondMax: number; readonly ahead: number; readonly passed: () => number },
  advance: (ms: number) => void,
): Promise<number> {
  const done = { is: false };
  void work.finally(() => (done.is = true)).catch(() => undefined);
  let seconds = 0;
  for (; seconds < STEPS_MAX; seconds++) {
    await sleep(LOOK_MS);
    const allowed = (BURST_S + seconds) * limit.bytesPerSecondMax + limit.ahead;
    expect(limit.passed(), `after ${seconds} seconds`).toBeLessThanOrEqual(allowed);
    if (done.is) break;
    advance(1000);
  }
  await work;
  return seconds;
}

describe.each([
  ['with lanes', { workers: 2, lanesFromFiles: 0 }],
  ['on one thread', { workers: 0 }],
])('a backup %s', (_, threads) => {
  test('reads one large file no faster than it may', async () => {
    const bytes = 32 * MB;
    fs.writeFileSync(put('image'), randomBytes(bytes));
    await lab.init({ compression: 'none' });
    const repository = await lab.open();
    const bytesPerSecondMax = 6 * MB;
    const atFirst = bytesBelow(lab.repositoryPath);
    const work = lab.backup(repository, { ...threads, readBytesPerSecondMax: bytesPerSecondMax });
    // Nothing is written that was not read; beside that, what every backup writes.
    const passed = (): number => bytesBelow(lab.repositoryPath) - atFirst;
    const limit = { bytesPerSecondMax, ahead: PART_BYTES_MAX + MB, passed };
    const seconds = await secondsFor(work, limit, (ms) => lab.clock.advance(ms));
    expect((await work).bytesRead).toBe(bytes);
    expect(seconds).toBeGreaterThanOrEqual(4);
  });

  test('reads many small files no faster than it may', async () => {
    const [files, bytesEach] = [60, 250_000];
    for (let index = 0; index < files; index++) fs.truncateSync(put(`file ${index}`), bytesEach);
    await lab.init();
    const repository = await lab.open();
    const bytesPerSecondMax = 2 * MB;
    let passed = 0;
    const work = lab.backup(repository, {
      ...threads,
      readBytesPerSecondMax: bytesPerSecondMax,
      onProgress: (progress) => (passed = progress.bytes),
    });
    // A mebibyte is handed out before the bucket is asked, and the file that completes it.
    const limit = { bytesPerSecondMax, ahead: 2 ** 20 + bytesEach, passed: () => passed };
    const seconds = await secondsFor(work, limit, (ms) => lab.clock.advance(ms));
    expect(passed).toBe(files * bytesEach);
    expect(seconds).toBeGreaterThanOrEqual(5);
  });
});

test('a backup writes no faster than it may, and the next one without a limit does not wait', async () => {
  for (let index = 0; index < 40; index++) fs.writeFileSync(put(`file ${index}`), randomBytes(500_000));
  const clock = heldClock();
  const engine = openEngine({ home: lab.path('home'), log: () => undefined, clock });
  await engine.init({ repository: lab.repositoryPath, compression: 'none' });
  const repository = await engine.open(lab.repositoryPath, () => Promise.reject(new Error('nobody is to be asked')));
  const atFirst = bytesBelow(lab.repositoryPath);
  const bytesPerSecondMax = 4 * MB;
  const sources = [Buffer.from(lab.source)];
  const passed = (): number => bytesBelow(lab.repositoryPath) - atFirst;
  const work = repository.backup({ sources, writeBytesPerSecondMax: bytesPerSecondMax });
  // A segment, and the small files that every backup has: lease, index, snapshot.
  const seconds = await secondsFor(work, { bytesPerSecondMax, ahead: 2 * MB, passed }, (ms) => clock.advance(ms));
  expect(seconds).toBeGreaterThanOrEqual(4);
  fs.writeFileSync(put('more'), randomBytes(10 * MB));
  clock.advance(60_000);
  await repository.backup({ sources });
  await repository.close();
});

function put(name: string): string {
  const file = path.join(lab.source, name);
  fs.writeFileSync(file, '');
  return file;
}

/** Temporary files count: they are written. A file that is renamed meanwhile is met under one of its names, or none. */
function bytesBelow(folder: string): number {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .reduce((sum, name) => sum + (fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}
