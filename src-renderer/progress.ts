/** How far a job is, from what the engine tells; the window never counts by itself. */
import type { JobProgress } from '../src-shared/model/index.ts';

/** 0 to 1, or null while the total is not known. Bytes where they are counted, else files. */
export function fractionOf(progress: JobProgress): number | null {
  if (progress.phase === 'scan') return null;
  if (progress.bytesTotal > 0) return Math.min(1, progress.bytes / progress.bytesTotal);
  if (progress.filesTotal > 0) return Math.min(1, progress.files / progress.filesTotal);
  return null;
}
