/**
 * Backup sets as the commands see them: the files in CAIRN_HOME that the app and the agent use too. No command needs the app
 * to run, and none minds it. The engine's rooms are loaded when a command needs them.
 */
import os from 'node:os';

import { formatTiming } from '../../src-shared/format/index.ts';
import type { Hooks, NextRun, PausedUntil, Schedule, SetRules } from '../../src-shared/model/index.ts';
import type { Ports } from '../engine/kernel/index.ts';
import type { DestinationRecord, SetFiles, SetOwner, SetRecord } from '../engine/sets/index.ts';
import type { Host } from './host.ts';
import { homeFolder } from './home.ts';

export type Sets = SetFiles & { readonly ports: Ports; readonly home: string } & SetOwner;

/** A set as `--json` shows it. */
export type SetView = {
  readonly setId: string;
  readonly name: string;
  readonly sources: readonly string[];
  readonly destination: Omit<DestinationRecord, 'remembered'>;
  readonly rules: SetRules;
  readonly schedule: Schedule;
  /** The schedule's timing in one line, as --schedule takes it. */
  readonly timing: string;
  /** By the clock; null: none by itself. */
  readonly next: NextRun | null;
  readonly pausedUntil: PausedUntil;
  readonly hooks: Hooks;
  readonly webhook: string | null;
  readonly lastGood: string | null;
  readonly createdAt: string;
};

/** @throws CairnError engine/local-state, repository/newer-format */
export async function openSets(host: Host): Promise<Sets> {
  const { systemPorts } = await import('../engine/kernel/index.ts');
  const { ScheduleBook, openSetRecords } = await import('../engine/sets/index.ts');
  const home = homeFolder(host.environment);
  const ports = { ...systemPorts, log: host.log.write };
  return {
    ports,
    home,
    userHome: os.homedir(),
    hostName: os.hostname(),
    records: await openSetRecords(home, ports, 'refuse'),
    book: await ScheduleBook.open(home, ports),
  };
}

export async function viewOf(sets: Sets, set: SetRecord): Promise<SetView> {
  const { nextDue, systemTimeZone } = await import('../engine/schedule/index.ts');
  const { destinationOf } = await import('../engine/sets/index.ts');
  const { records, book, ports } = sets;
  const { setId, name, sources, rules, schedule, pausedUntil, hooks, webhook, createdAt } = set;
  const destination = withoutKeychain(destinationOf(records.state, set.destinationId));
  const { state, lastGoodMs } = book.entry(set);
  const { due } = nextDue(schedule.timing, state, ports.clock.nowMs(), systemTimeZone());
  return {
    setId,
    name,
    sources,
    destination,
    rules,
    schedule,
    timing: formatTiming(schedule.timing),
    next: due === null ? null : { at: new Date(due.atMs).toISOString(), reason: due.reason },
    pausedUntil,
    hooks,
    webhook,
    lastGood: lastGoodMs === null ? null : new Date(lastGoodMs).toISOString(),
    createdAt,
  };
}

/** Whether the password is in a keychain is the app's business: a command can't look there. */
function withoutKeychain({ remembered: _, ...destination }: DestinationRecord): SetView['destination'] {
  return destination;
}
