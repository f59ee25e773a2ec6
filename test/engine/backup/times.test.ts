/** Times that 64 bits of nanoseconds can't hold: everything is stored, the time as the last that can be, and it is said. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BACKUP_DEFAULTS, planBackup } from '../../../src-main/engine/backup/index.ts';
import { locate } from '../../../src-main/engine/browse/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { listSnapshots, resolveSnapshot } from '../../../src-main/engine/snapshot/index.ts';
import {
  Listing,
  closeSourceFolder,
  defaultPinned,
  listTable,
  openSourceRoot,
  statPath,
} from '../../../src-main/engine/source/index.ts';
import { storableTimeNs, timeProblem } from '../../../src-main/engine/source/time-range.ts';
import { Lab } from '../../support/engine-lab.ts';
import { skipLoudly } from '../../support/mount-namespace.ts';

const NS = 1_000_000_000n;
const LAST_SECOND = 9_223_372_035n;
const YEAR_3000_S = 32_503_680_000;
const YEAR_1500_S = -14_831_769_600;
/** In the last second but one: the last that is exact. */
const LAST_GOOD_S = Number(LAST_SECOND - 1n);

let lab: Lab;
let repository: Repository;
beforeEach(async () => {
  lab = new Lab();
  fs.mkdirSync(path.join(lab.source, 'folder'), { recursive: true });
  await lab.init();
  repository = await lab.open();
});
afterEach(() => lab.dispose());

const at = (...names: readonly string[]): string => path.join(lab.source, ...names);

function put(name: string, seconds: number): void {
  fs.writeFileSync(at(name), `content of ${name}`);
  fs.lutimesSync(at(name), seconds, seconds);
}

async function storedTime(name: string): Promise<bigint> {
  const { snapshots } = await listSnapshots(repository);
  const located = await locate(repository, resolveSnapshot(snapshots, 'latest'), Buffer.from(name));
  if (located.kind !== 'entry') throw new Error(`${name} is not there`);
  return located.entry.mtimeNs;
}

/** Some filesystems keep less than the format does: there nothing needs to be said. */
function keepsYears(): boolean {
  const probe = fs.mkdtempSync(path.join(process.env['TMPDIR'] ?? '/tmp', 'cairn-years-'));
  fs.utimesSync(probe, YEAR_3000_S, YEAR_3000_S);
  const { mtimeNs } = fs.statSync(probe, { bigint: true });
  fs.rmdirSync(probe);
  return mtimeNs >= (LAST_SECOND + 1n) * NS;
}
const isPossible = keepsYears();

describe.skipIf(skipLoudly(isPossible, 'this filesystem keeps no time beyond the year 2262')).each([
  ['with lanes', { workers: 2, lanesFromFiles: 0 }],
  ['on one thread', { workers: 0 }],
])('a backup %s', (_, threads) => {
  test('stores a file with a time that can’t be stored, says so each time, and reads it once', async () => {
    put('later', YEAR_3000_S);
    put('folder/deep', YEAR_3000_S);
    put('last', LAST_GOOD_S);
    put('usual', 1_700_000_000);
    put('left out', YEAR_3000_S);
    const options = { ...threads, excludes: ['left out'] };
    const first = await lab.backup(repository, options);
    const told = ['folder/deep', 'later'].map((name) => ({ code: 'time-out-of-range', path: at(name) }));
    expect(first.problems).toHaveLength(2);
    expect(first.problems).toEqual(expect.arrayContaining(told.map((one) => expect.objectContaining(one) as unknown)));
    expect(first).toMatchObject({ filesNew: 4 });
    expect((await storedTime('later')) / NS).toBe(LAST_SECOND);
    expect((await storedTime('last')) / NS).toBe(BigInt(LAST_GOOD_S));

    const { snapshots } = await listSnapshots(repository);
    expect(snapshots[0]?.record.problems.map(({ path: name }) => name).sort()).toEqual(told.map((one) => one.path));
    // A day later the ctime is long ago too.
    lab.clock.advance(2 * 86_400_000);
    const second = await lab.backup(repository, options);
    expect(second).toMatchObject({ filesUnmodified: 4, bytesRead: 0, problems: first.problems });

    await lab.restore(repository, 'latest', lab.path('out'));
    expect(fs.readFileSync(lab.path('out', 'later'), 'utf8')).toBe('content of later');
    expect(fs.lstatSync(lab.path('out', 'later'), { bigint: true }).mtimeNs / NS).toBe(LAST_SECOND);
    expect((await lab.verify(repository)).damage).toEqual([]);
  });

  test('says it of the source itself, of folders and of links', async () => {
    fs.symlinkSync('folder', at('link'));
    for (const name of ['link', 'folder', '']) fs.lutimesSync(at(name), YEAR_3000_S, YEAR_3000_S);
    const { problems } = await lab.backup(repository, threads);
    const paths = problems.map((problem) => problem.path).sort();
    expect(paths).toEqual([lab.source, at('folder'), at('link')].sort());
  });
});

test.skipIf(!isPossible)('a dry run says it too', async () => {
  put('later', YEAR_3000_S);
  const options = { ...BACKUP_DEFAULTS, sources: [Buffer.from(lab.source)], host: 'lab' };
  const { problems } = await planBackup(undefined, lab.clock, options);
  expect(problems).toMatchObject([{ code: 'time-out-of-range', path: at('later') }]);
});

test('a time is bounded in the same way wherever it is met', () => {
  const times = [YEAR_3000_S, YEAR_1500_S, 0, -1, LAST_GOOD_S, Number(LAST_SECOND), 1e10, -1e10, 1_700_000_000];
  for (const [index, seconds] of times.entries()) put(`folder/${index}`, seconds);
  const folder = openSourceRoot(Buffer.from(at('folder')), defaultPinned());
  const stat = statPath(Buffer.from(at('folder')));
  if ('failed' in folder || stat === undefined || 'failed' in stat) throw new Error('the folder can’t be opened');
  const table = listTable(folder, stat);
  closeSourceFolder(folder);
  if ('failed' in table) throw new Error(table.failed.message);
  const listing = new Listing(table);
  expect(listing.count).toBe(times.length);
  for (let row = 0; row < listing.count; row++) {
    const file = at('folder', Buffer.from(listing.name(row)).toString());
    const there = statPath(Buffer.from(file));
    if (there === undefined || 'failed' in there) throw new Error(`${file} is gone`);
    expect(listing.mtimeNs(row), file).toBe(there.mtimeNs);
    expect(there.mtimeNs).toBe(storableTimeNs(fs.lstatSync(file, { bigint: true }).mtimeNs));
    expect(BigInt.asIntN(64, there.mtimeNs)).toBe(there.mtimeNs);
  }
  // Nanoseconds stay, also before 1970, so that an entry that changes within a second is found changed.
  expect(storableTimeNs(10n ** 20n + 7n)).toBe(LAST_SECOND * NS + 7n);
  expect(storableTimeNs(-(10n ** 20n) - 7n)).toBe(-LAST_SECOND * NS + (NS - 7n));
  expect(storableTimeNs(-1n)).toBe(-1n);
  const said = (timeNs: bigint): string | undefined =>
    timeProblem(Buffer.from('name'), storableTimeNs(timeNs))?.message;
  expect(said(10n ** 20n)).toMatch(/^its time is after the year 2262/);
  expect(said(-(10n ** 20n))).toMatch(/^its time is before the year 1678/);
  expect([0n, -1n, BigInt(LAST_GOOD_S) * NS, -BigInt(LAST_GOOD_S) * NS].map(said)).toEqual(Array(4).fill(undefined));
});
