/**
 * The seam between a host and the engine's service. A host (Electron's utility process, the headless server) brings
 * lines to clients and says what the computer around it can do; the service answers on those lines.
 */

import type { Probes } from '../engine/schedule/index.ts';
import type { Proofs } from './password-guard.ts';

/** One client: a window, or a browser's WebSocket. Messages are plain data. */
export type MessagePortLike = {
  readonly post: (message: unknown) => void;
  /** Called once per port. What arrived before is delivered then, in order. */
  readonly onMessage: (listener: (message: unknown) => void) => void;
  /** Called once per port. The other end is gone. */
  readonly onClose: (listener: () => void) => void;
  readonly close: () => void;
  /**
   * Where a port can tell: true while what was posted has not been taken yet. Then only the newest of each event is kept,
   * until `onFree` says that there is room. A port without it takes everything.
   */
  readonly isFull?: () => boolean;
  readonly onFree?: (listener: () => void) => void;
  /** Of the session of a page in a browser; absent where nobody but the person at the computer can be the client. */
  readonly proofs?: Proofs;
};

export type ServeConnection = (port: MessagePortLike) => void;

/** What is at work, in words for the question before quitting. */
export type Activity = { readonly title: string };

/** In one word how things stand; the tray shows it. */
export const HOST_STATES = ['idle', 'working', 'paused', 'attention', 'problem'] as const;
export type HostState = (typeof HOST_STATES)[number];

/** The same for a person: “Backing up Documents, 40 %”. */
export type HostStatus = { readonly state: HostState; readonly text: string };

export type Notice = { readonly title: string; readonly body: string };

export const POWER_EVENTS = ['suspend', 'resume', 'shutdown'] as const;
export type PowerEvent = (typeof POWER_EVENTS)[number];

/** The system's key store. Each call rejects where the system keeps no secrets well; then the user is asked instead. */
export type Secrets = {
  readonly read: (name: string) => Promise<string | undefined>;
  readonly write: (name: string, secret: string) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
};

export const KEYCHAIN_STATES = ['ready', 'weak', 'none'] as const;

/** What AppInfo says of the host. */
export type HostAbilities = {
  readonly host: 'electron' | 'headless';
  readonly keychain: (typeof KEYCHAIN_STATES)[number];
  readonly tray: boolean;
};

export const FOLDER_PURPOSES = ['source', 'destination', 'target'] as const;
/** What a folder will be used for; the dialog says so. */
export type FolderPurpose = (typeof FOLDER_PURPOSES)[number];

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** What the service may ask of its host. What is absent the host can't do, and the window doesn't offer. */
export type EngineHost = {
  readonly abilities: HostAbilities;
  /** What the host can tell of power, network and idleness, where it knows more than the system's files. */
  readonly probes?: Partial<Probes>;
  /** Absent in a host without a key store. */
  readonly secrets: Secrets | undefined;
  readonly onPower: (listener: (event: PowerEvent) => void) => void;
  readonly showStatus: (status: HostStatus) => void;
  readonly notify: (notice: Notice) => void;
  /** The system's dialog; undefined when it was closed without a choice. */
  readonly chooseFolder?: (purpose: FolderPurpose) => Promise<string | undefined>;
  /** Opens a folder in the file manager. */
  readonly reveal?: (path: string) => Promise<void>;
  readonly setStartAtLogin?: (on: boolean) => Promise<void>;
  /** What the system says, which may be other than what was set here. Present where setStartAtLogin is. */
  readonly startsAtLogin?: boolean;
  /** Follows the setting: at the start, and when it changes. */
  readonly showTheme?: (theme: Theme) => void;
};

export type EngineService = {
  readonly serveConnection: ServeConnection;
  /** What would be interrupted if the app ended now. */
  readonly activities: () => readonly Activity[];
  /** Stops what runs at a point from which it goes on later, and lets go of every lease. */
  readonly close: () => Promise<void>;
};

export type StartService = (host: EngineHost) => Promise<EngineService>;
