/**
 * The whole service with a drive that is really mounted: unplugged in the middle of a backup, plugged in elsewhere, swapped,
 * cloned, too small. The program that does it is test/support/unplug-live.ts.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mountNamespace, skipLoudly } from '../support/mount-namespace.ts';
import type { LiveReport } from '../support/unplug-live.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../support/unplug-live.ts');
const TIMEOUT_MS = 600_000;

const namespace = mountNamespace();
const noMounts = skipLoudly(namespace !== undefined, 'mounts are not allowed here, so no drive is unplugged for real');

describe.skipIf(noMounts)('a drive that is really mounted', () => {
  let report: LiveReport;
  beforeAll(() => {
    const [program = '', ...args] = namespace ?? [];
    const ended = spawnSync(program, [...args, process.execPath, PROGRAM], { encoding: 'utf8' });
    if (ended.status !== 0) throw new Error(ended.stderr);
    report = JSON.parse(ended.stdout) as LiveReport;
    skipLoudly(
      report.fileSystem === 'ext4',
      'no filesystem can be made on a loop device here, so a tmpfs stands for it',
    );
  }, TIMEOUT_MS);

  it('that is unplugged in the middle of a backup ends it as gone, and nothing lands under its mount point', () => {
    expect(report.unplugged).toMatchObject({ state: 'failed', code: 'destination/gone' });
    expect(report.strayed).toEqual([]);
  });

  it('is away then, which is no error and no bad news', () => {
    expect(report.away).toMatchObject({ state: 'away', error: null, awaySince: expect.any(String) as string });
    expect(report.verdict).not.toBe('bad');
    const away = report.told.indexOf('away', report.told.indexOf('ready'));
    expect(report.told.slice(away - 1, away + 2)).toEqual(['ready', 'away', 'ready']);
  });

  it('is found when it is plugged in again, and the next backup goes on from what is there', () => {
    expect(report.back.state).toBe('ready');
    if (report.fileSystem === 'ext4') expect(report.back).toMatchObject({ volume: 'ext4' });
    if (report.fileSystem === 'ext4') expect(report.back.path).toMatch(/\/elsewhere\/Cairn$/);
    expect(report.next.state).toBe('done');
    // Packs that stood when it was unplugged are not written again.
    expect(report.next.bytesStored).toBeLessThan(report.plainBytes * 0.8);
    expect(report.damage).toBe(0);
  });

  it('is not written to where it is another one', () => {
    expect(report.swapped).toMatchObject({ state: 'failed', code: 'destination/gone', strayed: [] });
  });

  it('and its clone are both left alone', () => {
    if (report.fileSystem === 'ext4') expect(report.cloned).toMatch(/^unusable: .*connected more than once/);
    else expect(report.cloned).toBeNull();
  });

  it('that can’t hold a first backup is said to be too small before anything is written', () => {
    expect(report.tooSmall).toMatchObject({ state: 'failed', code: 'destination/full', written: [] });
    expect(report.tooSmall.message).toMatch(/ free\. The folders hold 120 MB and take at least 6 MB/);
  });

  it('that holds a file which only claims to be large takes it', () => {
    expect(report.hollow.state).toBe('done');
  });
});
