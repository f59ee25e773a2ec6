/**
 * A tree with an entry of every kind goes through a whole backup and comes back, and an independent walker sees no
 * difference: content, metadata to the nanosecond, attributes and ACLs, link groups, and the room that files take.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Lab } from '../../support/engine-lab.ts';
import { testSeed } from '../../support/seed.ts';
import { buildKinds, canBuildKinds } from '../../support/tree-builder-kinds.ts';
import { compareHoles, compareTrees, walkTree } from '../../support/walker.ts';

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => {
  lab.dispose();
});

describe.runIf(canBuildKinds)('an entry of every kind', () => {
  test.each([
    ['on one thread', { workers: 0 }],
    ['by lanes', { workers: 2, lanesFromFiles: 0 }],
  ])('comes back as it was, %s', async (_how, options) => {
    buildKinds(lab.source, { seed: testSeed('every kind'), deepPath: true });
    const before = walkTree(lab.source);
    expect(before.length).toBeGreaterThan(100);
    await lab.init({ password: 'correct horse' });
    const repository = await lab.open();
    await lab.backup(repository, options);
    const report = await lab.restore(repository, 'latest', lab.path('out'));
    expect(report.problems).toEqual([]);
    const after = walkTree(lab.path('out'));
    expect(compareTrees(before, after)).toEqual([]);
    expect(compareHoles(before, after)).toEqual([]);
    expect((await lab.verify(repository)).damage).toEqual([]);
    lab.clock.advance(3_600_000);
    expect(await lab.backup(repository, options)).toMatchObject({ filesNew: 0, filesChanged: 0, bytesAdded: 0 });
  });
});
