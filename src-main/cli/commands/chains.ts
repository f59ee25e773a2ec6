/** `cairn chains`: base snapshots with their incrementals. */
import type { Command } from 'commander';

import { CairnError } from '../../../src-shared/errors.ts';
import { formatBytes } from '../../../src-shared/format/index.ts';
import type { ChainSummary } from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../../engine/index.ts';
import { EXIT, type Host } from '../host.ts';
import { inRepository } from '../in-repository.ts';
import { type Style, facts, formatCount, localTime, shortId, table } from '../output-style.ts';
import { snapshotsText } from './snapshots.ts';

const ID_CHARACTERS_MIN = 4;

export function addChains(program: Command, host: Host): void {
  const chains = program
    .command('chains')
    .summary('list the chains')
    .description('Lists the chains: a base snapshot and the incrementals that follow it.')
    .addHelpText('after', '\nExamples:\n  cairn chains\n  cairn chains show 1a2b3c4d')
    .action(async (_flags: unknown, command: Command) => {
      await inRepository(host, command, {}, async ({ repository }) => {
        const all = await repository.chains();
        await host.output.result(all, () => chainsText(all, host.output.style));
        return EXIT.done;
      });
    });
  chains
    .command('show')
    .summary('show one chain')
    .description('Shows one chain and its snapshots.')
    .argument('<id>', 'its id, or at least 4 characters of it')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const prefix = chainPrefix(id);
      await inRepository(host, command, {}, async ({ repository }) => {
        const chain = await findChain(repository, prefix);
        const members = (await repository.snapshots()).filter(({ chainId }) => chainId === chain.id);
        await host.output.result(
          { ...chain, members },
          () => `${chainText(chain)}\n${snapshotsText(members, host.output.style)}`,
        );
        return EXIT.done;
      });
    });
}

function chainPrefix(id: string): string {
  const prefix = id.toLowerCase();
  if (prefix.length >= ID_CHARACTERS_MIN && /^[0-9a-f]+$/.test(prefix)) return prefix;
  throw new CairnError('usage/invalid', `“${id.slice(0, 80)}” is not the id of a chain.`, {
    hint: 'Give at least 4 characters of an id from “cairn chains”.',
  });
}

async function findChain(repository: OpenRepository, prefix: string): Promise<ChainSummary> {
  const found = (await repository.chains()).filter(({ id }) => id.startsWith(prefix));
  const [chain] = found;
  const hint = 'List them with “cairn chains”.';
  if (chain === undefined) throw new CairnError('snapshot/not-found', `There is no chain ${prefix}.`, { hint });
  if (found.length > 1)
    throw new CairnError('snapshot/ambiguous', `${found.length} chains begin with ${prefix}.`, { hint });
  return chain;
}

function chainsText(chains: readonly ChainSummary[], style: Style): string {
  if (chains.length === 0) return 'There are no chains yet. “cairn backup PATH” begins the first one.\n';
  const rows = chains.map((chain) => [
    shortId(chain.id),
    localTime(chain.createdAt),
    localTime(chain.lastBackup),
    formatCount(chain.snapshots),
    formatBytes(chain.totalSize),
    formatBytes(chain.storedSize),
    chain.compressionRatio.toFixed(2),
  ]);
  const columns = [
    { title: 'ID' },
    { title: 'BEGUN' },
    { title: 'LAST BACKUP' },
    { title: 'SNAPSHOTS', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'STORED', align: 'right' },
    { title: 'RATIO', align: 'right' },
  ] as const;
  return table(columns, rows, style);
}

function chainText(chain: ChainSummary): string {
  return facts([
    ['chain', chain.id],
    ['begun', localTime(chain.createdAt)],
    ['last backup', localTime(chain.lastBackup)],
    [
      'size',
      `${formatBytes(chain.totalSize)}, stored in ${formatBytes(chain.storedSize)} (${chain.compressionRatio.toFixed(2)} : 1)`,
    ],
  ]);
}
