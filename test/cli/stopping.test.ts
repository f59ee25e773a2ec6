import { existsSync, readdirSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ListedEntry } from '../../src-shared/model/index.ts';
import { PROGRAM, Place, ended, errorDocument } from './cairn.ts';

/** Sparse, and minutes of reading: no backup of it ends before it is stopped. */
const ENDLESS_BYTES = 2 ** 40;

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.dispose());

async function backupThatRuns(...more: readonly string[]) {
  await place.init('--no-encryption');
  truncateSync(place.write('endless', ''), ENDLESS_BYTES);
  const child = place.start(['backup', place.source, ...more]);
  const end = ended(child);
  const sessions = path.join(place.repository, 'sessions');
  while (!existsSync(sessions) || readdirSync(sessions).length === 0) await sleep(10);
  return { child, end };
}

describe('a backup that is stopped', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s ends with status %d and says what is safe', async (signal, status) => {
    const { child, end } = await backupThatRuns();
    child.kill(signal);
    const result = await end;
    expect(result).toMatchObject({ status, text: '' });
    expect(result.stderr).toMatch(
      /^(Stopping.*\n)?cairn: Stopped before it was done\.\n {2}No snapshot was made\. Earlier ones are safe/,
    );
  });

  it('in the middle of a large file ends within seconds too', async () => {
    const { child, end } = await backupThatRuns();
    // Long enough for threads to have begun with it; should they not have, this is the test above.
    await sleep(1500);
    child.kill('SIGTERM');
    expect(await end).toMatchObject({ status: 143, text: '' });
  });

  it('answers with one JSON document, leaves no snapshot, and the next backup works', async () => {
    const { child, end } = await backupThatRuns('--json');
    child.kill('SIGINT');
    const result = await end;
    expect(result.status).toBe(130);
    expect(errorDocument(result)).toMatchObject({ code: 'engine/cancelled', retry: 'ask' });
    expect(await place.json(['snapshots'])).toEqual([]);
    truncateSync(path.join(place.source, 'endless'), 1000);
    await place.json(['backup', place.source]);
    expect(await place.json(['verify', '--deep'])).toMatchObject({ ok: true });
  });
});

describe('a reader that has seen enough', () => {
  const FILES = 2500;
  beforeEach(async () => {
    await place.init('--no-encryption');
    for (let index = 0; index < FILES; index++)
      place.write(`folder-${index % 10}/a-rather-long-name-of-a-file-${index}`, `${index}`);
    await place.json(['backup', place.source]);
  });

  it('ends a listing quietly with status 0', async () => {
    for (const args of [
      ['ls', 'latest', '--recursive'],
      ['ls', 'latest', '--recursive', '--json'],
      ['find', '*'],
    ]) {
      const child = place.start(args);
      child.stdout.once('data', () => child.stdout.destroy());
      const result = await ended(child);
      expect(result).toMatchObject({ status: 0, stderr: '' });
    }
  });

  it('is told of a listing as JSON that is one array', async () => {
    const entries = (await place.json(['ls', 'latest', '--recursive'])) as ListedEntry[];
    expect(entries).toHaveLength(FILES + 10);
    expect(await place.json(['ls', 'latest:folder-1/a-rather-long-name-of-a-file-11'])).toHaveLength(1);
  });
});

describe('output that can’t be written', () => {
  it.skipIf(!existsSync('/dev/full'))('ends the command with status 1 and a reason', async () => {
    await place.init('--no-encryption');
    const child = place.startProgram('sh', ['-c', '"$0" "$@" > /dev/full', process.execPath, PROGRAM, 'snapshots']);
    const result = await ended(child);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^cairn: The output can’t be written/);
  });
});
