/** What a restore does with what is there already: every mode, everything that can be in the way, and dry runs. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import type { OverwriteMode, RestoreOptions } from '../../../src-main/engine/restore/index.ts';
import { setModificationTime } from '../../../src-main/engine/restore/target.ts';
import type { RestoreReport } from '../../../src-shared/model/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { put } from '../../support/lab-files.ts';
import { seeded, testSeed } from '../../support/seed.ts';
import { buildTree, mutateTree } from '../../support/tree-builder.ts';
import { compareTrees, walkTree } from '../../support/walker.ts';

const MODES: readonly OverwriteMode[] = ['if-changed', 'always', 'if-newer', 'never', 'keep-both'];
const TIME_NS = 1_700_000_000_123_456_789n;
const SECOND = 1_000_000_000n;

// One repository for the tests of a group; a fresh target for each test.
let lab: Lab;
let repository: Repository;
let out: string;
const useLab = (fill: () => void | Promise<void>): void => {
  beforeAll(async () => {
    lab = new Lab();
    await lab.init();
    repository = await lab.open();
    out = lab.path('out');
    await fill();
  });
  beforeEach(() => fs.mkdirSync(out));
  afterEach(() => fs.rmSync(out, { recursive: true, force: true }));
  afterAll(() => lab.dispose());
};
const backUp = async (): Promise<void> => {
  await lab.backup(repository);
};

const inOut = (...names: readonly string[]): string => path.join(out, ...names);
const stamp = (file: string, timeNs: bigint): void =>
  setModificationTime({ kind: 'path', path: Buffer.from(file), follow: false }, timeNs);

/** A dry run, which must change nothing, and then the same for real: both must say the same. */
async function restoreTwice(
  options: Partial<RestoreOptions>,
  target: string | undefined = out,
): Promise<RestoreReport> {
  const before = walkTree(lab.folder);
  const dry = await lab.restore(repository, 'latest', target, { ...options, dryRun: true });
  expect(compareTrees(before, walkTree(lab.folder))).toEqual([]);
  const real = await lab.restore(repository, 'latest', target, options);
  expect(dry).toEqual(real);
  return real;
}

/** What happens to the existing thing, and what the report says. */
type Outcome = 'unchanged' | 'skipped' | 'replaced' | 'aside';

const COUNTS: Record<Outcome, Partial<RestoreReport>> = {
  unchanged: { unchanged: 1, restored: 0, replaced: 0, skipped: 0, conflicts: [] },
  skipped: { unchanged: 0, restored: 0, replaced: 0, skipped: 1 },
  replaced: { unchanged: 0, restored: 0, replaced: 1, skipped: 0, conflicts: [] },
  aside: { unchanged: 0, restored: 1, replaced: 0, skipped: 0, conflicts: ['item'] },
};

type Existing = {
  readonly make: () => void;
  readonly outcomes: readonly [changed: Outcome, always: Outcome, newer: Outcome, never: Outcome, both: Outcome];
};

function placeFile(content: string, timeNs: bigint): void {
  fs.writeFileSync(inOut('item'), content, { mode: 0o644 });
  fs.chmodSync(inOut('item'), 0o644);
  stamp(inOut('item'), timeNs);
}
function placeFolder(timeNs: bigint): void {
  fs.mkdirSync(inOut('item'));
  fs.writeFileSync(inOut('item', 'inner'), 'theirs');
  stamp(inOut('item'), timeNs);
}
function placeLink(linkTarget: string, timeNs: bigint): void {
  fs.symlinkSync(linkTarget, inOut('item'));
  stamp(inOut('item'), timeNs);
}

