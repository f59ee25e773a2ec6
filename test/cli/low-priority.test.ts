/** `--low-priority`, as the system sees it: every thread of a backup that is at work is asked for by its number. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, truncateSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROGRAM, Place, ended } from './cairn.ts';
import { skipLoudly } from '../support/mount-namespace.ts';

/** Sparse, and minutes of reading: no backup of it ends before it is stopped. */
const ENDLESS_BYTES = 2 ** 40;
const NOTE_THREADS = path.resolve(import.meta.dirname, '../support/note-threads.ts');
/** As nice(1) without a number. */
const NICENESS = 10;
const hasIonice = process.platform === 'linux' && spawnSync('ionice', ['-p', String(process.pid)]).status === 0;

let place: Place;
beforeEach(async () => {
  place = new Place();
  await place.init('--no-encryption');
  truncateSync(place.write('endless', ''), ENDLESS_BYTES);
  for (let index = 0; index < 400; index++) place.write(`${index}`, `${index}`);
});
afterEach(() => place.dispose());

type Priority = { readonly niceness: number; readonly disk: string };

/** proc(5): the niceness is the 19th field, the 17th after the name in brackets. */
function priorityOf(processId: number, thread: string): Priority {
  const stat = readFileSync(`/proc/${processId}/task/${thread}/stat`, 'latin1');
  const niceness = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  const disk = hasIonice ? spawnSync('ionice', ['-p', thread], { encoding: 'utf8' }).stdout.trim() : 'unknown';
  return { niceness, disk };
}

/** Of each thread of a backup that has begun its work and started its own threads. */
async function prioritiesOf(...more: readonly string[]): Promise<readonly Priority[]> {
  const started = place.path('threads');
  const args = ['--import', NOTE_THREADS, PROGRAM, 'backup', place.source, ...more];
  const child = place.startProgram(process.execPath, args, { environment: { CAIRN_TEST_THREADS_FILE: started } });
  const end = ended(child);
  const processId = child.pid ?? 0;
  const threads = (): string[] => readdirSync(`/proc/${processId}/task`);
  try {
    while (!existsSync(started)) await sleep(10);
    return threads().map((thread) => priorityOf(processId, thread));
  } finally {
    child.kill('SIGKILL');
    await end;
  }
}

describe.skipIf(skipLoudly(process.platform === 'linux', 'only Linux tells the priority of each thread'))(
  'the priority of a backup',
  () => {
    it('is that of who started it, unless it is told to step back', async () => {
      const usual = { niceness: os.getPriority(), disk: priorityOf(process.pid, String(process.pid)).disk };
      for (const priority of await prioritiesOf()) expect(priority).toEqual(usual);
    });

    it('with --low-priority is below, in each of its threads, for the processor and for disks', async () => {
      const priorities = await prioritiesOf('--low-priority');
      expect(priorities.length).toBeGreaterThan(2);
      for (const { niceness } of priorities) expect(niceness).toBe(NICENESS);
      if (!skipLoudly(hasIonice, 'there is no ionice to ask for the priority of disks')) {
        for (const { disk } of priorities) expect(disk).toBe('idle');
      }
    });
  },
);
