/**
 * Builds the window as it ships and, beside it, the scripted engine that plays the other end in these tests. The scripted
 * engine goes to a folder of its own and is handed to the page by Playwright: nothing of it is in out/renderer.
 */
import path from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { build } from 'vite';

const root = path.resolve(import.meta.dirname, '../../..');

export const WINDOW_FOLDER = path.join(root, 'out/renderer');
export const SCRIPTED_ENGINE_FILE = path.join(root, 'out/e2e/scripted-engine.js');

export async function buildWindow(): Promise<void> {
  await build({
    configFile: false,
    root: path.join(root, 'src-renderer'),
    base: './',
    logLevel: 'warn',
    plugins: [svelte({ configFile: false })],
    build: { outDir: WINDOW_FOLDER, emptyOutDir: true, target: 'chrome130', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  });
}

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
