/**
 * Every command of the contract against whoever means it badly. The samples are a mapped type: a new command without a
 * sample does not compile, and every check below goes over all of them.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_NAMES, type CommandName, type InputOf } from '../../src-shared/api/index.ts';
import type { Schedule } from '../../src-shared/model/index.ts';
import { RULES, ServiceLab, type TestClient } from '../support/service-lab.ts';

const ID = 'ab'.repeat(16);
const LONG_ID = 'cd'.repeat(32);
const AT_PATH = { destinationId: ID, snapshotId: LONG_ID, path: 'a/b' };
const COMPARE = { destinationId: ID, before: LONG_ID, after: LONG_ID, path: 'a/b' };
const SCHEDULE: Schedule = {
  timing: { kind: 'weekly', days: ['monday'], at: '21:00' },
  whenDriveConnected: true,
  conditions: { onlyOnMainsPower: true, notOnMetered: true, onlyWhenIdleMinutes: 10 },
  staleAfterDays: 7,
};
const RESTORE = {
  destinationId: ID,
  snapshotId: LONG_ID,
  paths: ['a'],
  to: { kind: 'folder', handle: ID },
  conflict: 'keep-both',
} as const;

/** A well-formed input for each command, whose ids and handles nobody gave out. */
const SAMPLES: { readonly [Name in CommandName]: InputOf<Name> } = {
  'app.info': {},
  'app.doctor': { destinationId: ID },
  'settings.get': {},
  'settings.change': { theme: 'dark' },
  'places.suggested': {},
  'places.drives': {},
  'places.browse': { handle: ID, hidden: false },
  'places.makeFolder': { handle: ID, name: 'new' },
  'places.dialog': { purpose: 'source' },
  'places.measure': { handles: [ID], rules: RULES },
  'places.stopMeasuring': {},
  'places.probe': { handle: ID, sources: [ID] },
  'overview.get': {},
  'sets.create': {
    name: 'A set',
    sources: [ID],
    rules: RULES,
    destination: ID,
    password: 'secret-in-a-request',
    compression: 'zstd:3',
    schedule: SCHEDULE,
  },
  'sets.adopt': { destination: ID, secret: { kind: 'password', password: 'secret-in-a-request' }, remember: true },
  'sets.edit': { setId: ID, name: 'A set', keepSources: [0], addSources: [], rules: RULES },
  'sets.schedule': { setId: ID, schedule: SCHEDULE },
  'sets.pause': { setId: ID, until: '2026-11-22T18:00:00.000Z' },
  'sets.resume': { setId: ID },
  'sets.remove': { setId: ID },
  'destinations.unlock': {
    destinationId: ID,
    secret: { kind: 'recovery', recoveryKey: 'secret-in-a-request' },
    remember: true,
  },
  'destinations.lock': { destinationId: ID, forget: true },
  'jobs.list': {},
  'jobs.backup': { setId: ID, reread: false },
  'jobs.verify': { destinationId: ID, depth: { kind: 'sample', percent: 5 } },
  'jobs.restore': RESTORE,
  'jobs.planRestore': RESTORE,
  'jobs.undo': { runId: ID },
  'jobs.cancel': { jobId: ID },
  'jobs.dismiss': { jobId: ID },
  'jobs.reveal': { jobId: ID },
  'snapshots.list': { destinationId: ID },
  'browse.list': { ...AT_PATH, sort: { by: 'name', descending: false }, filter: '', offset: 0, limit: 10 },
  'browse.preview': AT_PATH,
  'search.find': { destinationId: ID, text: 'letter', type: 'any', offset: 0, limit: 10 },
  'search.versions': AT_PATH,
  'compare.list': { ...COMPARE, kinds: ['added', 'changed'], offset: 0, limit: 10 },
  'compare.text': COMPARE,
  'metrics.get': { range: 'month' },
  'integrity.status': { destinationId: ID },
  'activity.runs': { before: null, limit: 10 },
  'activity.run': { runId: ID },
  'activity.log': { level: 'info', limit: 10 },
  'keys.list': { destinationId: ID },
  'keys.addRecovery': { destinationId: ID, label: 'x' },
  'keys.changePassword': {
    destinationId: ID,
    currentPassword: 'secret-in-a-request',
    newPassword: 'secret-in-a-request',
  },
  'keys.remove': { destinationId: ID, keyId: LONG_ID },
};

/** Commands that answer without any id: what they give for the sample is a value. */
const ANSWERS: readonly CommandName[] = [
  'app.info',
  'settings.get',
  'settings.change',
  'places.suggested',
  'places.drives',
  'places.stopMeasuring',
  'overview.get',
  'jobs.list',
  'metrics.get',
  'activity.runs',
  'activity.log',
];

type Fields = Readonly<Record<string, unknown>>;

/** Every place of a value, as a path of keys. */
function placesIn(value: unknown): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...placesIn(inner).map((rest) => [key, ...rest])]);
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy: unknown = Array.isArray(value) ? value.slice() : { ...(value as Fields) };
  const inner = (value as Fields)[key];
  Object.assign(copy as Fields, { [key]: replaced(inner, rest, by) });
  return copy;
}

