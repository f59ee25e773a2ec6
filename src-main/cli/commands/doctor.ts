/** `cairn doctor`: can this installation, this computer and this repository be relied on? */
import type { Command } from 'commander';

import { displayPath, formatTime } from '../../../src-shared/format/index.ts';
import type { DoctorFinding } from '../../../src-shared/model/index.ts';
import { writeDiagnosis } from '../diagnosis.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, untilStopped } from '../in-repository.ts';
import { type GlobalFlags, namedRepository } from '../options.ts';
import { type Style, displayWidth, padEnd } from '../output-style.ts';
import { secretSource } from '../secret.ts';

export function addDoctor(program: Command, host: Host): void {
  program
    .command('doctor')
    .summary('check this installation and the repository')
    .description('Checks this installation, this computer and, where one is named, the repository. Nothing is changed.')
    .option('--bundle [file]', 'also write a diagnosis file to send along: no contents, no keys, no paths')
    .addHelpText(
      'after',
      '\nExamples:\n  cairn doctor\n  cairn doctor --repo /media/backup/laptop\n\nStatus 1 means that a check failed.',
    )
    .action(async (_flags: unknown, command: Command) => {
      const flags = flagsOf<GlobalFlags & { readonly bundle?: string | true }>(command);
      const repository = namedRepository(flags, host.environment);
      const source = secretSource(host, flags, repository);
      const engine = await host.engine();
      const secret = repository === undefined ? undefined : source.read;
      const findings = await untilStopped(host, {}, () => engine.doctor(repository, secret)).finally(source.close);
      const shown = host.output.quiet ? findings.filter(({ verdict }) => verdict !== 'ok') : findings;
      if (flags.bundle !== undefined) {
        const file = flags.bundle === true ? defaultName(host) : flags.bundle;
        await writeDiagnosis(host, file, findings);
        await host.output.note(`Wrote ${displayPath(file)}. Have a look at it before you send it to anyone.`);
      }
      await host.output.result(findings, () => doctorText(shown, host.output.style));
      host.finish(findings.some(({ verdict }) => verdict === 'failed') ? EXIT.failed : EXIT.done);
    });
}

/** One a minute, in the folder the person stands in. */
function defaultName(host: Host): string {
  return `cairn-diagnosis-${formatTime(host.clock.wallMs()).slice(0, 16).replaceAll(/[-:]/g, '')}.json`;
}

export function doctorText(findings: readonly DoctorFinding[], style: Style): string {
  const marks = { ok: style.green('ok     '), warning: style.yellow('warning'), failed: style.red('FAILED ') } as const;
  const width = findings.reduce((widest, { check }) => Math.max(widest, displayWidth(check)), 0);
  return findings
    .map(({ check, verdict, detail, advice }) => {
      const line = `${marks[verdict]}  ${padEnd(check, width)}  ${displayPath(detail)}\n`;
      return verdict === 'ok' || advice === '' ? line : `${line}${' '.repeat(width + 11)}→ ${displayPath(advice)}\n`;
    })
    .join('');
}
