/**
 * The story: `restore --delete` removed what the snapshot does not have. With ignore files, that was everything they
 * leave out: files of which there was no other copy.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CairnError } from '../../../src-shared/errors.ts';
import { Lab } from '../../support/engine-lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
});
afterEach(() => lab.dispose());

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const full = path.join(lab.source, name);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(full, content);
  }
}

function filesOnDisk(folder = lab.source): string[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const full = path.join(folder, entry.name);
      return entry.isDirectory() ? filesOnDisk(full) : [path.relative(lab.source, full)];
    })
    .sort();
}

describe('restore --delete', () => {
  it('leaves alone what ignore files, cache tags and marks left out of the backup', async () => {
    const leftOut = {
      'ignored.tmp': '1',
      'deep/er/x.log': '2',
      'deep/build/all/of/it': '3',
      'cache/data': '4',
      'cache/sub/data': '5',
      'marked/data': '6',
    };
    write({
      ...leftOut,
      '.cairnignore': '*.tmp\n',
      'deep/.gitignore': '*.log\nbuild/\n!kept.log\n',
      'deep/kept.log': 'kept',
      'cache/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55',
      'marked/.nobackup': '',
      a: 'a',
    });
    const repository = await lab.open();
    await lab.backup(repository, { gitignore: true, excludeCaches: true, excludeIfPresent: ['.nobackup'] });
    const before = filesOnDisk();
    // What came later and no rule speaks of goes; what is gone comes back, the ignore file too.
    write({ later: 'x', 'deep/new/later': 'x', 'deep/new/x.log': 'stays', 'new.tmp': 'stays' });
    fs.rmSync(path.join(lab.source, 'a'));
    fs.rmSync(path.join(lab.source, 'deep/.gitignore'));
    fs.rmSync(path.join(lab.source, '.cairnignore'));
    await lab.restore(repository, 'latest', undefined, { delete: true });
    expect(filesOnDisk()).toEqual([...before, 'deep/new/x.log', 'new.tmp'].sort());
  });

  it('removes nothing below a folder whose ignore file can’t be read, and goes on elsewhere', async () => {
    write({ 'damaged/.cairnignore': '*.tmp\n', 'damaged/sub/b': 'b', 'whole/a': 'a' });
    const repository = await lab.open();
    await lab.backup(repository);
    write({ 'damaged/x.tmp': '', 'damaged/sub/x.tmp': '', 'whole/later': '' });
    const read = repository.readBlob.bind(repository);
    repository.readBlob = async (id, type) => {
      const bytes = await read(id, type);
      if (Buffer.from(bytes).toString() === '*.tmp\n') throw new CairnError('integrity/damaged', 'hidden by the test');
      return bytes;
    };
    await lab.restore(repository, 'latest', undefined, { delete: true });
    const expected = ['damaged/.cairnignore', 'damaged/sub/b', 'damaged/sub/x.tmp', 'damaged/x.tmp', 'whole/a'];
    expect(filesOnDisk()).toEqual(expected);
  });

  it('removes what ignore files name where the backup did not follow them', async () => {
    write({ '.cairnignore': '*.tmp\n', '.gitignore': '*.log\n', a: 'a' });
    const repository = await lab.open();
    await lab.backup(repository, { cairnignore: false });
    write({ 'b.tmp': '', 'b.log': '' });
    await lab.restore(repository, 'latest', undefined, { delete: true });
    expect(filesOnDisk()).toEqual(['.cairnignore', '.gitignore', 'a']);
  });
});
