'use strict';
/**
 * What stands behind every npm command of a checkout: `node scripts/run.cjs MODE [ARGUMENTS]`.
 *
 *   1. Set up: install the dependencies when the lockfile changed, find a Node that is new enough, build when a source
 *      changed. When nothing changed this costs a few milliseconds, so `npm run -s cairn` is quick.
 *   2. Do the work of MODE in one child process whose exit status and signals become our own.
 *
 * It is one script because npm skips pre- and post-scripts on machines where install scripts are switched off. It is
 * plain CommonJS of 2015 because npm runs it with whatever Node the machine has; the work itself runs on the Node that
 * `npm ci` brought along where the machine's own is too old.
 *
 * Several runs may start at once (tests do that). Stamps say what is ready and are written last, by rename; whoever
 * finds one missing takes a lock, looks again, and does the work while the others wait.
 */
const childProcess = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const nodeVersion = require('./node-version.cjs');
const setupLock = require('./setup-lock.cjs');

const root = path.resolve(__dirname, '..');
const outFolder = path.join(root, 'out');
const modulesFolder = path.join(root, 'node_modules');
const setupStampFile = path.join(modulesFolder, '.setup-stamp');
const buildStampFile = path.join(outFolder, '.build-stamp');

/** Everything the build reads. A folder stands for all files below it; what does not exist counts as empty. */
const BUILD_INPUTS = [
  'src-main',
  'src-renderer',
  'src-shared',
  'package.json',
  'package-lock.json',
  'scripts/build.mjs',
  'svelte.config.js',
];

/** The last file of each bundle, below out/: a folder that someone has emptied is built again. */
const BUILD_RESULTS = ['main/cli.js', 'preload/preload.cjs', 'renderer/index.html'];

/**
 * For each mode the script that does its work, the arguments before the user's own, and whether it needs the build.
 * `cairn` is quiet: whatever set-up has to say goes to standard error, so that standard output is the command's alone.
 */
const MODES = {
  start: { script: 'scripts/start.mjs', before: [], build: true, quiet: false },
  test: { script: 'scripts/check.mjs', before: ['test'], build: true, quiet: false },
  e2e: { script: 'scripts/check.mjs', before: ['e2e'], build: true, quiet: false },
  lint: { script: 'scripts/check.mjs', before: ['lint'], build: false, quiet: false },
  bench: { script: 'scripts/long-run.mjs', before: ['bench'], build: true, quiet: false },
  torture: { script: 'scripts/long-run.mjs', before: ['torture'], build: true, quiet: false },
  cairn: { script: 'scripts/cairn.cjs', before: [], build: true, quiet: true },
  dist: { script: 'scripts/dist.mjs', before: [], build: true, quiet: false },
  screenshots: { script: 'test/e2e/screenshots.ts', before: [], build: true, quiet: false },
  build: { script: null, before: [], build: true, quiet: false },
};

/** Ends with a message for a person. Set-up never shows a stack trace: nobody who runs `npm start` can use one. */
function stop(message) {
  process.stderr.write('\n' + message + '\n\n');
  process.exit(1);
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (_) {
    return '';
  }
}

/** A stamp is written whole or not at all: a half-written one would have to be told from a wrong one. */
function writeStamp(file, text) {
  const temporary = file + '.' + process.pid;
  fs.writeFileSync(temporary, text);
  fs.renameSync(temporary, file);
}

/** Runs a step of the set-up. Its output goes to standard error in a quiet mode; it never reads our standard input. */
function runStep(title, command, args, options) {
  const output = options.quiet ? 2 : 1;
  const result = childProcess.spawnSync(command, args, {
    cwd: root,
    env: options.env,
    stdio: ['ignore', output, 2],
    shell: process.platform === 'win32' && /\.cmd$/.test(command),
  });
  if (result.error) stop(title + ' could not be started: ' + result.error.message);
  if (result.signal) stop(title + ' was stopped by ' + result.signal + '.');
  if (result.status !== 0) stop(title + ' failed (exit status ' + result.status + '). What it said stands above.');
}

// --- dependencies -------------------------------------------------------------------------------------------------

function setupStamp() {
  const hash = crypto.createHash('sha256');
  hash.update(fs.readFileSync(path.join(root, 'package-lock.json')));
  return hash.update(process.platform + ' ' + process.arch).digest('hex');
}

function isInstalled() {
  return readText(setupStampFile) === setupStamp();
}

/** The npm that started us, so that both are of one installation; else the one on PATH. */
function npmCommand() {
  const script = process.env.npm_execpath;
  if (script && /npm-cli\.c?js$/.test(script)) return { command: process.execPath, args: [script] };
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [] };
}

function install(quiet) {
  const stamp = setupStamp();
  process.stderr.write('Installing dependencies (npm ci). This is done once and takes about half a minute.\n');
  // Gone before npm touches anything: from here on the folder is not what a stamp could vouch for.
  if (fs.existsSync(setupStampFile)) fs.unlinkSync(setupStampFile);
  const npm = npmCommand();
  // --include=dev: with NODE_ENV=production npm would leave the tools out.
  // --loglevel=error: under an old Node every package warns that it wants a newer one; it will get one.
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  runStep('Installing the dependencies', npm.command, npm.args.concat(args), { quiet: quiet, env: process.env });
  writeStamp(setupStampFile, stamp);
}

