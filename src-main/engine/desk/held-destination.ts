/** What is held in memory of each destination: its status, its open repository, and the secret that opened it. */
import type { OpenRepository, Secret } from '../api.ts';
import { type DestinationStatus, UNKNOWN } from './destination-status.ts';
import type { DestinationRecord } from './set-records.ts';

export type Held = {
  status: DestinationStatus;
  repository: OpenRepository | undefined;
  secret: Secret | undefined;
  /** The keychain's password did not open it: it is not asked again until somebody types one. */
  keychainTried: boolean;
  /** Through which mounting it was opened: a drive that went and came back is opened anew. */
  mountKey: string;
  /** When it was looked for on all drives, as counted by the watch. */
  searchedAt: number;
  /** Its marker could not be read. The next backup writes a new one, and it is then known by that. */
  markerLost: boolean;
  /** The last state that the log was told. */
  logged: string;
  /** As it was told last. */
  present: boolean;
  turn: Promise<void>;
};

export function newlyHeld({ awaySince }: DestinationRecord): Held {
  return {
    status: UNKNOWN,
    repository: undefined,
    secret: undefined,
    keychainTried: false,
    mountKey: '',
    searchedAt: -1,
    markerLost: false,
    logged: '',
    // As it was when this was closed last: what came or went meanwhile is told too.
    present: awaySince === null,
    turn: Promise.resolve(),
  };
}
