/** `cairn key`: the passwords and recovery keys that open a repository. Data is never rewritten for them. */
import type { Command } from 'commander';

import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { KeyInfo } from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../../engine/index.ts';
import { EXIT, type Host } from '../host.ts';
import { inRepository } from '../in-repository.ts';
import { kdfCostOption } from '../options.ts';
import { recoveryKeyText } from '../output-report.ts';
import { type Style, localTime, shortId, table } from '../output-style.ts';
import { newPassword } from '../secret.ts';

const NEW_PASSWORD = [
  '--new-password-file <file>',
  'the new password (or CAIRN_NEW_PASSWORD_FILE, CAIRN_NEW_PASSWORD)',
] as const;
const WHEN_STOPPED = 'What was finished before is safe; “cairn key list” shows which keys there are.';

type LabelFlags = { readonly label: string };
type PasswordFlags = { readonly newPasswordFile?: string; readonly kdfCost?: number };

export function addKey(program: Command, host: Host): void {
  const key = program
    .command('key')
    .summary('passwords and recovery keys')
    .description(
      'Manages the passwords and recovery keys that open the repository. A change rewrites one small file and no data.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  cairn key list\n  cairn key passwd\n  cairn key add --label "the office"\n  cairn key remove 1a2b3c4d',
    );
  addList(key, host);
  addAdd(key, host);
  addRemove(key, host);
  addPasswd(key, host);
  addRecovery(key, host);
}

function addList(key: Command, host: Host): void {
  key
    .command('list')
    .description('Lists the keys. The star marks the one in use now.')
    .action(async (_flags: unknown, command: Command) => {
      await inRepository(host, command, {}, async ({ repository }) => {
        const keys = await repository.keys();
        await host.output.result(keys, () => keysText(keys, host.output.style));
        return EXIT.done;
      });
    });
}

function keysText(keys: readonly KeyInfo[], style: Style): string {
  if (keys.length === 0) return 'This repository is not encrypted, so it has no keys.\n';
  const rows = keys.map(({ id, type, label, createdAt, current }) => [
    current ? '*' : '',
    shortId(id),
    type === 'recovery' ? 'recovery key' : 'password',
    localTime(createdAt),
    displayPath(label),
  ]);
  return table([{ title: '' }, { title: 'ID' }, { title: 'TYPE' }, { title: 'MADE' }, { title: 'LABEL' }], rows, style);
}

function addAdd(key: Command, host: Host): void {
  key
    .command('add')
    .description('Adds a password. The others stay as they are.')
    .option('--label <text>', 'a name to tell it from the others', 'password')
    .option(...NEW_PASSWORD)
    .addOption(kdfCostOption())
    .action(async (_flags: unknown, command: Command) => {
      await inRepository<LabelFlags & PasswordFlags>(
        host,
        command,
        { whenStopped: WHEN_STOPPED },
        async ({ repository, flags }) => {
          requireEncrypted(repository);
          const id = await repository.addPassword(
            await newPassword(host, flags.newPasswordFile),
            flags.label,
            flags.kdfCost,
          );
          await host.output.report({ id }, () => `Added the password ${shortId(id)}.\n`);
          return EXIT.done;
        },
      );
    });
}

function addRemove(key: Command, host: Host): void {
  key
    .command('remove')
    .description('Removes a key. What it protected stays readable with the others; the last one can’t be removed.')
    .argument('<id>', 'its id from “cairn key list”, or at least 4 characters of it')
    .action(async (id: string, _flags: unknown, command: Command) => {
      await inRepository(host, command, { whenStopped: WHEN_STOPPED }, async ({ repository }) => {
        requireEncrypted(repository);
        const removed = (await repository.keys()).find((known) => known.id.startsWith(id.toLowerCase()))?.id ?? id;
        await repository.removeKey(id.toLowerCase());
        await host.output.report({ id: removed }, () => `Removed the key ${shortId(removed)}.\n`);
        return EXIT.done;
      });
    });
}

function addPasswd(key: Command, host: Host): void {
  key
    .command('passwd')
    .description('Replaces the password that opens the repository now by a new one.')
    .option(...NEW_PASSWORD)
    .addOption(kdfCostOption())
    .action(async (_flags: unknown, command: Command) => {
      await inRepository<PasswordFlags>(host, command, { whenStopped: WHEN_STOPPED }, async ({ repository, flags }) => {
        requireEncrypted(repository);
        const id = await repository.changePassword(await newPassword(host, flags.newPasswordFile), flags.kdfCost);
        await host.output.report({ id }, () => `Changed the password; the old one no longer opens the repository.\n`);
        return EXIT.done;
      });
    });
}

function addRecovery(key: Command, host: Host): void {
  key
    .command('recovery')
    .description('Makes a new recovery key and shows it once. Remove an old one with “cairn key remove”.')
    .option('--label <text>', 'a name to tell it from the others', 'recovery key')
    .action(async (_flags: unknown, command: Command) => {
      await inRepository<LabelFlags>(host, command, { whenStopped: WHEN_STOPPED }, async ({ repository, flags }) => {
        requireEncrypted(repository);
        const added = await repository.addRecoveryKey(flags.label);
        await host.output.result(added, () => recoveryKeyText(added.recoveryKey));
        return EXIT.done;
      });
    });
}

/** Before a password is asked for: without encryption there is nothing it could protect. */
function requireEncrypted({ encrypted }: OpenRepository): void {
  if (encrypted) return;
  throw new CairnError('key/not-found', 'This repository is not encrypted, so it has no keys.', {
    hint: 'To have an encrypted backup, make a new repository with “cairn init” and back up to it.',
  });
}
