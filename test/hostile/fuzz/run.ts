/**
 * Runs one decoder on many inputs and holds it to the promise: a value or a typed error, soon, in little memory, without
 * touching its input; and a value encodes to bytes that decode to it again.
 */
import { isDeepStrictEqual } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isCairnError } from '../../../src-shared/errors.ts';
import { seeded } from '../../support/seed.ts';
import { mutated } from './mutator.ts';

export type FuzzTarget = {
  readonly name: string;
  /** Exported functions that are reached through this one. */
  readonly covers: readonly string[];
  /** Valid inputs; what is mutated. */
  readonly samples: readonly Uint8Array[];
  /** Makes what encloses the mutated bytes right: checksum, tag, signature. Absent: the bytes go in as they are. */
  readonly enclose?: (mutated: Uint8Array) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
  /** Where there is one: the bytes of a decoded value. */
  readonly encode?: (value: never) => Uint8Array;
  /** One value has one encoding: what decodes encodes to the very same bytes. */
  readonly canonical?: true;
  /** Inputs relative to the others; a decoder behind scrypt or a signature gets fewer in a long run. */
  readonly weight?: number;
};

export type FuzzResult = {
  readonly name: string;
  readonly inputs: number;
  readonly accepted: number;
  readonly slowestMs: number;
  readonly findings: readonly string[];
};

/** Processor time of one input; the promise is a second. */
const CPU_MS_MAX = 1000;
const EXTRA_BYTES_MAX = 256 * 2 ** 20;
const FINDINGS_MAX = 5;

class Run {
  readonly #target: FuzzTarget;
  readonly findings: string[] = [];
  accepted = 0;
  slowestMs = 0;

  constructor(target: FuzzTarget) {
    this.#target = target;
  }

  async input(bytes: Uint8Array, index: number): Promise<void> {
    const before = bytes.slice();
    const startedMs = performance.now();
    const cpu = process.cpuUsage();
    let complaint: string | undefined;
    try {
      const value = this.#target.decode(bytes);
      const awaited: unknown = value instanceof Promise ? await value : value;
      this.accepted++;
      complaint = await this.#again(awaited, bytes);
    } catch (error) {
      if (!isCairnError(error)) complaint = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    const tookMs = performance.now() - startedMs;
    this.slowestMs = Math.max(this.slowestMs, tookMs);
    if (tookMs > CPU_MS_MAX) {
      const { user, system } = process.cpuUsage(cpu);
      if ((user + system) / 1000 > CPU_MS_MAX) complaint ??= `${Math.round(tookMs)} ms for one input`;
    }
    if (Buffer.compare(before, bytes) !== 0) complaint ??= 'the input was changed';
    if (complaint !== undefined)
      this.findings.push(`input ${index}: ${complaint}\n${Buffer.from(before).toString('hex')}`);
  }

  /** What a decoded value encodes to has to decode to it. */
  async #again(value: unknown, input: Uint8Array): Promise<string | undefined> {
    const { encode, decode, canonical } = this.#target;
    if (encode === undefined) return undefined;
    let bytes: Uint8Array;
    try {
      bytes = encode(value as never);
    } catch (error) {
      return `a decoded value can’t be encoded: ${String(error)}`;
    }
    if (canonical && Buffer.compare(bytes, input) !== 0) return 'a decoded value encodes to other bytes';
    const second = decode(bytes);
    return isDeepStrictEqual(second instanceof Promise ? await second : second, value)
      ? undefined
      : 'a decoded value encodes to another one';
  }
}

/** What is still held once everything that can go is gone. */
async function heldBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What was held outside of the heap goes only after the collector's own turn.
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

/** Valid samples first, then so many mutations of them. */
export async function fuzz(target: FuzzTarget, seed: number, inputs: number): Promise<FuzzResult> {
  const random = seeded(seed);
  const run = new Run(target);
  const enclose = target.enclose ?? ((bytes: Uint8Array) => bytes);
  for (const [index, sample] of target.samples.entries()) {
    const accepted = run.accepted;
    await run.input(enclose(sample.slice()), -1 - index);
    if (run.accepted === accepted) run.findings.push(`sample ${index} is refused`);
  }
  const baseBytes = await heldBytes();
  for (let index = 0; index < inputs && run.findings.length < FINDINGS_MAX; index++) {
    await run.input(enclose(mutated(target.samples, random)), index);
  }
  const extraBytes = (await heldBytes()) - baseBytes;
  if (extraBytes > EXTRA_BYTES_MAX) run.findings.push(`${Math.round(extraBytes / 2 ** 20)} MiB are held at the end`);
  const { accepted, slowestMs, findings } = run;
  return { name: target.name, inputs, accepted: accepted - target.samples.length, slowestMs, findings };
}
