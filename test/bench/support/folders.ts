/** Folders to measure in: on tmpfs where there is room, so that a figure is about Cairn and not about a drive. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const MEMORY_FOLDER = '/dev/shm';

/** The folder for large files that should not touch a drive, or the usual temporary one where tmpfs is too small. */
export function memoryFolder(bytesNeeded: number): string {
  try {
    fs.accessSync(MEMORY_FOLDER, fs.constants.W_OK);
    const { bavail, bsize } = fs.statfsSync(MEMORY_FOLDER);
    // A tmpfs promises room that the machine may not have.
    if (Math.min(bavail * bsize, os.freemem() / 2) >= bytesNeeded) return MEMORY_FOLDER;
  } catch {
    // No such folder on this system.
  }
  return os.tmpdir();
}

/** A new folder below `parent` that is gone when this process ends, also by a signal. */
export function temporaryFolder(parent: string): string {
  const folder = fs.mkdtempSync(path.join(parent, 'cairn-bench-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An interrupted run must not leave gigabytes in memory behind. */
export function exitOnSignals(): void {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(status));
  }
}
