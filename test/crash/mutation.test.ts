/**
 * Every fsync is needed: with any one of them gone, some crash breaks a promise. An fsync whose loss nothing notices is
 * either not needed, and then it costs every backup time for nothing, or not tested.
 *
 * An fsync is a place in the code together with what it is about. `npm run torture crash-mutation` takes each single
 * fsync of the life away, one at a time.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { siteKey } from '../support/mutating-filesystem.ts';
import { mutantLife, type Original, originalLife } from '../support/scenario-mutation.ts';
import { ScenarioSource } from '../support/scenario-source.ts';

const TIMEOUT_MS = 600_000;

/** Every fsync there is: why (see store/filesystem.ts), and which file or folder of a repository. */
const SITES = [
  'new-ancestor /drive',
  'new-ancestor .',
  'new-ancestor packs',
  'file-content tmp',
  'folder-after-rename .',
  'file-content keys/tmp',
  'folder-after-rename keys',
  'folder-after-remove keys',
  'file-content packs/tmp',
  'folder-after-rename packs/*',
  'file-content index/tmp',
  'folder-after-rename index',
  'folder-after-remove index',
  'file-content snapshots/tmp',
  'folder-after-rename snapshots',
  'file-content commits/tmp',
  'folder-after-rename commits',
  'folder-after-remove commits',
];

describe('every fsync', () => {
  let source: ScenarioSource;
  let original: Original;

  beforeAll(async () => {
    source = new ScenarioSource();
    original = await originalLife(source, true);
  });

  afterAll(() => source.remove());

  it('is in the table', () => {
    expect([...new Set(original.syncs)].sort()).toEqual([...SITES].sort());
    expect(original.syncs.length).toBeGreaterThanOrEqual(75);
  });

  it.each(SITES)(
    'is needed: without “%s” a crash breaks a promise',
    async (site) => {
      const { skippedCount, broken, where } = await mutantLife(
        source,
        original,
        (candidate) => siteKey(candidate) === site,
      );
      expect(skippedCount).toBe(original.syncs.filter((made) => made === site).length);
      expect(broken).toBeDefined();
      process.stderr.write(`without ${site}: ${where.slice(0, 200)}\n`);
    },
    TIMEOUT_MS,
  );

  it('changes nothing while all are there', async () => {
    const { skippedCount, newStates, broken } = await mutantLife(source, original, () => false);
    expect({ skippedCount, newStates, broken }).toEqual({ skippedCount: 0, newStates: 0, broken: undefined });
  });
});
