/** A catalog that is broken, foreign, gone or behind: it is silent or right, never wrong, and whole again afterwards. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CatalogLab } from '../support/catalog-lab.ts';
import { seeded, testSeed } from '../support/seed.ts';

const seed = testSeed('catalog trust');
let lab: CatalogLab;
beforeEach(async () => {
  lab = new CatalogLab(seed);
  lab.commit(3);
  await lab.takeIn();
  expect(await lab.find()).toEqual(await lab.walk());
});
afterEach(() => lab.dispose());

/** Silent until it is brought up to date, and right then. */
async function expectMadeAnew(reason: RegExp): Promise<void> {
  expect(await lab.find()).toBeUndefined();
  expect(await lab.takeIn()).toMatchObject({ taken: lab.history.snapshots.length });
  expect(await lab.find()).toEqual(await lab.walk());
  expect(lab.logged).toEqual([expect.stringMatching(reason)]);
}

describe('a file that', () => {
  test('is something else is set aside and made anew', async () => {
    await lab.catalog.close();
    fs.writeFileSync(lab.file, 'a letter to Ada, and no database at all\n'.repeat(1000));
    lab.catalog = lab.open();
    await expectMadeAnew(/^warn: a catalog file was set aside.*not a database/);
    expect(fs.readFileSync(path.join(lab.folder, lab.setAside()[0] ?? ''), 'utf8')).toMatch(/^a letter to Ada/);
  });

  test('is another program’s database is set aside as it is', async () => {
    await lab.catalog.close();
    lab.inFile((database) => database.pragma('application_id = 77'));
    lab.catalog = lab.open();
    await expectMadeAnew(/set aside.*not a file of the catalog/);
  });

  test('was cut is set aside and made anew, wherever it was cut', async () => {
    await lab.catalog.close();
    const whole = fs.readFileSync(lab.file);
    for (const length of [4096, Math.floor(whole.length / 2 / 4096) * 4096, whole.length - 1]) {
      lab.logged.length = 0;
      fs.writeFileSync(lab.file, whole.subarray(0, length));
      lab.catalog = lab.open();
      await expectMadeAnew(/set aside/);
      await lab.catalog.close();
    }
    lab.catalog = lab.open();
  });

  test('was emptied, or nearly, is made anew where it stands', async () => {
    for (const text of ['', 'S', 'SQLite format 3\0']) {
      await lab.catalog.close();
      fs.writeFileSync(lab.file, text);
      lab.catalog = lab.open();
      expect(await lab.find()).toBeUndefined();
      await lab.takeIn();
      expect(await lab.find()).toEqual(await lab.walk());
    }
  });

  test('is of a newer schema is set aside, not changed', async () => {
    await lab.catalog.close();
    lab.inFile((database) => database.pragma('user_version = 99'));
    lab.catalog = lab.open();
    await expectMadeAnew(/set aside.*schema 99 is newer/);
  });

  test('lacks a table is set aside and made anew', async () => {
    await lab.catalog.close();
    lab.inFile((database) => database.exec('DROP TABLE versions'));
    lab.catalog = lab.open();
    await expectMadeAnew(/set aside.*no such table/);
  });

  test('was removed while it was open is made anew', async () => {
    for (const name of fs.readdirSync(lab.folder)) fs.rmSync(path.join(lab.folder, name));
    await expectMadeAnew(/removed or replaced while it was open/);
  });

  test('was left without its write-ahead log, or with a stranger’s, gives no wrong answer', async () => {
    // A log that is left beside a file that was removed belongs to no file any more.
    await lab.catalog.close();
    lab.catalog = lab.open();
    await lab.find();
    lab.commit(1);
    await lab.takeIn();
    fs.copyFileSync(`${lab.file}-wal`, path.join(lab.home, 'kept-wal'));
    await lab.catalog.close();
    fs.rmSync(lab.file);
    fs.copyFileSync(path.join(lab.home, 'kept-wal'), `${lab.file}-wal`);
    lab.catalog = lab.open();
    expect(await lab.find()).toBeUndefined();
    await lab.takeIn();
    expect(await lab.find()).toEqual(await lab.walk());
  });
});

test('at most three files are kept aside, the newest', async () => {
  for (let round = 0; round < 5; round++) {
    await lab.catalog.close();
    fs.writeFileSync(lab.file, `damaged ${round}`.repeat(500));
    lab.catalog = lab.open();
    await lab.takeIn();
  }
  const kept = lab.setAside().map((name) => fs.readFileSync(path.join(lab.folder, name), 'utf8').slice(0, 9));
  expect(kept.sort()).toEqual(['damaged 2', 'damaged 3', 'damaged 4']);
});

