/**
 * What the system does to a watcher, for real: no more watches, a queue that overflows, a drive that is unmounted and
 * mounted again. Each in a process of its own, in namespaces of its own where that takes rights.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WatcherKind } from '../../../../src-main/engine/source/watch/watcher.ts';
import { WATCHER_KINDS } from '../../../support/watch-lab.ts';
import type { ChildLine, ChildSetup } from '../../../support/watch-child.ts';
import { WatchProcess, isEverything, isState } from '../../../support/watch-process.ts';

const TIMEOUT = 240_000;
const QUICK = { quietMs: 100, ceilingMs: 500, rootPollMs: 200, backOffMs: 100, backOffMaxMs: 500, retryMs: 200 };

let folder: string;
let running: WatchProcess | undefined;
beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-watch-system-')));
});
afterEach(async () => {
  await running?.end();
  running = undefined;
  fs.rmSync(folder, { recursive: true, force: true });
});

const root = (): string => path.join(folder, 'root');
const start = (kind: WatcherKind, before: readonly string[] = [], more: Partial<ChildSetup> = {}): WatchProcess =>
  (running = new WatchProcess(
    { root: root(), canary: path.join(folder, 'canary'), kinds: [kind], times: QUICK, ...more },
    before,
  ));

/** Whether a program runs in namespaces of its own here, with what it needs; said loudly where not. */
function canUnshare(args: readonly string[], command: string): boolean {
  const isPossible = spawnSync('unshare', [...args, 'sh', '-c', command]).status === 0;
  if (!isPossible) console.warn(`SKIPPED: this system does not allow “unshare ${args.join(' ')}” with “${command}”`);
  return isPossible;
}

/** Fails outside a user namespace: there it would change the limit of everyone. */
const LIMIT = (count: number): string =>
  `! grep -q 4294967295 /proc/self/uid_map && echo ${count} > /proc/sys/user/max_inotify_watches`;

describe.skipIf(!canUnshare(['-Urm'], LIMIT(5)))('with five watches for a user', () => {
  const limited = (count: number): readonly string[] => [
    'unshare',
    '-Urm',
    'sh',
    '-c',
    `${LIMIT(count)} && exec "$0" "$@"`,
  ];

  test.each(WATCHER_KINDS)(
    '%s: says so in words, and that everything must be looked at',
    { timeout: TIMEOUT },
    async (kind) => {
      for (let index = 0; index < 20; index++) fs.mkdirSync(path.join(root(), `folder ${index}`), { recursive: true });
      const child = start(kind, limited(5));
      const { line } = await child.wait(isState('scan-only'));
      expect(line).toMatchObject({ state: { reason: 'watch-limit' } });
      expect(JSON.stringify(line)).toContain('fs.inotify.max_user_watches');
      expect((await child.wait(isEverything)).line).toMatchObject({ everything: 'started' });
    },
  );

  test.each(WATCHER_KINDS)('%s: notices a limit that is met later', { timeout: TIMEOUT }, async (kind) => {
    fs.mkdirSync(path.join(root(), 'first'), { recursive: true });
    // chokidar watches the folder above the root too, others their canary.
    const child = start(kind, limited(7));
    const { next } = await child.wait(isState('watching'));
    for (let index = 0; index < 20; index++)
      fs.mkdirSync(path.join(root(), `folder ${index}`, 'and one in it'), { recursive: true });
    expect((await child.wait(isState('scan-only'), next)).line).toMatchObject({ state: { reason: 'watch-limit' } });
  });
});

