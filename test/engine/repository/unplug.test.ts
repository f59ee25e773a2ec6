/**
 * A drive that is unplugged, or swapped for another one, at every moment of a backup: for real, with mounts of our own.
 * The program that does it is test/support/unplug.ts.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { mountNamespace, skipLoudly } from '../../support/mount-namespace.ts';
import type { UnplugReport } from '../../support/unplug.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../../support/unplug.ts');
/** System calls between two moments; a prime, so that no rhythm of the code hides between them. All: 1. */
const EVERY = Number(process.env['CAIRN_TEST_UNPLUG_EVERY'] ?? 11);
const TIMEOUT_MS = 600_000;

const namespace = mountNamespace();
const noMounts = skipLoudly(namespace !== undefined, 'mounts are not allowed here, so no drive is unplugged for real');

function unplug(kind: 'unplug' | 'swap'): UnplugReport {
  const [program = '', ...args] = namespace ?? [];
  const ended = spawnSync(program, [...args, process.execPath, PROGRAM, kind, String(EVERY)], { encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`${kind}: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as UnplugReport;
}

describe.skipIf(noMounts)('at any moment of a backup', () => {
  test(
    'a drive that is unplugged ends it cleanly: nothing lands under its mount point, and the next one goes on',
    () => {
      const { runs, ended, strayed, afterwards } = unplug('unplug');
      expect(strayed).toEqual([]);
      expect(afterwards).toEqual([]);
      expect(Object.keys(ended).filter((code) => code !== 'destination/gone')).toEqual(
        expect.arrayContaining(['repository/not-found', 'finished']),
      );
      expect(ended['destination/gone']).toBeGreaterThan((runs.packs + runs.commitFile) / 2);
      expect(Object.keys(ended)).toHaveLength(3);
    },
    TIMEOUT_MS,
  );

  test(
    'another drive in its place, even of the same device number, is left as it is',
    () => {
      const { runs, ended, strayed, afterwards } = unplug('swap');
      expect(strayed).toEqual([]);
      expect(afterwards).toEqual([]);
      expect(ended['repository/wrong-identity']).toBeGreaterThan((runs.packs + runs.commitFile) / 2);
      expect(Object.keys(ended).toSorted()).toEqual(['finished', 'repository/wrong-identity']);
    },
    TIMEOUT_MS,
  );
});
