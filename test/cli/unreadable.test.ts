/** Listings and searches of a repository in which stored folders are missing: the rest is shown, and that it is the rest. */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileVersion, ListedEntry } from '../../src-shared/model/index.ts';
import { Place, errorDocument } from './cairn.ts';

let place: Place;
/** What stands in these was stored by the first backup only, whose commit file is gone. */
const LOST = ['a', 'bad'];

beforeAll(async () => {
  place = new Place();
  await place.init();
  for (const name of ['a/1.txt', 'bad/2.txt', 'c/3.txt', '4.txt']) place.write(name, name);
  await place.json(['backup', place.source]);
  const first = readdirSync(place.path('repository', 'commits'));
  expect(first).toHaveLength(1);
  place.write('c/5.txt', 'new');
  await place.json(['backup', place.source]);
  place.write('bad/2.txt', 'another content');
  await place.json(['backup', place.source]);
  rmSync(place.path('repository', 'commits', first[0]!));
});
afterAll(() => place.dispose());

describe('with stored folders missing', () => {
  it('ls lists the rest, names the folders on standard error, and ends with status 13', async () => {
    const result = await place.run(['ls', 'latest~1', '--recursive', '--quiet']);
    expect(result.status).toBe(13);
    for (const name of ['4.txt', 'c/3.txt', 'c/5.txt']) expect(result.text).toContain(name);
    expect(result.text).not.toContain('2.txt');
    expect(result.stderr).toMatch(/2 stored folders can’t be read, and what is missing of them is not shown/);
    for (const name of LOST) expect(result.stderr).toMatch(new RegExp(`^  ${name} \\(snapshot [0-9a-f]{8}\\): `, 'm'));
    expect(result.stderr).toContain('cairn verify --deep');
  });

  it('ls --json is one array of entries all the same, and standard error has the rest', async () => {
    const result = await place.run(['ls', 'latest~1', '--recursive', '--json']);
    expect(result.status).toBe(13);
    const entries = JSON.parse(result.text) as ListedEntry[];
    expect(entries.map(({ path }) => path)).toEqual(['4.txt', 'a', 'bad', 'c', 'c/3.txt', 'c/5.txt']);
    expect(result.stderr).toContain('2 stored folders can’t be read');
  });

  it('ls of a folder that is missing itself is an empty array, and status 13', async () => {
    const result = await place.run(['ls', 'latest~1:bad', '--json']);
    expect(result.status).toBe(13);
    expect(JSON.parse(result.text)).toEqual([]);
    expect(result.stderr).toContain('1 stored folder can’t be read');
  });

  it('ls of what is not damaged says nothing and ends well', async () => {
    const result = await place.run(['ls', 'latest:c']);
    expect({ status: result.status, stderr: result.stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('find finds what can be read, in text and as an array', async () => {
    const result = await place.run(['find', '*.txt', '--json']);
    expect(result.status).toBe(13);
    const found = (JSON.parse(result.text) as FileVersion[]).map(({ path }) => path);
    expect(found.sort()).toEqual(['4.txt', 'bad/2.txt', 'c/3.txt', 'c/5.txt']);
    const text = await place.run(['find', '1.txt']);
    expect(text.status).toBe(13);
    expect(text.text).toBe('Nothing matches in what can be read.\n');
    expect(text.stderr).toContain('can’t be read');
  });

  it('versions lists those that can be read; where none can, the damage is the answer', async () => {
    const result = await place.run(['versions', 'bad/2.txt', '--json']);
    expect(result.status).toBe(13);
    expect(JSON.parse(result.text) as FileVersion[]).toMatchObject([{ path: 'bad/2.txt', size: 15 }]);
    expect(result.stderr).toContain('bad/2.txt (snapshot');
    const none = await place.run(['versions', 'a/1.txt', '--json']);
    expect(none.status).toBe(13);
    expect(errorDocument(none).code).toBe('integrity/missing');
  });

  it('the log has each of them, with its reason', async () => {
    await place.run(['ls', 'latest~1', '--recursive']);
    const lines = readFileSync(place.path('home', 'log', 'cairn.log'), 'utf8');
    for (const name of LOST) expect(lines).toContain(`"path":"${name}"`);
  });
});
