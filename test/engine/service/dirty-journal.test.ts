/** What was dirty and is in no snapshot is known again after a crash; whatever else the file says, it says “everything”. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../../src-main/engine/kernel/index.ts';
import { type DirtyJournal, type Unfinished, openDirtyJournal } from '../../../src-main/engine/service/index.ts';
import { FakeTime } from '../../support/fake-time.ts';
import { seeded, testSeed } from '../../support/seed.ts';

let home: string;
let time: FakeTime;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(tmpdir(), 'cairn-journal-'));
  time = new FakeTime();
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const file = (): string => path.join(home, 'journal', 'docs');
const openJournal = (): Promise<DirtyJournal> =>
  openDirtyJournal({ file: file(), ports: { log: silentLog }, after: time.after });
const folder = (name: string | Buffer): { kind: 'folder'; folder: Buffer } => ({
  kind: 'folder',
  folder: Buffer.concat([Buffer.from('/home/ada/'), Buffer.from(name)]),
});
const names = (found: Unfinished): unknown =>
  found.kind === 'everything'
    ? found.reason
    : found.folders.map((one) => one.toString().slice('/home/ada/'.length)).sort();
/** As a process that was killed leaves it: nothing is closed. */
const afterCrash = async (): Promise<unknown> => names((await openJournal()).found);

describe('the journal', () => {
  test('is empty at first, and lies in a folder of this user alone', async () => {
    expect(await afterCrash()).toEqual([]);
    expect(fs.statSync(file()).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(file())).mode & 0o777).toBe(0o700);
  });

  test('gives after a crash what was added and not acknowledged', async () => {
    const journal = await openJournal();
    journal.add(folder('a'));
    journal.add(folder('b'));
    const mark = journal.mark();
    journal.add(folder('c'));
    journal.add(folder('a'));
    journal.acknowledge(mark);
    await journal.flush();
    expect(await afterCrash()).toEqual(['a', 'c']);
    // And again, for the next crash.
    expect(await afterCrash()).toEqual(['a', 'c']);
  });

  test('writes by itself within a fraction of a second, and once for all that came', async () => {
    const journal = await openJournal();
    const before = fs.readFileSync(file(), 'utf8');
    for (const name of ['a', 'b', 'c']) journal.add(folder(name));
    await time.pass(150);
    expect(fs.readFileSync(file(), 'utf8')).toBe(before);
    await time.pass(100);
    await journal.flush();
    expect(await afterCrash()).toEqual(['a', 'b', 'c']);
  });

  test('keeps every byte of a path, in one line', async () => {
    const journal = await openJournal();
    const odd = ['new\nline', 'back\\slash', 'tab\tand\u202eturned', ' ', '漢字'].map((name) => Buffer.from(name));
    const all = [...odd, Buffer.from([0xff, 0x0a, 0xc3]), Buffer.from('x'.repeat(5000))];
    for (const name of all) journal.add(folder(name));
    await journal.close();
    const { found } = await openJournal();
    expect(found).toMatchObject({ kind: 'folders' });
    const paths = found.kind === 'folders' ? found.folders.map((one) => one.toString('hex')).sort() : [];
    expect(paths).toEqual(all.map((name) => folder(name).folder.toString('hex')).sort());
  });

  test('knows that everything was to be looked at, and forgets it when that was done', async () => {
    const journal = await openJournal();
    journal.add(folder('a'));
    journal.add({ kind: 'everything', reason: 'overflow' });
    const mark = journal.mark();
    journal.add(folder('b'));
    await journal.flush();
    expect(await afterCrash()).toBe('overflow');
    journal.acknowledge(mark);
    await journal.close();
    expect(await afterCrash()).toEqual(['b']);
  });

  test('says “everything” beyond a number of folders, and stays small', async () => {
    const journal = await openJournal();
    for (let index = 0; index < 40_000; index++) journal.add(folder(`folder ${index}`));
    await journal.close();
    expect(await afterCrash()).toBe('many-folders');
  });

  test('does not grow with what is acknowledged', async () => {
    const journal = await openJournal();
    let largest = 0;
    for (let round = 0; round < 300; round++) {
      for (let index = 0; index < 100; index++) journal.add(folder(`round ${round} folder ${index}`));
      const mark = journal.mark();
      // One that stays dirty all the time: the file is never without anything.
      journal.add(folder('log'));
      journal.acknowledge(mark);
      await journal.flush();
      largest = Math.max(largest, fs.statSync(file()).size);
    }
    expect(largest).toBeLessThan(2 * 1024 * 1024);
    expect(await afterCrash()).toEqual(['log']);
  });

  test('that is empty takes no more than a line', async () => {
    const journal = await openJournal();
    for (let index = 0; index < 100; index++) journal.add(folder(String(index)));
    journal.acknowledge(journal.mark());
    await journal.close();
    expect(fs.statSync(file()).size).toBeLessThan(100);
  });
});

