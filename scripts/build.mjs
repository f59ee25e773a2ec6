/**
 * Turns the sources into what runs: out/main/cli.js today; the engine worker, the app, its preload and its window each
 * become one more entry of BUNDLES below.
 *
 * Pure JavaScript is bundled, so that starting costs one file; what carries a native binary stays outside, because
 * it finds that binary beside itself in node_modules. Everything is built in a folder of its own and then moved into
 * place file by file, entries last: a program that starts during a build finds the old one or the new one, whole.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { build } from 'vite';

const root = path.resolve(import.meta.dirname, '..');
const outFolder = path.join(root, 'out');

/** Packages with a native binary. */
const NATIVE = ['better-sqlite3', 'blake3', 'koffi', 'lz4'];

/** A program that is running may still load a part of the previous build; parts older than this are nobody's. */
const LEFTOVER_AGE_MS = 60 * 60 * 1000;
const isLeftover = (file) => Date.now() - statSync(file).mtimeMs > LEFTOVER_AGE_MS;

/** Folders in which a build is at work. */
const BUILD_PREFIX = '.building-';

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

/** Folder below out/ → what goes into it. */
const BUNDLES = [
  nodeBundle('main', {
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
