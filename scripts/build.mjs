/**
 * Turns the sources into what runs, one folder for each kind of process:
 *
 *   main/      Node and Electron's main and utility processes: the command line, the app, the engine host, the workers
 *   preload/   the bridge, one CommonJS file, because a sandboxed preload can load no other
 *   renderer/  the window's page
 *
 * Pure JavaScript is bundled, so that starting costs one file; what carries a native binary stays outside, because
 * it finds that binary beside itself in node_modules.
 *
 * Each build is a folder of its own with all three, out/builds/ID, named by what is in it, and is moved there whole. What
 * others start stands in out/main as one line that leads into it, and is replaced last. So a program finds all its parts,
 * threads and pages in the build it was started from, never those of another; and of the builds before, one stays for
 * programs that are still running.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { build } from 'vite';

import svelteConfig from '../svelte.config.js';

const root = path.resolve(import.meta.dirname, '..');
const outFolder = path.join(root, 'out');
const buildsFolder = path.join(outFolder, 'builds');

/** Packages with a native binary. */
const NATIVE = ['@parcel/watcher', 'better-sqlite3', 'blake3', 'koffi', 'lz4'];

/** What others start by name: out/main/NAME.js. */
const STARTED = ['main', 'cli'];

/** Builds that stay: the one that is new, and the one that a running program may be from. */
const BUILDS_KEPT = 2;
/** A folder in which a build is at work. One that is older than this was left by a build that was killed. */
const BUILDING_PREFIX = '.building-';
const LEFTOVER_AGE_MS = 60 * 60 * 1000;
const ID_DIGITS = 16;

/** A little older than the Chromium inside our Electron, the only place where the preload runs. */
const PRELOAD_TARGET = 'chrome150';

/** For plain Node and for Electron's main and utility processes: ES modules, as old as the oldest Node we accept. */
const nodeBundle = (name, entries) => ({
  name,
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
  options: {
    root: folder,
    base: './',
    plugins: [svelte({ ...svelteConfig, configFile: false })],
    // Every file stays a file: the page's policy allows no script or style that is written into the page.
    build: { target: 'baseline-widely-available', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  },
});

/** Folder of a build → what goes into it. */
const BUNDLES = [
  nodeBundle('main', {
    main: path.join(root, 'src-main/main.ts'),
    'engine-host': path.join(root, 'src-main/engine-host/utility.ts'),
    cli: path.join(root, 'src-main/cli/main.ts'),
    'lane-worker': path.join(root, 'src-main/engine/backup/lane-worker.ts'),
    'restore-worker': path.join(root, 'src-main/engine/restore/restore-worker.ts'),
    'check-worker': path.join(root, 'src-main/engine/verify/check-worker.ts'),
    'catalog-worker': path.join(root, 'src-main/engine/catalog/catalog-worker.ts'),
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

/** Two builds of the same sources are one. */
function idOf(built) {
  const hash = createHash('sha256');
  for (const file of filesBelow(built).sort()) hash.update(`${file}\0`).update(readFileSync(path.join(built, file)));
  return hash.digest('hex').slice(0, ID_DIGITS);
}

/** Puts a finished build in its place, then lets those who start it find it, then takes away what no one needs. */
function publish(built) {
  const id = idOf(built);
  const place = path.join(buildsFolder, id);
  // One of this name that does not hold what its name says was tampered with, or is half removed.
  if (existsSync(place) && idOf(place) !== id) remove(place);
  if (!existsSync(place)) renameSync(built, place);
  const now = new Date();
  utimesSync(place, now, now);
  mkdirSync(path.join(outFolder, 'main'), { recursive: true });
  for (const name of STARTED) {
    const line = path.join(buildsFolder, `${BUILDING_PREFIX}${process.pid}-${name}.js`);
    writeFileSync(line, `import '../builds/${id}/main/${name}.js';\n`);
    renameSync(line, path.join(outFolder, 'main', `${name}.js`));
  }
}

/** Removes all but the newest builds, and whatever else stands where only builds and their lines belong. */
function prune() {
  const kept = new Set(STARTED.map((name) => `${name}.js`));
  for (const name of readdirSync(path.join(outFolder, 'main'))) {
    if (!kept.has(name)) remove(path.join(outFolder, 'main', name));
  }
  const ageOf = (name) => Date.now() - statSync(path.join(buildsFolder, name)).mtimeMs;
  const names = readdirSync(buildsFolder);
  const finished = names.filter((name) => !name.startsWith(BUILDING_PREFIX)).sort((a, b) => ageOf(a) - ageOf(b));
  const abandoned = names.filter((name) => name.startsWith(BUILDING_PREFIX) && ageOf(name) > LEFTOVER_AGE_MS);
  for (const name of [...finished.slice(BUILDS_KEPT), ...abandoned]) remove(path.join(buildsFolder, name));
}

function remove(file) {
  rmSync(file, { recursive: true, force: true });
}

process.env.NODE_ENV = 'production'; // Whatever started us: vite builds the page for development otherwise.
const startedAt = performance.now();
const built = path.join(buildsFolder, `${BUILDING_PREFIX}${process.pid}`);
mkdirSync(built, { recursive: true });
try {
  for (const { name, options } of BUNDLES) {
    await build({
      configFile: false,
      envDir: false,
      publicDir: false,
      logLevel: 'warn',
      root,
      ...options,
      build: { ...options.build, outDir: path.join(built, name), emptyOutDir: true },
    });
  }
  publish(built);
  prune();
} finally {
  remove(built);
}
console.log(`Built in ${Math.round(performance.now() - startedAt)} ms.`);