describe('a file that is not as it was written', () => {
  const written = async (): Promise<Buffer> => {
    const journal = await openJournal();
    for (let index = 0; index < 20; index++) journal.add(folder(`folder ${index}`));
    await journal.close();
    return fs.readFileSync(file());
  };

  test('with a torn last line gives all lines before it', async () => {
    const whole = await written();
    const lines = whole.toString().split('\n').length - 1;
    for (let length = whole.length; length >= 0; length -= 5) {
      fs.writeFileSync(file(), whole.subarray(0, length));
      const complete = whole.subarray(0, length).toString().split('\n').length - 1;
      // The first line says that nothing was acknowledged.
      expect((await afterCrash()) as unknown[]).toHaveLength(Math.max(0, complete - 1));
    }
    expect(lines).toBe(21);
  });

  test('in any byte before that says everything, or what was there', async () => {
    const whole = await written();
    const random = seeded(testSeed('journal damage'));
    const lastLine = whole.subarray(0, -1).lastIndexOf(0x0a) + 1;
    for (let round = 0; round < 300; round++) {
      const damaged = Buffer.from(whole);
      const at = random.between(0, lastLine - 2);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.between(0, 7));
      fs.writeFileSync(file(), damaged);
      expect({ at, found: await afterCrash() }).toEqual({ at, found: 'journal-damaged' });
    }
  });

  test.each([
    ['a folder', () => fs.mkdirSync(file())],
    ['a book', () => fs.writeFileSync(file(), 'Call me Ishmael.\n')],
    ['zeros', () => fs.writeFileSync(file(), Buffer.concat([Buffer.alloc(4096), Buffer.from('\n')]))],
    ['a file of 100 MB', () => fs.truncateSync((fs.writeFileSync(file(), ''), file()), 100_000_000)],
  ])('says everything when it is %s', async (_what, make) => {
    fs.mkdirSync(path.dirname(file()), { recursive: true });
    make();
    expect(await afterCrash()).toBe('journal-damaged');
  });

  test('that can’t be written stops nobody, and is written again as soon as that is possible', async () => {
    const journal = await openJournal();
    fs.rmSync(path.dirname(file()), { recursive: true });
    fs.writeFileSync(path.dirname(file()), 'in the way');
    journal.add(folder('a'));
    await journal.flush();
    fs.rmSync(path.dirname(file()));
    journal.add(folder('b'));
    await journal.flush();
    expect(await afterCrash()).toEqual(['a', 'b']);
  });
});

test('killed at any moment it gives nothing that was acknowledged before, and everything that was flushed', async () => {
  const random = seeded(testSeed('journal'));
  for (let round = 0; round < 60; round++) {
    const journal = await openJournal();
    journal.acknowledge(journal.mark());
    await journal.flush();
    const owed = new Set<string>();
    for (let steps = random.between(0, 20); steps > 0; steps--) {
      const name = `f${random.between(0, 8)}`;
      journal.add(folder(name));
      owed.add(name);
      if (random.chance(0.2)) {
        journal.acknowledge(journal.mark());
        owed.clear();
      }
    }
    await journal.flush();
    journal.add(folder('not yet on disk'));
    expect({ round, found: await afterCrash() }).toEqual({ round, found: [...owed].sort() });
  }
});
