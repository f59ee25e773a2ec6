/** Paths that a look at everything found and nobody had told of, as a person names them. */
import { expect, test } from 'vitest';
import { absolutePath, missedPaths } from '../../../src-main/engine/agent/proof.ts';

const source = (path: string, name: string) => ({ path, name, rootNodeId: '' });
const NOTHING = { added: [], removed: [], changed: [], metadata: [] };

test('a path of a snapshot of one source begins with that source', () => {
  expect(absolutePath([source('/home/ada/notes', 'notes')], 'plans/june.txt')).toBe('/home/ada/notes/plans/june.txt');
});

test('of two sources with the same last name each path begins with its own', () => {
  // The second one is called “notes-2” in the snapshot; by its last name it would be taken for neither, or for the first.
  const sources = [source('/home/ada/notes', 'notes'), source('/home/bo/notes', 'notes-2')];
  expect(absolutePath(sources, 'notes/june.txt')).toBe('/home/ada/notes/june.txt');
  expect(absolutePath(sources, 'notes-2/june.txt')).toBe('/home/bo/notes/june.txt');
  expect(absolutePath(sources, 'notes-2')).toBe('/home/bo/notes');
});

test('a change is missed only where neither it nor its folder was told of', () => {
  const sources = [source('/home/ada/notes', 'notes'), source('/home/bo/notes', 'notes-2')];
  const found = { ...NOTHING, added: ['notes-2/june.txt'], changed: ['notes/a/b.txt'], metadata: ['notes/a'] };
  const missed = (...told: string[]): readonly string[] =>
    missedPaths(found, new Set(told), (path) => absolutePath(sources, path));
  expect(missed()).toEqual(['/home/bo/notes/june.txt', '/home/ada/notes/a/b.txt', '/home/ada/notes/a']);
  expect(missed('/home/bo/notes', '/home/ada/notes/a')).toEqual([]);
  expect(missed('/home/ada/notes')).toEqual(['/home/bo/notes/june.txt', '/home/ada/notes/a/b.txt']);
});
