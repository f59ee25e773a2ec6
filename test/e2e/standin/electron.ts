/**
 * The `electron` module of the main process as the app gets it under test. It has less than Electron, never more (see
 * standin.test.ts), and what it lacks throws. `__standin` and the two classes that Electron keeps
 * to itself are for tests alone.
 */
import { Tray, computer } from './desktop.ts';
import { calls } from './strict.ts';
import { webContents } from './web-contents.ts';

export { app } from './app.ts';
export { BrowserWindow } from './browser-window.ts';
export {
  Menu,
  MenuItem,
  Notification,
  Tray,
  clipboard,
  crashReporter,
  dialog,
  nativeImage,
  nativeTheme,
  powerMonitor,
  powerSaveBlocker,
  safeStorage,
  screen,
  shell,
} from './desktop.ts';
export { ipcMain } from './ipc.ts';
export { MessageChannelMain, MessagePortMain } from './ports.ts';
export { protocol, session } from './schemes.ts';
export { UtilityProcess, utilityProcess } from './utility.ts';
export { WebContents, webContents } from './web-contents.ts';

/** As if the page with this id opened a window: what the app answered. */
const wantWindow = (contentsId: number, url: string): string | undefined =>
  webContents.fromId(contentsId)?.wantWindow(url);

export const __standin = { calls, computer, tray: () => Tray.current, wantWindow };
