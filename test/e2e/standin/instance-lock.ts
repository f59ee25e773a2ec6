/** One instance per user-data folder: a lock file with its owner, and a folder into which later instances put a note. */
import { mkdirSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';

export type LaterInstance = {
  readonly argv: readonly string[];
  readonly workingFolder: string;
  readonly data: unknown;
};

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

function takeLock(lock: string): boolean {
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return true;
    } catch {
      const owner = Number(readFileSync(lock, 'utf8'));
      if (owner === process.pid) return true;
      if (isRunning(owner)) return false;
      rmSync(lock, { force: true });
    }
  }
}

/** True for the first instance, which hears of later ones; false for a later one, which has left its note. */
export function takeInstanceLock(folder: string, data: unknown, onLater: (later: LaterInstance) => void): boolean {
  const lock = path.join(folder, 'standin.lock');
  const notes = path.join(folder, 'standin-instances');
  mkdirSync(notes, { recursive: true });
  if (!takeLock(lock)) {
    const note: LaterInstance = { argv: process.argv, workingFolder: process.cwd(), data };
    const file = path.join(notes, String(process.pid));
    // Under its final name the note is whole.
    writeFileSync(`${file}.new`, JSON.stringify(note));
    writeFileSync(`${file}.json`, JSON.stringify(note));
    return false;
  }
  process.on('exit', () => rmSync(lock, { force: true }));
  watch(notes, () => {
    for (const name of readdirSync(notes).filter((name) => name.endsWith('.json'))) {
      const note = readNote(path.join(notes, name));
      if (note !== undefined) onLater(note);
    }
  }).unref();
  return true;
}

/** A note that is still being written is read at the next change of the folder. */
function readNote(file: string): LaterInstance | undefined {
  try {
    const note = JSON.parse(readFileSync(file, 'utf8')) as LaterInstance;
    rmSync(file);
    return note;
  } catch {
    return undefined;
  }
}
