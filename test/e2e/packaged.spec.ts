/**
 * What an installer would bring: the package is built around a made-up Electron, unpacked, and the app in it is started.
 * Real Electron reads the archive as it is; here it is unpacked first, and everything else is as shipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { extractAll, listPackage } from '@electron/asar';

import { expect, launch, test } from './app.ts';
import { makeFakeDist, readFuses } from './fake-dist.ts';
import { host, root } from './host.ts';

const BUILDER = path.join(root, 'node_modules/electron-builder/cli.js');
const PLATFORM = `${process.platform}-${process.arch}`;

test('the package holds what the app needs, nothing else, and the app in it works', async ({ place }) => {
  test.skip(host !== 'standin' || process.platform !== 'linux', 'Made of a made-up Electron for Linux.');
  const electron = path.join(place.folder, 'electron');
  const release = path.join(place.folder, 'release');
  makeFakeDist(electron);
  mkdirSync(path.join(root, 'out/icons/linux'), { recursive: true }); // Without icons it is a package all the same.
  const built = spawnSync(
    process.execPath,
    [
      BUILDER,
      ...['--linux', 'dir', '--publish', 'never', '--config', 'electron-builder.yml'],
      ...[`-c.electronDist=${electron}`, `-c.directories.output=${release}`],
    ],
    { cwd: root, encoding: 'utf8', env: place.env },
  );
  expect(built.status, built.stdout + built.stderr).toBe(0);

  const unpacked = path.join(release, 'linux-unpacked');
  const archive = path.join(unpacked, 'resources/app.asar');
  const files = listPackage(archive, { isPack: false }).map((file) => file.slice(1));
  const natives = files
    .filter((file) => file.endsWith('.node'))
    .map((file) => path.basename(path.dirname(file)) + '/' + path.basename(file));
  expect(natives.sort()).toHaveLength(5);
  expect(natives.join(' ')).toContain(`prebuilds/${PLATFORM}.node`);
  expect(files).toEqual(
    expect.arrayContaining([
      'out/main/main.js',
      expect.stringMatching(/^out\/builds\/[0-9a-f]{16}\/preload\/preload\.cjs$/),
      expect.stringMatching(/^out\/builds\/[0-9a-f]{16}\/renderer\/index\.html$/),
    ]),
  );
  expect(
    files.filter((file) =>
      /\.map$|\.ts$|node_modules\/(node-linux|commander|svelte|electron)|^(src|test|assets)/.test(file),
    ),
  ).toEqual([]);
  expect(existsSync(path.join(unpacked, 'resources/bin/cairn-cli'))).toBe(true);
  // runAsNode, cookies sealed, NODE_OPTIONS off, --inspect off, archive checked, archive only; the rest as it comes.
  expect(readFuses(path.join(unpacked, 'cairn')).slice(0, 6)).toBe('110011');

  const app = path.join(place.folder, 'app');
  extractAll(archive, app);
  const doctor = spawnSync(process.execPath, [path.join(app, 'out/main/cli.js'), 'doctor', '--json'], {
    encoding: 'utf8',
    env: place.env,
  });
  expect(doctor.status, doctor.stdout).toBe(0);

  const cairn = await launch(place, app);
  const page = await cairn.firstWindow();
  await page.getByRole('main').waitFor();
  const greeting = await page.evaluate(async () => {
    const port = await window.cairn.connect();
    return new Promise<unknown>((resolve) => port.onMessage(resolve));
  });
  await cairn.close();
  expect(greeting).toMatchObject({ kind: 'hello', protocol: 1 });
});