describe('a queue that overflows', () => {
  const queueEvents = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));

  test.each(WATCHER_KINDS)('%s: while the process is stopped', { timeout: TIMEOUT }, async (kind) => {
    const folders = 40;
    for (let index = 0; index < folders; index++) fs.mkdirSync(path.join(root(), `f${index}`), { recursive: true });
    const child = start(kind);
    const { next } = await child.wait(isEverything);
    child.child.kill('SIGSTOP');
    // More than the queue holds. The kernel merges equal events that stand one behind the other, so files take turns.
    const files = Array.from({ length: folders / 2 }, (_, index) =>
      fs.openSync(path.join(root(), `f${index}`, 'file'), 'w'),
    );
    for (let count = 0; count < queueEvents * 1.2; count++) fs.writeSync(files[count % files.length] ?? -1, 'x');
    for (const file of files) fs.closeSync(file);
    // And then something that nobody will be told of.
    for (let index = folders / 2; index < folders; index++)
      fs.writeFileSync(path.join(root(), `f${index}`, 'late'), 'x');
    await delay(5000);
    child.child.kill('SIGCONT');
    const { line } = await child.wait(isEverything, next);
    const reasons: Readonly<Record<WatcherKind, readonly string[]>> = {
      inotify: ['overflow'],
      // Whichever it notices first: so many events, or its own file that nobody told of.
      chokidar: ['event-rate', 'canary'],
      parcel: ['event-rate', 'canary'],
    };
    expect(reasons[kind]).toContain((line as Extract<ChildLine, { kind: 'batch' }>).everything);
    // It watches again afterwards.
    const { next: again } = await child.wait(isState('watching'), next);
    await delay(1000);
    fs.writeFileSync(path.join(root(), 'f0', 'after all that'), 'x');
    await child.wait((one) => one.kind === 'batch' && (one.folders ?? []).some((name) => name.endsWith('/f0')), again);
  });
});

const NAMESPACE = process.getuid?.() === 0 ? ['-m'] : ['-Urm'];

describe.skipIf(!canUnshare(NAMESPACE, 'mount -t tmpfs tmpfs /tmp'))('a source on a drive', () => {
  test.each(WATCHER_KINDS)(
    '%s: unmounted is gone, and never empty; mounted again it is looked at',
    { timeout: TIMEOUT },
    async (kind) => {
      fs.mkdirSync(root());
      // A place that is not the root, so that the folder the watcher starts on is the mounted one.
      const mount = `mount -t tmpfs drive ${root()}`;
      const child = start(kind, [
        'unshare',
        ...NAMESPACE,
        'sh',
        '-c',
        `${mount} && mkdir ${root()}/docs && exec "$0" "$@"`,
      ]);
      const { next } = await child.wait(isEverything);
      await child.run(`umount ${root()}`);
      const { line, next: gone } = await child.wait(isState('gone'), next);
      expect(JSON.stringify(line)).toContain('nothing is mounted');
      // What happens at the empty mount point is nobody's change.
      await child.run(`touch ${root()}/left-behind; sleep 2`);
      expect(child.lines.slice(next).filter(({ kind: lineKind }) => lineKind === 'batch')).toEqual([]);
      await child.run(`${mount} && mkdir ${root()}/docs`);
      const { line: back, next: mounted } = await child.wait(isEverything, gone);
      expect(back).toMatchObject({ everything: 'remounted' });
      await child.run(`touch ${root()}/docs/new`);
      await child.wait((one) => one.kind === 'batch' && (one.folders ?? []).includes(`${root()}/docs`), mounted);
    },
  );

  test('that is mounted somewhere below the root is a reason to look at everything', { timeout: TIMEOUT }, async () => {
    fs.mkdirSync(path.join(root(), 'inside'), { recursive: true });
    const child = start('inotify', ['unshare', ...NAMESPACE]);
    const { next } = await child.wait(isEverything);
    await child.run(`mount -t tmpfs drive ${root()}/inside`);
    const { line, next: mounted } = await child.wait(isEverything, next);
    expect(line).toMatchObject({ everything: 'remounted' });
    await child.run(`touch ${root()}/inside/new`);
    const isInside = (one: ChildLine): boolean =>
      one.kind === 'batch' && (one.folders ?? []).includes(`${root()}/inside`);
    await child.wait(isInside, mounted);
  });

  test('that was not mounted when watching began is gone as well, if it ever was', { timeout: TIMEOUT }, async () => {
    fs.mkdirSync(root());
    const child = start('inotify', ['unshare', ...NAMESPACE], { mountPoint: root() });
    const { line, next } = await child.wait(isState('gone'));
    expect(JSON.stringify(line)).toContain('nothing is mounted');
    await child.run(`mount -t tmpfs drive ${root()}`);
    expect((await child.wait(isEverything, next)).line).toMatchObject({ everything: 'remounted' });
  });

  test('is waited for when it is not there at the start', { timeout: TIMEOUT }, async () => {
    const child = start('inotify');
    const { next } = await child.wait(isState('gone'));
    fs.mkdirSync(root());
    expect((await child.wait(isEverything, next)).line).toMatchObject({ everything: 'remounted' });
  });
});
