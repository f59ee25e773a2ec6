/**
 * The diagnosis file of `cairn doctor --bundle`: what we would ask for first when something is wrong, and nothing a
 * person would mind sending. No file contents, no passwords, no keys; every path is replaced by a short stand-in that
 * is the same for the same path, so that it can still be seen that two lines speak of one file.
 */
import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import os from 'node:os';

import { CairnError } from '../../src-shared/errors.ts';
import { formatTime } from '../../src-shared/format/index.ts';
import type { DoctorFinding } from '../../src-shared/model/index.ts';
import type { Host } from './host.ts';

const LOG_LINES_MAX = 500;
const DIAGNOSIS_VERSION = 1;

/** Writes the diagnosis into `file`, which must not exist yet. */
export async function writeDiagnosis(host: Host, file: string, findings: readonly DoctorFinding[]): Promise<void> {
  const diagnosis = {
    diagnosis: DIAGNOSIS_VERSION,
    writtenAt: formatTime(host.clock.wallMs()),
    versions: { ...process.versions },
    system: {
      platform: process.platform,
      architecture: process.arch,
      release: os.release(),
      processors: os.cpus().length,
      memoryBytes: os.totalmem(),
    },
    findings: findings.map((finding) => ({
      ...finding,
      detail: redact(finding.detail),
      advice: redact(finding.advice),
    })),
    log: (await lastLogLines(host.log.path)).map(redact),
  };
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(diagnosis, undefined, 2)}\n`);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new CairnError('usage/invalid', `The diagnosis can’t be written to ${file}.`, {
      hint: 'Name a file that does not exist yet, in a folder you may write to.',
      cause: error,
    });
  }
}

async function lastLogLines(path: string): Promise<readonly string[]> {
  try {
    return (await readFile(path, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .slice(-LOG_LINES_MAX);
  } catch {
    // No log yet: nothing has gone wrong here so far.
    return [];
  }
}

/** Everything that looks like a path, a user’s or a computer’s name becomes a stand-in. */
export function redact(text: string): string {
  const paths = text.replaceAll(/(?:[A-Za-z]:\\|\/)[^\s"',;:]+(?: [^\s"',;:]*\/[^\s"',;:]*)*/g, (path) =>
    standIn('path', path),
  );
  return [...privateNames()].reduce((redacted, name) => redacted.replaceAll(name, standIn('name', name)), paths);
}

function standIn(kind: string, value: string): string {
  return `<${kind} ${createHash('sha256').update(value).digest('hex').slice(0, 8)}>`;
}

/** Names of two letters would take half of every word with them. */
const NAME_LENGTH_MIN = 3;

function privateNames(): ReadonlySet<string> {
  const names = [os.hostname()];
  try {
    names.push(os.userInfo().username);
  } catch {
    // An account without an entry in the user table has no name to hide.
  }
  return new Set(names.filter((name) => name.length >= NAME_LENGTH_MIN));
}
