/** `cairn status`: how things stand, from whoever runs the backup sets of this home. */
import type { Command } from 'commander';

import { EXIT, type Host } from '../host.ts';
import { homeFolder } from '../home.ts';
import { openSets, viewOf } from '../sets.ts';
import { setsText } from './set-text.ts';
import { statusText } from './status-text.ts';

export function addStatus(program: Command, host: Host): void {
  program
    .command('status')
    .summary('how the backup sets stand')
    .description('Says how the backup sets stand, what they wait for, and whether anything runs them.')
    .addHelpText('after', '\nExamples:\n  cairn status\n  cairn status --json')
    .action(async () => status(host));
}

async function status(host: Host): Promise<void> {
  const { holderOf } = await import('../../engine-host/home-lock.ts');
  const { readStatus } = await import('../../engine-host/status-file.ts');
  const { systemPorts } = await import('../../engine/kernel/index.ts');
  const home = homeFolder(host.environment);
  const holder = await holderOf(home, { ...systemPorts, log: host.log.write });
  const record = holder === undefined ? undefined : await readStatus(home);
  if (holder !== undefined && record !== undefined) {
    const { processId, address } = holder;
    await host.output.result({ isRunning: true, processId, address, ...record }, () =>
      statusText(record, host.output.style),
    );
    return host.finish(EXIT.done);
  }
  const sets = await openSets(host);
  const views = await Promise.all(sets.records.state.sets.map((set) => viewOf(sets, set)));
  await host.output.result({ isRunning: false, sets: views }, () => {
    const head = 'Nothing runs the backup sets now. Start the app, or “cairn watch”.\n\n';
    return views.length === 0 ? setsText(views, host.output.style) : head + setsText(views, host.output.style);
  });
  host.finish(EXIT.done);
}
