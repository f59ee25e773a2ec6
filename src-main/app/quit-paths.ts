/** Every way in which something can ask the app to end, led to the guard. None of them ends anything by itself. */
import { app } from 'electron';

import type { QuitGuard, QuitReason } from './policy/quit.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function quitOnlyThrough(guard: QuitGuard): void {
  const request = (reason: QuitReason): void => {
    guard.request(reason).catch((error: unknown) => {
      throw error; // To the defect handlers.
    });
  };
  // Menu, tray, dock, a desktop that logs out. The guard ends with app.exit(), which does not come by here again.
  app.on('before-quit', (event) => {
    event.preventDefault();
    request('user');
  });
  // The window is not the app: without it, backups go on.
  app.on('window-all-closed', () => undefined);
  app.on('browser-window-created', (_event, window) => {
    if (process.platform === 'win32') window.on('session-end', () => request('system'));
  });
  // Whoever sends a signal waits for no answer.
  for (const signal of SIGNALS) process.on(signal, () => request('system'));
}
