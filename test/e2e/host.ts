/**
 * Which Electron the app is tested on. E2E_HOST chooses: `electron` the real one, `standin` the stand-in of
 * test/e2e/standin, `auto` (the default) the real one where its program has been downloaded.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { chromiumProgram } from './standin/chromium.ts';

export const root = path.resolve(import.meta.dirname, '../..');
export const STANDIN_FOLDER = path.join(import.meta.dirname, 'standin/dist');

/** The downloaded program. Asking the electron package for it would start the download. */
export function electronProgram(): string | undefined {
  const folder = path.dirname(createRequire(import.meta.url).resolve('electron/package.json'));
  try {
    const program = path.join(folder, 'dist', readFileSync(path.join(folder, 'path.txt'), 'utf8'));
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

function chosenHost(): 'electron' | 'standin' {
  const wanted = process.env['E2E_HOST'] ?? 'auto';
  if (!['auto', 'electron', 'standin'].includes(wanted)) {
    throw new Error(`E2E_HOST is “${wanted}”; it can be auto, electron or standin.`);
  }
  if (wanted === 'electron' && electronProgram() === undefined) {
    throw new Error('E2E_HOST=electron, but Electron’s program is not here: npx install-electron');
  }
  if (wanted !== 'standin' && electronProgram() !== undefined) return 'electron';
  if (chromiumProgram() === undefined) {
    throw new Error(
      'Tests of the app need Electron’s program (npx install-electron) or a Chromium (on Debian: apt-get install ' +
        'chromium; elsewhere STANDIN_CHROMIUM names it).',
    );
  }
  return 'standin';
}

export const host = chosenHost();

/** The program that starts the app, for a test that starts it by itself. */
export const hostProgram = (): string =>
  host === 'electron' ? (electronProgram() ?? '') : path.join(STANDIN_FOLDER, 'electron');

export const hostDescription =
  host === 'electron' ? 'Real Electron.' : 'The stand-in (Node and Chromium). Real Electron was NOT exercised.';
