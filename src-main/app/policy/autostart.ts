/**
 * The desktop entry that starts Cairn at login on Linux, as the XDG specifications want it: a file in the user's
 * autostart folder. Written by us, because Electron knows login items on macOS and Windows only.
 */
import path from 'node:path';

/** Given at login, so that no window opens in the face of someone who has just sat down. */
export const HIDDEN_ARGUMENT = '--hidden';

export type AutostartEnvironment = Readonly<Record<string, string | undefined>>;

export function autostartFile(environment: AutostartEnvironment, home: string): string {
  const configured = environment['XDG_CONFIG_HOME'];
  // The specification: a relative path is to be ignored.
  const folder = configured !== undefined && path.isAbsolute(configured) ? configured : path.join(home, '.config');
  return path.join(folder, 'autostart', 'cairn.desktop');
}

/**
 * The command that starts this installation. An AppImage runs from a mount that is gone after it ended; what lasts is
 * the file it came from. From a checkout the binary has to be told which app to run.
 */
export function autostartCommand(options: {
  readonly environment: AutostartEnvironment;
  readonly executable: string;
  readonly appFolder: string;
  readonly isPackaged: boolean;
}): readonly string[] {
  const appImage = options.environment['APPIMAGE'];
  if (appImage !== undefined && path.isAbsolute(appImage)) return [appImage, HIDDEN_ARGUMENT];
  return options.isPackaged
    ? [options.executable, HIDDEN_ARGUMENT]
    : [options.executable, options.appFolder, HIDDEN_ARGUMENT];
}

export function autostartEntry(command: readonly string[]): string {
  return [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Cairn',
    'Comment=Keeps your backups up to date',
    `Exec=${command.map(quotedArgument).join(' ')}`,
    'Icon=cairn',
    'Terminal=false',
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n');
}

/**
 * One argument of an Exec line. Two layers: in a quoted argument a backslash stands before the four characters that
 * mean something there; and in any value of a desktop entry a backslash is written twice, a line break as \n.
 * A percent sign begins a field code, so it is doubled.
 */
export function quotedArgument(argument: string): string {
  const quoted = `"${argument.replaceAll(/["`$\\]/g, String.raw`\$&`)}"`;
  const value = quoted.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
  return value
    .replaceAll('\r', String.raw`\r`)
    .replaceAll('\t', String.raw`\t`)
    .replaceAll('%', '%%');
}
