/**
 * The command line: reads the arguments, runs one command, and ends with the exit status the contract promises.
 *
 * Everything a command throws is told here: an error of ours with its hint, anything else as a defect whose details go
 * to the log and never to the terminal. The engine is loaded when a command needs it, so that help, and a wrong
 * option, do not wait for it and work even where a native module does not load.
 */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

import { CairnError } from '../../src-shared/errors.ts';
import type { Catalog, Engine } from '../engine/index.ts';
import { processClock } from './clock.ts';
import { homeFolder } from './home.ts';
import { EXIT, type Host, SIGNAL_EXIT, type StopSignal } from './host.ts';
import { type LogFile, openLog } from './log.ts';
import { wantsJson } from './options.ts';
import { Output } from './output.ts';
import { HelpShown, VERSION, commandPath, createProgram } from './program.ts';

const STOP_NOTE_AFTER_MS = 300;

// What is young in the heap stays small, in every thread: of a backup almost nothing lives longer, and room for more is
// only taken (100 MB of 490 in a first backup of a million files, which takes as long either way).
setFlagsFromString('--semi-space-growth-factor=1');

const args = process.argv.slice(2);
const { env: environment, stdout, stderr } = process;
const home = homeFolder(environment);
const output = new Output({ stdout, stderr, environment, json: wantsJson(args) });
const log = openLog({ home, clock: processClock, onFailure: noteLogFailure });
const stop = new AbortController();
let stopSignal: StopSignal | undefined;
let exitStatus: number = EXIT.done;

/** Said once, at the end: it must not stand between the lines of a result. */
let logFailure = '';
function noteLogFailure(error: unknown): void {
  logFailure = error instanceof Error ? error.message : String(error);
}

/** The first signal asks for a clean end, the second one ends at once. */
function interrupt(signal: StopSignal): void {
  if (stopSignal !== undefined) process.exit(SIGNAL_EXIT[signal]);
  stopSignal = signal;
  stop.abort(new CairnError('engine/cancelled', 'Stopped before it was done.'));
  // What stops at once needs no announcement.
  setTimeout(noteStopping, STOP_NOTE_AFTER_MS).unref();
}

/** Writing to standard error never fails as far as anyone here can tell (see Output). */
function noteStopping(): void {
  output.note('Stopping… (press Ctrl-C again to end at once)').catch(asCairnError);
}

async function loadEngine(): Promise<Engine> {
  try {
    const { openCatalog, openEngine } = await import('../engine/index.ts');
    catalog = openCatalog({ home, log: log.write });
    return openEngine({ home, log: log.write, catalog });
  } catch (error) {
    if (error instanceof CairnError) throw error;
    log.write('error', 'the engine did not load', { error });
    throw new CairnError('engine/self-test', 'A part of Cairn can’t be loaded on this computer.', { cause: error });
  }
}

let engine: Promise<Engine> | undefined;
let catalog: Catalog | undefined;
const host: Host = {
  environment,
  input: process.stdin,
  hasTerminalOutput: stderr.isTTY,
  output,
  clock: processClock,
  log,
  signal: stop.signal,
  interrupt,
  engine: () => (engine ??= loadEngine()),
  finish: (status) => {
    exitStatus = status;
  },
};

/** What went wrong, in our own words; a defect goes to the log with everything it carries. */
function asCairnError(error: unknown): CairnError {
  if (error instanceof CairnError) {
    // A slip of the keyboard is between the person and the terminal.
    if (error.code !== 'usage/invalid') log.write('warn', 'the command failed', { error });
    return error;
  }
  log.write('error', 'a defect', { error });
  const reason = error instanceof Error ? error.message : String(error);
  return new CairnError('engine/internal', `Cairn met a defect of its own: ${reason.split('\n')[0] ?? ''}`, {
    hint: `What was backed up before is not affected. The details are in ${log.path}`,
    cause: error,
  });
}

async function tell(error: CairnError): Promise<number> {
  const form = !output.hasWritten ? 'document' : output.isListing ? 'array-end' : 'none';
  await output.fail(error.toWire(), form);
  if (error.code === 'engine/cancelled' && stopSignal !== undefined) return SIGNAL_EXIT[stopSignal];
  return error.exitCode;
}

/** Help on the terminal, or as the one JSON document. */
async function show({ text, isVersion }: HelpShown): Promise<void> {
  await output.result(isVersion ? { version: text.trim() } : { help: text }, () => text);
}

/** The last words. Nothing may keep the process alive after them: not a worker, not a timer. */
async function end(status: number, openLogFile: LogFile): Promise<never> {
  await catalog?.close();
  await openLogFile.close();
  if (logFailure !== '') await output.warn(`The log can’t be written: ${logFailure}`);
  process.exit(status);
}

async function run(): Promise<number> {
  try {
    const program = createProgram(host);
    program.hook('preAction', (_, command) => {
      output.setQuiet(command.optsWithGlobals<{ quiet?: boolean }>().quiet === true);
      log.write('info', 'began', {
        command: commandPath(command),
        version: VERSION,
        node: process.version,
        platform: process.platform,
      });
    });
    await program.parseAsync(args, { from: 'user' });
    return exitStatus;
  } catch (error) {
    if (!(error instanceof HelpShown)) return tell(asCairnError(error));
    await show(error);
    return EXIT.done;
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt(signal));
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    tell(asCairnError(error))
      .then((failed) => end(failed, log))
      .catch(() => process.exit(EXIT.failed));
  });
}
const status = await run();
await end(status, log);