test(
  'a page of the file that turns into noise is met sooner or later, and meanwhile no question fails',
  { timeout: 300_000 },
  async () => {
    await lab.catalog.close();
    const whole = fs.readFileSync(lab.file);
    const noise = seeded(seed + 1);
    const pages = whole.length / 4096;
    const walked = await lab.walk();
    for (let round = 0; round < 12; round++) {
      const page = noise.between(1, pages - 1);
      for (const name of fs.readdirSync(lab.folder)) fs.rmSync(path.join(lab.folder, name));
      fs.writeFileSync(
        lab.file,
        Buffer.concat([whole.subarray(0, page * 4096), noise.bytes(4096), whole.subarray((page + 1) * 4096)]),
      );
      lab.catalog = lab.open();
      const found = await lab.find();
      // An overflow page holds nothing but bytes of one name list or hash: noise there is only found out by comparing.
      if (found !== undefined && found.length !== walked.length) {
        for (let slice = 0; slice < 10 && lab.setAside().length === 0; slice++) await lab.takeIn();
        expect(lab.setAside().length, `page ${page}`).toBe(1);
      }
      const { repository, snapshots } = lab.history;
      await lab.catalog.search(
        { repositoryId: repository.config.repositoryId, instanceId: 'b'.repeat(32) },
        { text: 'note', offset: 0, limit: 10 },
      );
      for (const snapshot of snapshots) await lab.catalog.folder(repository.config.repositoryId, snapshot.id, []);
      for (let slice = 0; slice < 10; slice++) await lab.takeIn();
      if (lab.setAside().length > 0) expect(await lab.find()).toEqual(walked);
      await lab.catalog.close();
    }
    expect(lab.logged.filter((line) => line.startsWith('error'))).toEqual([]);
  },
);

describe('a home that', () => {
  test('can’t be written makes no question fail, and is said once', async () => {
    await lab.catalog.close();
    fs.rmSync(lab.folder, { recursive: true });
    fs.writeFileSync(lab.folder, 'a file in the place of the folder');
    lab.catalog = lab.open();
    expect(await lab.takeIn()).toBeUndefined();
    expect(await lab.takeIn()).toBeUndefined();
    expect(await lab.find()).toBeUndefined();
    lab.catalog.record('any', 1, 1);
    expect(await lab.catalog.series('any', { fromMs: 0, toMs: 10, buckets: 1 })).toBeUndefined();
    // Once of the trees, once of the figures.
    expect(lab.logged).toEqual(Array(2).fill(expect.stringMatching(/^warn: the catalog can’t be used at present: E/)));
  });

  test('is full makes no question fail, and the catalog goes on when there is room', { timeout: 120_000 }, async () => {
    lab.commit(5);
    const child = await runChild(['limited', lab.home], { fileBlocks: 200 });
    expect(child).toMatchObject({ status: 0, answer: 'none' });
    await lab.takeIn();
    expect(await lab.find()).toEqual(await lab.walk());
    expect(await runChild(['limited', lab.home], {})).toMatchObject({ status: 0, answer: 'taken' });
  });
});

test('the files are this user’s alone', () => {
  expect(fs.statSync(lab.folder).mode & 0o777).toBe(0o700);
  for (const name of fs.readdirSync(lab.folder))
    expect(fs.statSync(path.join(lab.folder, name)).mode & 0o777).toBe(0o600);
});

test('removing what is known of a repository leaves nothing of it', async () => {
  await lab.catalog.remove(lab.history.repository.config.repositoryId);
  expect(fs.readdirSync(lab.folder)).toEqual([]);
  expect(await lab.find()).toBeUndefined();
});

describe('two processes', () => {
  test('that take in at once do it once, and both have right answers', { timeout: 300_000 }, async () => {
    const runs = await Promise.all([1, 2, 3].map(() => runChild(['shared', lab.home], {})));
    expect(runs.map(({ status }) => status)).toEqual([0, 0, 0]);
    expect(runs.filter(({ answer }) => answer === 'right').length).toBe(3);
  });
});

type ChildEnd = { readonly status: number | null; readonly answer: string };

/** Runs test/catalog/child.ts to its end; with `fileBlocks` no file of it grows beyond so many KiB. */
function runChild(args: readonly string[], { fileBlocks }: { readonly fileBlocks?: number }): Promise<ChildEnd> {
  const script = path.join(import.meta.dirname, 'child.ts');
  const command = fileBlocks === undefined ? '' : `trap '' XFSZ; ulimit -f ${fileBlocks}; `;
  const child = spawn('bash', ['-c', `${command}exec "$0" "$@"`, process.execPath, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let answer = '';
  child.stdout.on('data', (text: Buffer) => (answer += text.toString()));
  return new Promise((resolve) =>
    child.on('close', (status) => resolve({ status, answer: answer.trim().split('\n').at(-1) ?? '' })),
  );
}
