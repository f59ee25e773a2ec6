/**
 * `cairn set`: backup sets, which the app, the agent and this command share. What is changed here, a running app takes over
 * within seconds.
 */
import { lstat } from 'node:fs/promises';
import type { Command } from 'commander';

import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath, escapePath } from '../../../src-shared/format/index.ts';
import type { PausedUntil } from '../../../src-shared/model/index.ts';
import type { SetRecord } from '../../engine/sets/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, inRepositoryAt } from '../in-repository.ts';
import { type GlobalFlags, repositoryPath } from '../options.ts';
import { localTime } from '../output-style.ts';
import { secretSource } from '../secret.ts';
import { type Sets, openSets, viewOf } from '../sets.ts';
import { SET_HELP, type SetFlags, addSetOptions, changeFrom, passwordFileFrom } from './set-options.ts';
import { keepIn, keepWhereOpen, runSetCommand } from './set-run.ts';
import { setText, setsText } from './set-text.ts';

const SET_ARGUMENT = ['<set>', 'its name, or the first characters of its id'] as const;
const PAUSE_HOURS_MAX = 366 * 24;
const HOUR_MS = 3_600_000;

export function addSet(program: Command, host: Host): void {
  const set = program
    .command('set')
    .summary('backup sets and their schedules')
    .description('A backup set is what is backed up, where to, by what rules and when. The app shows the same ones.')
    .addHelpText(
      'after',
      '\nExamples:\n  cairn set add --source ~/Documents --schedule "daily 21:00"\n  cairn set list\n  cairn set run Documents',
    );
  addAdd(set, host);
  addList(set, host);
  addEdit(set, host);
  addRemove(set, host);
  addRun(set, host);
  addPause(set, host);
}

function addAdd(set: Command, host: Host): void {
  const command = set
    .command('add')
    .summary('make a backup set')
    .description('Makes a backup set in a repository that is there already. Nothing is backed up yet.');
  addSetOptions(command, false);
  command
    .addHelpText(
      'after',
      `${SET_HELP}\n\nA file that is named with --password-file is remembered, not the password in it;\nit has to be yours alone.\n\nExamples:\n  cairn set add --repo /media/blue/laptop --source ~ --exclude '*.tmp' \\\n    --schedule continuous --password-file ~/.config/cairn-password\n  cairn set add --source ~/Pictures --schedule "weekly sun 10:00"`,
    )
    .action(async (_flags: unknown, command: Command) => add(host, flagsOf<SetFlags>(command)));
}

async function add(host: Host, flags: SetFlags): Promise<void> {
  const { SET_DEFAULTS, withSet } = await import('../../engine/sets/index.ts');
  const change = await changeFrom(flags, SET_DEFAULTS);
  if (change.sources === undefined) {
    throw new CairnError('usage/invalid', 'A backup set needs something to back up.', {
      hint: 'Name it with --source PATH.',
    });
  }
  const path = repositoryPath(flags, host.environment);
  const passwordFile = await usablePasswordFile(flags);
  const { destinationRecordAt, distinctSources, nameOfSources, newSetRecord } =
    await import('../../engine/desk/index.ts');
  const { baseNameOf, bytesOf } = await import('../../engine/kernel/index.ts');
  const { systemVolumes, volumesNow } = await import('../../engine/drives/index.ts');
  const sources = distinctSources(change.sources.map(bytesOf));
  const sets = await openSets(host);
  const { ports, userHome, records } = sets;
  const source = secretSource(host, flags, path);
  const { record, destination } = await inRepositoryAt(host, { path, source }, {}, async (repository) => {
    const table = await volumesNow(systemVolumes(userHome));
    const found = await destinationRecordAt(path, { ports, table, known: records.state.destinations });
    const destination = passwordFile === undefined ? found : { ...found, passwordFile };
    const record = newSetRecord(ports, {
      ...change,
      name: change.name ?? nameOfSources(sources.map((one) => escapePath(baseNameOf(one)))),
      sources: sources.map((one) => escapePath(one)),
      destinationId: destination.destinationId,
    });
    await records.change((state) => withSet(state, record, destination));
    await keepIn(repository, sets, record);
    return { record, destination };
  });
  await warnOfMissing(host, sources);
  await show(host, sets, record);
  if (destination.encrypted && destination.passwordFile === null && record.schedule.timing.kind !== 'manual') {
    await host.output.note('Without --password-file it runs by itself only while the app has its password.');
  }
}

