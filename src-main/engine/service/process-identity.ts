/**
 * What tells this process from every other one that may work on the same repository: its computer, that computer's
 * start, and, since process ids are given out again, when the process began. Linux says all of it; elsewhere what is
 * not known stays empty, and sessions then count as alive for longer.
 */
import { readFile, readlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { hash } from '../codec/index.ts';
import { type Ports, concatBytes, toHex, utf8 } from '../kernel/index.ts';
import type { ProcessIdentity } from '../repository/index.ts';
import { localErrno, textMadeOnce } from './local-file.ts';

/** Where systems keep a random id of this installation. It must not leave the computer as it is, hence the hash. */
const SYSTEM_ID_FILES = ['/etc/machine-id', '/var/lib/dbus/machine-id'];
const MACHINE_DOMAIN = utf8('cairn/v1/machine');
const MACHINE_ID_BYTES = 16;
const HEX_32 = /^[0-9a-f]{32}$/;
/** In /proc/PID/stat, counted from behind the name in brackets: state is field 3 and starttime field 22 of proc(5). */
const STATE_FIELD = 0;
const START_FIELD = 19;

export async function processIdentity(host: {
  readonly home: string;
  readonly ports: Ports;
}): Promise<ProcessIdentity> {
  return {
    host: os.hostname(),
    machineId: await machineId(host),
    bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim(),
    processSpace: await readlink('/proc/self/ns/pid').catch(() => ''),
    processId: process.pid,
    processStart: await startOf(process.pid),
    isAlive,
    startOf,
  };
}

/**
 * An id of this computer that neither its name nor a copied disk image shares: made of the system's own id and of a
 * random one in CAIRN_HOME. Empty where that can't be kept: reading a repository needs no home.
 */
async function machineId({ home, ports }: { readonly home: string; readonly ports: Ports }): Promise<string> {
  try {
    const own = await textMadeOnce(
      path.join(home, 'machine-id'),
      () => toHex(ports.random.bytes(MACHINE_ID_BYTES)),
      (text) => HEX_32.test(text),
    );
    const parts = [MACHINE_DOMAIN, utf8(`\n${await systemId()}\n`), utf8(own)];
    return toHex(hash(concatBytes(parts)).subarray(0, MACHINE_ID_BYTES));
  } catch (error) {
    if (localErrno(error) === undefined) throw error;
    ports.log('debug', 'the id of this computer can’t be kept', { reason: String(error) });
    return '';
  }
}

async function systemId(): Promise<string> {
  for (const file of SYSTEM_ID_FILES) {
    const id = (await readFile(file, 'utf8').catch(() => '')).trim();
    if (HEX_32.test(id)) return id;
  }
  return `host ${os.hostname()}`;
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return localErrno(error) === 'EPERM';
  }
}

/** When a process began, in ticks since the start of the computer; “ended” for one that only waits to be buried. */
async function startOf(processId: number): Promise<string> {
  const stat = await readFile(`/proc/${processId}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[STATE_FIELD] ?? '';
  return state === 'Z' || state === 'X' ? 'ended' : (fields[START_FIELD] ?? '');
}
