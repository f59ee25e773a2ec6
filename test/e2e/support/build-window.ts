/**
 * Bundles the scripted engine for a page. It goes to a folder of its own and is handed to the page by Playwright: nothing
 * of it is in the page that `npm run build` makes and these tests only read.
 */
import path from 'node:path';
import { build } from 'vite';
import { builtFile } from '../host.ts';

const root = path.resolve(import.meta.dirname, '../../..');

export const WINDOW_FOLDER = builtFile('renderer');
export const SCRIPTED_ENGINE_FILE = path.join(root, 'out/scripted-engine/scripted-engine.js');

export async function buildScriptedEngine(): Promise<void> {
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    build: {
      outDir: path.dirname(SCRIPTED_ENGINE_FILE),
      emptyOutDir: true,
      minify: false,
      lib: {
        entry: path.join(root, 'test/e2e/support/scripted-page.ts'),
        formats: ['iife'],
        name: 'scriptedEngine',
        fileName: () => path.basename(SCRIPTED_ENGINE_FILE),
      },
    },
  });
}
