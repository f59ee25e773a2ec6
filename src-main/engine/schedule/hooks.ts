/**
 * Commands of the person's own around a run. The one before has to succeed, or the run does not begin: what it prepares (a
 * dump of a database, a drive that is mounted) would be missing from the backup, and nobody would know. The one after is
 * told how the run ended, and runs however it ended; its failure is a problem of a run that is otherwise as it is.
 *
 * Whoever can set a command can do everything this user can. So they are set on this computer only, and a Cairn that is
 * reached over the network does not run them unless the configuration file says so.
 */
import { assertNever } from '../../../src-shared/assert.ts';
import { CairnError, type Problem, isCairnError } from '../../../src-shared/errors.ts';
import type { HookCommand, Hooks } from '../../../src-shared/model/index.ts';
import type { Log } from '../kernel/index.ts';
import { type CommandOutcome, type CommandResult, runCommand } from './command.ts';

export type HookHost = {
  readonly setName: string;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** False in a host that is reached over the network, unless the configuration file allows it. */
  readonly mayRun: boolean;
};

export type RunEnd = { readonly snapshotId: string | null; readonly problemCount: number };

/** Of the log: enough for an error and its circumstances. */
const OUTPUT_BYTES_MAX = 16 * 1024;
const MILLISECONDS_PER_SECOND = 1000;
/** They are for Cairn's own use. */
const SECRETS: readonly string[] = ['CAIRN_PASSWORD', 'CAIRN_NEW_PASSWORD'];

/**
 * Does a run with its commands around it. `endOf` says of what came of it what the command after is told.
 * @throws CairnError hook/failed where the command before failed, app/unavailable where commands are refused, and what the
 * run throws
 */
export async function aroundRun<Result>(
  hooks: Hooks,
  host: HookHost,
  run: () => Promise<Result>,
  endOf: (result: Result) => RunEnd,
): Promise<{ readonly result: Result; readonly problems: readonly Problem[] }> {
  if (hooks.before === null && hooks.after === null) return { result: await run(), problems: [] };
  if (!host.mayRun) throw refused(host);
  if (hooks.before !== null) await runBefore(hooks.before, host);
  let result: Result;
  try {
    result = await run();
  } catch (error) {
    const ended = isCairnError(error, 'engine/cancelled') ? 'cancelled' : 'failed';
    await runAfter(hooks.after, host, ended, null);
    throw error;
  }
  const { snapshotId, problemCount } = endOf(result);
  return { result, problems: await runAfter(hooks.after, host, problemCount > 0 ? 'problems' : 'done', snapshotId) };
}

async function runBefore(hook: HookCommand, host: HookHost): Promise<void> {
  const { outcome } = await runHook('before', hook, host, {});
  if (outcome.kind === 'exited' && outcome.status === 0) return;
  if (outcome.kind === 'cancelled') throw new CairnError('engine/cancelled', 'Stopped before it was done.');
  throw new CairnError('hook/failed', `The command before the backup ${wordsOf(outcome)}, so it was not begun.`, {
    context: { set: host.setName },
  });
}

type Ending = 'done' | 'problems' | 'failed' | 'cancelled';

async function runAfter(
  hook: HookCommand | null,
  host: HookHost,
  ending: Ending,
  snapshotId: string | null,
): Promise<readonly Problem[]> {
  if (hook === null) return [];
  // A run that was cancelled is over; the command that tidies up after it is not cancelled with it.
  const { outcome } = await runHook(
    'after',
    hook,
    { ...host, signal: undefined },
    {
      CAIRN_RESULT: ending,
      CAIRN_SNAPSHOT: snapshotId ?? '',
    },
  );
  if (outcome.kind === 'exited' && outcome.status === 0) return [];
  const message = `The command after the backup ${wordsOf(outcome)}. The backup itself is as it is.`;
  return [{ path: hook.arguments[0] ?? '', code: 'hook-failed', message }];
}

async function runHook(
  which: 'before' | 'after',
  hook: HookCommand,
  host: HookHost,
  more: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  const { setName, log, signal } = host;
  const kept = Object.entries(host.environment).filter(([name]) => !SECRETS.includes(name));
  const result = await runCommand({
    arguments: hook.arguments,
    timeoutMs: hook.timeoutSeconds * MILLISECONDS_PER_SECOND,
    // A name that no variable can hold must not keep the command from running.
    environment: { ...Object.fromEntries(kept), CAIRN_SET: setName.replaceAll('\0', ''), ...more },
    outputBytesMax: OUTPUT_BYTES_MAX,
    signal,
  });
  const { outcome, output, isCut } = result;
  const isGood = outcome.kind === 'exited' && outcome.status === 0;
  // Its arguments may hold what is nobody's business; its name does not.
  const fields = { set: setName, program: hook.arguments[0] ?? '', outcome, output, isCut };
  log(isGood ? 'info' : 'warn', `the command ${which} a backup ended`, fields);
  return result;
}

function wordsOf(outcome: CommandOutcome): string {
  switch (outcome.kind) {
    case 'exited':
      return `ended with status ${outcome.status}`;
    case 'killed':
      return `was ended by ${outcome.signal}`;
    case 'timed-out':
      return 'took too long and was ended';
    case 'cancelled':
      return 'was cancelled';
    case 'not-started':
      return `could not be started (${outcome.reason})`;
    default:
      return assertNever(outcome);
  }
}

function refused({ setName }: HookHost): CairnError {
  return new CairnError(
    'app/unavailable',
    `“${setName}” runs commands around its backups, and Cairn in the browser may not run them.`,
    {
      hint: 'Nothing was backed up. Run it with “cairn set run” or in the app, or allow it in sets.json with "hooksInWebHost": true.',
    },
  );
}
