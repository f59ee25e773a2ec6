/**
 * The process in which hostile cases run: `node child.ts GROUP`, one case name per line on standard input, one JSON line
 * per answer. A process of its own, because a case may hang, exhaust memory or crash, and whoever watches must live on.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { GROUPS } from './groups/index.ts';
import { type CaseRoom, EXTRA_BYTES_MAX, type HostileCase, fail } from './case.ts';
import { type Canary, buildCanary } from './canary.ts';

export type Answer = { readonly name: string; readonly failure?: string; readonly extraBytes: number };

/** Linux can forget a peak; elsewhere only a new highest peak is seen. */
function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // No such file, or not allowed: then the peak is that of the whole process.
  }
}

function peakBytes(): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}

async function runCase(found: HostileCase): Promise<Answer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-hostile-'));
  const canary: Canary = buildCanary(path.join(folder, 'outside'));
  let baseBytes = process.memoryUsage.rss();
  forgetPeak();
  const room: CaseRoom = {
    folder,
    outside: canary.folder,
    path: (...names) => path.join(folder, ...names),
    attack: async (run) => {
      globalThis.gc?.();
      baseBytes = process.memoryUsage.rss();
      forgetPeak();
      return run();
    },
  };
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  let failure: string | undefined;
  let extraBytes = 0;
  try {
    await found.run(room);
    extraBytes = Math.max(0, peakBytes() - baseBytes);
    // A rejection nobody waits for is told of after the microtasks that could still have taken it.
    await new Promise((resolve) => setImmediate(resolve));
    canary.check();
    if (unhandled.length > 0) fail(`a rejection that nobody waited for: ${String(unhandled[0])}`);
    if (extraBytes > EXTRA_BYTES_MAX)
      fail(`${Math.round(extraBytes / 2 ** 20)} MiB of memory on top of what was there`);
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    process.off('unhandledRejection', note);
    rmSync(folder, { recursive: true, force: true });
  }
  return { name: found.name, extraBytes, ...(failure === undefined ? {} : { failure }) };
}

const group = GROUPS.find(({ name }) => name === process.argv[2]);
if (group === undefined) throw new Error(`there is no group ${process.argv[2] ?? ''}`);
for await (const name of createInterface({ input: process.stdin })) {
  const found = group.cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  process.stdout.write(`${JSON.stringify(await runCase(found))}\n`);
}