/** A folder on a drive that is away is fine; a slip of the keyboard looks the same. */
async function warnOfMissing(host: Host, sources: readonly Buffer[]): Promise<void> {
  for (const source of sources) {
    const isThere = await lstat(source).then(
      () => true,
      () => false,
    );
    if (!isThere) await host.output.warn(`${escapePath(source)} is not there now.`);
  }
}

/** Checked before it is written down: it will be needed with nobody there. */
async function usablePasswordFile(flags: GlobalFlags): Promise<string | undefined> {
  const passwordFile = passwordFileFrom(flags);
  if (passwordFile === undefined) return undefined;
  const { readPasswordFile } = await import('../../engine/sets/index.ts');
  await readPasswordFile(passwordFile);
  return passwordFile;
}

function addList(set: Command, host: Host): void {
  set
    .command('list')
    .summary('list the backup sets')
    .description('Lists the backup sets, with when they ran and when they run next.')
    .addHelpText('after', '\nExamples:\n  cairn set list\n  cairn set list --json')
    .action(async () => {
      const sets = await openSets(host);
      const views = await Promise.all(sets.records.state.sets.map((record) => viewOf(sets, record)));
      await host.output.result(views, () => setsText(views, host.output.style));
      host.finish(EXIT.done);
    });
  set
    .command('show')
    .summary('show a backup set')
    .description('Shows all there is to know of a backup set.')
    .argument(...SET_ARGUMENT)
    .addHelpText('after', '\nExamples:\n  cairn set show Documents')
    .action(async (name: string) => {
      const sets = await openSets(host);
      const { findSet } = await import('../../engine/sets/index.ts');
      await show(host, sets, findSet(sets.records.state, name));
    });
}

function addEdit(set: Command, host: Host): void {
  const command = set
    .command('edit')
    .summary('change a backup set')
    .description('Changes what is given and leaves the rest. What is given as a list replaces the list.')
    .argument(...SET_ARGUMENT);
  addSetOptions(command, true);
  command
    .option('--forget-password-file', 'no longer read the password from a file')
    .addHelpText(
      'after',
      `${SET_HELP}\n\nExamples:\n  cairn set edit Documents --schedule "every 4h" --only-on-power\n  cairn set edit Documents --name Papers --no-exclude`,
    )
    .action(async (name: string, _flags: unknown, command: Command) => edit(host, name, flagsOf(command)));
}

async function edit(
  host: Host,
  name: string,
  flags: SetFlags & { readonly forgetPasswordFile?: boolean },
): Promise<void> {
  if (flags.passwordFile !== undefined && flags.forgetPasswordFile === true)
    throw new CairnError('usage/invalid', 'Both --password-file and --forget-password-file were given.', {
      hint: 'Give one of them.',
    });
  const { changeSet, findSet, withDestination } = await import('../../engine/sets/index.ts');
  const sets = await openSets(host);
  const before = findSet(sets.records.state, name);
  const change = await changeFrom(flags, before);
  const passwordFile = flags.forgetPasswordFile === true ? null : await usablePasswordFile(flags);
  const sources = change.sources === undefined ? {} : { sources: await distinctTexts(change.sources) };
  const record = await changeSet(sets, before.setId, { ...change, ...sources });
  if (passwordFile !== undefined)
    await sets.records.change((state) => withDestination(state, record.destinationId, { passwordFile }));
  await keepWhereOpen(host, sets, record, flags);
  await show(host, sets, record);
}

async function distinctTexts(sources: readonly string[]): Promise<readonly string[]> {
  const { distinctSources } = await import('../../engine/desk/index.ts');
  const { bytesOf } = await import('../../engine/kernel/index.ts');
  return distinctSources(sources.map(bytesOf)).map((source) => escapePath(source));
}

