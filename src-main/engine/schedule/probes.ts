/**
 * Asks this computer about power, network and idleness, as far as that can be had without a library: on Linux the kernel
 * about power, and NetworkManager about the network. A host that knows more (Electron does) goes first. Everything else is
 * “can't be told”.
 */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './command.ts';
import type { Probes } from './conditions.ts';

const POWER_FOLDER = '/sys/class/power_supply';
const SUPPLIES_MAX = 64;
const ANSWER_MS_MAX = 3000;
const ANSWER_BYTES_MAX = 1024;

export type ProbeSources = {
  /** What the host itself can tell. */
  readonly host?: Partial<Probes>;
  readonly powerFolder?: string;
  /** Answers as `busctl get-property` does; null where there is no answer. */
  readonly askNetworkManager?: () => Promise<string | null>;
};

export function systemProbes(sources: ProbeSources = {}): Probes {
  const { host = {}, powerFolder = POWER_FOLDER, askNetworkManager = askBus } = sources;
  const cannotTell = (): Promise<null> => Promise.resolve(null);
  return {
    onMainsPower: answered(host.onMainsPower, () => mainsPower(powerFolder)),
    isMetered: answered(host.isMetered, async () => meteredFrom(await askNetworkManager())),
    idleSeconds: answered(host.idleSeconds, cannotTell),
  };
}

/** The first that knows; one that fails does not know. */
function answered<Answer>(
  first: (() => Promise<Answer | null>) | undefined,
  second: () => Promise<Answer | null>,
): () => Promise<Answer | null> {
  return async () => {
    for (const ask of [first, second]) {
      const answer = await ask?.().catch(() => null);
      if (answer !== undefined && answer !== null) return answer;
    }
    return null;
  };
}

/** A mains adapter says itself whether it is plugged in; without one, a battery that is being emptied says no. */
async function mainsPower(folder: string): Promise<boolean | null> {
  const names = await readdir(folder).catch((): string[] => []);
  const supplies = await Promise.all(
    names.slice(0, SUPPLIES_MAX).map(async (name) => {
      const read = (file: string): Promise<string> =>
        readFile(path.join(folder, name, file), 'utf8').then(
          (text) => text.trim(),
          () => '',
        );
      return {
        type: await read('type'),
        online: await read('online'),
        status: await read('status'),
        scope: await read('scope'),
      };
    }),
  );
  // The battery of a mouse says nothing about the computer.
  const own = supplies.filter(({ scope }) => scope !== 'Device');
  const adapters = own.filter(({ type, online }) => (type === 'Mains' || type.startsWith('USB')) && online !== '');
  if (adapters.some(({ online }) => online !== '0')) return true;
  const batteries = own.filter(({ type }) => type === 'Battery');
  if (batteries.some(({ status }) => status === 'Discharging')) return false;
  if (batteries.some(({ status }) => status === 'Charging')) return true;
  return adapters.some(({ type }) => type === 'Mains') ? false : null;
}

/** NMMetered: 0 unknown, 1 yes, 2 no, 3 probably, 4 probably not. */
function meteredFrom(answer: string | null): boolean | null {
  const value = /^u (\d)\s*$/.exec(answer ?? '')?.[1];
  if (value === '1' || value === '3') return true;
  return value === '2' || value === '4' ? false : null;
}

async function askBus(): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  const manager = 'org.freedesktop.NetworkManager';
  const { outcome, output } = await runCommand({
    arguments: ['busctl', '--system', 'get-property', manager, '/org/freedesktop/NetworkManager', manager, 'Metered'],
    environment: process.env,
    timeoutMs: ANSWER_MS_MAX,
    outputBytesMax: ANSWER_BYTES_MAX,
  });
  return outcome.kind === 'exited' && outcome.status === 0 ? output : null;
}
