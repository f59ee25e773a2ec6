/**
 * A folder that was put in the place of another, with files of equal names, sizes and times. A random sequence of changes
 * found it: two folders that were made in one moment had changed places, and the backup kept the content of the wrong one.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenRepository, openEngine } from '../../../src-main/engine/index.ts';
import { silentLog } from '../../../src-main/engine/kernel/index.ts';
import { Lab } from '../../support/engine-lab.ts';

const PASSWORD = 'correct horse';
/** A backup trusts no time within two seconds of the one before. */
const TRUSTED_AFTER_MS = 2050;
const LONG_AGO = new Date('2020-02-02T02:02:02Z');

let lab: Lab;
let repository: OpenRepository;
beforeEach(async () => {
  lab = new Lab();
  fs.mkdirSync(lab.source);
  repository = await opened();
});
afterEach(() => lab.dispose());

async function opened(home = 'home'): Promise<OpenRepository> {
  const engine = openEngine({ home: lab.path(home), log: silentLog });
  const at = lab.path('real');
  if (!fs.existsSync(at)) await engine.init({ repository: at, password: PASSWORD, compression: 'zstd', kdfCost: 10 });
  return engine.open(at, () => Promise.resolve({ kind: 'password', password: PASSWORD }));
}

const at = (...names: readonly string[]): string => path.join(lab.source, ...names);

function write(name: string, content: string): void {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true });
  fs.writeFileSync(at(name), content);
  fs.utimesSync(at(name), LONG_AGO, LONG_AGO);
}

const backup = () => repository.backup({ sources: [Buffer.from(lab.source)] });

async function content(snapshot: string, name: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of repository.cat({ snapshot, path: Buffer.from(name) })) parts.push(part);
  return Buffer.concat(parts).toString();
}

function swap(left: string, right: string): void {
  fs.renameSync(at(left), at('aside'));
  fs.renameSync(at(right), at(left));
  fs.renameSync(at('aside'), at(right));
}

/** Backed up, so long ago that times are trusted. */
async function prepared(): Promise<string> {
  write('program/version', 'one');
  write('program/deep/in/it', 'ONE');
  write('program.new/version', 'two');
  write('program.new/deep/in/it', 'TWO');
  write('other', 'something else');
  await sleep(TRUSTED_AFTER_MS);
  const { snapshotId } = await backup();
  return snapshotId;
}

async function expectSwapped(snapshot: string): Promise<void> {
  expect(await content(snapshot, 'program/version')).toBe('two');
  expect(await content(snapshot, 'program/deep/in/it')).toBe('TWO');
  expect(await content(snapshot, 'program.new/version')).toBe('one');
  expect(await content(snapshot, 'program.new/deep/in/it')).toBe('ONE');
}

describe('a folder in the place of another, with files of equal sizes and times,', () => {
  it('is read by a backup of everything', async () => {
    await prepared();
    swap('program', 'program.new');
    await expectSwapped((await backup()).snapshotId);
  });

  it('is read by a live backup', async () => {
    const since = await prepared();
    swap('program', 'program.new');
    const folders = [lab.source, at('program'), at('program.new')].map((folder) => Buffer.from(folder));
    const { report, wasFull } = await repository.backUpChanges(
      { sources: [Buffer.from(lab.source)] },
      { since, folders },
    );
    expect(wasFull).toBe(false);
    await expectSwapped(report?.snapshotId ?? expect.fail('nothing was published'));
  });

  it('is read where this computer remembers nothing of the folders', async () => {
    await prepared();
    swap('program', 'program.new');
    repository = await opened('another home');
    await expectSwapped((await backup()).snapshotId);
  });

  it('is read where it is the source itself', async () => {
    await prepared();
    fs.cpSync(lab.source, `${lab.source}.copy`, { recursive: true, preserveTimestamps: true });
    fs.writeFileSync(`${lab.source}.copy/other`, 'SOMETHING ELSE');
    fs.utimesSync(`${lab.source}.copy/other`, LONG_AGO, LONG_AGO);
    await sleep(TRUSTED_AFTER_MS);
    await backup();
    fs.renameSync(lab.source, `${lab.source}.old`);
    fs.renameSync(`${lab.source}.copy`, lab.source);
    expect(await content((await backup()).snapshotId, 'other')).toBe('SOMETHING ELSE');
  });
});

describe('what is known of folders', () => {
  it('lets a backup read nothing but what is new, also where folders got new entries', async () => {
    await prepared();
    write('program/news', 'only this is read');
    expect(await backup()).toMatchObject({ bytesRead: 'only this is read'.length, filesNew: 1, filesChanged: 0 });
  });

  it('is not lost with the process', async () => {
    await prepared();
    write('program/news', 'only this is read');
    repository = await opened();
    expect(await backup()).toMatchObject({ bytesRead: 'only this is read'.length, filesNew: 1, filesChanged: 0 });
  });

  it('may be cut off, or be noise: then more is read, and nothing is wrong', async () => {
    await prepared();
    const folder = path.join(lab.path('home'), 'folders');
    for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const file = path.join(folder, name);
      if (fs.statSync(file).isFile()) fs.writeFileSync(file, 'no sentence at all');
    }
    swap('program', 'program.new');
    repository = await opened();
    await expectSwapped((await backup()).snapshotId);
  });
});

it('a file whose time was set back after it was changed is read', async () => {
  await prepared();
  write('other', 'SOMETHING ELSE');
  const { snapshotId, filesChanged } = await backup();
  expect(filesChanged).toBe(1);
  expect(await content(snapshotId, 'other')).toBe('SOMETHING ELSE');
});
