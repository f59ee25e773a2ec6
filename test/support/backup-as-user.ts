/**
 * Run as root with a lab folder: becomes an ordinary user, backs up, takes the permission to read a file and a folder
 * away, backs up again, restores, and prints what happened as JSON.
 */
import fs from 'node:fs';
import path from 'node:path';
import { Lab } from './engine-lab.ts';

const NOBODY = 65_534;
const folder = process.argv[2] ?? '';
fs.chownSync(folder, NOBODY, NOBODY);
process.setgroups?.([]);
process.setgid?.(NOBODY);
process.setuid?.(NOBODY);

const lab = new Lab();
fs.mkdirSync(path.join(lab.source, 'closed-folder'), { recursive: true });
fs.writeFileSync(path.join(lab.source, 'closed-folder', 'inside.txt'), 'inside');
fs.writeFileSync(path.join(lab.source, 'closed.txt'), 'secret');
fs.writeFileSync(path.join(lab.source, 'open.txt'), 'open');
await lab.init();
const repository = await lab.open();
const first = await lab.backup(repository);
fs.chmodSync(path.join(lab.source, 'closed-folder'), 0o000);
fs.writeFileSync(path.join(lab.source, 'closed.txt'), 'secret and changed');
fs.chmodSync(path.join(lab.source, 'closed.txt'), 0o000);
fs.writeFileSync(path.join(lab.source, 'open.txt'), 'open, changed');
const second = await lab.backup(repository);
await lab.restore(repository, 'latest', lab.path('out'));
const read = (name: string): string => fs.readFileSync(lab.path('out', name), 'utf8');
const restored = Object.fromEntries(
  ['closed.txt', 'closed-folder/inside.txt', 'open.txt'].map((name) => [name, read(name)]),
);
process.stdout.write(JSON.stringify({ first, second, restored }));
fs.chmodSync(path.join(lab.source, 'closed-folder'), 0o700);
lab.dispose();