function addRemove(set: Command, host: Host): void {
  set
    .command('remove')
    .summary('forget a backup set')
    .description('Forgets a backup set on this computer. What it backed up stays in its repository.')
    .argument(...SET_ARGUMENT)
    .addHelpText('after', '\nExamples:\n  cairn set remove Documents')
    .action(async (name: string) => {
      const { destinationOf, findSet, withoutSet } = await import('../../engine/sets/index.ts');
      const { records, book } = await openSets(host);
      const { setId, name: found, destinationId } = findSet(records.state, name);
      const { path } = destinationOf(records.state, destinationId);
      await records.change((state) => withoutSet(state, setId));
      await book.forget([setId]);
      await host.output.report(
        { removed: setId },
        () => `“${displayPath(found)}” is no backup set any more. Its backups stay in ${displayPath(path)}.\n`,
      );
      host.finish(EXIT.done);
    });
}

function addRun(set: Command, host: Host): void {
  set
    .command('run')
    .summary('back up a set now')
    .description('Backs up a set now, whatever it waits for, with the commands before and after it.')
    .argument(...SET_ARGUMENT)
    .option('--reread', 'read every file, whatever its size and time say')
    .addHelpText(
      'after',
      '\nExamples:\n  cairn set run Documents\n\nStatus 3 means that the snapshot was made but something went wrong besides.',
    )
    .action(async (name: string, _flags: unknown, command: Command) => runSetCommand(host, command, name));
}

function addPause(set: Command, host: Host): void {
  set
    .command('pause')
    .summary('let a set wait')
    .description('Keeps a set from running by itself. You can still run it yourself.')
    .argument(...SET_ARGUMENT)
    .option('--for <hours>', 'for so many hours; until you resume it otherwise', parsePause)
    .addHelpText('after', '\nExamples:\n  cairn set pause Documents\n  cairn set pause Documents --for 8')
    .action(async (name: string, flags: { readonly for?: number }) => {
      const nowMs = (sets: Sets): number => sets.ports.clock.nowMs();
      const until = (sets: Sets): PausedUntil =>
        flags.for === undefined ? 'forever' : new Date(nowMs(sets) + flags.for * HOUR_MS).toISOString();
      await setPause(host, name, until);
    });
  set
    .command('resume')
    .summary('end a pause')
    .description('Lets a paused set run by itself again. What it missed is caught up once.')
    .argument(...SET_ARGUMENT)
    .addHelpText('after', '\nExamples:\n  cairn set resume Documents')
    .action(async (name: string) => setPause(host, name, () => null));
}

function parsePause(text: string): number {
  const hours = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (hours > 0 && hours <= PAUSE_HOURS_MAX) return hours;
  throw new CairnError('usage/invalid', `“${text.slice(0, 80)}” does not fit --for.`, {
    hint: 'Give a number of hours, up to 8784; leave it out to pause without an end.',
  });
}

async function setPause(host: Host, name: string, until: (sets: Sets) => PausedUntil): Promise<void> {
  const { findSet, pauseSets, setOf } = await import('../../engine/sets/index.ts');
  const sets = await openSets(host);
  const { setId } = findSet(sets.records.state, name);
  const pausedUntil = until(sets);
  await pauseSets(sets, setId, pausedUntil, sets.ports.clock.nowMs());
  const record = setOf(sets.records.state, setId);
  const words =
    pausedUntil === null
      ? `“${displayPath(record.name)}” runs by itself again.\n`
      : `“${displayPath(record.name)}” is paused${pausedUntil === 'forever' ? ' until you resume it' : ` until ${localTime(pausedUntil)}`}.\n`;
  await host.output.report(await viewOf(sets, record), () => words);
  host.finish(EXIT.done);
}

async function show(host: Host, sets: Sets, record: SetRecord): Promise<void> {
  const view = await viewOf(sets, record);
  await host.output.result(view, () => setText(view, host.output.style));
  host.finish(EXIT.done);
}
