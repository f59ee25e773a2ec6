/** The settings that belong to this computer's desktop and not to a backup: the theme, and starting at login. */
import { nativeTheme } from 'electron';

import type { DesktopSettings } from '../../src-shared/api/bridge.ts';
import { startAtLogin, startsAtLogin } from './login-item.ts';
import type { ShellMemory } from './shell-memory.ts';

export async function readSettings(memory: ShellMemory): Promise<DesktopSettings> {
  return { startAtLogin: await startsAtLogin(), theme: memory.state.theme };
}

export async function changeSettings(memory: ShellMemory, change: Partial<DesktopSettings>): Promise<DesktopSettings> {
  if (change.theme !== undefined) {
    nativeTheme.themeSource = change.theme;
    memory.remember({ theme: change.theme });
  }
  if (change.startAtLogin !== undefined) await startAtLogin(change.startAtLogin);
  return readSettings(memory);
}