function describeCases(cases: Record<string, Existing>, isRestored: () => void): void {
  const table = Object.entries(cases).flatMap(([name, { make, outcomes }]) =>
    MODES.map((mode, index) => ({ name, mode, make, outcome: outcomes[index] ?? 'skipped' })),
  );
  test.each(table)('$name, $mode: $outcome', async ({ make, mode, outcome }) => {
    fs.writeFileSync(lab.path('precious'), 'precious');
    fs.mkdirSync(lab.path('precious-folder'), { recursive: true });
    make();
    const found = walkTree(out).filter(({ path: name }) => name.startsWith(Buffer.from('item').toString('hex')));
    const report = await restoreTwice({ overwrite: mode });
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject(COUNTS[outcome]);
    if (outcome === 'skipped' || outcome === 'unchanged')
      expect(walkTree(out).filter(({ path: name }) => name !== '')).toEqual(found);
    else isRestored();
    const aside = walkTree(out).filter(({ path: name }) =>
      name.startsWith(Buffer.from('item.before-restore').toString('hex')),
    );
    expect(
      aside.map((record) => ({
        ...record,
        path: record.path.replace(Buffer.from('.before-restore').toString('hex'), ''),
      })),
    ).toEqual(outcome === 'aside' ? found : []);
    expect(fs.readFileSync(lab.path('precious'), 'utf8')).toBe('precious');
    expect(fs.readdirSync(lab.path('precious-folder'))).toEqual([]);
  });
}

describe('a file over', () => {
  useLab(() => {
    stamp(put(lab, 'item', 'stored'), TIME_NS);
    fs.chmodSync(path.join(lab.source, 'item'), 0o644);
    return backUp();
  });
  const cases: Record<string, Existing> = {
    'the same file': {
      make: () => placeFile('stored', TIME_NS),
      outcomes: ['unchanged', 'replaced', 'unchanged', 'unchanged', 'unchanged'],
    },
    'an older file': {
      make: () => placeFile('theirs!', TIME_NS - SECOND),
      outcomes: ['replaced', 'replaced', 'replaced', 'skipped', 'aside'],
    },
    'a newer file': {
      make: () => placeFile('theirs!', TIME_NS + SECOND),
      outcomes: ['replaced', 'replaced', 'skipped', 'skipped', 'aside'],
    },
    'a file of another size and the same time': {
      make: () => placeFile('theirs!', TIME_NS),
      outcomes: ['replaced', 'replaced', 'skipped', 'skipped', 'aside'],
    },
    'a file that is one nanosecond older': {
      make: () => placeFile('stored', TIME_NS - 1n),
      outcomes: ['replaced', 'replaced', 'replaced', 'skipped', 'aside'],
    },
    'an older folder': {
      make: () => placeFolder(TIME_NS - SECOND),
      outcomes: ['aside', 'aside', 'aside', 'skipped', 'aside'],
    },
    'a newer folder': {
      make: () => placeFolder(TIME_NS + SECOND),
      outcomes: ['aside', 'aside', 'skipped', 'skipped', 'aside'],
    },
    'an older link to a file': {
      make: () => placeLink('../precious', TIME_NS - SECOND),
      outcomes: ['replaced', 'replaced', 'replaced', 'skipped', 'aside'],
    },
    'a newer link to a folder': {
      make: () => placeLink('../precious-folder', TIME_NS + SECOND),
      outcomes: ['replaced', 'replaced', 'skipped', 'skipped', 'aside'],
    },
    'a link that leads nowhere': {
      make: () => placeLink('nowhere', TIME_NS - SECOND),
      outcomes: ['replaced', 'replaced', 'replaced', 'skipped', 'aside'],
    },
  };
  describeCases(cases, () => {
    expect(fs.lstatSync(inOut('item')).isFile()).toBe(true);
    expect(fs.readFileSync(inOut('item'), 'utf8')).toBe('stored');
    expect(fs.lstatSync(inOut('item'), { bigint: true }).mtimeNs).toBe(TIME_NS);
  });
});