function without(value: unknown, [key, ...rest]: readonly string[]): unknown {
  const fields = Object.entries(value as Fields);
  if (rest.length === 0) return Object.fromEntries(fields.filter(([name]) => name !== key));
  return Object.fromEntries(fields.map(([name, inner]) => [name, name === key ? without(inner, rest) : inner]));
}

const at = (value: unknown, place: readonly string[]): unknown =>
  place.reduce<unknown>((inner, key) => (inner as Fields)[key], value);

/** Everything on disk, with times and sizes of files. */
function everything(folder: string): readonly string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const stat = fs.statSync(path.join(folder, name));
      return `${name} ${stat.isFile() ? `${stat.size} ${stat.mtimeMs}` : ''}`;
    })
    .toSorted();
}

let lab: ServiceLab;
let client: TestClient;
let before: readonly string[];

beforeAll(async () => {
  lab = new ServiceLab();
  lab.write('letter.txt', 'Dear Ada,');
  client = await lab.start();
  before = everything(lab.folder);
});
afterAll(() => lab.dispose());

async function refused(command: string, input: unknown): Promise<string> {
  const reply = await client.ask(command, input);
  if (reply.ok) return `accepted ${JSON.stringify(input).slice(0, 200)}`;
  return reply.error.code;
}

describe.each(COMMAND_NAMES)('%s', (command) => {
  const sample = SAMPLES[command];

  it('refuses what is no record', async () => {
    for (const input of [null, undefined, 5, 'text', true, [], [sample], 10n, new Uint8Array(3), new Uint8Array()]) {
      expect(await refused(command, input)).toBe('usage/invalid');
    }
  });

  it('refuses fields that it does not know, those that every object inherits included', async () => {
    for (const name of ['extra', '__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const input: unknown = JSON.parse(`{${JSON.stringify(name)}: {"polluted": true}}`);
      const hostile = Object.defineProperty({ ...sample }, name, {
        value: at(input, []),
        enumerable: true,
        configurable: true,
      });
      expect(await refused(command, hostile)).toBe('usage/invalid');
    }
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('refuses a missing field', async () => {
    const optional = command === 'settings.change';
    for (const key of Object.keys(sample)) {
      if (!optional) expect(await refused(command, without(sample, [key]))).toBe('usage/invalid');
    }
  });

  it('refuses every field of a wrong type, wherever it stands', async () => {
    for (const place of placesIn(sample)) {
      const right = at(sample, place);
      const wrong = [{ evil: 1 }, Number.NaN, -1, 1.5, 10n, new Date(0)].filter(
        (value) => !(typeof right === 'number' && value === 1.5 && place.at(-1) === 'percent'),
      );
      for (const value of wrong) {
        const code = await refused(command, replaced(sample, place, value));
        expect([place.join('.'), code]).toEqual([place.join('.'), 'usage/invalid']);
      }
    }
  });

  it('refuses texts without end and lists without end', async () => {
    for (const place of placesIn(sample)) {
      const right = at(sample, place);
      if (typeof right === 'string')
        expect(await refused(command, replaced(sample, place, 'x'.repeat(300_000)))).toBe('usage/invalid');
      if (Array.isArray(right))
        expect(await refused(command, replaced(sample, place, Array(100_000).fill(right[0] ?? 'x')))).toBe(
          'usage/invalid',
        );
    }
  });

  it('answers ids that nobody gave out with an error of ours, or needs none', async () => {
    const reply = await client.ask(command, sample);
    if (ANSWERS.includes(command)) return expect(reply.ok).toBe(true);
    const code = reply.ok ? 'accepted' : reply.error.code;
    expect(code).toBe(command === 'places.dialog' ? 'app/unavailable' : 'app/not-found');
  });
});

describe('all of it together', () => {
  it('wrote nothing but the setting that was changed, how things stand, and its own figures', () => {
    const after = everything(lab.folder).filter(
      (line) => !/settings\.json|status\.json|locks|^home\/catalog(?: $|\/metrics\.db)/.test(line),
    );
    expect(after).toEqual(before);
    expect(fs.readdirSync(path.join(lab.home, 'locks/settings.json'))).toEqual([]);
  });

  it('met no defect, and put no secret into an error or the log', () => {
    expect(lab.logged.filter(({ message }) => message === 'a defect')).toEqual([]);
    expect(JSON.stringify(lab.logged)).not.toContain('secret-in-a-request');
    expect(JSON.stringify(client.received)).not.toContain('secret-in-a-request');
  });

  it('refuses commands that every object has', async () => {
    for (const command of ['__proto__', 'constructor', 'toString', 'nothing', 'jobs.backup ']) {
      expect(await refused(command, {})).toBe('usage/invalid');
    }
  });

  it('has a sample for every command', () => {
    expect(Object.keys(SAMPLES).toSorted()).toEqual([...COMMAND_NAMES].toSorted());
  });
});
