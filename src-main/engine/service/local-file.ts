/** Small files of this computer's own state: written whole under a temporary name, synced, and renamed. */
import { mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';

/** Writes a value as JSON, readable by this user alone; folders are made as needed. Throws the system's errors. */
export async function writeLocalFile(file: string, value: unknown): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify(value));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
