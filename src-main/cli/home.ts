/** CAIRN_HOME: the folder of all local state. Default: where applications keep their data on this platform. */
import os from 'node:os';
import path from 'node:path';

import { type Environment, setting } from './environment.ts';

export function homeFolder(environment: Environment): string {
  return path.resolve(setting(environment, 'CAIRN_HOME') ?? applicationDataFolder(environment));
}

function applicationDataFolder(environment: Environment): string {
  const home = os.homedir();
  if (process.platform === 'darwin') return path.join(home, 'Library/Application Support/Cairn');
  if (process.platform === 'win32') {
    return path.join(setting(environment, 'LOCALAPPDATA') ?? path.join(home, 'AppData/Local'), 'Cairn');
  }
  return path.join(setting(environment, 'XDG_DATA_HOME') ?? path.join(home, '.local/share'), 'cairn');
}
