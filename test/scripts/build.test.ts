/** The build script on sources of its own: what a rebuild leaves of the builds before, and to whom. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ended } from '../cli/cairn.ts';

const checkout = path.resolve(import.meta.dirname, '../..');
let root = '';
const at = (...names: readonly string[]): string => path.join(root, ...names);

/** Says that it is there, waits for its standard input to end, and only then loads its part and its worker. */
const PROGRAM = `
  console.log('ready');
  for await (const _ of process.stdin);
  const { part } = await import('./part.ts');
  console.log(part(), new URL('./lane-worker.js', import.meta.url).pathname);
`;

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true });
  fs.writeFileSync(at(name), text);
}

function build(word: string): void {
  write('src-main/cli/part.ts', `export const part = (): string => '${word}';\n`);
  const { status, stderr } = spawnSync(process.execPath, [at('scripts/build.mjs')], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

const builds = (): string[] => fs.readdirSync(at('out/builds')).sort();

function run(): string {
  return spawnSync(process.execPath, [at('out/main/cli.js')], { encoding: 'utf8', input: '' }).stdout;
}

beforeAll(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'cairn-build-')));
  fs.mkdirSync(at('scripts'));
  fs.copyFileSync(path.join(checkout, 'scripts/build.mjs'), at('scripts/build.mjs'));
  fs.symlinkSync(path.join(checkout, 'node_modules'), at('node_modules'));
  write('package.json', '{ "type": "module" }\n');
  write('src-main/cli/main.ts', PROGRAM);
  for (const other of ['main', 'preload', 'engine-host/utility'])
    write(`src-main/${other}.ts`, `console.log('${other}');\n`);
  write('src-renderer/index.html', '<!doctype html><title>page</title>');
  fs.copyFileSync(path.join(checkout, 'svelte.config.js'), at('svelte.config.js'));
  for (const worker of [
    'backup/lane-worker',
    'catalog/catalog-worker',
    'restore/restore-worker',
    'verify/check-worker',
  ]) {
    write(`src-main/engine/${worker}.ts`, `console.log('${worker}');\n`);
  }
});
beforeEach(() => fs.rmSync(at('out'), { recursive: true, force: true }));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

describe('a build', () => {
  it('does not change what a running program is made of, and is what the next one starts', async () => {
    build('old');
    const child = spawn(process.execPath, [at('out/main/cli.js')]);
    await new Promise((ready) => child.stdout.once('data', ready));
    build('new');
    child.stdin.end();
    const { text, stderr } = await ended(child);
    expect(stderr).toBe('');
    const [word, worker = ''] = text.trim().split(' ');
    expect(word).toBe('old');
    expect(fs.existsSync(worker)).toBe(true);
    const [next, nextWorker = ''] = run().replace('ready\n', '').trim().split(' ');
    expect(next).toBe('new');
    expect(path.dirname(nextWorker)).not.toBe(path.dirname(worker));
  });

  it('leaves the one before it and no other, and nothing that no build made', () => {
    write('out/main/parts/engine-of-long-ago.js', '');
    write('out/main/lane-worker.js', '');
    const seen = new Set<string>();
    for (const word of ['one', 'two', 'three', 'four']) {
      build(word);
      for (const name of builds()) seen.add(name);
    }
    expect(seen.size).toBe(4);
    expect(builds()).toHaveLength(2);
    expect(fs.readdirSync(at('out/main')).sort()).toEqual(['cli.js', 'main.js']);
  });

  it('of the same sources is the same, and takes nothing from the one before', () => {
    build('one');
    build('two');
    const before = builds();
    build('two');
    expect(builds()).toEqual(before);
    build('one');
    expect(builds()).toEqual(before);
    expect(run()).toContain('one ');
  });

  it('replaces one that does not hold any more what its name says', () => {
    build('whole');
    const [id = ''] = builds();
    fs.rmSync(at('out/builds', id, 'main/parts'), { recursive: true });
    build('whole');
    expect(builds()).toEqual([id]);
    expect(run()).toContain('whole ');
  });
});
