/**
 * `npm start -- --demo [FOLDER]`: a first taste on the command line. Makes a repository in Cairn's own folder, backs up
 * FOLDER (this checkout when none is given), shows what came of it, and says what to try next. Running it again adds a
 * snapshot.
 *
 * It does everything through the command line that it recommends, so what it shows is what the user will get.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const program = path.join(root, 'out/main/cli.js');

/** Exit statuses of the command line that mean “done”; 3 is “done, with problems in the source”. */
const DONE = [0, 3];
/** 32 characters of base64url: 192 bits, more than the key it unlocks can be attacked for. */
const PASSWORD_BYTES = 24;
/** What a checkout contains at its root that the next `npm start` makes anew. */
const MADE_ANEW = ['node_modules', 'out'];

/** Where a desktop application keeps its own files on this platform. */
function applicationDataFolder() {
  const home = os.homedir();
  if (process.platform === 'darwin') return path.join(home, 'Library/Application Support/Cairn');
  if (process.platform === 'win32')
    return path.join(process.env.LOCALAPPDATA ?? path.join(home, 'AppData/Local'), 'Cairn');
  return path.join(process.env.XDG_DATA_HOME ?? path.join(home, '.local/share'), 'cairn');
}

const cairnHome = path.resolve(process.env.CAIRN_HOME ?? applicationDataFolder());
const repository = path.join(cairnHome, 'first-backup');
const passwordFile = path.join(cairnHome, 'first-backup.password');

/** Runs a command to its end; ends with its exit status when it failed, for it has said why. Returns its JSON. */
async function cairn(...args) {
  const child = spawn(
    process.execPath,
    [program, '--repo', repository, '--password-file', passwordFile, '--json', ...args],
    {
      env: { ...process.env, CAIRN_HOME: cairnHome },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const output = [];
  child.stdout.on('data', (bytes) => output.push(bytes));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const answer = JSON.parse(Buffer.concat(output).toString() || 'null');
  if (DONE.includes(status)) return answer;
  if (answer?.error) console.error(`\n${answer.error.message}\n${answer.error.hint}`);
  else console.error(`\n“cairn ${args[0]}” ended with ${status}.`);
  process.exit(status ?? 1);
}

/** The password is on disk before the repository is: whatever happens in between, what exists can be opened. */
function makePassword() {
  mkdirSync(cairnHome, { recursive: true, mode: 0o700 });
  if (existsSync(passwordFile)) return;
  writeFileSync(passwordFile, `${randomBytes(PASSWORD_BYTES).toString('base64url')}\n`, {
    mode: 0o600,
    flag: 'wx',
    flush: true,
  });
}

async function makeRepository() {
  makePassword();
  const made = await cairn('init');
  console.log(`Made an encrypted repository: ${repository}`);
  console.log(`Its password was made for you and is kept, readable by you alone, in ${passwordFile}`);
  if (made.recoveryKey === undefined) return;
  console.log('\nThe recovery key opens it when the password is lost. It is shown this once; write it down:\n');
  console.log(`    ${made.recoveryKey}\n`);
}

/** From where the user stands: npm has moved to the package's folder before it starts us. */
function folderToBackUp(argument) {
  if (argument === undefined) return root;
  const folder = path.resolve(process.env.INIT_CWD ?? process.cwd(), argument);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  console.error(`There is no folder ${folder}. Nothing was done.`);
  return process.exit(2);
}

function formatBytes(bytes) {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** A word as the shell of this platform wants it. */
function quoted(word) {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return process.platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function showResult(folder, report) {
  const { filesNew, filesChanged, filesUnmodified, filesRemoved, problems, durationMs } = report;
  const took = `${(durationMs / 1000).toFixed(1)} s`;
  console.log(`\nBacked up ${folder} in ${took}: snapshot ${report.snapshotId.slice(0, 8)} (${report.kind}).`);
  console.log(`  files: ${filesNew} new, ${filesChanged} changed, ${filesUnmodified} unchanged, ${filesRemoved} gone`);
  console.log(`  looked at ${formatBytes(report.bytesScanned)}, stored ${formatBytes(report.bytesStored)}`);
  if (problems.length === 0) return;
  console.log(`  ${problems.length} could not be read and are not in this snapshot as they are now:`);
  for (const problem of problems.slice(0, 5)) console.log(`    ${problem.path}: ${problem.message}`);
}

function showNextSteps() {
  const set = process.platform === 'win32' ? 'set ' : 'export ';
  const restoreTarget = path.join(os.tmpdir(), 'cairn-restored');
  console.log(`
What to try next (the first two lines let the others find the repository):

  ${set}CAIRN_REPO=${quoted(repository)}
  ${set}CAIRN_PASSWORD_FILE=${quoted(passwordFile)}
  npm run -s cairn -- snapshots
  npm run -s cairn -- ls latest
  npm run -s cairn -- restore latest --target ${quoted(restoreTarget)}
  npm run -s cairn -- verify --deep

Change a file and run this again: only what changed is stored.`);
}

const argument = process.argv[3]; // After the --demo that led start.mjs here.
const folder = folderToBackUp(argument);
if (existsSync(path.join(repository, 'config'))) console.log(`Using the repository ${repository}`);
else await makeRepository();

if (argument === undefined)
  console.log(`No folder was given, so this checkout is backed up, without ${MADE_ANEW.join(' and ')}.`);
const excludes = argument === undefined ? MADE_ANEW.flatMap((name) => ['--exclude', `/${name}`]) : [];
const report = await cairn('backup', folder, ...excludes);
const snapshots = await cairn('snapshots');
showResult(folder, report);
console.log(`  the repository now holds ${snapshots.length} snapshot${snapshots.length === 1 ? '' : 's'}`);
showNextSteps();
process.exit(report.problems.length === 0 ? 0 : DONE[1]);
