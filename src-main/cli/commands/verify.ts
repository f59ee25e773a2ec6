/** `cairn verify`: is everything there and whole? */
import { type Command, Option } from 'commander';

import { displayPath, formatBytes } from '../../../src-shared/format/index.ts';
import type { Damage, VerifyReport } from '../../../src-shared/model/index.ts';
import type { VerifyDepth } from '../../engine/index.ts';
import { EXIT, type Host } from '../host.ts';
import { flagsOf, inRepository } from '../in-repository.ts';
import { parsePercent } from '../options.ts';
import { listed } from '../output-report.ts';
import { type Style, countOf, shortId } from '../output-style.ts';
import { progressOn } from '../progress.ts';

type Flags = { readonly quick?: boolean; readonly sample?: number; readonly deep?: boolean };

export function addVerify(program: Command, host: Host): void {
  program
    .command('verify')
    .summary('check that backups are whole')
    .description('Checks that every snapshot is whole. --quick is meant when nothing is said. Nothing is changed.')
    .addOption(new Option('--quick', 'structure and names of all files').conflicts(['sample', 'deep']))
    .addOption(
      new Option('--sample <share>', 'and a share of the data, such as 5%')
        .argParser(parsePercent)
        .conflicts(['quick', 'deep']),
    )
    .addOption(new Option('--deep', 'and every byte').conflicts(['quick', 'sample']))
    .addHelpText(
      'after',
      '\nExamples:\n  cairn verify\n  cairn verify --sample 5%\n  cairn verify --deep --json\n\nStatus 13 means that damage was found.',
    )
    .action(async (_flags: unknown, command: Command) => {
      const depth = depthOf(flagsOf<Flags>(command));
      await inRepository(
        host,
        command,
        { whenStopped: 'Nothing was changed.', stopsItself: true },
        async ({ repository }) => {
          const onProgress = progressOn(host.output, host.clock);
          const report = await repository.verify({
            depth,
            signal: host.signal,
            ...(onProgress === undefined ? {} : { onProgress }),
          });
          const text = (): string => verifyText(report, depth, host.output.style);
          await (report.ok ? host.output.report(report, text) : host.output.result(report, text));
          return report.ok ? EXIT.done : EXIT.damage;
        },
      );
    });
}

function depthOf({ sample, deep }: Flags): VerifyDepth {
  if (deep === true) return { kind: 'deep' };
  return sample === undefined ? { kind: 'quick' } : { kind: 'sample', percent: sample };
}

const TRACE = '“cairn verify --deep” finds all damage, and the snapshots and files that it affects.\n';
const KEEP = 'Keep this repository as it is: a copy of it elsewhere may still hold the damaged parts.\n';

export function verifyText(report: VerifyReport, depth: VerifyDepth, style: Style): string {
  const { packs, segments, blobs, nodes, snapshots } = report.checked;
  const checked = [
    countOf(snapshots, 'snapshot'),
    countOf(packs, 'pack'),
    countOf(segments, 'segment'),
    countOf(blobs, 'blob'),
    countOf(nodes, 'node'),
  ];
  const verdict = report.ok
    ? style.green(`No damage found${depth.kind === 'deep' ? ': every byte is as it was written' : ''}.`)
    : style.red(`Damage found in ${countOf(report.damage.length, 'place')}.`);
  const further = report.ok && depth.kind !== 'deep' ? '  “cairn verify --deep” reads and checks every byte.\n' : '';
  const damage = report.damage.map(damageText).join('');
  const hint = report.ok ? '' : `\n${depth.kind === 'deep' ? '' : TRACE}${KEEP}`;
  const coverage = report.coverage === undefined ? '' : coverageText(report.coverage);
  return `${verdict}\n  checked ${checked.join(', ')}\n${coverage}${further}${damage}${hint}`;
}

/** How much was looked at, and what was not: a verdict is worth no more than that. */
function coverageText({ bytes, bytesTotal, contents, contentsLeft }: NonNullable<VerifyReport['coverage']>): string {
  // Rounded down: short of everything is never 100.
  const percent = bytesTotal === 0 ? 100 : Math.floor((1000 * bytes) / bytesTotal) / 10;
  const read =
    bytes >= bytesTotal
      ? `read all ${formatBytes(bytesTotal)} of data`
      : `read ${formatBytes(bytes)} of ${formatBytes(bytesTotal)} of data (${percent} %); of the rest, that it is there with its size`;
  const hashed = contents === 0 ? '' : `  hashed ${countOf(contents, 'large file')} from beginning to end\n`;
  const left =
    contentsLeft === 0
      ? ''
      : `  left ${countOf(contentsLeft, 'large file')} unhashed, which would take too long: the pieces are checked, their order only by what the snapshot says\n`;
  return `  ${read}\n${hashed}${left}`;
}

const PATHS_EACH_MAX = 10;
const SNAPSHOTS_EACH_MAX = 10;

function damageText({ file, kind, message, snapshots, paths }: Damage): string {
  const title = `\n${displayPath(file)} (${kind}): ${displayPath(message)}\n`;
  const ids = snapshots.slice(0, SNAPSHOTS_EACH_MAX).map(shortId).join(', ');
  const more = snapshots.length > SNAPSHOTS_EACH_MAX ? ` and ${snapshots.length - SNAPSHOTS_EACH_MAX} more` : '';
  const affected = snapshots.length === 0 ? '' : `  affects ${countOf(snapshots.length, 'snapshot')}: ${ids}${more}\n`;
  const files =
    paths.length === 0
      ? ''
      : `  affects ${countOf(paths.length, 'path')}:\n${listed(paths.map(displayPath), '    ', PATHS_EACH_MAX)}`;
  return title + affected + files;
}
