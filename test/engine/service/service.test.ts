/** What stands above the flows: remembered heads, figures, and the doctor. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DoctorFinding } from '../../../src-shared/model/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { parseWriterId } from '../../../src-shared/ids.ts';
import { silentLog } from '../../../src-main/engine/kernel/index.ts';
import { type ProcessIdentity, type Repository, openSession } from '../../../src-main/engine/repository/index.ts';
import {
  type KnownHead,
  examine,
  gatherStats,
  loadKnownHeads,
  rememberHeads,
} from '../../../src-main/engine/service/index.ts';
import { type Snapshot, listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import { Lab, SELF, WRITER } from '../../support/engine-lab.ts';
import { LOW_LIMITS, filesIn, flipIn, noise, put, readIn, removeIn, writeIn } from '../../support/lab-files.ts';

let lab: Lab;
let repository: Repository;
let home: string;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  repository = await lab.open();
  home = lab.path('home');
});
afterEach(() => lab.dispose());

const snapshots = async (): Promise<readonly Snapshot[]> => (await listSnapshots(repository)).snapshots;
const INSTANCE = 'a'.repeat(32);

describe('remembered heads', () => {
  const headFolder = (instance = INSTANCE): string => path.join(home, 'known', instance);
  const headNames = (): string[] => fs.readdirSync(headFolder()).sort();

  let all: readonly Snapshot[];
  beforeAll(async () => {
    const writers = new Lab(2);
    try {
      await writers.init();
      const shared = await writers.open();
      for (let round = 0; round < 3; round++) {
        put(writers, 'file', `round ${round}`);
        await writers.backup(shared);
      }
      await writers.backup(shared, { writerId: parseWriterId('0'.repeat(32)), host: 'other' });
      all = (await listSnapshots(shared)).snapshots;
    } finally {
      writers.dispose();
    }
  });

  test('are the newest event of each writer', async () => {
    await rememberHeads(home, INSTANCE, all);
    const [, , third, other] = all;
    const heads = await loadKnownHeads(home, INSTANCE);
    expect(heads.map(({ sequence, snapshotId }) => ({ sequence, snapshotId }))).toEqual(
      expect.arrayContaining([
        { sequence: 2, snapshotId: third?.id },
        { sequence: 0, snapshotId: other?.id },
      ]),
    );
    expect(headNames()).toHaveLength(2);
    expect(fs.statSync(headFolder()).mode & 0o777).toBe(0o700);
    for (const name of headNames()) expect(fs.statSync(path.join(headFolder(), name)).mode & 0o777).toBe(0o600);
  });

  test('never go back when the storage shows an older state, and go on when it shows a newer one', async () => {
    await rememberHeads(home, INSTANCE, all.slice(0, 1));
    expect((await loadKnownHeads(home, INSTANCE)).map(({ sequence }) => sequence)).toEqual([0]);
    await rememberHeads(home, INSTANCE, all);
    const full = await loadKnownHeads(home, INSTANCE);
    for (const older of [[], all.slice(0, 1), all.slice(0, 2), all.toReversed()]) {
      await rememberHeads(home, INSTANCE, older);
      expect(await loadKnownHeads(home, INSTANCE)).toEqual(full);
    }
  });

  test('that several processes remember at once are never lost, whoever comes last', async () => {
    // Each has seen another part, and each has read before the others wrote.
    const parts = [all.slice(0, 1), all.slice(0, 2), all.slice(0, 3), all.slice(3), all.slice(1, 2)];
    for (let round = 0; round < 20; round++) {
      const rounds = path.join(home, String(round));
      await Promise.all(parts.map((part) => rememberHeads(rounds, INSTANCE, part)));
      await rememberHeads(home, INSTANCE, all);
      const sorted = (heads: readonly KnownHead[]): string[] => heads.map((head) => JSON.stringify(head)).sort();
      expect(sorted(await loadKnownHeads(rounds, INSTANCE))).toEqual(sorted(await loadKnownHeads(home, INSTANCE)));
    }
  });

  test('of a log that was seen to fork are both known', async () => {
    const [first, second] = all;
    const forked = { ...second!, record: { ...second!.record, writerSequence: first!.record.writerSequence } };
    await rememberHeads(home, INSTANCE, [first!]);
    await rememberHeads(home, INSTANCE, [forked]);
    const ids = (await loadKnownHeads(home, INSTANCE)).map(({ snapshotId }) => snapshotId);
    expect(ids.sort()).toEqual([first!.id, second!.id].sort());
  });

  test.each([
    ['nothing but foreign files', 'notes.txt'],
    ['a number beyond all numbers', `${'a'.repeat(32)}.9999999999999999.${'b'.repeat(64)}`],
    ['a name cut short', `${'a'.repeat(32)}.1.${'b'.repeat(63)}`],
  ])('in a folder that holds %s count as none, and are written all the same', async (_what, name) => {
    fs.mkdirSync(headFolder(), { recursive: true });
    fs.writeFileSync(path.join(headFolder(), name), '');
    expect(await loadKnownHeads(home, INSTANCE)).toHaveLength(0);
    await rememberHeads(home, INSTANCE, all);
    expect(await loadKnownHeads(home, INSTANCE)).toHaveLength(2);
  });

  test('of different copies are kept apart, and of a copy without a marker are not kept', async () => {
    await rememberHeads(home, INSTANCE, all);
    expect(await loadKnownHeads(home, 'b'.repeat(32))).toHaveLength(0);
    await rememberHeads(home, '', all);
    expect(await loadKnownHeads(home, '')).toHaveLength(0);
    expect(fs.readdirSync(path.join(home, 'known'))).toEqual([INSTANCE]);
  });
});

describe('figures', () => {
  test('of an empty repository are zeros and ratios of one', async () => {
    expect((await gatherStats(repository, [])).repository).toMatchObject({
      snapshots: 0,
      chains: 0,
      packs: 0,
      commitFiles: 0,
      indexRuns: 0,
      blobs: 0,
      uniqueBytes: 0,
      storedBytes: 0,
      compressionRatio: 1,
      deduplicationRatio: 1,
    });
  });

  test('agree with what the backups said and with what lies on disk, in every form', async () => {
    const forms = await lab.open(undefined, { limits: LOW_LIMITS });
    let added = 0;
    for (let round = 0; round < 4; round++) {
      put(lab, `text-${round}`, `some text that shrinks ${round}\n`.repeat(500));
      put(lab, `copy-${round}`, `some text that shrinks ${round}\n`.repeat(500));
      if (round % 2 === 1) put(lab, `noise-${round}`, noise(round, 50_000));
      added += (await lab.backup(forms)).bytesAdded;
    }
    const all = await snapshots();
    const { repository: figures, runs, engine } = await gatherStats(await lab.open(), all);
    expect(figures).toMatchObject({
      repositoryId: repository.config.repositoryId,
      encrypted: false,
      snapshots: 4,
      chains: 1,
      uniqueBytes: added,
      packs: filesIn(lab, 'packs').length,
      commitFiles: filesIn(lab, 'commits').length,
      indexRuns: filesIn(lab, 'index').length,
    });
    expect(figures.packs).toBeGreaterThan(0);
    expect(figures.commitFiles).toBeGreaterThan(0);
    const stored = [...filesIn(lab, 'packs'), ...filesIn(lab, 'commits'), ...filesIn(lab, 'index')].reduce(
      (sum, name) => sum + readIn(lab, name).length,
      0,
    );
    expect(figures.storedBytes).toBe(stored);
    expect(figures.compressionRatio).toBeCloseTo(added / stored);
    const scanned = all.reduce((sum, { record }) => sum + record.stats.bytesScanned, 0);
    expect(figures.deduplicationRatio).toBeCloseTo(scanned / added);
    expect(runs.map(({ snapshotId }) => snapshotId)).toEqual(all.map(({ id }) => id));
    expect(Object.values(engine).every((value) => Number.isFinite(value))).toBe(true);
  });

  test('of what another process did meanwhile are as fresh as the snapshots', async () => {
    await repository.index();
    put(lab, 'file', noise(1, 5000));
    await lab.backup(await lab.open());
    const { repository: figures } = await gatherStats(repository, await snapshots());
    expect(figures).toMatchObject({ snapshots: 1, commitFiles: 1 });
    expect(figures.blobs).toBeGreaterThanOrEqual(2);
    expect(figures.uniqueBytes).toBeGreaterThanOrEqual(5000);
  });

  test('are given although a pack is damaged', async () => {
    const forms = await lab.open(undefined, { limits: LOW_LIMITS });
    put(lab, 'noise', noise(1, 50_000));
    await lab.backup(forms);
    for (const pack of filesIn(lab, 'packs')) flipIn(lab, pack, -30);
    const { repository: figures } = await gatherStats(await lab.open(), await snapshots());
    expect(figures.packs).toBe(filesIn(lab, 'packs').length);
  });
});

describe('the doctor', () => {
  const examineLab = (
    open: (() => Promise<Repository>) | undefined = () => lab.open(),
    clockMs = Date.now(),
  ): Promise<readonly DoctorFinding[]> =>
    examine({
      ports: { ...lab.ports, clock: { nowMs: () => clockMs, monotonicMs: () => 0 }, log: silentLog },
      home,
      place: lab.repositoryPath,
      openRepository: open,
    });
  const verdicts = (findings: readonly DoctorFinding[], check: string): string[] =>
    findings.filter((finding) => finding.check === check).map(({ verdict }) => verdict);

  test('finds nothing wrong with a sound repository, and tests every codec', async () => {
    fs.mkdirSync(home, { mode: 0o700 });
    put(lab, 'file', 'x');
    await lab.backup(repository);
    const open = () => lab.open(undefined, { self: { ...SELF, machineId: 'lab' } });
    const findings = await examineLab(open, lab.clock.nowMs());
    expect(
      findings.filter(({ verdict, check }) => verdict !== 'ok' && check !== 'folder watches' && check !== 'free space'),
    ).toEqual([]);
    expect(findings.length).toBeGreaterThan(10);
    for (const { verdict, advice } of findings) expect(advice === '').toBe(verdict === 'ok');
  });

  test('warns of a clock before 2024, of an open home, and of snapshots in the future', async () => {
    fs.mkdirSync(home, { mode: 0o755 });
    fs.chmodSync(home, 0o755);
    put(lab, 'file', 'x');
    await lab.backup(repository);
    const findings = await examineLab(undefined, Date.UTC(2001, 0, 1));
    expect(verdicts(findings, 'clock')).toEqual(['warning', 'warning']);
    expect(verdicts(findings, 'local state')).toEqual(['warning']);
  });

  test('names a missing or damaged marker and damaged snapshots, and goes on', async () => {
    put(lab, 'file', 'x');
    await lab.backup(repository);
    removeIn(lab, 'instance');
    expect(verdicts(await examineLab(), 'marker')).toEqual(['warning']);
    writeIn(lab, 'instance', 'not a marker');
    expect(verdicts(await examineLab(), 'marker')).toEqual(['warning']);
    expect(verdicts(await examineLab(), 'repository')).toEqual(['ok']);
    const [commit = ''] = filesIn(lab, 'commits');
    flipIn(lab, commit, -30);
    expect(verdicts(await examineLab(), 'repository')).toEqual(['failed']);
  });

  const lapTop = { host: 'laptop', machineId: 'x', bootId: 'y', processId: 7, isAlive: () => true };
  const begin = async (self: ProcessIdentity, clockMs: number): Promise<void> => {
    const ports = { ...lab.ports, clock: { nowMs: () => clockMs, monotonicMs: () => 0 } };
    await openSession({ store: lab.store, ports, self, writerId: WRITER, kind: 'writer', generation: 0 });
  };
  const detailOf = (findings: readonly DoctorFinding[], check: string): string | undefined =>
    findings.find((finding) => finding.check === check)?.detail;

  test('tells who is at work and what was left behind, and changes nothing', async () => {
    expect(detailOf(await examineLab(), 'sessions')).toBe('Nobody is at work.');
    await begin(lapTop, Date.now());
    writeIn(lab, `sessions/${'0'.repeat(32)}`, 'torn');
    const before = filesIn(lab, '.');
    const findings = await examineLab();
    expect(detailOf(findings, 'sessions')).toBe(
      'At work: laptop (process 7); 1 left by interrupted ones, which the next backup removes.',
    );
    expect(verdicts(findings, 'sessions')).toEqual(['ok']);
    expect(filesIn(lab, '.')).toEqual(before);
  });

  test('warns of a computer at work whose clock is not that of the destination', async () => {
    await begin(lapTop, Date.UTC(1970, 0, 1));
    const findings = await examineLab();
    expect(findings.filter(({ detail }) => detail.includes('clock of laptop'))).toHaveLength(1);
  });

  test('names this computer, and warns where its id can’t be kept', async () => {
    expect(verdicts(await examineLab(), 'this computer')).toEqual(['warning']);
    const known = await examineLab(() => lab.open(undefined, { self: lapTop }));
    expect(detailOf(known, 'this computer')).toBe('laptop, x');
  });

  test('reports why a repository can’t be opened, with advice', async () => {
    const findings = await examineLab(() => Promise.reject(new CairnError('key/wrong-password', 'wrong')));
    expect(findings.find(({ check }) => check === 'repository')).toMatchObject({
      verdict: 'failed',
      detail: 'wrong',
      advice: expect.stringContaining('recovery key') as unknown,
    });
    fs.rmSync(lab.repositoryPath, { recursive: true });
    const gone = await examineLab();
    expect(verdicts(gone, 'repository')).toEqual(['failed']);
    expect(verdicts(gone, 'free space')).toEqual(['failed']);
  });

  test('works without a repository', async () => {
    const findings = await examine({ ports: lab.ports, home, place: undefined, openRepository: undefined });
    expect(verdicts(findings, 'repository')).toEqual([]);
    expect(verdicts(findings, 'clock')).toEqual(['ok']);
  });
});
