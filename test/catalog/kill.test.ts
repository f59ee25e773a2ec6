/** A process that is killed while it takes in: the next one goes on at once, and what comes of it is right. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findEntries } from '../../src-main/engine/browse/index.ts';
import { openCatalog } from '../../src-main/engine/catalog/index.ts';
import { silentLog } from '../../src-main/engine/kernel/index.ts';
import { childHistory } from '../support/child-history.ts';
import { seeded, testSeed } from '../support/seed.ts';

const KILLS = 8;
const DELAY_MS_MAX = 400;
const seed = testSeed('catalog kill');
let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-catalog-'));
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

/** Starts a process that takes in, and kills it so long after it has begun. Gives what it said last. */
async function killAfter(delayMs: number): Promise<string> {
  const script = path.join(import.meta.dirname, 'child.ts');
  const child = spawn(process.execPath, [script, 'endless', home, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  while (!said.includes('begun') && child.exitCode === null) await wait(5);
  await wait(delayMs);
  child.kill('SIGKILL');
  await ended;
  return said.trim().split('\n').at(-1) ?? '';
}

test('what was taken in stays, the rest is taken in later, and all of it is right', { timeout: 600_000 }, async () => {
  const random = seeded(seed);
  const { repository, snapshots } = childHistory(seed, 12);
  const walked = await findEntries(repository, snapshots, '*');
  const missing: number[] = [];
  let hasEnded = false;
  for (let kill = 0; kill < KILLS && !hasEnded; kill++) {
    hasEnded = (await killAfter(random.between(0, DELAY_MS_MAX))) === 'ended';
    const catalog = openCatalog({ home, log: silentLog });
    missing.push((await catalog.missing(repository, snapshots)) ?? snapshots.length);
    await catalog.close();
  }
  // Never fewer known than before.
  expect(missing).toEqual(missing.toSorted((left, right) => right - left));
  const catalog = openCatalog({ home, log: silentLog });
  expect(await catalog.takeIn(repository, snapshots, { isWhole: true })).toMatchObject({
    taken: missing.at(-1),
    damaged: 0,
  });
  expect(await catalog.find(repository, snapshots, '*')).toEqual(walked);
  expect(fs.readdirSync(path.join(home, 'catalog')).filter((name) => name.includes('aside'))).toEqual([]);
  await catalog.close();
});
