/**
 * What must hold of a repository whatever happened to the process or the drive: everything acknowledged is there and
 * restores byte for byte, whatever else is listed is whole, nothing that was taken away comes back, and the next backup
 * succeeds without anyone's help and leaves nothing to complain of.
 */
import { fetchPages, locate, readContent } from '../../src-main/engine/browse/index.ts';
import { type FolderRef, iterateFolder } from '../../src-main/engine/merkle/index.ts';
import type { ProcessIdentity, Repository, RepositoryLimits } from '../../src-main/engine/repository/index.ts';
import { listSnapshots, type Snapshot } from '../../src-main/engine/snapshot/index.ts';
import { verify } from '../../src-main/engine/verify/index.ts';
import { isCairnError } from '../../src-shared/errors.ts';
import type { MemoryFileSystem } from './memory-filesystem.ts';
import { type Acknowledged, filesOf, SCENARIO_LIMITS, World } from './scenario.ts';
import type { ScenarioSource, Tree, TreeNode } from './scenario-source.ts';

export type Invariant =
  | 'there is no repository, or a whole one'
  | 'every password that was promised opens it'
  | 'a removed password does not open it'
  | 'every acknowledged snapshot is listed'
  | 'nothing else is listed'
  | 'every snapshot restores'
  | 'the index finds everything'
  | 'what was taken away stays away'
  | 'nothing acknowledged is damaged'
  | 'the next backup succeeds'
  | 'the next backup restores'
  | 'nothing is damaged after the next backup'
  | 'nothing is left over after the next backup';

/** Thrown by the checks: one broken promise. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: Invariant;

  constructor(invariant: Invariant, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** What may be found: everything of `before`, and of `after` whatever the step under way had reached. */
export type Expectation = { readonly encrypted: boolean; readonly before: Acknowledged; readonly after: Acknowledged };

/** Nothing was under way. */
export const settled = (encrypted: boolean, acknowledged: Acknowledged): Expectation => ({
  encrypted,
  before: acknowledged,
  after: acknowledged,
});

export type Circumstances = {
  readonly drive: MemoryFileSystem;
  readonly source: ScenarioSource;
  readonly expectation: Expectation;
  readonly self: ProcessIdentity;
  /** Threads of the next backup; none unless told otherwise. */
  readonly lanes?: number;
};

const reason = (error: unknown): string => (isCairnError(error) ? `${error.code}: ${error.message}` : String(error));

function worldOf({ drive, source, expectation, self, lanes }: Circumstances, limits?: RepositoryLimits): World {
  const { encrypted, before } = expectation;
  const world = new World({
    fileSystem: drive,
    source,
    encrypted,
    self,
    password: before.password,
    ...(limits === undefined ? {} : { limits }),
    ...(lanes === undefined ? {} : { lanes }),
  });
  world.begin(100);
  return world;
}

/** Opens what is there; undefined where there is no repository and none was promised. */
async function openWhatIsThere(
  world: World,
  { encrypted, before, after }: Expectation,
): Promise<Repository | undefined> {
  const opened = new Map<string, Repository>();
  const failures: string[] = [];
  for (const password of encrypted ? new Set([before.password, after.password, ...after.refused]) : ['none']) {
    try {
      opened.set(password, await world.open({ kind: 'password', password }));
    } catch (error) {
      if (!before.initialised && isCairnError(error, 'repository/not-found', 'destination/gone')) return undefined;
      if (!isCairnError(error, 'key/wrong-password'))
        throw new Violation('there is no repository, or a whole one', reason(error));
      failures.push(password);
    }
  }
  const stillOpens = before.refused.find((password) => opened.has(password));
  if (stillOpens !== undefined) throw new Violation('a removed password does not open it', stillOpens);
  const repository = opened.get(after.password) ?? opened.get(before.password) ?? opened.get('none');
  if (repository === undefined) throw new Violation('every password that was promised opens it', failures.join(', '));
  if (opened.get(after.password) === undefined && encrypted) world.password = before.password;
  else world.password = after.password;
  return repository;
}

/** A snapshot against the tree it was made of: every name, every byte, nothing more. */
async function restores(repository: Repository, snapshot: Snapshot, tree: Tree): Promise<void> {
  const found = new Map<string, TreeNode>();
  const walk = async (folder: FolderRef, prefix: string): Promise<void> => {
    for await (const entry of iterateFolder(fetchPages(repository), folder.page, folder.level)) {
      const name = prefix + Buffer.from(entry.name).toString();
      if (entry.nodeType === 'directory') await walk({ page: entry.page, level: entry.pageLevel }, `${name}/`);
      else if (entry.nodeType === 'symlink')
        found.set(name, { kind: 'link', target: Buffer.from(entry.target).toString() });
      else if (entry.nodeType === 'file') {
        const parts: Uint8Array[] = [];
        for await (const part of readContent(repository, entry)) parts.push(part);
        found.set(name, { kind: 'file', bytes: Buffer.concat(parts) });
      } else throw new Error(`${name} is a ${entry.nodeType}`);
    }
  };
  const located = await locate(repository, snapshot, new Uint8Array());
  if (located.kind !== 'root') throw new Error('the source is no folder');
  await walk(located.folder, '');
  const wrong = [...new Set([...tree.keys(), ...found.keys()])].find(
    (name) => !isEqual(tree.get(name), found.get(name)),
  );
  if (wrong !== undefined) throw new Error(`${wrong} is not what it was`);
}

function isEqual(left: TreeNode | undefined, right: TreeNode | undefined): boolean {
  if (left?.kind === 'file' && right?.kind === 'file') return Buffer.compare(left.bytes, right.bytes) === 0;
  return left?.kind === 'link' && right?.kind === 'link' && left.target === right.target;
}

