/** Folders to measure in: on tmpfs where there is room, so that a figure is about Cairn and not about a drive. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { killChildren } from './child.ts';

export const MEMORY_FOLDER = '/dev/shm';
/** A tmpfs promises room that the machine may not have: this much stays free for the programs that are measured. */
const MEMORY_RESERVE_BYTES = 2.5e9;

/** The folder for large files that should not touch a drive, or the usual temporary one where tmpfs is too small. */
export function memoryFolder(bytesNeeded: number): string {
  return bytesLeftInMemory() >= bytesNeeded ? MEMORY_FOLDER : os.tmpdir();
}

/** How much may be written to tmpfs here; 0 where there is none. */
export function bytesLeftInMemory(): number {
  try {
    fs.accessSync(MEMORY_FOLDER, fs.constants.W_OK);
    return Math.max(0, Math.min(bytesLeftIn(MEMORY_FOLDER), os.freemem() - MEMORY_RESERVE_BYTES));
  } catch {
    return 0; // No such folder on this system.
  }
}

export function bytesLeftIn(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}

/** A new folder below `parent` that is gone when this process ends, also by a signal. */
export function temporaryFolder(parent: string): string {
  const folder = fs.mkdtempSync(path.join(parent, 'cairn-bench-'));
  process.on('exit', () => {
    // Where there is no rm, the slow way.
    if (spawnSync('rm', ['-rf', '--', folder]).status !== 0) fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** An interrupted run must not leave programs, or gigabytes in memory, behind. */
export function exitOnSignals(): void {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => {
      const end = (): never => process.exit(status);
      killChildren().then(end, end);
    });
  }
}
