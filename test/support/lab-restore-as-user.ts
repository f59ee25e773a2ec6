/**
 * Run as root with a lab folder: becomes an ordinary user, backs up, and restores into a folder that is closed to this
 * user, into one where a folder belongs to somebody else, and over a folder of its own that denies writing. Prints what
 * happened as JSON.
 */
import fs from 'node:fs';
import path from 'node:path';
import { isCairnError } from '../../src-shared/errors.ts';
import { Lab } from './engine-lab.ts';

const NOBODY = 65_534;
const folder = process.argv[2] ?? '';
fs.mkdirSync(path.join(folder, 'closed'), { mode: 0o700 });
fs.mkdirSync(path.join(folder, 'partly'));
fs.chownSync(path.join(folder, 'partly'), NOBODY, NOBODY);
fs.mkdirSync(path.join(folder, 'partly', 'foreign'), { mode: 0o755 });
fs.chmodSync(folder, 0o755);
process.setgroups?.([]);
process.setgid?.(NOBODY);
process.setuid?.(NOBODY);

const lab = new Lab();
for (const name of ['mine/file', 'foreign/file', 'top']) {
  fs.mkdirSync(path.dirname(path.join(lab.source, name)), { recursive: true });
  fs.writeFileSync(path.join(lab.source, name), name);
}
fs.chmodSync(path.join(lab.source, 'mine'), 0o555);
await lab.init();
const repository = await lab.open();
await lab.backup(repository);
const closed = await lab
  .restore(repository, 'latest', path.join(folder, 'closed'))
  .catch((error: unknown) => ({ code: isCairnError(error) ? error.code : String(error) }));
const target = path.join(folder, 'partly');
const partly = await lab.restore(repository, 'latest', target);
const names = (fs.readdirSync(target, { recursive: true }) as string[]).sort();
fs.chmodSync(path.join(target, 'mine'), 0o700);
fs.writeFileSync(path.join(target, 'mine', 'file'), 'changed');
fs.chmodSync(path.join(target, 'mine'), 0o555);
const readOnly = await lab.restore(repository, 'latest', target, { includes: ['mine'] });
const readOnlyMode = fs.statSync(path.join(target, 'mine')).mode & 0o777;
process.stdout.write(JSON.stringify({ closed, partly, names, readOnly, readOnlyMode }));
for (const place of [path.join(lab.source, 'mine'), path.join(target, 'mine')]) fs.chmodSync(place, 0o700);
lab.dispose();
