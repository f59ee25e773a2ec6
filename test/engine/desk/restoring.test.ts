/** What goes where when several things are restored at once. */
import { describe, expect, it } from 'vitest';
import { CONFLICT_MODES, originalPlace, planParts } from '../../../src-main/engine/desk/restoring.ts';

const source = (path: string, name: string) => ({ path, name, rootNodeId: '' });
const snapshotOf = (...sources: ReturnType<typeof source>[]) =>
  ({ sources }) as unknown as Parameters<typeof originalPlace>[0];

describe('the parts of a restore', () => {
  it('leave out what lies in another part, and what is named twice', () => {
    expect(planParts(['a', 'a/b', 'ab', 'a/', './ab', 'c/d'], true).map(({ path }) => path)).toEqual([
      'a',
      'ab',
      'c/d',
    ]);
  });

  it('are one, where everything is asked for', () => {
    expect(planParts(['a', '', 'b/c'], true)).toEqual([{ path: '', below: '' }]);
  });

  it('go right into the target while their names differ', () => {
    expect(planParts(['x/one', 'y/two'], true)).toEqual([
      { path: 'x/one', below: '' },
      { path: 'y/two', below: '' },
    ]);
  });

  it.each([
    [
      ['p/x/report', 'p/y/report', 'p/z'],
      ['x', 'y', ''],
    ],
    [
      ['x/Report', 'y/report'],
      ['x', 'y'],
    ],
    [
      ['caf\u00e9', 'y/cafe\u0301'],
      ['', 'y'],
    ],
    [
      ['report', 'deep/er/report'],
      ['', 'deep/er'],
    ],
  ])('go into the folders they came from where two would meet: %j', (paths, below) => {
    const parts = planParts(paths, true);
    const byPath = new Map(parts.map((part) => [part.path, part.below]));
    expect(paths.map((path) => byPath.get(path))).toEqual(below);
    expect(new Set(parts.map((part) => `${part.below}/${part.path.split('/').at(-1)}`)).size).toBe(parts.length);
  });

  it('stay where they were in the original place', () => {
    expect(planParts(['x/report', 'y/report'], false).map(({ below }) => below)).toEqual(['', '']);
  });
});

describe('a choice about what is there', () => {
  it('keeps what it replaces, and leaves alone what is unchanged', () => {
    expect(CONFLICT_MODES.replace).toEqual({ overwrite: 'if-changed', keepReplaced: true });
    expect(CONFLICT_MODES['if-newer'].keepReplaced).toBe(true);
    expect(CONFLICT_MODES.skip.overwrite).toBe('never');
    expect(CONFLICT_MODES['keep-both'].overwrite).toBe('keep-both');
  });
});

describe('the original place', () => {
  const one = snapshotOf(source('/home/a/Documents', 'Documents'));
  const two = snapshotOf(source('/home/a/Documents', 'Documents'), source('/home/a/Pictures', 'Pictures'));

  it.each([
    [one, [''], '/home/a/Documents'],
    [one, ['letters/2026/may.txt'], '/home/a/Documents/letters/2026'],
    [one, ['a', 'b/c'], '/home/a/Documents'],
    [two, ['Pictures/sun.png'], '/home/a/Pictures'],
    [two, [''], '/home/a/Documents, /home/a/Pictures'],
  ] as const)('is named for people', (snapshot, paths, place) => {
    expect(originalPlace(snapshot, [...paths])).toBe(place);
  });
});
