/**
 * What the page finds as `window.cairn` in the desktop app. In a browser it is absent, and the page connects to its
 * server by a WebSocket that it wraps as an EnginePort too.
 *
 * The engine is spoken to through a port. The few things that only a desktop can do are functions here. No path ever
 * goes from the page to the app: a folder is chosen in the system's dialog and named by its handle from then on.
 */

/** A line to the engine. Messages are plain data (structured clone); what they mean is the contract's business. */
export type EnginePort = {
  readonly post: (message: unknown) => void;
  /** Called once per port. What arrived before is delivered then, in order. */
  readonly onMessage: (listener: (message: unknown) => void) => void;
  /** Called once per port. The line is over: the engine stopped, or someone closed it. Connect again for a new one. */
  readonly onClose: (listener: () => void) => void;
  readonly close: () => void;
};

/** A folder that the user picked. The path is for showing; commands name the folder by its handle. */
export type ChosenFolder = { readonly handle: string; readonly path: string };

/** What the folder will be used for; the dialog says so. */
export const FOLDER_PURPOSES = ['source', 'destination', 'restore'] as const;
export type FolderPurpose = (typeof FOLDER_PURPOSES)[number];

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export type DesktopSettings = { readonly startAtLogin: boolean; readonly theme: Theme };

export type DesktopBridge = {
  /** A new line to the engine; waits while the engine starts. Rejects when it does not come up. */
  readonly connect: () => Promise<EnginePort>;
  /** Null when the user closed the dialog. */
  readonly chooseFolder: (purpose: FolderPurpose) => Promise<ChosenFolder | null>;
  /** Opens a chosen folder in the system's file manager. */
  readonly showFolder: (handle: string) => Promise<void>;
  /** Opens a page of the allow-list in the user's browser; rejects any other address. */
  readonly openLink: (url: string) => Promise<void>;
  readonly copyText: (text: string) => Promise<void>;
  readonly settings: () => Promise<DesktopSettings>;
  readonly changeSettings: (change: Partial<DesktopSettings>) => Promise<DesktopSettings>;
};
