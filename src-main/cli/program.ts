/** All commands, their help, and what commander has to say, turned into our own errors. */
import { Command, type CommanderError } from 'commander';

import packageFile from '../../package.json' with { type: 'json' };
import { CairnError } from '../../src-shared/errors.ts';
import { addBackup } from './commands/backup.ts';
import { addCat } from './commands/cat.ts';
import { addChains } from './commands/chains.ts';
import { addDiff } from './commands/diff.ts';
import { addDoctor } from './commands/doctor.ts';
import { addFind } from './commands/find.ts';
import { addInit } from './commands/init.ts';
import { addKey } from './commands/key.ts';
import { addLs } from './commands/ls.ts';
import { addRestore } from './commands/restore.ts';
import { addServe } from './commands/serve.ts';
import { addSet } from './commands/set.ts';
import { addSnapshots } from './commands/snapshots.ts';
import { addStats } from './commands/stats.ts';
import { addStatus } from './commands/status.ts';
import { addUndo } from './commands/undo.ts';
import { addVerify } from './commands/verify.ts';
import { addVersions } from './commands/versions.ts';
import { addWatch } from './commands/watch.ts';
import type { Host } from './host.ts';
import { addGlobalOptions } from './options.ts';

export const VERSION: string = packageFile.version;

/** Thrown where help or the version was asked for: not an error, but the end of the command. */
export class HelpShown extends Error {
  override readonly name = 'HelpShown';
  readonly text: string;
  readonly isVersion: boolean;

  constructor(text: string, isVersion: boolean) {
    super('help was shown');
    this.text = text;
    this.isVersion = isVersion;
  }
}

const EPILOGUE = `
SNAP is “latest”, “latest~1” for the one before it, or the first characters of
the id of a snapshot. Paths in a snapshot are those that “cairn ls” shows.

A first backup:
  cairn init --repo /media/backup/laptop
  cairn backup --repo /media/backup/laptop ~/Documents
  cairn restore --repo /media/backup/laptop latest --target /tmp/restored

Exit status: 0 done, 1 failed, 2 wrong usage, 3 done with problems,
10 no repository, 11 busy, 12 wrong password, 13 damage found, 14 newer format.`;

const GROUPS = [
  { heading: 'Back up and restore:', commands: [addInit, addBackup, addRestore, addUndo] },
  { heading: 'Back up by itself:', commands: [addSet, addWatch, addStatus] },
  { heading: 'Look at backups:', commands: [addSnapshots, addLs, addCat, addDiff, addFind, addVersions] },
  { heading: 'The app:', commands: [addServe] },
  { heading: 'Look after the repository:', commands: [addVerify, addStats, addChains, addKey, addDoctor] },
] as const;

export function createProgram(host: Host): Command {
  let shown = '';
  const program = new Command('cairn');
  program
    .description('Backups that keep their promises: incremental, deduplicated, encrypted, and every byte checked.')
    .usage('<command> [options]')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => {
        shown += text;
      },
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .version(VERSION, '--version', 'show the version')
    .helpOption('-h, --help', 'show the help of a command')
    .addHelpText('after', EPILOGUE);
  addGlobalOptions(program);
  for (const { heading, commands } of GROUPS) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, host);
  }
  program.commandsGroup('Help:').helpCommand('help [command]', 'show the help of a command');
  answerFor(program, () => shown);
  return program;
}

/** Every command ends by throwing, and knows which one it was when its usage was wrong. */
function answerFor(command: Command, shown: () => string): void {
  command.exitOverride((ending) => {
    if (ending.exitCode === 0) throw new HelpShown(shown(), ending.code === 'commander.version');
    throw usageError(ending, command);
  });
  for (const child of command.commands) answerFor(child, shown);
}

/** “key add”; empty for the program itself. */
export function commandPath(command: Command): string {
  const names: string[] = [];
  for (let at = command; at.parent !== null; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}

function usageError(ending: CommanderError, command: Command): CairnError {
  const path = commandPath(command);
  const name = path === '' ? '' : ` ${path}`;
  const hint =
    name === ''
      ? '“cairn help” lists the commands and options.'
      : `“cairn${name} --help” has its options and examples.`;
  if (ending.code === 'commander.help') {
    const [first, second] = command.args;
    const wanted = first === 'help' ? second : first;
    const none = name === '' ? 'No command was given.' : `“cairn${name}” needs a command.`;
    const message = wanted === undefined ? none : `There is no command “${wanted}”.`;
    return new CairnError('usage/invalid', message, { hint });
  }
  const [reason = '', ...more] = ending.message.replace(/^error: /, '').split('\n');
  const suggestion = more.join(' ').trim();
  return new CairnError('usage/invalid', quoted(`${reason}${suggestion === '' ? '' : ` ${suggestion}`}`), { hint });
}

/** Our quotation marks, and a capital at the beginning of the sentence. */
function quoted(text: string): string {
  const marked = text.replace(/'([^']*)'/g, '“$1”');
  return marked.charAt(0).toUpperCase() + marked.slice(1);
}
