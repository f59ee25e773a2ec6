/**
 * A child of tests that need a process of its own: one with limits, with mounts, or one that is stopped. Watches a source
 * and writes what happens as lines of JSON. Lines on its standard input are commands for the shell, run where it lives.
 */
import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { watchSource } from '../../src-main/engine/source/index.ts';
import type { WatchTimes, WatcherKind } from '../../src-main/engine/source/index.ts';
import { afterDelay, systemClock } from '../../src-main/engine/kernel/index.ts';

export type ChildSetup = {
  readonly root: string;
  readonly canary: string;
  readonly kinds: readonly WatcherKind[];
  readonly times: Partial<WatchTimes>;
  readonly mountPoint?: string;
};

export type ChildLine =
  | {
      readonly kind: 'state';
      readonly state: { readonly kind: string; readonly reason?: string; readonly message?: string };
    }
  | {
      readonly kind: 'batch';
      readonly everything?: string;
      readonly detail?: string;
      readonly folders?: readonly string[];
    }
  | { readonly kind: 'ran'; readonly status: number | null; readonly stderr: string };

const tell = (line: ChildLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function run({ root, canary, kinds, times, mountPoint }: ChildSetup): void {
  const source = watchSource({
    root: Buffer.from(root),
    canary: Buffer.from(canary),
    isIgnored: () => false,
    folders: 0,
    mountPoint: mountPoint === undefined ? undefined : Buffer.from(mountPoint),
    ports: { clock: systemClock, log: () => undefined },
    after: afterDelay,
    deliver: async (batch) => {
      if (batch.kind === 'everything') tell({ kind: 'batch', everything: batch.reason, detail: batch.detail });
      else tell({ kind: 'batch', folders: batch.folders.map((folder) => folder.toString('latin1')) });
    },
    note: () => undefined,
    stateChanged: (state) => tell({ kind: 'state', state }),
    times,
    kinds,
  });
  const commands = createInterface({ input: process.stdin });
  commands.on('line', (line) => {
    const { status, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    tell({ kind: 'ran', status, stderr });
  });
  commands.on('close', () => {
    source.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}

const setup = process.argv[2];
if (setup !== undefined && import.meta.main) run(JSON.parse(setup) as ChildSetup);
