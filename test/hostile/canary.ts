/** A tree beside every target and repository that nothing may touch: contents, modes, times, links. */
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fail } from './case.ts';

export type Canary = {
  readonly folder: string;
  /** Throws where anything is not as it was. */
  readonly check: () => void;
};

/** Long ago, so that any write shows in the time. */
const OLD_SECONDS = 1_000_000_000;

function describe(folder: string, below: string, lines: string[]): void {
  const full = path.join(folder, below);
  const stats = lstatSync(full, { bigint: true });
  const content = stats.isFile() ? readFileSync(full, 'latin1') : stats.isSymbolicLink() ? readlinkSync(full) : '';
  const { mode, size, mtimeNs, nlink, uid, gid } = stats;
  lines.push([below, mode, stats.isDirectory() ? 0 : size, mtimeNs, nlink, uid, gid, content].join(' '));
  if (stats.isDirectory()) for (const name of readdirSync(full).sort()) describe(folder, path.join(below, name), lines);
}

/** Everything below a folder as text, one line each. */
export function describeTree(folder: string): string {
  const lines: string[] = [];
  describe(folder, '', lines);
  return lines.join('\n');
}

export function buildCanary(folder: string): Canary {
  mkdirSync(path.join(folder, 'folder', 'deep'), { recursive: true });
  const file = path.join(folder, 'file');
  writeFileSync(file, 'precious');
  chmodSync(file, 0o640);
  linkSync(file, path.join(folder, 'twin'));
  writeFileSync(path.join(folder, 'folder', 'deep', 'secret'), 'root:x:0:0');
  symlinkSync('folder/deep/secret', path.join(folder, 'link'));
  for (const name of ['folder/deep/secret', 'file', 'folder/deep', 'folder', '.'])
    utimesSync(path.join(folder, name), OLD_SECONDS, OLD_SECONDS);
  const before = describeTree(folder);
  return {
    folder,
    check: () => {
      const after = describeTree(folder);
      if (after !== before) fail(`something outside was changed:\n${before}\nis now\n${after}`);
    },
  };
}