// --- Node ---------------------------------------------------------------------------------------------------------

/** This Node when it is new enough, else the one that came with the dependencies. */
function findNode() {
  if (nodeVersion.isNewEnough(process.version)) return process.execPath;
  const platform = process.platform + '-' + process.arch;
  const bundled = path.join(modulesFolder, 'node-' + platform, 'bin', 'node');
  if (fs.existsSync(bundled)) {
    const result = childProcess.spawnSync(bundled, ['--version'], { encoding: 'utf8' });
    if (result.status === 0 && nodeVersion.isNewEnough(result.stdout.trim())) return bundled;
  }
  return stop(
    'Cairn needs Node.js ' +
      nodeVersion.NODE_VERSION_MIN +
      ' or newer. This is ' +
      process.version +
      ', and none comes with Cairn for ' +
      platform +
      '.\nInstall Node.js 24 from https://nodejs.org and run this again.'
  );
}

function environmentFor(node) {
  const folders = [path.dirname(node), path.join(modulesFolder, '.bin'), process.env.PATH || ''];
  return Object.assign({}, process.env, { PATH: folders.join(path.delimiter) });
}

// --- build --------------------------------------------------------------------------------------------------------

function filesBelow(relative) {
  const absolute = path.join(root, relative);
  let stat;
  try {
    stat = fs.statSync(absolute);
  } catch (_) {
    return [];
  }
  if (!stat.isDirectory()) return [{ name: relative, size: stat.size, mtimeMs: stat.mtime.getTime() }];
  const names = fs.readdirSync(absolute).sort();
  return names.reduce((all, name) => all.concat(filesBelow(relative + '/' + name)), []);
}

/** Name, size and time of every input: a few milliseconds for a few hundred files, and an edit changes one of them. */
function buildStamp() {
  const hash = crypto.createHash('sha256');
  BUILD_INPUTS.forEach((input) => {
    filesBelow(input).forEach((file) => hash.update(file.name + '\0' + file.size + '\0' + file.mtimeMs + '\n'));
  });
  return hash.digest('hex');
}

function isBuilt() {
  const isWhole = BUILD_RESULTS.every((file) => fs.existsSync(path.join(outFolder, file)));
  return isWhole && readText(buildStampFile) === buildStamp();
}

function build(node, quiet) {
  // Taken before the build reads anything: what is edited meanwhile is then built again next time.
  const stamp = buildStamp();
  const env = environmentFor(node);
  runStep('The build', node, [path.join(root, 'scripts', 'build.mjs')], { quiet: quiet, env: env });
  writeStamp(buildStampFile, stamp);
}

/** Makes everything ready that `mode` needs and returns the Node to run it with. */
function setUp(mode) {
  const needsBuild = () => mode.build && !isBuilt();
  if (isInstalled() && !needsBuild()) return findNode();
  if (!fs.existsSync(outFolder)) setupLock.makeFolder(outFolder);
  return setupLock.whileHolding(path.join(outFolder, '.setup-lock'), () => {
    // Looked at again: whoever held the lock before us may have done all of it.
    if (!isInstalled()) install(mode.quiet);
    const node = findNode();
    if (needsBuild()) build(node, mode.quiet);
    return node;
  });
}

// --- the work -----------------------------------------------------------------------------------------------------

/**
 * Runs the child with our own standard streams and ends as it ends: same exit status, or the same signal.
 * Ctrl-C on a terminal reaches the child directly, so then we only wait for it; a signal sent to us alone is handed on.
 */
function become(command, args, env) {
  const child = childProcess.spawn(command, args, { cwd: process.cwd(), env: env, stdio: 'inherit' });
  const fromTerminal = Boolean(process.stdin.isTTY);
  ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((signal) => {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !fromTerminal) child.kill(signal);
    });
  });
  child.on('error', (error) => stop(command + ' could not be started: ' + error.message));
  child.on('exit', (status, signal) => {
    if (signal === null) process.exit(status);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // A signal that does not end us (Windows, or one that Node ignores) must still not look like success.
    setTimeout(() => process.exit(1), 1000);
  });
}

function main() {
  const name = process.argv[2];
  const mode = Object.prototype.hasOwnProperty.call(MODES, name || '') ? MODES[name] : undefined;
  if (mode === undefined) return stop('usage: node scripts/run.cjs ' + Object.keys(MODES).join('|') + ' [ARGUMENTS]');
  const node = setUp(mode);
  if (mode.script === null) return undefined;
  const args = mode.before.concat(process.argv.slice(3));
  // npm changes to the package's folder; paths given to the command are meant from where the user stands.
  if (name === 'cairn' && process.env.npm_lifecycle_event === 'cairn' && process.env.INIT_CWD) {
    process.chdir(process.env.INIT_CWD);
  }
  return become(node, [path.join(root, mode.script)].concat(args), environmentFor(node));
}

main();
