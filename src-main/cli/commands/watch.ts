/** `cairn watch`: the agent in the foreground, for a computer without a window or a service manager. */
import type { Command } from 'commander';

import type { EngineEvent } from '../../../src-shared/api/index.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { BackupSet } from '../../../src-shared/model/index.ts';
import type { OpenService } from '../../engine-host/service.ts';
import { EXIT, type Host } from '../host.ts';
import { homeFolder } from '../home.ts';
import { flagsOf } from '../in-repository.ts';
import { kdfCostOption } from '../options.ts';
import { secretSource } from '../secret.ts';
import { sayWhatEnds, unlockAll, untilStopping } from '../serving.ts';
import { liveWords } from './status-text.ts';

type Flags = { readonly kdfCost?: number };

export function addWatch(program: Command, host: Host): void {
  program
    .command('watch')
    .summary('back up by itself, until it is ended')
    .description('Runs the backup sets by themselves: continuous ones as things change, the others at their times.')
    .addOption(kdfCostOption())
    .addHelpText(
      'after',
      '\nOne at a time: while the app or “cairn serve” runs, that one does it. Sets are\nmade with “cairn set add” or in the app. “cairn status” says how things stand.\n\nExamples:\n  cairn watch\n  cairn watch --password-file ~/.config/cairn-password',
    )
    .action(async (_flags: unknown, command: Command) => watch(host, command));
}

async function watch(host: Host, command: Command): Promise<void> {
  const { kdfCost } = flagsOf<Flags>(command);
  const { startWatching } = await import('../../engine-host/watching.ts');
  const service = await startWatching({
    home: homeFolder(host.environment),
    log: host.log.write,
    ...(kdfCost === undefined ? {} : { kdfCost }),
  });
  try {
    await unlockAll(host, secretSource(host, flagsOf(command), undefined), service);
    await service.desk.look();
    const { sets } = await service.desk.overview.get();
    const names = sets.map(({ name }) => name);
    await host.output.result({ processId: process.pid, sets: names }, () => begunText(names));
    const stop = tellChanges(host, service);
    await untilStopping(host.signal);
    stop();
    await sayWhatEnds(host, service);
  } finally {
    await service.close();
  }
  host.finish(EXIT.done);
}

function begunText(names: readonly string[]): string {
  if (names.length === 0)
    return 'There are no backup sets yet; “cairn set add” makes one, and it is taken over. Ctrl-C ends it.\n';
  return `Backing up by itself: ${names.map(displayPath).join(', ')}. Ctrl-C ends it.\n`;
}

/** One line for each change of a set's state, to standard error. */
function tellChanges(host: Host, service: OpenService): () => void {
  const told = new Map<string, string>();
  return service.desk.listen((event: EngineEvent) => {
    if (event.kind !== 'overview') return;
    for (const set of event.overview.sets) {
      const line = lineOf(set);
      if (told.get(set.setId) === line) continue;
      told.set(set.setId, line);
      host.output.note(line).catch((error: unknown) => host.log.write('warn', 'a line could not be shown', { error }));
    }
  });
}

function lineOf(set: BackupSet): string {
  return `${displayPath(set.name)}: ${liveWords(set)}`;
}
