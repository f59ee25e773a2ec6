/** `cairn restore --keep-replaced` and `cairn undo`, as a person uses them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { RestoreReport, UndoReport, UndoableRestore } from '../../src-shared/model/index.ts';
import { Place, errorDocument } from './cairn.ts';

let place: Place;
beforeEach(async () => {
  place = new Place();
  place.write('letter.txt', 'dear ada');
  await place.init();
  await place.json(['backup', place.source]);
  place.write('letter.txt', 'dear ada, this is not in any backup yet');
});
afterEach(() => place.dispose());

const letter = (): string => readFileSync(path.join(place.source, 'letter.txt'), 'utf8');

describe('restore --keep-replaced and undo', () => {
  it('give back what was there, once', async () => {
    const report = (await place.json(['restore', 'latest', '--keep-replaced'])) as RestoreReport;
    expect(report).toMatchObject({ replaced: 1, problems: [] });
    expect(letter()).toBe('dear ada');
    const [listed] = (await place.json(['undo', '--list'])) as readonly UndoableRestore[];
    expect(listed?.undoId).toBe(report.undoId);
    expect((await place.json(['undo'])) as UndoReport).toEqual({ broughtBack: 1, removed: 0, problems: [] });
    expect(letter()).toBe('dear ada, this is not in any backup yet');
    expect(await place.json(['undo', '--list'])).toEqual([]);
    expect(errorDocument(await place.run(['undo', '--json']))).toMatchObject({ code: 'path/not-found' });
  });

  it('say where things are kept, and how to take it back', async () => {
    const restored = await place.run(['restore', 'latest', '--keep-replaced']);
    expect(restored.status).toBe(0);
    expect(restored.stderr + restored.text).toContain('.cairn-replaced');
    expect(restored.stderr + restored.text).toContain('“cairn undo” takes this restore back');
  });

  it('are nothing a restore does by itself', async () => {
    const report = (await place.json(['restore', 'latest'])) as RestoreReport;
    expect(report.undoId).toBeUndefined();
    expect(await place.json(['undo', '--list'])).toEqual([]);
  });

  it('end with status 3 where a person has changed something since, and keep that', async () => {
    await place.json(['restore', 'latest', '--keep-replaced']);
    place.write('letter.txt', 'a third text');
    const undone = await place.run(['undo']);
    expect(undone.status).toBe(3);
    expect(letter()).toBe('dear ada, this is not in any backup yet');
    expect(readFileSync(path.join(place.source, 'letter.txt.before-restore'), 'utf8')).toBe('a third text');
  });
});