describe('an empty folder over', () => {
  useLab(() => {
    fs.mkdirSync(path.join(lab.source, 'item'), { recursive: true });
    stamp(path.join(lab.source, 'item'), TIME_NS);
    return backUp();
  });
  const cases: Record<string, Existing> = {
    'an older file': {
      make: () => placeFile('theirs', TIME_NS - SECOND),
      outcomes: ['aside', 'aside', 'aside', 'skipped', 'aside'],
    },
    'a link to a folder': {
      make: () => placeLink('../precious-folder', TIME_NS - SECOND),
      outcomes: ['aside', 'aside', 'aside', 'skipped', 'aside'],
    },
    'a link to a file': {
      make: () => placeLink('../precious', TIME_NS - SECOND),
      outcomes: ['aside', 'aside', 'aside', 'skipped', 'aside'],
    },
  };
  describeCases(cases, () => {
    expect(fs.lstatSync(inOut('item')).isDirectory()).toBe(true);
    expect(fs.lstatSync(inOut('item'), { bigint: true }).mtimeNs).toBe(TIME_NS);
  });
});

describe('a link over', () => {
  useLab(() => {
    fs.mkdirSync(lab.source);
    fs.symlinkSync('../precious', path.join(lab.source, 'item'));
    stamp(path.join(lab.source, 'item'), TIME_NS);
    return backUp();
  });
  const cases: Record<string, Existing> = {
    'the same link': {
      make: () => placeLink('../precious', TIME_NS),
      outcomes: ['unchanged', 'replaced', 'unchanged', 'unchanged', 'unchanged'],
    },
    'a link of the same time and length that leads elsewhere': {
      make: () => placeLink('../Precious', TIME_NS),
      outcomes: ['replaced', 'replaced', 'skipped', 'skipped', 'aside'],
    },
    'an older link': {
      make: () => placeLink('x', TIME_NS - SECOND),
      outcomes: ['replaced', 'replaced', 'replaced', 'skipped', 'aside'],
    },
    'an older file': {
      make: () => placeFile('theirs', TIME_NS - SECOND),
      outcomes: ['replaced', 'replaced', 'replaced', 'skipped', 'aside'],
    },
    'a newer file': {
      make: () => placeFile('theirs', TIME_NS + SECOND),
      outcomes: ['replaced', 'replaced', 'skipped', 'skipped', 'aside'],
    },
    'an older folder': {
      make: () => placeFolder(TIME_NS - SECOND),
      outcomes: ['aside', 'aside', 'aside', 'skipped', 'aside'],
    },
  };
  describeCases(cases, () => expect(fs.readlinkSync(inOut('item'))).toBe('../precious'));
});

describe('a full folder', () => {
  useLab(() => {
    put(lab, 'item/inner', 'stored');
    put(lab, 'item/deeper/inner', 'stored');
    return backUp();
  });

  test('where a file is, with never, leaves the file and counts only that', async () => {
    placeFile('theirs', TIME_NS);
    const report = await restoreTwice({ overwrite: 'never' });
    expect(report).toMatchObject({ restored: 0, skipped: 1, bytes: 0, conflicts: ['item'] });
    expect(fs.readFileSync(inOut('item'), 'utf8')).toBe('theirs');
  });

  test('puts a second thing aside under a number, and never over what was put aside before', async () => {
    for (let round = 0; round < 3; round++) {
      fs.rmSync(inOut('item'), { recursive: true, force: true });
      placeFile(`theirs ${round}`, TIME_NS);
      await restoreTwice({});
    }
    const kept = ['item.before-restore', 'item.before-restore-2', 'item.before-restore-3'].map((name) =>
      fs.readFileSync(inOut(name), 'utf8'),
    );
    expect(kept).toEqual(['theirs 0', 'theirs 1', 'theirs 2']);
  });

  test('with delete never removes what this very restore has put aside', async () => {
    placeFile('theirs', TIME_NS);
    fs.writeFileSync(inOut('stranger'), 'goes');
    const report = await restoreTwice({ delete: true });
    expect(report).toMatchObject({ removed: 1, conflicts: ['item'] });
    expect(fs.readdirSync(out).sort()).toEqual(['item', 'item.before-restore']);
    expect(fs.readFileSync(inOut('item.before-restore'), 'utf8')).toBe('theirs');
  });

  test('keeps both, also with delete', async () => {
    fs.mkdirSync(inOut('item'));
    fs.writeFileSync(inOut('item', 'inner'), 'theirs');
    await restoreTwice({ delete: true, overwrite: 'keep-both' });
    expect(fs.readFileSync(inOut('item', 'inner'), 'utf8')).toBe('stored');
    expect(fs.readFileSync(inOut('item', 'inner.before-restore'), 'utf8')).toBe('theirs');
  });
});

