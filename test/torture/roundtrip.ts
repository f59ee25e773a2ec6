/**
 * `npm run torture roundtrip [TREE ...]`: a tree with an entry of every kind, and each TREE (default: /usr), backed up
 * and restored by the built command line, and compared by the independent walker: content, metadata to the nanosecond,
 * extended attributes, link groups, and the room that files take (holes). Needs root to see everything.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { testSeed } from '../support/seed.ts';
import { buildKinds } from '../support/tree-builder-kinds.ts';
import { compareHoles, compareTrees, walkTree } from '../support/walker.ts';

const CLI = path.resolve(import.meta.dirname, '../../out/main/cli.js');
const LINES_SHOWN = 20;

/** Runs the command line; anything but success and “problems” (3) ends this program. */
function cairn(home: string, args: readonly string[]): string {
  const env = { ...process.env, CAIRN_HOME: home };
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], { env, encoding: 'utf8' });
  if (status !== 0 && status !== 3) throw new Error(`cairn ${args[0] ?? ''} gave ${status}: ${stderr}`);
  return status === 3 ? stderr : '';
}

/** The differences between a tree and what came back of it. */
function roundTrip(tree: string, scratch: string): string[] {
  const source = fs.realpathSync(tree);
  const home = path.join(scratch, 'home');
  const repository = path.join(scratch, 'repository');
  const target = path.join(scratch, 'restored');
  const passwordFile = path.join(scratch, 'password');
  fs.mkdirSync(home);
  fs.writeFileSync(passwordFile, 'round trip\n', { mode: 0o600 });
  const access = ['--repo', repository, '--password-file', passwordFile];
  const before = walkTree(source);
  cairn(home, ['init', '--kdf-cost', '10', ...access]);
  const problems = cairn(home, ['backup', source, ...access]);
  cairn(home, ['restore', 'latest', '--target', target, ...access]);
  const after = walkTree(target);
  const differences = [...compareTrees(before, after), ...compareHoles(before, after)];
  const bytes = before.reduce((sum, { size }) => sum + size, 0);
  console.log(`${tree}: ${before.length} entries, ${Math.round(bytes / 1e6)} MB, ${differences.length} differences`);
  if (problems !== '') console.log(problems);
  for (const line of differences.slice(0, LINES_SHOWN)) console.log(`  ${line}`);
  return differences;
}

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-roundtrip-'));
let failed = 0;
try {
  const kinds = path.join(scratch, 'kinds');
  const { missing } = buildKinds(kinds, { seed: testSeed('roundtrip'), deepPath: true });
  for (const line of missing) console.log(`not made here: ${line}`);
  const trees = process.argv.slice(2).filter((argument) => argument !== '--');
  for (const [index, tree] of [kinds, ...(trees.length > 0 ? trees : ['/usr'])].entries()) {
    const folder = path.join(scratch, String(index));
    fs.mkdirSync(folder);
    failed += roundTrip(tree, folder).length;
    fs.rmSync(folder, { recursive: true, force: true });
  }
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
