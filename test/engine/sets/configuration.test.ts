/** CONFIGURATION.md is held to the schema: every field and default, every kind of timing, and the example. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { SCHEDULE_LIMITS } from '../../../src-shared/format/index.ts';
import { AGAIN_TRIES_MAX, SCHEDULE_DEFAULTS } from '../../../src-main/engine/schedule/index.ts';
import { CONFIGURATION_VERSION, configurationSchema } from '../../../src-main/engine/sets/set-records.ts';
import { type MarkedTable, nameIn, parseTables } from '../../format/page.ts';

const PAGE = readFileSync(path.resolve(import.meta.dirname, '../../../src-main/engine/CONFIGURATION.md'), 'utf8');
const tables = parseTables(PAGE).filter(({ kind }) => kind === 'fields');

function tableOf(name: string): MarkedTable {
  const found = tables.filter((table) => table.name === name);
  if (found.length !== 1) throw new Error(`CONFIGURATION.md has ${found.length} tables “${name}”`);
  return found[0]!;
}

type Schema = {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly wrapped?: Schema;
  readonly item?: Schema;
  readonly options?: readonly Schema[];
  readonly literal?: unknown;
  readonly default?: unknown;
};

/** What a field holds, without what says that it may be absent, null or several. */
function inner(schema: Schema): Schema {
  const next = schema.wrapped ?? schema.item;
  return next === undefined || schema.entries !== undefined ? schema : inner(next);
}

const root = configurationSchema as unknown as Schema;
const fieldsOf = (schema: Schema): Readonly<Record<string, Schema>> => schema.entries ?? {};
const at = (schema: Schema, ...names: readonly string[]): Schema =>
  names.reduce((found, name) => inner(fieldsOf(found)[name]!), schema);

const set = at(root, 'sets');
const RECORDS: Readonly<Record<string, Schema>> = {
  set,
  destination: at(root, 'destinations'),
  rules: at(set, 'rules'),
  schedule: at(set, 'schedule'),
  conditions: at(set, 'schedule', 'conditions'),
  hooks: at(set, 'hooks'),
  command: at(set, 'hooks', 'before'),
};

/** “required”, or the default as JSON. */
function defaultOf(schema: Schema): string {
  return schema.type === 'optional' ? JSON.stringify(schema.default) : 'required';
}

describe('CONFIGURATION.md', () => {
  it('has every field and default of the file, and no other', () => {
    const version = ['version', 'required'];
    const inCode = { configuration: root, ...RECORDS };
    const names = tables.map(({ name }) => name).filter((name) => name !== 'timing');
    expect(names.sort()).toEqual(Object.keys(inCode).sort());
    for (const [name, schema] of Object.entries(inCode)) {
      const inPage = tableOf(name).rows.map((row) => [nameIn(row['field']), nameIn(row['default'])]);
      const fields = Object.entries(fieldsOf(schema)).map(([field, of]) => [
        field,
        // Too long for a table: it stands below it.
        field === 'schedule' ? 'below' : defaultOf(of),
      ]);
      expect({ [name]: inPage }).toEqual({ [name]: name === 'configuration' ? [version, ...fields] : fields });
    }
    expect(PAGE).toContain(`\`${JSON.stringify(SCHEDULE_DEFAULTS)}\``);
    expect(PAGE).toContain(`| \`version\` | required | ${CONFIGURATION_VERSION} |`);
  });

  it('has every kind of timing with its fields', () => {
    const kinds = (at(set, 'schedule', 'timing').options ?? []).map((option) => {
      const { kind, ...fields } = fieldsOf(option);
      return [kind?.literal, Object.keys(fields).join(', ')];
    });
    expect(tableOf('timing').rows.map((row) => [nameIn(row['kind']), nameIn(row['fields'])])).toEqual(kinds);
  });

  it('names the limits that hold', () => {
    const { fullScanHoursMax, intervalMinutesMax, idleMinutesMax, staleDaysMax, hookSecondsMax, hookArgumentsMax } =
      SCHEDULE_LIMITS;
    for (const limit of [
      `1 to ${fullScanHoursMax} hours`,
      `1 to ${intervalMinutesMax}`,
      `(1 to ${idleMinutesMax})`,
      `(1 to ${staleDaysMax})`,
      `1 to ${hookSecondsMax}`,
      `1 to ${hookArgumentsMax} texts`,
    ])
      expect(PAGE).toContain(limit);
    const again = Array.from({ length: AGAIN_TRIES_MAX }, (_, tries) => 15 * 2 ** tries);
    expect(PAGE.replaceAll('\n', ' ')).toContain(
      `after ${again[0]} minutes, then ${again.slice(1, -1).join(', ')} and ${again.at(-1)}`,
    );
  });

  it('has an example that Cairn reads, whole', () => {
    const text = /```json\n(.*?)```/s.exec(PAGE)?.[1] ?? '';
    const { version, ...example } = JSON.parse(text) as Record<string, unknown>;
    expect(version).toBe(CONFIGURATION_VERSION);
    const parsed = v.parse(configurationSchema, example);
    expect(parsed).toMatchObject(example);
    expect(parsed.sets[0]).toMatchObject({ pausedUntil: null, pausedAt: null });
    expect(parsed.hooksInWebHost).toBe(false);
  });

  it.each([
    ['a cron text that never comes', { timing: { kind: 'cron', text: '0 0 30 2 *' } }],
    ['a day that is none', { timing: { kind: 'weekly', days: ['someday'], at: '21:00' } }],
    ['no day at all', { timing: { kind: 'weekly', days: [], at: '21:00' } }],
    ['a time without a zero', { timing: { kind: 'daily', at: '9:00' } }],
    ['a kind that is none', { timing: { kind: 'sometimes' } }],
    ['an interval of nothing', { timing: { kind: 'minutes', every: 0 } }],
    ['half an hour', { timing: { kind: 'continuous', fullScanEveryHours: 0.5 } }],
    ['an alarm after ages', { staleAfterDays: 4000 }],
  ])('is not what %s would be read as', (_, change) => {
    const text = /```json\n(.*?)```/s.exec(PAGE)?.[1] ?? '';
    const example = JSON.parse(text) as { sets: { schedule: object }[] };
    example.sets[0]!.schedule = { ...example.sets[0]!.schedule, ...change };
    expect(v.safeParse(configurationSchema, example).success).toBe(false);
  });
});
