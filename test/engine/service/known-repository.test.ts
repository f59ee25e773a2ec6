import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEngine } from '../../../src-main/engine/index.ts';
import { decodeConfig, encodeConfig } from '../../../src-main/engine/repository/index.ts';
import { Lab } from '../../support/engine-lab.ts';

const secret = () => Promise.resolve({ kind: 'password', password: 'correct horse' } as const);

describe('a computer that knows a repository', () => {
  let lab: Lab;
  let home: string;
  beforeEach(async () => {
    lab = new Lab();
    home = lab.path('home');
    await lab.init({ password: 'correct horse' });
  });
  afterEach(() => lab.dispose());

  test('writes nothing in clear when someone puts an unencrypted configuration into its place', async () => {
    const engine = openEngine({ home, log: () => undefined });
    await engine.open(lab.repositoryPath, secret);
    const file = path.join(lab.repositoryPath, 'config');
    const { config } = decodeConfig(fs.readFileSync(file));
    const masterKey = new Uint8Array(32).fill(7);
    const { createSigner, deriveKey } = await import('../../../src-main/engine/codec/index.ts');
    const publicKey = createSigner(deriveKey(masterKey, Buffer.from(config.repositoryId, 'hex'), 'sign')).publicKey;
    const forged = encodeConfig({ ...config, encrypted: false, masterKey, publicKey }, masterKey);
    for (const name of ['config', 'config.copy']) fs.writeFileSync(path.join(lab.repositoryPath, name), forged);
    await expect(engine.open(lab.repositoryPath, secret)).rejects.toMatchObject({
      code: 'repository/wrong-identity',
      message: expect.stringContaining('it was encrypted, and now it says that it is not') as string,
    });
  });

  test('opens it again and again, and once more after its own memory is damaged', async () => {
    const engine = openEngine({ home, log: () => undefined });
    await engine.open(lab.repositoryPath, secret);
    await engine.open(lab.repositoryPath, secret);
    for (const name of fs.readdirSync(path.join(home, 'known'))) fs.writeFileSync(path.join(home, 'known', name), '{');
    await engine.open(lab.repositoryPath, secret);
  });
});
