/** `cairn undo`: takes back a restore that kept what it replaced. */
import type { Command } from 'commander';

import type { UndoReport, UndoableRestore } from '../../../src-shared/model/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, untilStopped } from '../in-repository.ts';
import { problemText } from '../output-report.ts';
import { countOf, localTime } from '../output-style.ts';
import { progressOn } from '../progress.ts';
import { CairnError } from '../../../src-shared/errors.ts';

type Flags = { readonly list?: boolean };

export function addUndo(program: Command, host: Host): void {
  program
    .command('undo')
    .summary('take a restore back')
    .description(
      'Takes back a restore that was made with --keep-replaced: what it replaced returns, what it added goes. What was changed since is kept.',
    )
    .argument('[id]', 'which restore; without it the newest')
    .option('--list', 'list the restores that can be taken back')
    .addHelpText('after', '\nExamples:\n  cairn undo --list\n  cairn undo')
    .action(async (id: string | undefined, _flags: unknown, command: Command) => {
      const engine = await host.engine();
      const undoable = await engine.undoableRestores();
      if (flagsOf<Flags>(command).list === true) {
        await host.output.result(undoable, () => listText(undoable));
        host.finish(EXIT.done);
        return;
      }
      const undoId = chosen(undoable, id);
      const onProgress = progressOn(host.output, host.clock);
      const whenStopped = 'Part of the restore was taken back; run it again and it goes on with the rest.';
      const report = await untilStopped(host, { whenStopped }, () =>
        engine.undoRestore(undoId, { signal: host.signal, ...(onProgress === undefined ? {} : { onProgress }) }),
      );
      await host.output.report(report, () => undoText(report));
      const title = `${countOf(report.problems.length, 'thing')} could not be as before:`;
      if (!host.output.json)
        await host.output.important(problemText({ problems: report.problems, title, kind: 'restore' }));
      host.finish(report.problems.length === 0 ? EXIT.done : EXIT.problems);
    });
}

function chosen(undoable: readonly UndoableRestore[], id: string | undefined): string {
  const found = id === undefined ? undoable[0] : undoable.find(({ undoId }) => undoId === id);
  if (found !== undefined) return found.undoId;
  throw new CairnError(
    'path/not-found',
    id === undefined ? 'There is no restore to take back.' : `There is no restore “${id.slice(0, 80)}” to take back.`,
    { hint: 'Only restores with --keep-replaced can be taken back, once each; “cairn undo --list” names them.' },
  );
}

function listText(undoable: readonly UndoableRestore[]): string {
  if (undoable.length === 0) return 'No restore can be taken back.\n';
  return undoable.map(({ undoId, time }) => `${undoId}  ${localTime(time)}\n`).join('');
}

function undoText({ broughtBack, removed }: UndoReport): string {
  return `Taken back: ${countOf(broughtBack, 'item')} returned, ${countOf(removed, 'item')} removed that the restore had added.\n`;
}
