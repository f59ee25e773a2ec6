/**
 * What the page finds as `window.cairn` in the desktop app. In a browser it is absent, and the page connects to its
 * server by a WebSocket that it wraps as an EnginePort too.
 *
 * Everything is asked of the engine through a port, also what only a desktop can do: the engine asks its host for it. So
 * there is one contract, checked in one place, and no path ever goes from the page to the app.
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

export type DesktopBridge = {
  /** A new line to the engine; waits while the engine starts. Rejects when it does not come up. */
  readonly connect: () => Promise<EnginePort>;
  /** The page itself has no permission for the clipboard. */
  readonly copyText: (text: string) => Promise<void>;
};
