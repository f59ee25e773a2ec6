/**
 * What the desk is given by its host. The desk is what the app does with an engine: places, backup sets, destinations,
 * jobs, runs. It knows no window, no network and no Electron, and takes time, chance and the keychain from here.
 */
import type { EngineEvent } from '../../../src-shared/api/index.ts';
import type { Engine } from '../api.ts';
import type { VolumeSource } from '../drives/index.ts';
import type { Ports } from '../kernel/index.ts';

/** The system's place for passwords. Each call may reject; then the person is asked instead. */
export type Keychain = {
  readonly read: (name: string) => Promise<string | undefined>;
  readonly write: (name: string, secret: string) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
};

/** Calls again and again until the returned function is called. A test calls by hand. */
export type Every = (intervalMs: number, action: () => void) => () => void;

export const everyInterval: Every = (intervalMs, action) => {
  const timer = setInterval(action, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};

export type DeskOptions = {
  /** CAIRN_HOME. */
  readonly home: string;
  readonly engine: Engine;
  readonly ports: Ports;
  readonly every: Every;
  /** Undefined where the host has none that keeps secrets well. */
  readonly keychain: Keychain | undefined;
  /** Folders are browsed in the home folder and on mounted drives only. */
  readonly confined: boolean;
  /** The person's home folder. */
  readonly userHome: string;
  readonly hostName: string;
  /** Stood in for by tests: the drives of this computer. */
  readonly volumes?: VolumeSource;
  /** Lowered by tests only: scrypt's N as a power of two. */
  readonly kdfCost?: number;
};

/** Tells everyone who is connected. */
export type Tell = (event: EngineEvent) => void;
