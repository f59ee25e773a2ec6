/**
 * The seam between a host and the engine's service. A host (Electron's utility process, the headless server) brings
 * lines to clients and says what the computer around it can do; the service answers on those lines.
 */
import type { EnginePort } from '../../src-shared/api/bridge.ts';

/** One client: a window, or a browser's WebSocket. */
export type MessagePortLike = EnginePort;

export type ServeConnection = (port: MessagePortLike) => void;

/** What is at work, in words for the question before quitting. */
export type Activity = { readonly title: string };

/** In one word how things stand; the tray shows it. */
export const HOST_STATES = ['idle', 'working', 'attention', 'problem'] as const;
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

/** What the service may ask of its host. */
export type EngineHost = {
  /** The path behind a handle that the page sent, if the user has chosen such a folder since the app started. */
  readonly chosenFolder: (handle: string) => string | undefined;
  /** Absent in a host without a key store. */
  readonly secrets: Secrets | undefined;
  readonly onPower: (listener: (event: PowerEvent) => void) => void;
  readonly showStatus: (status: HostStatus) => void;
  readonly notify: (notice: Notice) => void;
};

export type EngineService = {
  readonly serveConnection: ServeConnection;
  /** What would be interrupted if the app ended now. */
  readonly activities: () => readonly Activity[];
  /** Stops what runs at a point from which it goes on later, and lets go of every lease. */
  readonly close: () => Promise<void>;
};

export type StartService = (host: EngineHost) => Promise<EngineService>;
