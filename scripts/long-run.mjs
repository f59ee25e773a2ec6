/**
 * `npm run bench [NAME] [ARGUMENTS]` and `npm run torture [NAME] [ARGUMENTS]`: the long runs that no test run waits for.
 *
 * Each .ts file directly in test/bench or test/torture is a program of its own, started by plain Node. Without a name
 * they run one after the other, never side by side: a measurement wants the machine for itself.
 */
import { spawnSync } from 'node:child_process';
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

let failed = 0;
for (const name of isNamed ? [rest[0]] : programs) {
  console.log(`\n— ${kind}: ${name}`);
  const args = [path.join(folder, `${name}.ts`), ...(isNamed ? rest.slice(1) : rest)];
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
