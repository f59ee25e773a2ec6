/**
 * The source of a crash scenario: a small real folder that goes through fixed states, with fixed contents and fixed
 * times, so that every run of the scenario backs up exactly the same bytes.
 */
import { lutimesSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { seeded } from './seed.ts';

export type TreeNode =
  { readonly kind: 'file'; readonly bytes: Uint8Array } | { readonly kind: 'link'; readonly target: string };
/** Everything in the folder but folders, by path with “/”; a folder is there when something is in it. */
export type Tree = ReadonlyMap<string, TreeNode>;

export const HOUR_MS = 3_600_000;
/** The time of the first state; each later one is an hour on, which is before any backup that sees it. */
export const SCENARIO_START_MS = Date.UTC(2026, 0, 1);

const noise = (seed: number, length: number): TreeNode => ({
  kind: 'file',
  bytes: new Uint8Array(seeded(seed).bytes(length)),
});
const text = (words: string, times = 1): TreeNode => ({
  kind: 'file',
  bytes: new Uint8Array(Buffer.from(words.repeat(times))),
});

function changed(tree: Tree, changes: Readonly<Record<string, TreeNode | undefined>>): Tree {
  const next = new Map(tree);
  for (const [name, node] of Object.entries(changes)) {
    if (node === undefined) next.delete(name);
    else next.set(name, node);
  }
  return next;
}

function states(): readonly Tree[] {
  const base: Tree = new Map([
    ['a.txt', text('first words of a. ', 120)],
    ['docs/b.txt', text('a letter that will be thrown away. ', 100)],
    ['docs/deep/c.bin', noise(1, 9000)],
    ['docs/deep/empty', text('')],
    ['link', { kind: 'link', target: 'docs/deep' }],
    ['media/d.bin', noise(2, 20_000)],
    ['media/twin.bin', noise(2, 20_000)],
    ...[0, 1, 2, 3].map((index): [string, TreeNode] => [`many/${index}`, noise(10 + index, 150)]),
  ]);
  const first = changed(base, { 'a.txt': text('second words of a. ', 130), 'new.txt': noise(20, 700) });
  // The old words again: a blob that an earlier pack has.
  const second = changed(first, { 'a.txt': base.get('a.txt'), 'docs/b.txt': undefined, 'many/1': noise(21, 160) });
  // A move, which adds no data, beside a file too large for a commit file.
  const third = changed(second, {
    'media/d.bin': undefined,
    'docs/d.bin': base.get('media/d.bin'),
    'media/g.bin': noise(22, 25_000),
  });
  const fourth = changed(third, {
    'many/2': undefined,
    'many/9': noise(23, 400),
    link: { kind: 'link', target: 'media' },
  });
  // What stands there when a backup is made after a crash: some of it new, some of it back from an earlier state.
  const last = changed(fourth, {
    'new.txt': noise(24, 900),
    'docs/b.txt': base.get('docs/b.txt'),
    'last/z.bin': noise(25, 6000),
  });
  return [base, first, second, third, fourth, last];
}

/** The same with a file of several chunks in it, which a lane cuts. It changes with the third state. */
function statesWithLarge(): readonly Tree[] {
  const before = noise(30, LARGE_BYTES);
  const after = noise(31, LARGE_BYTES);
  return states().map((tree, index) => changed(tree, { 'media/large.bin': index < 3 ? before : after }));
}
/** More than the smallest chunk, and little enough to be restored a thousand times. */
const LARGE_BYTES = 600_000;

/** A folder in the system's temporary folder. Tests call `remove` when they are done. */
export class ScenarioSource {
  readonly path: string;
  readonly states: readonly Tree[];
  readonly #outer: string;
  #state = -1;
  #tree: Tree = new Map();
  readonly #folderTimes = new Map<string, Date>();

  constructor({ large = false }: { readonly large?: boolean } = {}) {
    this.states = large ? statesWithLarge() : states();
    this.#outer = mkdtempSync(path.join(tmpdir(), 'cairn-scenario-'));
    this.path = path.join(this.#outer, 'source');
    mkdirSync(this.path);
  }

  /** What is in the folder now. */
  get tree(): Tree {
    return this.#tree;
  }

  /** Index of the state for backups after a crash. */
  get lastState(): number {
    return this.states.length - 1;
  }

  /** Brings the folder into a state. Going back begins anew, so that times are those of the first time. */
  become(state: number): void {
    if (state < this.#state) {
      rmSync(this.path, { recursive: true });
      mkdirSync(this.path);
      this.#state = -1;
      this.#tree = new Map();
      this.#folderTimes.clear();
    }
    while (this.#state < state) this.#step(this.#state + 1);
  }

  remove(): void {
    rmSync(this.#outer, { recursive: true, force: true });
  }

  #step(state: number): void {
    const next = this.states[state];
    if (next === undefined) throw new Error(`the source has no state ${state}`);
    // Half an hour before the backup that sees it: not so fresh that its time could not be trusted.
    const time = new Date(SCENARIO_START_MS + state * HOUR_MS - HOUR_MS / 2);
    for (const name of this.#tree.keys()) if (next.get(name) !== this.#tree.get(name)) this.#take(name, time);
    for (const [name, node] of next) if (this.#tree.get(name) !== node) this.#put(name, node, time);
    for (const [folder, folderTime] of this.#folderTimes)
      utimesSync(path.join(this.path, folder), folderTime, folderTime);
    this.#tree = next;
    this.#state = state;
  }

  #take(name: string, time: Date): void {
    rmSync(path.join(this.path, name));
    this.#folderTimes.set(path.dirname(name), time);
  }

  #put(name: string, node: TreeNode, time: Date): void {
    const place = path.join(this.path, name);
    for (let folder = path.dirname(name); ; folder = path.dirname(folder)) {
      const isNew = !this.#folderTimes.has(folder);
      if (isNew || folder === path.dirname(name)) this.#folderTimes.set(folder, time);
      if (folder === '.') break;
    }
    mkdirSync(path.dirname(place), { recursive: true });
    if (node.kind === 'file') {
      writeFileSync(place, node.bytes);
      utimesSync(place, time, time);
    } else {
      symlinkSync(node.target, place);
      lutimesSync(place, time, time);
    }
  }
}