/** Lists and restores everything, with what the index runs know: no reader should have to scan packs. */
async function checkSnapshots(repository: Repository, { before, after }: Expectation): Promise<void> {
  const { snapshots, damaged } = await listSnapshots(repository);
  const [first] = damaged;
  if (first !== undefined) throw new Violation('every snapshot restores', `${first.file}: ${first.error.message}`);
  const listed = new Set<string>(snapshots.map(({ id }) => id));
  const lost = [...before.snapshots.keys()].find((id) => !listed.has(id));
  if (lost !== undefined)
    throw new Violation('every acknowledged snapshot is listed', `${lost} is gone; ${listed.size} are listed`);
  let scans = 0;
  const scan = repository.scannedIndex.bind(repository);
  repository.scannedIndex = () => {
    scans++;
    return scan();
  };
  for (const snapshot of snapshots) {
    const tree = before.snapshots.get(snapshot.id) ?? after.snapshots.get(snapshot.id);
    if (tree === undefined) throw new Violation('nothing else is listed', snapshot.id);
    try {
      await restores(repository, snapshot, tree);
    } catch (error) {
      throw new Violation('every snapshot restores', `${snapshot.id}: ${reason(error)}`);
    }
  }
  const [damage] = (await repository.index()).damage;
  if (damage !== undefined)
    throw new Violation('the index finds everything', `${damage.file}: ${damage.error.message}`);
  if (scans > 0) throw new Violation('the index finds everything', 'a reader had to look into every pack');
}

/** Everything that can be seen without writing. Returns false where there is no repository (and none was promised). */
export async function checkState(circumstances: Circumstances): Promise<boolean> {
  const { drive, expectation } = circumstances;
  const repository = await openWhatIsThere(worldOf(circumstances), expectation);
  if (repository === undefined) return false;
  await checkSnapshots(repository, expectation);
  const { gone } = expectation.before;
  if (gone.size > 0) {
    const back = [...filesOf(drive)].find((name) => gone.has(name));
    if (back !== undefined) throw new Violation('what was taken away stays away', back);
  }
  if (expectation.before === expectation.after) {
    // A lease is not fsynced: one that a power cut brought back torn is nobody's, and goes with the next backup.
    const damage = (await damageOf(repository)).filter((file) => !file.startsWith('sessions/'));
    if (damage.length > 0) throw new Violation('nothing acknowledged is damaged', damage.join('; '));
  }
  return true;
}

/** What a deep verification finds, one line for each file. */
async function damageOf(repository: Repository): Promise<readonly string[]> {
  const options = {
    depth: { kind: 'deep' },
    knownSnapshots: [],
    onProgress: () => undefined,
    signal: undefined,
  } as const;
  const { damage } = await verify(repository, options);
  return damage.map(({ file, message }) => `${file}: ${message}`);
}

export type Form = 'commit-file' | 'packs';

/** So low that all new data goes into packs and everything is merged; so high that nothing is. */
const LIMITS: Readonly<Record<Form, RepositoryLimits>> = {
  packs: { commitFileBytesMax: 0, commitFiles: 0, indexRuns: 1 },
  'commit-file': { ...SCENARIO_LIMITS, commitFileBytesMax: 1_000_000, commitFiles: 64, indexRuns: 16 },
};

/** The next person's backup, in the way given: init where there is nothing. Returns the promises after it. */
export async function nextBackup(circumstances: Circumstances, form: Form): Promise<Acknowledged> {
  const { source, expectation } = circumstances;
  const world = worldOf(circumstances, LIMITS[form]);
  try {
    if ((await openWhatIsThere(world, expectation)) === undefined) {
      world.begin(100);
      await world.init();
    }
    world.begin(101);
    const report = await world.backup();
    if (report.problems.length > 0) throw new Error(report.problems[0]?.message);
    // What an interrupted step had reached may be there or not; from here on it is whatever was found.
    const { snapshots } = await listSnapshots(await world.repository());
    const known = new Map([
      ...expectation.after.snapshots,
      ...expectation.before.snapshots,
      [report.snapshotId, source.tree],
    ]);
    const now = new Map(snapshots.map(({ id }): [string, Tree] => [id, known.get(id) ?? new Map()]));
    for (const id of expectation.before.snapshots.keys()) if (!now.has(id)) throw new Error(`snapshot ${id} is gone`);
    return { ...expectation.before, initialised: true, password: world.password, snapshots: now };
  } catch (error) {
    if (error instanceof Violation) throw error;
    throw new Violation('the next backup succeeds', reason(error));
  }
}

/** Everything anyone could find fault with after a backup that succeeded. */
export async function checkWhole(circumstances: Circumstances): Promise<void> {
  const { drive } = circumstances;
  const world = worldOf(circumstances);
  const repository = await openWhatIsThere(world, circumstances.expectation);
  if (repository === undefined) throw new Violation('the next backup succeeds', 'there is no repository after it');
  try {
    await checkSnapshots(repository, circumstances.expectation);
  } catch (error) {
    throw new Violation('the next backup restores', reason(error));
  }
  const damage = await damageOf(await world.open());
  if (damage.length > 0) throw new Violation('nothing is damaged after the next backup', damage.join('; '));
  const left = [...drive.files().keys()].find((path) => /\/(tmp-[0-9a-f]+|sessions\/.*)$/.test(path));
  if (left !== undefined) throw new Violation('nothing is left over after the next backup', left);
}

/** The next backup, and all of the state after it. */
export async function checkNextBackup(circumstances: Circumstances, form: Form): Promise<void> {
  const acknowledged = await nextBackup(circumstances, form);
  await checkWhole({ ...circumstances, expectation: settled(circumstances.expectation.encrypted, acknowledged) });
}
