/** The script behind `npm run torture` and `npm run bench`: who stops it stops what it runs, and nothing more is begun. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SCRIPT = path.resolve(import.meta.dirname, '../../scripts/long-run.mjs');
let root = '';

/** Three programs in the order of their names; the middle one waits for a signal. */
const PROGRAMS = {
  a: `console.log('a runs');`,
  b: `
    process.on('SIGINT', () => { console.log('b has cleaned up'); process.exit(7); });
    setInterval(() => undefined, 1000);
    console.log('b runs');`,
  c: `console.log('c runs');`,
};

beforeAll(() => {
  root = fs.mkdtempSync(path.join(tmpdir(), 'cairn-long-run-'));
  fs.mkdirSync(path.join(root, 'scripts'));
  fs.mkdirSync(path.join(root, 'test/torture'), { recursive: true });
  fs.copyFileSync(SCRIPT, path.join(root, 'scripts/long-run.mjs'));
  for (const [name, text] of Object.entries(PROGRAMS))
    fs.writeFileSync(path.join(root, `test/torture/${name}.ts`), text);
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

type Ending = { readonly status: number | null; readonly signal: NodeJS.Signals | null; readonly text: string };

/** Starts it, sends a signal to it alone when the text has appeared, and waits for its end. */
function run(args: readonly string[], stop?: { readonly after: string; readonly by: NodeJS.Signals }): Promise<Ending> {
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [
    path.join(root, 'scripts/long-run.mjs'),
    'torture',
    ...args,
  ]);
  let text = '';
  let hasStopped = false;
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    if (stop === undefined || hasStopped || !text.includes(stop.after)) return;
    hasStopped = true;
    child.kill(stop.by);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, text }));
  });
}

describe.skipIf(process.platform === 'win32')('a long run that is stopped', () => {
  it('hands the signal on, ends with the status of what it ran, and begins nothing more', async () => {
    const { status, text } = await run([], { after: 'b runs', by: 'SIGINT' });
    expect(status).toBe(7);
    expect(text).toContain('a runs');
    expect(text).toContain('b has cleaned up');
    expect(text).not.toContain('c runs');
  });

  it('ends by the signal that ended what it ran', async () => {
    expect(await run(['b'], { after: 'b runs', by: 'SIGTERM' })).toMatchObject({ status: null, signal: 'SIGTERM' });
  });

  it('that nobody stops runs all there is', async () => {
    const { status, text } = await run(['a']);
    expect({ status, text }).toEqual({ status: 0, text: '\n— torture: a\na runs\n' });
  });
});
