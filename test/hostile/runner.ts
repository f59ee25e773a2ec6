/**
 * Runs a group of hostile cases as tests: each in a child process with a small heap, with a watchdog. A child that
 * hangs or dies is a failure of its case alone; the next case gets a new one.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, it } from 'vitest';
import type { CaseGroup, HostileCase } from './case.ts';
import type { Answer } from './child.ts';

/**
 * The bound of the claim is 1 s an object; a case does many things, and gets twenty times as long before it is called a
 * hang. Counted in the child's own processor time, so that a busy machine is no hang; who waits for a pipe uses none, and
 * is given up by the clock.
 */
const PATIENCE_MS = 20_000;
const WAIT_MS_MAX = 150_000;
const LOOK_EACH_MS = 250;
const HEAP_MEGABYTES = 256;
const CHILD = path.join(import.meta.dirname, 'child.ts');

/** Processor time of a process so far; undefined where the system does not say. */
function cpuMsOf(processId: number | undefined): number | undefined {
  try {
    const fields = readFileSync(`/proc/${processId}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    // Fields 14 and 15, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return undefined;
  }
}

class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  /** Where its cases have their folders: one that is killed can't clear away its own. */
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'cairn-hostile-'));
  #stderr = '';
  #answered: ((answer: Answer | undefined) => void) | undefined;

  constructor(group: string) {
    const flags = [`--max-old-space-size=${HEAP_MEGABYTES}`, '--expose-gc', '--disable-warning=ExperimentalWarning'];
    this.#process = spawn(process.execPath, [...flags, CHILD, group], {
      env: { ...process.env, TMPDIR: this.#folder },
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#answered?.(JSON.parse(line) as Answer));
    this.#process.stderr.on('data', (bytes: Buffer) => {
      this.#stderr = `${this.#stderr}${bytes.toString()}`.slice(-4000);
    });
    this.#process.on('close', () => this.#answered?.(undefined));
  }

  /** The answer; a text where there is none, saying why. */
  ask(name: string, patienceMs: number): Promise<Answer | string> {
    return new Promise((resolve) => {
      const startedMs = performance.now();
      const startedCpuMs = cpuMsOf(this.#process.pid) ?? 0;
      const timer = setInterval(() => {
        const tookMs = performance.now() - startedMs;
        const cpuMs = cpuMsOf(this.#process.pid);
        const usedMs = cpuMs === undefined ? tookMs : cpuMs - startedCpuMs;
        if (usedMs < patienceMs && tookMs < WAIT_MS_MAX) return;
        clearInterval(timer);
        this.end();
        resolve(`no answer after ${Math.round(usedMs)} ms of work and ${Math.round(tookMs)} ms: it hangs`);
      }, LOOK_EACH_MS);
      this.#answered = (answer) => {
        clearInterval(timer);
        this.#answered = undefined;
        resolve(answer ?? `the process died: ${this.#stderr}`);
      };
      this.#process.stdin.write(`${name}\n`);
    });
  }

  end(): void {
    this.#process.removeAllListeners('close');
    // Nothing is removed from under a process that still runs: a restore might make it again.
    this.#process.once('close', () => rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 }));
    this.#process.kill('SIGKILL');
  }
}

export function runGroup(group: CaseGroup): void {
  let child: Child | undefined;
  afterAll(() => child?.end());

  const run = async (found: HostileCase): Promise<void> => {
    child ??= new Child(group.name);
    const answer = await child.ask(found.name, found.patienceMs ?? PATIENCE_MS);
    if (typeof answer === 'string') {
      child.end();
      child = undefined;
      throw new Error(answer);
    }
    if (answer.failure !== undefined) throw new Error(answer.failure);
  };

  describe(`hostile ${group.name}`, () => {
    for (const found of group.cases) {
      const skipped = found.skip?.();
      if (skipped !== undefined) {
        console.warn(`SKIPPED: ${found.name}: ${skipped}`);
        it.skip(found.name);
      } else if (found.defect !== undefined) {
        console.warn(`KNOWN DEFECT, NOT REPAIRED: ${found.name}: ${found.defect}`);
        it.fails(found.name, () => run(found), WAIT_MS_MAX * 2);
      } else it(found.name, () => run(found), WAIT_MS_MAX * 2);
    }
  });
}