const asRoot = process.geteuid?.() === 0;

describe.runIf(asRoot)('a device', () => {
  const make = (folder: string, minor: string): void => {
    execFileSync('mknod', ['-m', '600', path.join(folder, 'item'), 'c', '1', minor]);
    stamp(path.join(folder, 'item'), TIME_NS);
  };
  useLab(() => {
    fs.mkdirSync(lab.source);
    make(lab.source, '3');
    return backUp();
  });

  test('of the same time and another number is not “unchanged”', async () => {
    make(out, '5');
    expect(await restoreTwice({})).toMatchObject({ replaced: 1, unchanged: 0 });
    expect(compareTrees(lab.source, out, { ignore: ['mtime', 'mode'] })).toEqual([]);
  });
});

describe('random trees over random targets', () => {
  const seed = testSeed('restore over random targets');
  const copyTo = (from: string, to: string): void => void execFileSync('cp', ['-a', '--', from, to]);

  useLab(() => {
    buildTree(lab.source, { seed, files: 30, folders: 12, fileBytesMax: 3000, symlinks: 5, fifos: 1 });
    return backUp();
  });

  test('a dry run says what the real one does, in every mode', { timeout: 120_000 }, async () => {
    const random = seeded(seed);
    const base = lab.path('base');
    await lab.restore(repository, 'latest', base);
    mutateTree(base, { seed: seed + 100, count: 20, fileBytesMax: 3000 });
    fs.rmdirSync(out);
    for (const overwrite of MODES) {
      for (const variant of [
        {},
        { delete: true },
        { includes: ['*.txt', '*o*'], delete: random.chance(0.5) },
        { excludes: ['*1*', '.*'], delete: random.chance(0.5) },
      ]) {
        copyTo(base, out);
        const before = walkTree(out);
        const dry = await lab.restore(repository, 'latest', out, { overwrite, ...variant, dryRun: true });
        expect(compareTrees(before, out)).toEqual([]);
        const real = await lab.restore(repository, 'latest', out, { overwrite, ...variant });
        expect(dry, JSON.stringify({ overwrite, ...variant })).toEqual(real);
        expect(real.problems).toEqual([]);
        if (
          (overwrite === 'always' || overwrite === 'if-changed') &&
          !('includes' in variant) &&
          !('excludes' in variant)
        )
          expectSame(variant);
        // Done once more there is nothing left to do.
        const again = await lab.restore(repository, 'latest', out, { overwrite: 'if-changed', ...variant });
        if (overwrite === 'always' || overwrite === 'if-changed')
          expect(again).toMatchObject({ restored: 0, replaced: 0, skipped: 0 });
        fs.rmSync(out, { recursive: true });
      }
    }
  });

  /** Everything of the source is there; with `delete` nothing else but what was put aside. */
  function expectSame(variant: { readonly delete?: boolean }): void {
    const differences = compareTrees(lab.source, out, { ignore: ['links'] }).filter(
      (line) => !line.includes('.before-restore') && !line.includes(Buffer.from('.before-restore').toString('hex')),
    );
    expect(
      variant.delete === true
        ? differences
        : differences.filter((line) => !line.startsWith('only in the second')).filter((line) => !line.startsWith('“”')),
    ).toEqual(differences.filter((line) => line.startsWith('“”')).slice(0, variant.delete === true ? 2 : 0));
  }

  test('a dry run into a target that is not there says what the real one does, and makes nothing', async () => {
    for (const variant of [
      {},
      { includes: ['*.txt'] },
      { excludes: ['*.txt'] },
      { includes: ['nothing at all'] },
      { delete: true },
    ]) {
      fs.rmSync(out, { recursive: true, force: true });
      const real = await restoreTwice(variant);
      expect(real.problems).toEqual([]);
      if (!('includes' in variant) && !('excludes' in variant)) expect(compareTrees(lab.source, out)).toEqual([]);
    }
  });
});
