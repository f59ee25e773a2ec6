/** `cairn init`: makes a repository. */
import type { Command } from 'commander';

import { displayPath } from '../../../src-shared/format/index.ts';
import type { InitReport } from '../../../src-shared/model/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, untilStopped } from '../in-repository.ts';
import { kdfCostOption, repositoryPath } from '../options.ts';
import { recoveryKeyText } from '../output-report.ts';
import { firstPassword } from '../secret.ts';

type Flags = { readonly encryption: boolean; readonly compression: string; readonly kdfCost?: number };

export function addInit(program: Command, host: Host): void {
  program
    .command('init')
    .summary('make a repository')
    .description('Makes a repository in a new or empty folder. It is encrypted unless you say otherwise.')
    .option('--no-encryption', 'anyone who can read the folder can read the backup')
    .option('--compression <kind>', 'auto, zstd:1 to zstd:19, lz4, gzip:1 to gzip:9 or none', 'auto')
    .addOption(kdfCostOption())
    .addHelpText(
      'after',
      '\nExamples:\n  cairn init --repo /media/backup/laptop\n  cairn init --repo /media/backup/laptop --password-file ~/.backup-password',
    )
    .action(async (_flags: unknown, command: Command) => {
      const flags = flagsOf<Flags>(command);
      const repository = repositoryPath(flags, host.environment);
      const report = await untilStopped(
        host,
        { whenStopped: 'A half-made repository holds no data; “cairn init” clears it away.' },
        async () => {
          const engine = await host.engine();
          return engine.init({
            repository,
            compression: flags.compression,
            ...(flags.encryption ? { password: await firstPassword(host, flags) } : {}),
            ...(flags.kdfCost === undefined ? {} : { kdfCost: flags.kdfCost }),
          });
        },
      );
      await host.output.result(report, () => initText(repository, report));
      host.finish(EXIT.done);
    });
}

function initText(repository: string, report: InitReport): string {
  const made = `Made ${report.encrypted ? 'an encrypted' : 'an unencrypted'} repository in ${displayPath(repository)}.\n`;
  if (report.recoveryKey === undefined)
    return `${made}Anyone who can read this folder can read what is backed up to it.\n`;
  return `${made}\n${recoveryKeyText(report.recoveryKey)}`;
}
