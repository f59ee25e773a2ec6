/**
 * One process of the concurrency run: a writer, a reader or a verifier. Does one job after another, told by the process
 * that started it, and says how each ended.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { OpenRepository } from '../../src-main/engine/api.ts';
import { openEngine } from '../../src-main/engine/index.ts';
import { claim } from './claim.ts';
import { seeded } from './seed.ts';
import { type WalkRecord, compareTrees } from './walker.ts';

export const PASSWORD = 'correct horse';

export type Setting = { readonly home: string; readonly repository: string };

export type Job =
  | { readonly kind: 'backup'; readonly source: string }
  /** One snapshot as it must be, and all that must be listed. */
  | {
      readonly kind: 'read';
      readonly snapshot: string;
      readonly records: readonly WalkRecord[];
      readonly listed: readonly string[];
      readonly folder: string;
      readonly seed: number;
    }
  | { readonly kind: 'verify'; readonly depth: 'quick' | 'deep' };

export type Told =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly snapshotId: string; readonly what: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'log'; readonly message: string };

const tell = (told: Told): void => void process.send?.(told);

async function read(repository: OpenRepository, job: Extract<Job, { kind: 'read' }>): Promise<string> {
  const random = seeded(job.seed);
  const listed = new Set((await repository.snapshots()).map(({ id }) => id));
  const lost = job.listed.find((id) => !listed.has(id));
  claim(lost === undefined, `snapshot ${lost} was acknowledged and is not listed`);
  const from = { snapshot: job.snapshot, path: new Uint8Array() };
  const draw = random.next();
  if (draw < 0.3) {
    const paths = new Set<string>();
    for await (const entry of repository.list(from, { recursive: true })) paths.add(entry.path);
    // The root itself is not listed.
    claim(paths.size === job.records.length - 1, `${paths.size} entries are listed of ${job.records.length - 1}`);
    return 'ls';
  }
  const files = job.records.filter(({ type }) => type === 'file');
  if (draw < 0.6 && files.length > 0) {
    const file = random.pick(files);
    const hash = createHash('sha256');
    for await (const bytes of repository.cat({ ...from, path: Buffer.from(file.path, 'hex') })) hash.update(bytes);
    claim(hash.digest('hex') === file.content, `the file ${file.path} of ${job.snapshot} gives other bytes`);
    return 'cat';
  }
  const target = path.join(job.folder, `restored-${process.pid}`);
  try {
    const { problems } = await repository.restore({ from, target: Buffer.from(target) });
    claim(problems.length === 0, `it is restored with problems: ${JSON.stringify(problems[0])}`);
    const differences = compareTrees(job.records, target);
    claim(differences.length === 0, `${job.snapshot} comes back changed: ${differences.slice(0, 3).join('; ')}`);
    return 'restore';
  } finally {
    fs.rmSync(target, { recursive: true, force: true });
  }
}

async function work(repository: OpenRepository, job: Job): Promise<{ snapshotId: string; what: string }> {
  switch (job.kind) {
    case 'backup': {
      const { snapshotId, problems } = await repository.backup({ sources: [Buffer.from(job.source)] });
      claim(problems.length === 0, `it is backed up with problems: ${JSON.stringify(problems[0])}`);
      return { snapshotId, what: 'backup' };
    }
    case 'read':
      return { snapshotId: '', what: await read(repository, job) };
    case 'verify': {
      const { ok, damage } = await repository.verify({ depth: { kind: job.depth } });
      claim(ok, `verify ${job.depth} finds damage: ${JSON.stringify(damage.slice(0, 3))}`);
      return { snapshotId: '', what: `verify ${job.depth}` };
    }
  }
}

async function main(setting: Setting): Promise<void> {
  const log = (level: string, message: string): void => {
    if (level === 'warn' || level === 'error') tell({ kind: 'log', message });
  };
  const engine = openEngine({ home: setting.home, log });
  const secret = () => Promise.resolve({ kind: 'password', password: PASSWORD } as const);
  let repository: OpenRepository | undefined;
  let count = 0;
  process.on('message', (job: Job) => {
    void (async () => {
      // Now and then opened anew; otherwise it has to notice by itself what others did meanwhile.
      if (repository === undefined || count++ % 5 === 0) repository = await engine.open(setting.repository, secret);
      return work(repository, job);
    })().then(
      (result) => tell({ kind: 'done', ...result }),
      (error: unknown) => {
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        tell({
          kind: 'failed',
          code,
          message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      },
    );
  });
  process.on('disconnect', () => process.exit(0));
  tell({ kind: 'ready' });
}

const [setting] = process.argv.slice(2);
if (setting !== undefined && process.send !== undefined) await main(JSON.parse(setting) as Setting);
