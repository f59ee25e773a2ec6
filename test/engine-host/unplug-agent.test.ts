/**
 * Sets that run by themselves onto a drive that is really mounted, comes and goes, and of which nobody tells the service.
 * The program that does it is test/support/unplug-agent.ts.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mountNamespace, skipLoudly } from '../support/mount-namespace.ts';
import type { AgentReport } from '../support/unplug-agent.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../support/unplug-agent.ts');
const TIMEOUT_MS = 600_000;

const namespace = mountNamespace();
const noMounts = skipLoudly(namespace !== undefined, 'mounts are not allowed here, so no drive is unplugged for real');

describe.skipIf(noMounts)('a set that runs by itself, onto a drive that is really mounted,', () => {
  let report: AgentReport;
  beforeAll(() => {
    const [program = '', ...args] = namespace ?? [];
    const ended = spawnSync(program, [...args, process.execPath, PROGRAM], { encoding: 'utf8' });
    if (ended.status !== 0) throw new Error(ended.stderr);
    report = JSON.parse(ended.stdout) as AgentReport;
    skipLoudly(report.isReal, 'no filesystem can be made on a loop device here, so a tmpfs stands for it');
  }, TIMEOUT_MS);

  it('waits for the drive when that is away, and knows since when', () => {
    expect(report.away).toMatchObject({ state: 'away', error: null, since: expect.any(String) as string });
    expect(report.waitsFor).toBe('drive');
  });

  it('catches up by itself when the drive is back, wherever that is mounted now', () => {
    expect(report.caughtUp).toBe('written while the drive was in a drawer');
    if (report.isReal) expect(report.path).toMatch(/\/elsewhere\/Cairn$/);
  });

  it('is whole again after the drive was pulled out in the middle of a live backup', () => {
    expect(report.failedLive).toBe(0);
    expect(report.differencesLive).toEqual([]);
  });

  it('that is to run when the drive is plugged in does so, and mends a run that lost it', () => {
    expect(report.lost).toMatchObject({ code: 'destination/gone' });
    expect(report.next).toEqual({ state: 'done', error: null });
    expect(report.differencesNext).toEqual([]);
    expect(report.damage).toBe(0);
  });

  it('writes nothing under an empty mount point, whatever happens', () => {
    expect(report.strayed).toEqual([]);
  });
});
