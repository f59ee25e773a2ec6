/** What `cairn restore` does when it meets damage: everything whole is restored, the rest is told, nothing is wrong. */
import { lstatSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { isIntegrityError } from '../../src-shared/errors.ts';
import type { Problem } from '../../src-shared/errors.ts';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { RESTORE_DEFAULTS, restore } from '../../src-main/engine/restore/index.ts';
import { listSnapshots } from '../../src-main/engine/snapshot/index.ts';
import { claim } from '../support/claim.ts';
import { type DamageCase, everyDeletion, everyFlip } from '../support/damage-cases.ts';
import { kindOf } from '../support/damage-check.ts';
import {
  type ExpectedEntry,
  type SmallRepository,
  buildSmallRepository,
  openFresh,
  storeOf,
} from '../support/damage-repository.ts';
import { seeded, testSeed } from '../support/seed.ts';

const TIMEOUT_MS = 300_000;
/** Restoring writes real files: fewer cases than the sweeps that only read. */
const FLIP_STEP = 331;
const seed = testSeed('restore from damage');

/** Everything below a folder, as a snapshot would have it. */
function readTarget(root: string, prefix = ''): Map<string, ExpectedEntry> {
  const found = new Map<string, ExpectedEntry>();
  for (const name of readdirSync(path.join(root, prefix))) {
    const relative = prefix === '' ? name : `${prefix}/${name}`;
    const place = path.join(root, relative);
    const stat = lstatSync(place);
    if (stat.isSymbolicLink()) found.set(relative, { kind: 'symlink', target: readlinkSync(place) });
    else if (stat.isFile()) found.set(relative, { kind: 'file', bytes: readFileSync(place) });
    else {
      found.set(relative, { kind: 'directory' });
      for (const [below, entry] of readTarget(root, relative)) found.set(below, entry);
    }
  }
  return found;
}

function isSame(left: ExpectedEntry, right: ExpectedEntry): boolean {
  if (left.kind === 'file' && right.kind === 'file') return Buffer.compare(left.bytes, right.bytes) === 0;
  if (left.kind === 'symlink' && right.kind === 'symlink') return left.target === right.target;
  return left.kind === right.kind;
}

function isTold(problems: readonly Problem[], name: string): boolean {
  return problems.some(
    ({ path: told, code }) =>
      code.startsWith('integrity/') && (told === '.' || told === name || name.startsWith(`${told}/`)),
  );
}

/** Restores the oldest and the newest snapshot; true where something could not be restored. */
async function restoreAll(small: SmallRepository, damaged: DamageCase): Promise<boolean> {
  const repository: Repository = await openFresh(await storeOf(damaged.files), small.recovery, seeded(1));
  const { snapshots } = await listSnapshots(repository);
  let isAnyLost = snapshots.length < small.snapshots.length;
  for (const snapshot of new Set([snapshots[0]!, snapshots.at(-1)!])) {
    const { entries } = small.snapshots.find(({ id }) => id === snapshot.id)!;
    const target = mkdtempSync(path.join(tmpdir(), 'cairn-restore-'));
    try {
      const { problems } = await restore(repository, snapshot, {
        ...RESTORE_DEFAULTS,
        target: Buffer.from(target),
        restoreOwner: false,
      });
      const found = readTarget(target);
      for (const [name, entry] of found) {
        const known = entries.get(name);
        const isRight = known !== undefined && isSame(entry, known);
        claim(isRight, () => `${damaged.what}: restored ${name} wrongly`);
      }
      for (const name of entries.keys()) {
        if (found.has(name)) continue;
        isAnyLost = true;
        claim(isTold(problems, name), () => `${damaged.what}: ${name} is missing and nothing says so`);
      }
      if (problems.length > 0) isAnyLost = true;
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      isAnyLost = true;
    } finally {
      rmSync(target, { recursive: true });
    }
  }
  return isAnyLost;
}

describe.each([
  ['encrypted', true],
  ['plain', false],
])('%s repository', (_, encrypted) => {
  let small: SmallRepository;
  beforeAll(async () => {
    small = await buildSmallRepository({ seed, encrypted });
  });

  test(
    'a restore that meets damage tells each file it could not restore, and restores the rest exactly',
    { timeout: TIMEOUT_MS },
    async () => {
      let lossy = 0;
      const cases = [...everyFlip(small.files, FLIP_STEP, seeded(seed)), ...everyDeletion(small.files)];
      for (const damaged of cases) if (await restoreAll(small, damaged)) lossy++;
      expect(lossy).toBeGreaterThan(5);
      expect(lossy).toBeLessThan(cases.length);
    },
  );

  test(
    'damage to anything but packs, commits and snapshots costs a restore nothing',
    { timeout: TIMEOUT_MS },
    async () => {
      const data = ['pack', 'commit', 'snapshot'];
      for (const damaged of everyDeletion(small.files)) {
        if (data.includes(kindOf(damaged.touched[0]!))) continue;
        expect(await restoreAll(small, damaged), damaged.what).toBe(false);
      }
    },
  );
});
