/** Power cuts at every operation of a store's life, and the proof that every fsync in it is needed. */
import { describe, expect, it } from 'vitest';

import type { FileSystem } from '../../../src-main/engine/store/index.ts';
import { CRASH_CASES, CrashFileSystem } from '../../support/crash-filesystem.ts';
import { createMutatingFileSystem, siteKey } from '../../support/mutating-filesystem.ts';
import {
  contentsOf,
  type Contents,
  SCRIPT_ROOT,
  scriptStore,
  storeScript,
  wrongIn,
} from '../../support/store-script.ts';

/** Where each step began and what was there then; the last entry is the end. */
type Milestone = { readonly operationCount: number; readonly contents: Contents };

async function runScript(drive: CrashFileSystem, fileSystem: FileSystem): Promise<Milestone[]> {
  const store = scriptStore(fileSystem);
  const milestones: Milestone[] = [{ operationCount: drive.operationCount, contents: new Map() }];
  for (const step of storeScript()) {
    await step.run(store);
    const contents = step.after(milestones.at(-1)?.contents ?? new Map());
    milestones.push({ operationCount: drive.operationCount, contents });
  }
  return milestones;
}

/** Every state after a crash in which a file is neither old nor new; stops at `limit`. */
function violations(
  drive: CrashFileSystem,
  milestones: readonly Milestone[],
  limit: number,
): { found: string[]; states: number } {
  const steps = storeScript();
  const found: string[] = [];
  let states = 0;
  for (let at = 0; at <= drive.operationCount; at++) {
    // The last step that had begun: those that ended before are acknowledged.
    const index = milestones.findLastIndex((milestone) => milestone.operationCount <= at);
    const before = milestones[index];
    if (before === undefined) throw new Error('there is a milestone at 0');
    const step = at === before.operationCount ? undefined : steps[index];
    for (const { variant, seed } of CRASH_CASES) {
      states++;
      const wrong = wrongIn(contentsOf(drive.crashAfter(at, variant, seed)), before.contents, step);
      if (wrong === undefined) continue;
      found.push(`${variant} (seed ${seed}) after operation ${at}, ${step?.title ?? 'between steps'}: ${wrong}`);
      if (found.length >= limit) return { found, states };
    }
  }
  return { found, states };
}

describe('a power cut', () => {
  it('leaves every file old or new at every operation, and what was acknowledged stays', async () => {
    const drive = new CrashFileSystem({ folders: [SCRIPT_ROOT] });
    const milestones = await runScript(drive, drive);
    const { found, states } = violations(drive, milestones, 10);
    expect(found).toEqual([]);
    expect(states).toBe((drive.operationCount + 1) * CRASH_CASES.length);
    expect(states).toBeGreaterThan(500);
  });

  it('does not hinder the next run, which clears the temporary files away and finds only whole files', async () => {
    const drive = new CrashFileSystem({ folders: [SCRIPT_ROOT] });
    await runScript(drive, drive);
    let swept = 0;
    for (let at = 0; at <= drive.operationCount; at += 3) {
      for (const { variant, seed } of CRASH_CASES) {
        const survivor = drive.crashAfter(at, variant, seed);
        const store = scriptStore(survivor, 2);
        swept += (await store.removeTemporary({ modifiedBeforeMs: Number.POSITIVE_INFINITY })).length;
        let contents = contentsOf(survivor);
        for (const step of storeScript().filter((candidate) => candidate.title.startsWith('write'))) {
          await step.run(store);
          contents = step.after(contents);
        }
        expect(contentsOf(survivor)).toEqual(contents);
        expect(await store.listTemporary()).toEqual([]);
      }
    }
    expect(swept).toBeGreaterThan(0);
  });

  it('during the recovery from a power cut harms nothing either', async () => {
    const drive = new CrashFileSystem({ folders: [SCRIPT_ROOT] });
    await runScript(drive, drive);
    for (let at = 5; at <= drive.operationCount; at += 11) {
      const survivor = drive.crashAfter(at, 'random-subset', 7);
      const before = contentsOf(survivor);
      const store = scriptStore(survivor, 2);
      await store.removeTemporary({ modifiedBeforeMs: Number.POSITIVE_INFINITY });
      for (let again = 0; again <= survivor.operationCount; again++) {
        for (const { variant, seed } of CRASH_CASES) {
          expect(contentsOf(survivor.crashAfter(again, variant, seed))).toEqual(before);
        }
      }
    }
  });
});

describe('every fsync', () => {
  it('is needed: with any one kind of it gone, a power cut loses or resurrects a file', async () => {
    const drive = new CrashFileSystem({ folders: [SCRIPT_ROOT] });
    const observed = createMutatingFileSystem(drive, SCRIPT_ROOT);
    await runScript(drive, observed);
    const reasons = new Set([...observed.seen.keys()].map((site) => site.split(' ')[0]));
    expect([...reasons].sort()).toEqual([
      'file-content',
      'folder-after-move-source',
      'folder-after-move-target',
      'folder-after-remove',
      'folder-after-rename',
      'new-ancestor',
    ]);
    const survivedMutations: string[] = [];
    for (const site of observed.seen.keys()) {
      const mutated = new CrashFileSystem({ folders: [SCRIPT_ROOT] });
      const fileSystem = createMutatingFileSystem(mutated, SCRIPT_ROOT, (candidate) => siteKey(candidate) === site);
      const milestones = await runScript(mutated, fileSystem);
      expect(fileSystem.skippedCount, site).toBeGreaterThan(0);
      if (violations(mutated, milestones, 1).found.length === 0) survivedMutations.push(site);
    }
    expect(survivedMutations).toEqual([]);
    expect(observed.seen.size).toBeGreaterThan(10);
  });
});
