/** Invented records for each scenario: what an engine with a few months of backups would tell. */
import type {
  AppInfo,
  BackupSet,
  ChainGraph,
  Damage,
  Destination,
  Drive,
  IntegrityStatus,
  KeyInfo,
  LogLine,
  Overview,
  Place,
  Run,
  RuleSaving,
  Settings,
  SnapshotSummary,
  Verdict,
  VerdictReason,
} from '../../../src-shared/model/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { hashOf, hexOf } from './scripted-tree.ts';

export const SCENARIOS = [
  'first-run',
  'first-run-no-drive',
  'healthy',
  'backing-up',
  'scanning',
  'verifying',
  'restored',
  'away',
  'locked',
  'damaged',
  'full',
  'problems',
  'new-set',
  'unusable',
  'silent',
  'old-engine',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

export const PASSWORD = 'correct horse battery staple';
export const RECOVERY_KEY = '7Q2M-04KD-9XVT-H3BN-C8WE-5JZR-M1PA-6GYS-QD2F-8TKV-0N4C-X7HB-W9EJ-3RMZ';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ago = (nowMs: number, ageMs: number): string => new Date(nowMs - ageMs).toISOString();

export const SET_ID = hexOf('set', 16);
export const DESTINATION_ID = hexOf('destination', 16);
const HOME = '/home/ada';
const REPOSITORY = '/media/ada/Blue/Cairn';

export const place = (path: string, kind: Place['kind'], name = path.slice(path.lastIndexOf('/') + 1)): Place => ({
  handle: hexOf(`place ${path}`, 16),
  path,
  name,
  kind,
});

export const PLACES: readonly Place[] = [
  place(`${HOME}/Documents`, 'documents'),
  place(`${HOME}/Pictures`, 'pictures'),
  place(`${HOME}/Desktop`, 'desktop'),
  place(`${HOME}/Projects`, 'projects'),
  place(`${HOME}/Downloads`, 'downloads'),
  place(HOME, 'home', 'Home'),
];

export const SIZES: Readonly<Record<string, { readonly files: number; readonly bytes: number }>> = {
  Documents: { files: 8_412, bytes: 6.4e9 },
  Pictures: { files: 104_310, bytes: 212.7e9 },
  Desktop: { files: 64, bytes: 0.31e9 },
  Projects: { files: 182_330, bytes: 21.9e9 },
  Downloads: { files: 1_204, bytes: 38.2e9 },
};

export const SUGGESTIONS: readonly RuleSaving[] = [
  {
    rule: 'node_modules/',
    origin: 'exclude',
    files: 141_200,
    bytes: 9.8e9,
    examples: [`${HOME}/Projects/website/node_modules`],
  },
  { rule: '.cache/', origin: 'exclude', files: 12_400, bytes: 3.1e9, examples: [`${HOME}/Projects/.cache`] },
  { rule: 'target/', origin: 'exclude', files: 6_010, bytes: 2.4e9, examples: [`${HOME}/Projects/engine/target`] },
  { rule: '*.iso', origin: 'exclude', files: 1, bytes: 1.2e9, examples: [`${HOME}/Documents/old.iso`] },
];

const drive = (label: string, row: Partial<Drive> & { readonly path: string }): Drive => ({
  place: place(row.path, 'drive', label),
  label,
  fileSystem: row.fileSystem ?? 'ext4',
  removable: row.removable ?? true,
  system: row.system ?? false,
  writable: row.writable ?? true,
  freeBytes: row.freeBytes ?? 1.62e12,
  totalBytes: row.totalBytes ?? 2e12,
});

export function drivesOf(scenario: Scenario): readonly Drive[] {
  const system = drive('System', { path: '/', removable: false, system: true, freeBytes: 188e9, totalBytes: 512e9 });
  if (scenario === 'first-run-no-drive') return [system];
  const archive = drive('Archive', { path: '/mnt/archive', removable: false, freeBytes: 3.1e12, totalBytes: 4e12 });
  return [drive('Blue', { path: '/media/ada/Blue', fileSystem: 'exfat' }), archive, system];
}

export const infoOf = (): AppInfo => ({
  version: '0.1.0',
  host: 'electron',
  platform: 'linux',
  folderDialog: false,
  reveal: true,
  keychain: 'ready',
  startAtLogin: true,
  tray: true,
  cliCommand: 'cairn',
});

export const settingsOf = (theme: Settings['theme']): Settings => ({
  theme,
  startAtLogin: true,
  closeToTray: true,
  compression: 'zstd:3',
  workers: null,
  readBytesPerSecondMax: null,
  writeBytesPerSecondMax: null,
  lowPriority: true,
  rememberPasswords: true,
  notifyFailures: true,
  notifySuccesses: false,
});

const BASE_FILES = 295_114;

/** Oldest first: several a day lately, one a day before. */
export function snapshotsOf(scenario: Scenario, nowMs: number): readonly SnapshotSummary[] {
  if (scenario.startsWith('first-run') || scenario === 'new-set') return [];
  const times: number[] = [];
  const newestAgeMs = scenario === 'away' ? 3 * DAY_MS + HOUR_MS : 0;
  for (let day = 58; day >= 0; day--) {
    if (hashOf(`day ${day}`) % 9 === 0 && day > 2) continue;
    const runs = day < 4 ? 4 : 1;
    for (let run = runs; run > 0; run--)
      times.push(nowMs - newestAgeMs - day * DAY_MS - run * 2 * HOUR_MS + 100 * MINUTE_MS);
  }
  return times.map((timeMs, index) => {
    const chain = index < 40 ? 1 : 2;
    const sequence = chain === 1 ? index : index - 40;
    const busy = hashOf(`busy ${index}`) % 100;
    const stored = sequence === 0 ? 171e9 : (busy < 70 ? busy * 1.3e6 : busy * 42e6) + 40_000;
    return {
      id: hexOf(`snapshot ${index}`, 32),
      parentId: index === 0 ? null : hexOf(`snapshot ${index - 1}`, 32),
      chainId: hexOf(`chain ${chain}`, 16),
      sequence,
      kind: sequence === 0 ? 'base' : 'incremental',
      time: new Date(timeMs).toISOString(),
      host: 'basalt',
      sources: PLACES.slice(0, 4).map((row) => ({ path: row.path, name: row.name, rootNodeId: hexOf(row.path, 32) })),
      tags: [],
      note: '',
      pinned: index === 12,
      problemCount: index === 31 ? 3 : scenario === 'problems' && index === times.length - 1 ? 14 : 0,
      stats: {
        filesNew: busy,
        filesChanged: busy * 2,
        filesUnmodified: BASE_FILES - busy * 3,
        filesRemoved: busy >> 2,
        folders: 21_440,
        metadataChanges: 4,
        bytesScanned: 241.3e9,
        bytesRead: stored * 2,
        bytesAdded: stored * 1.4,
        bytesStored: stored,
      },
    } satisfies SnapshotSummary;
  });
}

function destinationOf(scenario: Scenario, nowMs: number): Destination {
  const state = scenario === 'away' || scenario === 'locked' || scenario === 'unusable' ? scenario : 'ready';
  const known = state === 'ready';
  const old = scenario === 'new-set';
  return {
    destinationId: DESTINATION_ID,
    name: 'Blue',
    path: REPOSITORY,
    repositoryId: hexOf('repository', 16),
    encrypted: true,
    state,
    error:
      state === 'unusable'
        ? new CairnError('repository/newer-format', 'It says format 3; this Cairn reads up to 2.').toWire()
        : null,
    awaySince: state === 'away' ? ago(nowMs, 3 * DAY_MS + 2 * HOUR_MS) : null,
    volume: { label: 'Blue', fileSystem: 'exfat', uuid: '64A5-F009', removable: true, network: false },
    copyAt: null,
    freeBytes: state === 'away' ? null : scenario === 'full' ? 18e6 : 1.62e12,
    totalBytes: state === 'away' ? null : 2e12,
    storedBytes: state === 'away' ? null : old ? 0 : 214e9,
    forecast: old || state === 'away' ? { fullAt: null, bytesPerDay: null } : { fullAt: null, bytesPerDay: 1.1e9 },
    snapshots: known ? snapshotsOf(scenario, nowMs).length : null,
    remembered: true,
    verified: old
      ? { quick: null, sample: null, deep: null }
      : { quick: ago(nowMs, 5 * HOUR_MS), sample: ago(nowMs, 4 * DAY_MS), deep: ago(nowMs, 26 * DAY_MS) },
    damageCount: scenario === 'damaged' ? 2 : 0,
  };
}

function verdictOf(scenario: Scenario, nowMs: number): Verdict {
  const at = { destinationId: DESTINATION_ID };
  const awaySince = ago(nowMs, 3 * DAY_MS + 2 * HOUR_MS);
  const error = new CairnError('destination/full', 'The drive has 18 MB left and 2.4 GB are needed.').toWire();
  const all: Partial<Record<Scenario, readonly VerdictReason[]>> = {
    away: [
      { kind: 'away', ...at, since: awaySince },
      { kind: 'stale', setId: SET_ID, since: awaySince },
    ],
    locked: [{ kind: 'locked', ...at }],
    damaged: [{ kind: 'damage', ...at, count: 2 }],
    full: [
      { kind: 'last-failed', setId: SET_ID, error },
      { kind: 'space-low', ...at, freeBytes: 18e6 },
    ],
    problems: [{ kind: 'problems', setId: SET_ID, count: 14 }],
    'new-set': [
      { kind: 'never-backed-up', setId: SET_ID },
      { kind: 'never-verified', ...at },
    ],
    unusable: [{ kind: 'unusable', ...at }],
  };
  const reasons = all[scenario] ?? [];
  const bad = scenario === 'damaged' || scenario === 'full' || scenario === 'unusable';
  return { level: bad ? 'bad' : reasons.length > 0 ? 'attention' : 'good', reasons };
}

export function setOf(scenario: Scenario, nowMs: number): BackupSet {
  const latest = snapshotsOf(scenario, nowMs).at(-1);
  return {
    setId: SET_ID,
    name: 'My files',
    sources: PLACES.slice(0, 4).map((row) => ({ path: row.path, name: row.name, state: 'there' as const })),
    destinationId: DESTINATION_ID,
    rules: {
      excludes: ['node_modules/', '.cache/'],
      excludeLargerThanBytes: null,
      oneFileSystem: true,
      cairnignore: true,
      gitignore: false,
      excludeCaches: true,
      excludeIfPresent: [],
    },
    createdAt: ago(nowMs, 59 * DAY_MS),
    lastBackup:
      latest === undefined
        ? null
        : {
            time: latest.time,
            snapshotId: latest.id,
            files: BASE_FILES,
            bytes: 241.3e9,
            problemCount: latest.problemCount,
          },
  };
}

export function overviewOf(scenario: Scenario, nowMs: number): Overview {
  if (scenario.startsWith('first-run')) {
    return { verdict: { level: 'empty', reasons: [{ kind: 'no-set' }] }, sets: [], destinations: [] };
  }
  return {
    verdict: verdictOf(scenario, nowMs),
    sets: [setOf(scenario, nowMs)],
    destinations: [destinationOf(scenario, nowMs)],
  };
}

export function runsOf(scenario: Scenario, nowMs: number): readonly Run[] {
  const runs: Run[] = [];
  for (const [index, snapshot] of snapshotsOf(scenario, nowMs).entries()) {
    const failed = scenario === 'full' && index === snapshotsOf(scenario, nowMs).length - 1;
    const roll = hashOf(`run ${index}`) % 30;
    const state = failed
      ? 'failed'
      : roll === 3
        ? 'cancelled'
        : roll === 7
          ? 'interrupted'
          : roll === 9
            ? 'failed'
            : 'done';
    runs.push({
      runId: hexOf(`run ${index}`, 16),
      kind: index % 17 === 11 ? 'verify' : index % 23 === 19 ? 'restore' : 'backup',
      setId: SET_ID,
      destinationId: DESTINATION_ID,
      state,
      startedAt: snapshot.time,
      durationMs: 4_000 + (hashOf(`duration ${index}`) % 240_000),
      files: 120 + (hashOf(`files ${index}`) % 2_000),
      bytes: snapshot.stats.bytesRead,
      problemCount: state === 'done' ? snapshot.problemCount : 0,
      snapshotId: state === 'done' ? snapshot.id : null,
      error:
        state !== 'failed'
          ? null
          : failed
            ? new CairnError('destination/full', 'The drive has 18 MB left and 2.4 GB are needed.').toWire()
            : new CairnError('destination/gone', 'The drive went away after 12 s.').toWire(),
      undoable: index % 23 === 19 && state === 'done',
    });
  }
  return runs.reverse();
}

const DAMAGE: readonly Damage[] = [
  {
    file: 'packs/4f/4f81c2d09a7be3315c',
    kind: 'pack',
    message: 'Segment 12 of 31 does not match its checksum.',
    snapshots: [hexOf('snapshot 44', 32), hexOf('snapshot 45', 32)],
    paths: [
      'Pictures/2025 Alps/IMG_4811.jpg',
      'Pictures/2025 Alps/panorama.tif',
      'Documents/Thesis/Figures/a/very/deeply/nested/folder/structure/with/setup.jpg',
    ],
  },
  {
    file: 'index/0c/0c55ab7710ee42fa01',
    kind: 'index',
    message: 'The footer is shorter than it says.',
    snapshots: [],
    paths: [],
  },
];

export function integrityOf(scenario: Scenario, nowMs: number): IntegrityStatus {
  const snapshots = snapshotsOf(scenario, nowMs);
  const damage = scenario === 'damaged' ? DAMAGE : [];
  const isDamaged = (id: string): boolean => damage.some((row) => row.snapshots.includes(id));
  const chains = [...new Set(snapshots.map((row) => row.chainId))].map((id): ChainGraph => {
    const rows = snapshots.filter((row) => row.chainId === id);
    return {
      chain: {
        id,
        createdAt: rows[0]?.time ?? '',
        lastBackup: rows.at(-1)?.time ?? '',
        snapshots: rows.length,
        totalSize: 241.3e9 * rows.length,
        storedSize: rows.reduce((sum, row) => sum + row.stats.bytesStored, 0),
        compressionRatio: 1.38,
      },
      beads: rows.map((row) => ({
        snapshotId: row.id,
        sequence: row.sequence,
        kind: row.kind,
        time: row.time,
        bytesStored: row.stats.bytesStored,
        problemCount: row.problemCount,
        damaged: isDamaged(row.id),
      })),
    };
  });
  const { verified } = destinationOf(scenario, nowMs);
  const report = {
    ok: damage.length === 0,
    checked: { packs: 6_812, segments: 214_000, blobs: 1_204_551, nodes: 316_554, snapshots: snapshots.length },
    coverage: { bytes: 10.7e9, bytesTotal: 214e9, contents: 8_120, contentsLeft: 1_440 },
    damage,
  };
  const kinds = [...new Set(damage.map((row) => row.kind))];
  return {
    destinationId: DESTINATION_ID,
    verified,
    lastReport: verified.quick === null ? null : { depth: 'sample', time: verified.quick, report },
    damage,
    damageKinds: kinds.map((kind) => ({ kind, count: damage.filter((row) => row.kind === kind).length })),
    chains,
  };
}

export const keysOf = (nowMs: number): readonly KeyInfo[] => [
  { id: hexOf('key 1', 32), type: 'password', label: 'password', createdAt: ago(nowMs, 59 * DAY_MS), current: true },
  {
    id: hexOf('key 2', 32),
    type: 'recovery',
    label: 'recovery key',
    createdAt: ago(nowMs, 59 * DAY_MS),
    current: false,
  },
];

export function logOf(nowMs: number): readonly LogLine[] {
  const LINES = [
    ['info', 'Backup of My files has begun', '4 folders, destination Blue'],
    ['debug', 'Scan: 295,114 files in 1.9 s', '21,440 folders, 12 changed'],
    ['info', 'Snapshot written', 'incremental, 41.2 MB added in 2 containers'],
    ['warn', 'A file changed while it was read', '/home/ada/Documents/Budget 2026.ods'],
    ['debug', 'Index run merged', '4 runs into 1, 1,204,551 entries'],
    ['info', 'Quick check passed', '6,812 containers, 86 snapshots'],
    ['error', 'The drive went away', 'destination/gone: /media/ada/Blue/Cairn/packs'],
    ['info', 'Drive Blue is back', 'Cairn continues'],
  ] as const;
  return Array.from({ length: 120 }, (_, index) => {
    const [level, message, details] = LINES[index % LINES.length] ?? LINES[0];
    return { time: ago(nowMs, (120 - index) * 7 * MINUTE_MS), level, message, details };
  });
}
