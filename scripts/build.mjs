/**
 * Turns the sources into what runs: out/main/cli.js today; the engine worker, the app, its preload and its window each
 * become one more entry of BUNDLES below.
 *
 * Pure JavaScript is bundled, so that starting costs one file; what carries a native binary stays outside, because
 * it finds that binary beside itself in node_modules.
 *
 * Each build is a folder of its own, out/main/builds/ID, named by what is in it, and is moved there whole. What others
 * start stands beside it as one line that leads into it, and is replaced last. So a program finds all its parts and
 * threads in the build it was started from, never those of another; and of the builds before, one stays for programs
 * that are still running.
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
import { build } from 'vite';

const root = path.resolve(import.meta.dirname, '..');
const outFolder = path.join(root, 'out');

/** Packages with a native binary. */
const NATIVE = ['better-sqlite3', 'blake3', 'koffi', 'lz4'];

/** Builds of one bundle that stay: the one that is new, and the one that a running program may be from. */
const BUILDS_KEPT = 2;
const BUILDS_FOLDER = 'builds';
/** A folder in which a build is at work. One that is older than this was left by a build that was killed. */
const BUILDING_PREFIX = '.building-';
const LEFTOVER_AGE_MS = 60 * 60 * 1000;
const ID_DIGITS = 16;

/** For plain Node and for Electron's main and utility processes: ES modules, as old as the oldest Node we accept. */
const nodeBundle = (name, started, entries) => ({
  name,
  started,
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

/** Folder below out/, which of its entries others start by name, and what goes into it. */
const BUNDLES = [
  nodeBundle('main', ['cli'], {
    cli: path.join(root, 'src-main/cli/main.ts'),
    'lane-worker': path.join(root, 'src-main/engine/backup/lane-worker.ts'),
    'restore-worker': path.join(root, 'src-main/engine/restore/restore-worker.ts'),
    'check-worker': path.join(root, 'src-main/engine/verify/check-worker.ts'),
  }),
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
function publish(built, target, started) {
  const id = idOf(built);
  const builds = path.join(target, BUILDS_FOLDER);
  const place = path.join(builds, id);
  // One of this name that does not hold what its name says was tampered with, or is half removed.
  if (existsSync(place) && idOf(place) !== id) remove(place);
  if (!existsSync(place)) renameSync(built, place);
  const now = new Date();
  utimesSync(place, now, now);
  for (const name of started) {
    const line = path.join(builds, `${BUILDING_PREFIX}${process.pid}-${name}.js`);
    writeFileSync(line, `import './${BUILDS_FOLDER}/${id}/${name}.js';\n`);
    renameSync(line, path.join(target, `${name}.js`));
  }
  prune(target, started);
}

/** Removes all but the newest builds, and whatever else stands where only builds belong. */
function prune(target, started) {
  const kept = new Set([BUILDS_FOLDER, ...started.map((name) => `${name}.js`)]);
  for (const name of readdirSync(target)) if (!kept.has(name)) remove(path.join(target, name));
  const builds = path.join(target, BUILDS_FOLDER);
  const ageOf = (name) => Date.now() - statSync(path.join(builds, name)).mtimeMs;
  const names = readdirSync(builds);
  const finished = names.filter((name) => !name.startsWith(BUILDING_PREFIX)).sort((a, b) => ageOf(a) - ageOf(b));
  const abandoned = names.filter((name) => name.startsWith(BUILDING_PREFIX) && ageOf(name) > LEFTOVER_AGE_MS);
  for (const name of [...finished.slice(BUILDS_KEPT), ...abandoned]) remove(path.join(builds, name));
}

function remove(file) {
  rmSync(file, { recursive: true, force: true });
}

const startedAt = performance.now();
for (const { name, started, options } of BUNDLES) {
  const target = path.join(outFolder, name);
  const built = path.join(target, BUILDS_FOLDER, `${BUILDING_PREFIX}${process.pid}`);
  mkdirSync(path.join(target, BUILDS_FOLDER), { recursive: true });
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
    publish(built, target, started);
  } finally {
    remove(built);
  }
}
console.log(`Built in ${Math.round(performance.now() - startedAt)} ms.`);
