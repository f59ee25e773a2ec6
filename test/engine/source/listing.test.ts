/**
 * A folder's table says exactly what lstat says, whichever way it was filled, and crosses threads unchanged. Every kind
 * of entry that this user can make is in the folder.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  closeSourceFolder,
  type FileStat,
  fileStatOf,
  Listing,
  listTable,
  openSourceRoot,
} from '../../../src-main/engine/source/index.ts';
import { ROW_WORDS, WORD, createRows } from '../../../src-main/engine/source/listing.ts';
import { nativeFiles } from '../../../src-main/engine/source/native.ts';

let folder: string;
const NAMES = [
  '',
  '\u00e9t\u00e9',
  'line\nbreak',
  '\u001b[31mred',
  'x'.repeat(250),
  ' leading',
  '-rf',
  'caf\u0065\u0301',
];

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-listing-'));
  for (const [index, name] of NAMES.entries())
    fs.writeFileSync(path.join(folder, `${name}${index}`), 'x'.repeat(index));
  fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x62, 0xff, 0xfe])]), 'bad');
  fs.mkdirSync(path.join(folder, 'folder'));
  fs.symlinkSync('target/of/link', path.join(folder, 'link'));
  fs.symlinkSync(Buffer.from([0x74, 0xff]), path.join(folder, 'odd link'));
  execFileSync('mkfifo', [path.join(folder, 'fifo')]);
  fs.linkSync(path.join(folder, '0'), path.join(folder, 'second name'));
  const sparse = fs.openSync(path.join(folder, 'sparse'), 'w');
  fs.ftruncateSync(sparse, 8 * 2 ** 30);
  fs.closeSync(sparse);
  for (const [name, seconds] of [
    ['before-1970', -1.5],
    ['1901', -2_147_483_648.25],
    ['2106', 4_294_967_296.75],
    ['2200', 7_258_118_400.125],
  ] as const) {
    fs.writeFileSync(path.join(folder, name), '');
    fs.utimesSync(path.join(folder, name), seconds, seconds);
  }
  fs.chmodSync(path.join(folder, '-rf6'), 0o4711);
  fs.chmodSync(path.join(folder, '0'), 0);
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

type Row = { readonly name: string; readonly stat: FileStat; readonly target: string };

function rowsOf(root = folder): Row[] {
  const opened = openSourceRoot(Buffer.from(root), true);
  if ('failed' in opened) throw new Error(opened.failed.message);
  try {
    const data = listTable(opened, fileStatOf(fs.statSync(root, { bigint: true })));
    if ('failed' in data) throw new Error(data.failed.message);
    expect(data.problems).toEqual([]);
    const listing = new Listing(structuredClone(data));
    return Array.from({ length: listing.count }, (_, row) => ({
      name: Buffer.from(listing.name(row)).toString('latin1'),
      stat: listing.stat(row),
      target: Buffer.from(listing.linkTarget(row)).toString('latin1'),
    }));
  } finally {
    closeSourceFolder(opened);
  }
}

function expectedRows(): Row[] {
  const names = fs.readdirSync(folder, { encoding: 'latin1' }).sort();
  return names.map((name) => {
    const file = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);
    const stat = fileStatOf(fs.lstatSync(file, { bigint: true }));
    return { name, stat, target: stat.nodeType === 'symlink' ? fs.readlinkSync(file, { encoding: 'latin1' }) : '' };
  });
}

describe('the table of a folder', () => {
  test('says what lstat says of every kind of entry, sorted by raw bytes', () => {
    expect(rowsOf()).toEqual(expectedRows());
    expect(rowsOf().length).toBeGreaterThan(15);
  });

  test('is the same where the system calls of this system are not to be had', async () => {
    const withCalls = rowsOf();
    vi.resetModules();
    vi.doMock('../../../src-main/engine/source/native.ts', async (original) => ({
      ...(await original<object>()),
      nativeFiles: () => undefined,
    }));
    try {
      const fresh = await import('../../../src-main/engine/source/index.ts');
      const opened = fresh.openSourceRoot(Buffer.from(folder), true);
      if ('failed' in opened) throw new Error(opened.failed.message);
      const data = fresh.listTable(opened, fresh.fileStatOf(fs.statSync(folder, { bigint: true })));
      fresh.closeSourceFolder(opened);
      if ('failed' in data) throw new Error(data.failed.message);
      const listing = new fresh.Listing(data);
      expect(Array.from({ length: listing.count }, (_, row) => listing.stat(row))).toEqual(
        withCalls.map(({ stat }) => stat),
      );
    } finally {
      vi.doUnmock('../../../src-main/engine/source/native.ts');
      vi.resetModules();
    }
  });

  test('gives times as numbers that agree with the nanoseconds', () => {
    const opened = openSourceRoot(Buffer.from(folder), true);
    if ('failed' in opened) throw new Error(opened.failed.message);
    const data = listTable(opened, fileStatOf(fs.statSync(folder, { bigint: true })));
    closeSourceFolder(opened);
    if ('failed' in data) throw new Error(data.failed.message);
    const listing = new Listing(data);
    for (let row = 0; row < listing.count; row++) {
      const { mtimeNs, ctimeNs } = listing.stat(row);
      expect((BigInt(listing.mtimeHigh(row)) << 32n) | BigInt(listing.mtimeLow(row))).toBe(mtimeNs);
      // A double holds microseconds of today, so a millisecond more or less is possible at its edge.
      expect(Math.abs(listing.mtimeMs(row) - Math.floor(Number(mtimeNs) / 1e6))).toBeLessThanOrEqual(1);
      expect(Math.abs(listing.ctimeMs(row) - Math.floor(Number(ctimeNs) / 1e6))).toBeLessThanOrEqual(1);
    }
  });

  test('finds rows by name, and picks some of them into a table of their own', () => {
    const opened = openSourceRoot(Buffer.from(folder), true);
    if ('failed' in opened) throw new Error(opened.failed.message);
    const data = listTable(opened, fileStatOf(fs.statSync(folder, { bigint: true })));
    closeSourceFolder(opened);
    if ('failed' in data) throw new Error(data.failed.message);
    const listing = new Listing(data);
    for (let row = 0; row < listing.count; row++) expect(listing.rowOf(listing.name(row))).toBe(row);
    for (const absent of ['', 'a', 'zzz', 'link2']) expect(listing.rowOf(Buffer.from(absent))).toBeUndefined();
    const picked = new Listing(structuredClone(listing.pick([1, 4, listing.count - 1])));
    expect([0, 1, 2].map((row) => picked.stat(row))).toEqual([1, 4, listing.count - 1].map((row) => listing.stat(row)));
    expect([0, 1, 2].map((row) => Array.from(picked.name(row)))).toEqual(
      [1, 4, listing.count - 1].map((row) => Array.from(listing.name(row))),
    );
  });

  test('refuses a folder that is not the one the listing above it saw', () => {
    const opened = openSourceRoot(Buffer.from(folder), true);
    if ('failed' in opened) throw new Error(opened.failed.message);
    const other = fileStatOf(fs.statSync(os.tmpdir(), { bigint: true }));
    expect(listTable(opened, other)).toMatchObject({ failed: { code: 'REPLACED' } });
    closeSourceFolder(opened);
  });
});

test.runIf(process.platform === 'linux')('the system calls of the scan can be had on Linux', () => {
  expect(nativeFiles()).toBeDefined();
});

test.each(['fixed', 'resizable'])(
  'rows that nobody asks for give their %s memory back, and the others stay as they are',
  (memory) => {
    const count = 200_000;
    const rows = memory === 'fixed' ? new Uint32Array(count * ROW_WORDS) : createRows(count);
    const { buffer } = rows;
    const names = Buffer.from(Array.from({ length: count }, (_unused, row) => String(row).padStart(6, '0')).join(''));
    for (let row = 0; row < count; row++) {
      rows[row * ROW_WORDS + WORD.mode] = 0o100644;
      rows[row * ROW_WORDS + WORD.size] = row;
      rows[row * ROW_WORDS + WORD.nameEnd] = 6 * (row + 1);
    }
    const listing = new Listing({ count, rows, names, targets: new Uint8Array(0), problems: [] });
    const whole = buffer.byteLength;
    listing.forget(40_000);
    expect(buffer.byteLength).toBe(whole);
    listing.forget(110_000);
    expect(buffer.byteLength).toBeLessThan(whole / 1.9);
    for (const row of [110_000, 170_001, count - 1]) {
      expect(Buffer.from(listing.name(row)).toString()).toBe(String(row));
      expect(listing.size(row)).toBe(row);
      expect(new Listing(listing.pick([row])).size(0)).toBe(row);
    }
    expect(() => listing.name(109_998)).toThrow(/forgotten/);
  },
);
