/**
 * The volumes of Windows: the letters that are in use, and what the system's management tool knows of them. Where it does
 * not answer in time the letters alone are listed.
 */
import * as v from 'valibot';
import { type RunTool, runTool } from './run-tool.ts';
import { type ListedVolume, VOLUMES_MAX, type VolumeSource } from './volumes.ts';

const LETTERS_TOOL = 'fsutil.exe';
const DISK_TOOL = 'powershell.exe';
const DISK_SCRIPT =
  '[Console]::OutputEncoding = [Text.Encoding]::UTF8; ' +
  'ConvertTo-Json -Compress @(Get-CimInstance Win32_LogicalDisk -Property DeviceID,VolumeName,FileSystem,DriveType,' +
  'VolumeSerialNumber | Select-Object DeviceID,VolumeName,FileSystem,DriveType,VolumeSerialNumber)';

/** Of Win32_LogicalDisk. */
const REMOVABLE = 2;
const NETWORK = 4;
const OPTICAL = 5;

const diskRows = v.array(
  v.object({
    DeviceID: v.pipe(v.string(), v.regex(/^[A-Z]:$/i)),
    VolumeName: v.nullish(v.string(), ''),
    FileSystem: v.nullish(v.string(), ''),
    DriveType: v.number(),
    VolumeSerialNumber: v.nullish(v.string()),
  }),
);
type DiskRow = v.InferOutput<typeof diskRows>[number];

export function windowsSource(systemDrive = process.env['SystemDrive'] ?? 'C:', run: RunTool = runTool): VolumeSource {
  const letters = async (): Promise<readonly string[]> =>
    lettersIn((await run(LETTERS_TOOL, ['fsinfo', 'drives'])) ?? '');
  return {
    signature: async () => (await letters()).join(' '),
    list: async () => {
      const [found, text] = await Promise.all([
        letters(),
        run(DISK_TOOL, ['-NoProfile', '-NonInteractive', '-Command', DISK_SCRIPT]),
      ]);
      const rows = rowsIn(text ?? '');
      const listed = found.length > 0 ? found : rows.map(({ DeviceID }) => DeviceID.toUpperCase());
      const volumes = listed.slice(0, VOLUMES_MAX).flatMap((letter) => {
        const row = rows.find(({ DeviceID }) => DeviceID.toUpperCase() === letter);
        return row?.DriveType === OPTICAL ? [] : [volumeOfLetter(letter, row, systemDrive)];
      });
      return { volumes, mounts: [] };
    },
  };
}

/** “Drives: C:\ D:\”, in the words of any language. */
function lettersIn(text: string): readonly string[] {
  return [...text.matchAll(/\b([A-Z]:)\\/gi)].map(([, letter = '']) => letter.toUpperCase());
}

function rowsIn(text: string): readonly DiskRow[] {
  try {
    const parsed = v.safeParse(diskRows, JSON.parse(text));
    return parsed.success ? parsed.output : [];
  } catch {
    return [];
  }
}

function volumeOfLetter(letter: string, row: DiskRow | undefined, systemDrive: string): ListedVolume {
  const root = `${letter}\\`;
  const uuid = row?.VolumeSerialNumber ?? undefined;
  return {
    mountPoint: Buffer.from(root),
    mountKey: `${letter} ${uuid ?? ''}`,
    device: letter,
    deviceId: letter,
    disks: [],
    label: row === undefined || row.VolumeName === '' ? root : row.VolumeName,
    fileSystem: row?.FileSystem ?? '',
    uuid,
    partitionUuid: undefined,
    removable: row?.DriveType === REMOVABLE,
    network: row?.DriveType === NETWORK,
    system: letter === systemDrive.toUpperCase(),
    writable: true,
  };
}
