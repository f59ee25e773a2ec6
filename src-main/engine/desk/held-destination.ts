/** What is held in memory of each destination: its status, its open repository, and the secret that opened it. */
import type { OpenRepository, Secret } from '../api.ts';
import { type DestinationStatus, UNKNOWN } from './destination-status.ts';

export type Held = {
  status: DestinationStatus;
  repository: OpenRepository | undefined;
  secret: Secret | undefined;
  /** The password that is kept did not open it: it is not tried again until somebody types one. */
  keptTried: boolean;
  /** A keychain may ask the person each time. */
  keychainTried: boolean;
  /** What is wrong with the password file has been told. */
  fileTold: boolean;
  /** Through which mounting it was opened: a drive that went and came back is opened anew. */
  mountKey: string;
  /** When it was looked for on all drives, as counted by the watch. */
  searchedAt: number;
  /** Its marker could not be read. The next backup writes a new one, and it is then known by that. */
  markerLost: boolean;
  /** The last state that the log was told. */
  logged: string;
  turn: Promise<void>;
};

export function newlyHeld(): Held {
  return {
    status: UNKNOWN,
    repository: undefined,
    secret: undefined,
    keptTried: false,
    keychainTried: false,
    fileTold: false,
    mountKey: '',
    searchedAt: -1,
    markerLost: false,
    logged: '',
    turn: Promise.resolve(),
  };
}
