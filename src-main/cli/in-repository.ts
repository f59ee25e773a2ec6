/**
 * The frame around every command that needs a repository: open it, asking for the password where that is wanted, do the
 * work, close it, and come to an end when a signal asks for one.
 */
import type { Command } from 'commander';

import { CairnError, isCairnError } from '../../src-shared/errors.ts';
import type { OpenRepository } from '../engine/index.ts';
import type { Host } from './host.ts';
import { type GlobalFlags, repositoryPath } from './options.ts';
import { ATTEMPTS_MAX, type SecretSource, secretSource } from './secret.ts';

export type OpenContext<Flags> = { readonly repository: OpenRepository; readonly flags: GlobalFlags & Flags };

export type CommandOptions = {
  /** What a person is told when it is stopped half-way. */
  readonly whenStopped?: string;
  /** The work takes the AbortSignal itself and comes to a clean end; otherwise it is left where it stands. */
  readonly stopsItself?: boolean;
};

/** The flags of a command together with the global ones, wherever those stood. */
export function flagsOf<Flags>(command: Command): GlobalFlags & Flags {
  return command.optsWithGlobals<GlobalFlags & Flags>();
}

/** Opens the repository, runs `work` and closes it again, whatever happens in between. */
export async function inRepository<Flags>(
  host: Host,
  command: Command,
  options: CommandOptions,
  work: (context: OpenContext<Flags>) => Promise<number>,
): Promise<void> {
  const flags = flagsOf<Flags>(command);
  const path = repositoryPath(flags, host.environment);
  const source = secretSource(host, flags, path);
  host.finish(await inRepositoryAt(host, { path, source }, options, (repository) => work({ repository, flags })));
}

/** The same in a repository that was found otherwise, and for any result. */
export async function inRepositoryAt<Result>(
  host: Host,
  place: { readonly path: string; readonly source: SecretSource },
  options: CommandOptions,
  work: (repository: OpenRepository) => Promise<Result>,
): Promise<Result> {
  const whenStopped = 'Nothing was changed.';
  const repository = await untilStopped(host, { whenStopped }, () => open(host, place.path, place.source));
  const run = (): Promise<Result> => work(repository);
  let result: Result;
  try {
    result = await (options.stopsItself === true ? run() : untilStopped(host, options, run));
  } catch (error) {
    await closeAfterFailure(host, repository);
    throw host.signal.aborted && isCairnError(error, 'engine/cancelled') ? stopped(options, error) : error;
  }
  await repository.close();
  return result;
}

/** Runs `work`; when a signal asks for an end, it is left behind and engine/cancelled is thrown. */
export async function untilStopped<Result>(
  host: Host,
  options: CommandOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const { signal } = host;
  let onAbort = (): void => undefined;
  const abort = new Promise<never>((_, reject) => {
    onAbort = () => reject(stopped(options));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work(), abort]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function stopped(options: CommandOptions, cause?: unknown): CairnError {
  const hint = options.whenStopped ?? 'Nothing was changed.';
  return new CairnError('engine/cancelled', 'Stopped before it was done.', { hint, cause });
}

async function open(host: Host, path: string, source: SecretSource): Promise<OpenRepository> {
  const engine = await host.engine();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await engine.open(path, source.read);
      } catch (error) {
        if (!source.isTyped || attempt >= ATTEMPTS_MAX || !isCairnError(error, 'key/wrong-password')) throw error;
        await host.output.prompt('This password does not open it. Once more.\n');
      }
    }
  } finally {
    source.close();
  }
}

const CLOSE_TIMEOUT_MS = 3000;

/** The failure that came first is what a person needs to hear; one in closing goes to the log. */
async function closeAfterFailure(host: Host, repository: OpenRepository): Promise<void> {
  const timeout = new Promise<void>((resolve) => {
    setTimeout(resolve, CLOSE_TIMEOUT_MS).unref();
  });
  try {
    await Promise.race([repository.close(), timeout]);
  } catch (error) {
    host.log.write('error', 'closing the repository failed too', { error });
  }
}
