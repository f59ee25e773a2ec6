/** `cairn serve`: the app in a browser of this computer, without Electron. */
import path from 'node:path';
import { type Command, Option } from 'commander';

import type { Headless } from '../../engine-host/headless.ts';
import { EXIT, type Host } from '../host.ts';
import { homeFolder } from '../home.ts';
import { flagsOf } from '../in-repository.ts';
import { kdfCostOption, wholeNumber } from '../options.ts';
import { secretSource } from '../secret.ts';
import { sayWhatEnds, unlockAll, untilStopping } from '../serving.ts';

type Flags = {
  readonly port?: number;
  readonly open?: boolean;
  readonly ipv6?: boolean;
  readonly pageFolder?: string;
  readonly metricsTokenFile?: string;
  readonly kdfCost?: number;
};

const PORT_MAX = 65_535;

export function addServe(program: Command, host: Host): void {
  program
    .command('serve')
    .summary('the app in your browser')
    .description('Shows the app in a browser of this computer. Nothing outside this computer can reach it.')
    .option('--port <number>', 'a fixed port instead of any free one', parsePort)
    .option('--open', 'open it in a window right away')
    .option('--ipv6', 'listen on [::1] too')
    .option('--metrics-token-file <file>', 'figures for Prometheus at /metrics')
    // Tests bring a page of their own; a person has the one that was built.
    .addOption(new Option('--page-folder <folder>', 'the page to show').hideHelp())
    .addOption(kdfCostOption())
    .addHelpText(
      'after',
      '\nThe link works once and for ten minutes. With --password-file known encrypted\nbackups are unlocked at the start.\n\nFigures for Prometheus are at /metrics, for whoever sends “Authorization: Bearer\nTOKEN”. The token is the first line of a file that is yours alone (chmod 600),\nat least 32 characters. The file is read at the start.\n\nExamples:\n  cairn serve --open\n  cairn serve --port 8600 --json\n  cairn serve --port 8600 --metrics-token-file ~/.config/cairn-metrics',
    )
    .action(async (_flags: unknown, command: Command) => serve(host, command));
}

function parsePort(text: string): number {
  return wholeNumber(text, '--port', 0, PORT_MAX);
}

async function serve(host: Host, command: Command): Promise<void> {
  const flags = flagsOf<Flags>(command);
  const home = homeFolder(host.environment);
  // Loaded here, so that no other command pays for a server.
  const { startHeadless } = await import('../../engine-host/headless.ts');
  const headless = await startHeadless({
    home,
    log: host.log.write,
    port: flags.port ?? 0,
    ipv6: flags.ipv6 === true,
    pageFolder: flags.pageFolder ?? builtPage(),
    ...(flags.metricsTokenFile === undefined ? {} : { metricsTokenFile: flags.metricsTokenFile }),
    ...(flags.kdfCost === undefined ? {} : { kdfCost: flags.kdfCost }),
  });
  try {
    await unlockAll(host, secretSource(host, flagsOf(command), undefined), headless.service);
    await show(host, headless, home, flags.open === true);
    const stopOffering = offerLinks(host, headless);
    await untilStopping(host.signal);
    stopOffering();
    await sayWhatEnds(host, headless.service);
  } finally {
    await headless.close();
  }
  host.finish(EXIT.done);
}

/** Beside the program (or the part of it that this is) in the same build. */
function builtPage(): string {
  const folder = import.meta.dirname;
  const main = path.basename(folder) === 'parts' ? path.dirname(folder) : folder;
  return path.join(main, '../renderer');
}

async function show(host: Host, headless: Headless, home: string, open: boolean): Promise<void> {
  const { openLink } = await import('../../engine-host/headless-browser.ts');
  const opened = open ? await openLink(headless.link(), home, host.environment) : { kind: 'none' as const };
  // Once in the world, a token should not lie in a terminal as well.
  const url = opened.kind === 'none' ? headless.link() : headless.address;
  const words = {
    'app-window': `Cairn is open in a window of its own (${headless.address}). Ctrl-C here ends it.\n`,
    browser: `Cairn is open in your browser (${headless.address}). Ctrl-C here ends it.\n`,
    none: `Cairn is ready. Open this link in a browser on this computer:\n\n  ${url}\n\nIt works once, within ten minutes; Enter gives a new one. Ctrl-C here ends Cairn.\n`,
  };
  await host.output.result({ url, address: headless.address, opened: opened.kind }, () => words[opened.kind]);
}

/** A link works once; whoever sits at this terminal may have another one. */
function offerLinks(host: Host, headless: Headless): () => void {
  if (!host.input.isTTY || host.output.json) return () => undefined;
  const offer = (): void => {
    host.output.note(`A new link, for ten minutes:\n\n  ${headless.link()}\n`).catch((error: unknown) => {
      host.log.write('warn', 'a link could not be shown', { error });
    });
  };
  host.input.on('data', offer);
  return () => {
    host.input.off('data', offer);
    host.input.pause();
  };
}
