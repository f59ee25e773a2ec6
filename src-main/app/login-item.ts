/** Start at login: a desktop entry of ours on Linux, the system's own list on macOS and Windows. */
import { rm } from 'node:fs/promises';
import os from 'node:os';
import { app } from 'electron';

import { OwnFile } from './own-file.ts';
import { HIDDEN_ARGUMENT, autostartCommand, autostartEntry, autostartFile } from './policy/autostart.ts';

const entryFile = (): OwnFile => new OwnFile(autostartFile(process.env, os.homedir()));

export async function startsAtLogin(): Promise<boolean> {
  if (process.platform !== 'linux') return app.getLoginItemSettings().openAtLogin;
  const entry = await entryFile().read();
  // A desktop's own settings switch an entry off by adding one of these lines.
  return entry !== undefined && !/^(Hidden=true|X-GNOME-Autostart-enabled=false)$/m.test(entry);
}

export async function startAtLogin(wanted: boolean): Promise<void> {
  if (process.platform !== 'linux') {
    app.setLoginItemSettings({ openAtLogin: wanted, args: [HIDDEN_ARGUMENT] });
    return;
  }
  const file = entryFile();
  if (!wanted) return rm(file.path, { force: true });
  const command = autostartCommand({
    environment: process.env,
    executable: process.execPath,
    appFolder: app.getAppPath(),
    isPackaged: app.isPackaged,
  });
  await file.write(autostartEntry(command));
}

/** True when nobody asked for a window: the system started us. */
export function wasStartedHidden(): boolean {
  if (process.argv.includes(HIDDEN_ARGUMENT)) return true;
  return process.platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin;
}
