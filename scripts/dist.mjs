/**
 * `npm run dist`: installers for this system, into out/release. Arguments go to electron-builder, for example
 * `npm run dist -- --linux deb`. It needs Electron's program and, for some targets, tools that electron-builder
 * downloads; where they cannot be had it fails and says which.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

import { drawIcons } from './icons.mjs';

const root = path.resolve(import.meta.dirname, '..');
const builder = path.join(root, 'node_modules/electron-builder/cli.js');

await drawIcons();
const args = ['--config', 'electron-builder.yml', '--publish', 'never', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, [builder, ...args], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
