/** What a person set for the whole app. */
export type Settings = {
  readonly theme: 'system' | 'light' | 'dark';
  readonly startAtLogin: boolean;
  readonly closeToTray: boolean;
  /** Of new repositories: “zstd:3”, “lz4”, “gzip”, “none”. */
  readonly compression: string;
  /** Null: as many as fit the machine. */
  readonly workers: number | null;
  readonly readBytesPerSecondMax: number | null;
  readonly writeBytesPerSecondMax: number | null;
  readonly lowPriority: boolean;
  readonly rememberPasswords: boolean;
  readonly notifyFailures: boolean;
  readonly notifySuccesses: boolean;
  /** “No good backup for N days”: Schedule.staleAfterDays. */
  readonly notifyStale: boolean;
};
