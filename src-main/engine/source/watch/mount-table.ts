/** /proc/self/mountinfo, as far as it says which filesystems a folder is made of. Pure. */

export type MountLine = {
  /** The kernel's number of this mounting: another one after the same drive is mounted again. */
  readonly id: string;
  readonly point: Buffer;
};

/** Computers with containers have hundreds. */
const LINES_MAX = 8192;
const SLASH = 0x2f;

/** What does not look like a mount is left out. */
export function mountLines(table: Buffer): readonly MountLine[] {
  const lines: MountLine[] = [];
  // Latin-1 carries every byte of a path through as one character.
  for (const line of table.toString('latin1').split('\n').slice(0, LINES_MAX)) {
    const [id, , , , point] = line.split(' ');
    if (id !== undefined && point !== undefined) lines.push({ id, point: unescaped(point) });
  }
  return lines;
}

export type MountsOfFolder = {
  /** The mount that the folder itself lies on: of several over one another the last. */
  readonly holder: MountLine | undefined;
  /** What is mounted below it. */
  readonly below: readonly MountLine[];
};

export function mountsOf(folder: Buffer, lines: readonly MountLine[]): MountsOfFolder {
  let holder: MountLine | undefined;
  const below: MountLine[] = [];
  for (const line of lines) {
    if (isWithin(folder, line.point)) {
      if (line.point.length >= (holder?.point.length ?? 0)) holder = line;
    } else if (isWithin(line.point, folder)) below.push(line);
  }
  return { holder, below };
}

/** True for the folder itself too. */
export function isWithin(path: Buffer, folder: Buffer): boolean {
  if (path.length < folder.length || !path.subarray(0, folder.length).equals(folder)) return false;
  return path.length === folder.length || folder.at(-1) === SLASH || path[folder.length] === SLASH;
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescaped(text: string): Buffer {
  return Buffer.from(
    text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    'latin1',
  );
}
