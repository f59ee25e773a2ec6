/**
 * Steps back for everybody else on this computer: the lowest useful processor priority and, on Linux, the idle class for
 * disks, so that others go first. For the whole process and for good; an ordinary user can't take it back. Where a
 * system refuses, the backup runs as it did.
 */
import { readdir } from 'node:fs/promises';
import os from 'node:os';
import { type ForeignFunction, type Log, loadKoffi } from './kernel/index.ts';

/** As nice(1) without a number. */
const NICENESS = 10;
/** The number of ioprio_set by architecture. Node only runs on 64-bit ones of these. */
const IOPRIO_SET: Readonly<Record<string, number>> = { x64: 251, arm64: 30 };
const IOPRIO_WHO_PROCESS = 1;
const IOPRIO_CLASS_IDLE = 3;
const IOPRIO_CLASS_SHIFT = 13;

/** Threads that are started later have what the one that starts them has. What fails is logged and no reason to stop. */
export async function lowerPriority(log: Log): Promise<void> {
  const threads = await threadIds();
  for (const id of threads) {
    try {
      os.setPriority(id, NICENESS);
    } catch (error) {
      // ESRCH: a thread that has just ended.
      log('debug', 'the processor priority could not be lowered', { reason: String(error) });
    }
  }
  const number = IOPRIO_SET[process.arch];
  if (process.platform !== 'linux' || number === undefined) return;
  try {
    const call = loadSystemCall();
    for (const id of threads) call(number, IOPRIO_WHO_PROCESS, id, IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT);
  } catch (error) {
    log('debug', 'the disk priority could not be lowered', { reason: String(error) });
  }
}

/** On Linux priorities belong to threads; elsewhere to the process, which is 0. */
async function threadIds(): Promise<readonly number[]> {
  if (process.platform !== 'linux') return [0];
  try {
    return (await readdir('/proc/self/task')).map(Number);
  } catch {
    // No /proc: the thread that asks, which starts all others.
    return [0];
  }
}

function loadSystemCall(): ForeignFunction {
  return loadKoffi().load(null).func('long syscall(long number, int which, int id, int priority)');
}
