/**
 * Turns the sources into what runs, one folder below out/ for each kind of process:
 *
 *   main/      Node and Electron's main and utility processes: the command line, the app, the engine host, the workers
 *   preload/   the bridge, one CommonJS file, because a sandboxed preload can load no other
 *   renderer/  the window's page
 *
 * Pure JavaScript is bundled, so that starting costs one file; what carries a native binary stays outside, because
 * it finds that binary beside itself in node_modules. Everything is built in a folder of its own and then moved into
 * place file by file, entries last: a program that starts during a build finds the old one or the new one, whole.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { build } from 'vite';

import svelteConfig from '../svelte.config.js';

const root = path.resolve(import.meta.dirname, '..');
const outFolder = path.join(root, 'out');

/** Packages with a native binary. */
const NATIVE = ['better-sqlite3', 'blake3', 'koffi', 'lz4'];

/** A program that is running may still load a part of the previous build; parts older than this are nobody's. */
const LEFTOVER_AGE_MS = 60 * 60 * 1000;
const isLeftover = (file) => Date.now() - statSync(file).mtimeMs > LEFTOVER_AGE_MS;

/** Folders in which a build is at work. */
const BUILD_PREFIX = '.building-';

/** A little older than the Chromium inside our Electron, the only place where the preload runs. */
const PRELOAD_TARGET = 'chrome150';

/** For plain Node and for Electron's main and utility processes: ES modules, as old as the oldest Node we accept. */
const nodeBundle = (name, entries) => ({
  name,
  entries,
  options: {
    ssr: { target: 'node', noExternal: true },
    build: {
      ssr: true,
      target: 'node22',
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        input: entries,
        external: [/^node:/, ...builtinModules, /^electron($|\/)/, ...NATIVE],
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'parts/[name]-[hash].js' },
      },
    },
  },
});

/** The bridge between the window and the app. */
const preloadBundle = (name, entries) => ({
  name,
  entries,
  options: {
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: PRELOAD_TARGET,
      minify: false,
      rolldownOptions: {
        input: entries,
        external: ['electron'],
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
  },
});

/**
 * The page, for our own Chromium and for whatever browser shows the headless app. Its addresses are relative, so that
 * it works under app:// and under any path a server gives it.
 */
const pageBundle = (name, folder) => ({
  name,
  entries: { index: path.join(folder, 'index.html') },
  options: {
    root: folder,
    base: './',
    plugins: [svelte({ ...svelteConfig, configFile: false })],
    // Every file stays a file: the page's policy allows no script or style that is written into the page.
    build: { target: 'baseline-widely-available', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  },
});

/** Folder below out/ → what goes into it. */
const BUNDLES = [
  nodeBundle('main', {
    main: path.join(root, 'src-main/main.ts'),
    'engine-host': path.join(root, 'src-main/engine-host/utility.ts'),
    cli: path.join(root, 'src-main/cli/main.ts'),
    'lane-worker': path.join(root, 'src-main/engine/backup/lane-worker.ts'),
    'restore-worker': path.join(root, 'src-main/engine/restore/restore-worker.ts'),
    'check-worker': path.join(root, 'src-main/engine/verify/check-worker.ts'),
  }),
  preloadBundle('preload', { preload: path.join(root, 'src-main/preload.ts') }),
  pageBundle('renderer', path.join(root, 'src-renderer')),
];

/** Every file below `folder`, relative to it. */
function filesBelow(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

/** Moves a finished bundle into place: parts before the entries that name them, then what no build has used for long. */
function publish(built, target, entryNames) {
  const isEntry = (file) => entryNames.some((name) => file.startsWith(`${name}.`));
  const files = filesBelow(built).sort((a, b) => Number(isEntry(a)) - Number(isEntry(b)));
  for (const file of files) {
    mkdirSync(path.dirname(path.join(target, file)), { recursive: true });
    renameSync(path.join(built, file), path.join(target, file));
  }
  for (const file of filesBelow(target)) {
    const leftover = path.join(target, file);
    if (!files.includes(file) && isLeftover(leftover)) rmSync(leftover, { force: true });
  }
}

process.env.NODE_ENV = 'production'; // Whatever started us: vite builds the page for development otherwise.
const startedAt = performance.now();
mkdirSync(outFolder, { recursive: true });
for (const name of readdirSync(outFolder).filter((name) => name.startsWith(BUILD_PREFIX))) {
  // Left by a build that was killed; one that is still at work is younger.
  if (isLeftover(path.join(outFolder, name))) rmSync(path.join(outFolder, name), { recursive: true, force: true });
}
for (const { name, entries, options } of BUNDLES) {
  const built = path.join(outFolder, `${BUILD_PREFIX}${process.pid}-${name}`);
  try {
    await build({
      configFile: false,
      envDir: false,
      publicDir: false,
      logLevel: 'warn',
      root,
      ...options,
      build: { ...options.build, outDir: built, emptyOutDir: true },
    });
    publish(built, path.join(outFolder, name), Object.keys(entries));
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}
console.log(`Built in ${Math.round(performance.now() - startedAt)} ms.`);
