/**
 * `npm run bench [NAME] [ARGUMENTS]` and `npm run torture [NAME] [ARGUMENTS]`: the long runs that no test run waits for.
 *
 * Each .ts file directly in test/bench or test/torture is a program of its own, started by plain Node. Without a name
 * they run one after the other, never side by side: a measurement wants the machine for itself. A signal to end goes to
 * the one that runs, which may have folders to remove; this ends as that one ends, and starts no other.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const [kind, ...rest] = process.argv.slice(2);
const folder = path.join(root, 'test', kind);

const programs = (existsSync(folder) ? readdirSync(folder) : [])
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length))
  .sort();

if (programs.length === 0) {
  console.error(`There is no program in test/${kind} yet.`);
  process.exit(1);
}

const isNamed = rest.length > 0 && !rest[0].startsWith('-');
if (isNamed && !programs.includes(rest[0])) {
  console.error(`There is no test/${kind}/${rest[0]}.ts. There is: ${programs.join(', ')}.`);
  process.exit(2);
}

/** Runs one program. Ctrl-C on a terminal reaches it directly; what is sent to this process alone is handed on. */
function run(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  const fromTerminal = Boolean(process.stdin.isTTY);
  let stoppedBy;
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const handler = () => {
      stoppedBy ??= signal;
      if (signal !== 'SIGINT' || !fromTerminal) child.kill(signal);
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      for (const one of handlers) process.off(one.signal, one.handler);
      resolve({ status, signal, stoppedBy });
    });
  });
}

/** Ends this process as a child ended. */
function endAs({ status, signal }) {
  if (signal === null) process.exit(status);
  process.kill(process.pid, signal);
  // A signal that does not end us must still not look like success.
  setTimeout(() => process.exit(1), 1000);
  return new Promise(() => undefined);
}

let failed = 0;
for (const name of isNamed ? [rest[0]] : programs) {
  console.log(`\n— ${kind}: ${name}`);
  const args = [path.join(folder, `${name}.ts`), ...(isNamed ? rest.slice(1) : rest)];
  const ended = await run(args);
  if (ended.signal !== null || ended.stoppedBy !== undefined) await endAs(ended);
  if (ended.status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
