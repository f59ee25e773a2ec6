/** macOS and Windows, by what their tools print. */
import { describe, expect, it } from 'vitest';
import { macSource, parseMacMounts } from '../../../src-main/engine/drives/mac-volumes.ts';
import { readPlist } from '../../../src-main/engine/drives/plist.ts';
import { type RunTool, runTool } from '../../../src-main/engine/drives/run-tool.ts';
import { windowsSource } from '../../../src-main/engine/drives/windows-volumes.ts';

const MOUNTS = `/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
/dev/disk4s1 on /Volumes/Ada's (old) drive (exfat, local, nodev, nosuid, noowners)
//ada@nas._smb._tcp.local/backup on /Volumes/backup (smbfs, nodev, nosuid, mounted by ada)
/dev/disk5s1 on /Volumes/Locked (hfs, local, read-only)
nonsense`;

const INFO = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>APFSPhysicalStores</key>
	<array>
		<dict>
			<key>VolumeName</key>
			<string>not this one</string>
		</dict>
	</array>
	<key>DiskUUID</key>
	<string>11111111-2222-3333-4444-555555555555</string>
	<key>Internal</key>
	<false/>
	<key>ParentWholeDisk</key>
	<string>disk4</string>
	<key>RemovableMediaOrExternalDevice</key>
	<true/>
	<key>Size</key>
	<integer>2000398934016</integer>
	<key>VolumeName</key>
	<string>Ada&apos;s &lt;old&gt; &amp; blue</string>
	<key>VolumeUUID</key>
	<string>AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE</string>
</dict>
</plist>`;

describe('a property list', () => {
  it('gives what stands at its top, and nothing from below', () => {
    const facts = readPlist(INFO);
    expect(Object.fromEntries(facts)).toEqual({
      DiskUUID: '11111111-2222-3333-4444-555555555555',
      Internal: false,
      ParentWholeDisk: 'disk4',
      RemovableMediaOrExternalDevice: true,
      Size: '2000398934016',
      VolumeName: "Ada's <old> & blue",
      VolumeUUID: 'AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE',
    });
  });

  it.each(['', '<plist>', '<dict><key>a</key></dict>', '<key>a</key><string>b</string>', '</dict></dict><dict>'])(
    'that is none gives nothing: %j',
    (text) => {
      expect(readPlist(text).size).toBe(0);
    },
  );
});

describe('the drives of macOS', () => {
  it('are those that a person sees, with odd names too', () => {
    expect(parseMacMounts(MOUNTS).map(({ mountPoint }) => mountPoint)).toEqual([
      '/',
      "/Volumes/Ada's (old) drive",
      '/Volumes/backup',
      '/Volumes/Locked',
    ]);
  });

  it('are asked for once each, and those of a server not at all', async () => {
    const asked: string[] = [];
    const run: RunTool = (program, args) => {
      if (program.endsWith('mount')) return Promise.resolve(MOUNTS);
      asked.push(args.at(-1) ?? '');
      return Promise.resolve(args.at(-1)?.includes('old') === true ? INFO : undefined);
    };
    const source = macSource(run);
    const { volumes } = await source.list();
    expect(volumes).toMatchObject([
      { system: true, label: '/', writable: true },
      {
        label: "Ada's <old> & blue",
        fileSystem: 'exfat',
        uuid: 'AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE',
        partitionUuid: '11111111-2222-3333-4444-555555555555',
        disks: ['disk4'],
        removable: true,
        network: false,
        writable: true,
      },
      { label: 'backup', network: true, uuid: undefined },
      { label: 'Locked', writable: false, removable: false },
    ]);
    await source.list();
    expect(asked.toSorted()).toEqual(['/', "/Volumes/Ada's (old) drive", '/Volumes/Locked']);
  });

  it('are none where the tool fails', async () => {
    const source = macSource(() => Promise.resolve(undefined));
    expect(await source.list()).toEqual({ volumes: [], mounts: [] });
  });
});

describe('the drives of Windows', () => {
  const rows = [
    { DeviceID: 'C:', VolumeName: '', FileSystem: 'NTFS', DriveType: 3, VolumeSerialNumber: '0A1B2C3D' },
    { DeviceID: 'D:', VolumeName: null, FileSystem: null, DriveType: 5, VolumeSerialNumber: null },
    { DeviceID: 'E:', VolumeName: 'Blue', FileSystem: 'exFAT', DriveType: 2, VolumeSerialNumber: '64A5F009' },
    { DeviceID: 'N:', VolumeName: 'nas', FileSystem: 'NTFS', DriveType: 4 },
  ];
  const tools =
    (disks: string | undefined, letters: string | undefined = 'Laufwerke: C:\\ D:\\ E:\\ N:\\ \r\n'): RunTool =>
    (program) =>
      Promise.resolve(program.startsWith('fsutil') ? letters : disks);

  it('have label, serial number and kind; what reads discs is none', async () => {
    const { volumes } = await windowsSource('C:', tools(JSON.stringify(rows))).list();
    expect(volumes).toMatchObject([
      { device: 'C:', label: 'C:\\', system: true, removable: false },
      { device: 'E:', label: 'Blue', fileSystem: 'exFAT', uuid: '64A5F009', removable: true, network: false },
      { device: 'N:', label: 'nas', uuid: undefined, network: true },
    ]);
    expect(volumes[1]?.mountPoint.toString()).toBe('E:\\');
  });

  it.each([undefined, '', '{', '[{"DeviceID":"not a letter"}]', '{"DeviceID":"E:"}'])(
    'are the letters alone where the other tool says %j',
    async (text) => {
      const { volumes } = await windowsSource('C:', tools(text)).list();
      expect(volumes.map(({ label }) => label)).toEqual(['C:\\', 'D:\\', 'E:\\', 'N:\\']);
    },
  );

  it('have another key when another drive takes the letter', async () => {
    const keyOf = async (serial: string): Promise<string | undefined> => {
      const changed = rows.map((row) => (row.DeviceID === 'E:' ? { ...row, VolumeSerialNumber: serial } : row));
      const { volumes } = await windowsSource('C:', tools(JSON.stringify(changed))).list();
      return volumes.find(({ device }) => device === 'E:')?.mountKey;
    };
    expect(await keyOf('1')).not.toBe(await keyOf('2'));
  });
});

describe('a tool', () => {
  it('gives what it prints, and nothing where it fails or is missing', async () => {
    expect(await runTool(process.execPath, ['-e', 'process.stdout.write("said")'])).toBe('said');
    expect(await runTool(process.execPath, ['-e', 'process.stdout.write("half"); process.exit(3)'])).toBeUndefined();
    expect(await runTool('/no/such/tool', [])).toBeUndefined();
  });
});
