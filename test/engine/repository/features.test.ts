/** What an older Cairn does with a repository of a later one: it reads what it may, and never writes what it should not. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import { decodeConfig, encodeConfig, type RepositoryConfig } from '../../../src-main/engine/repository/index.ts';
import { listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import { Lab } from '../../support/engine-lab.ts';

describe('a repository with features of a later Cairn', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = new Lab();
    await lab.init({ password: 'correct horse' });
    fs.mkdirSync(lab.source);
    fs.writeFileSync(path.join(lab.source, 'a'), 'kept');
    await lab.backup(await lab.open());
  });
  afterEach(() => lab.dispose());

  /** What that later Cairn did to the configuration. */
  async function change(fields: Partial<RepositoryConfig>): Promise<void> {
    const { masterKey, config } = await lab.open();
    for (const name of ['config', 'config.copy']) {
      const file = path.join(lab.repositoryPath, name);
      fs.writeFileSync(file, encodeConfig({ ...decodeConfig(fs.readFileSync(file)).config, ...fields }, masterKey));
    }
    expect(config.featuresToWrite).toEqual([]);
  }

  const isNewer = (error: unknown): boolean => isCairnError(error, 'repository/newer-format');
  const filesOf = (): string[] => fs.readdirSync(lab.repositoryPath, { recursive: true, encoding: 'utf8' }).sort();

  test('is read and restored, and nothing is written, where it needs an unknown feature to write', async () => {
    await change({ featuresToWrite: ['forgetting'] });
    const before = filesOf();
    const repository = await lab.open();
    expect((await listSnapshots(repository)).snapshots).toHaveLength(1);
    await lab.restore(repository, 'latest', lab.path('back'));
    expect(fs.readFileSync(lab.path('back', 'a'), 'utf8')).toBe('kept');
    expect(isNewer(await lab.backup(repository).catch((error: unknown) => error))).toBe(true);
    expect(filesOf()).toEqual(before);
  });

  test('is not even opened where it needs an unknown feature to read', async () => {
    await change({ featuresRequired: ['transposition'] });
    expect(isNewer(await lab.open().catch((error: unknown) => error))).toBe(true);
  });
});
