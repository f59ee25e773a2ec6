/**
 * The app on the desktop: tray, notifications, start at login, theme. What a desktop shows cannot be looked at from
 * outside, so where a test reads what the stand-in wrote down it runs on the stand-in only.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import AxeBuilder from '@axe-core/playwright';

import { ask, closeWindow, expect, launch, test } from './app.ts';
import { host } from './host.ts';

type StandIn = {
  readonly calls: readonly { readonly api: string; readonly arguments: readonly unknown[] }[];
  readonly tray: () =>
    { readonly toolTip: string; readonly menu: { readonly items: readonly TrayItem[] } | null } | undefined;
};
type TrayItem = { readonly label: string; readonly enabled: boolean; readonly click: () => void };

test('start at login writes an entry that starts this app, and takes it away again', async ({ page, place }) => {
  test.skip(process.platform !== 'linux', 'macOS and Windows keep the list of login items themselves.');
  const entry = path.join(place.folder, 'config/autostart/cairn.desktop');
  expect(await ask(page, 'settings.get', {})).toMatchObject({ startAtLogin: false, theme: 'system' });

  await ask(page, 'settings.change', { startAtLogin: true });
  const text = readFileSync(entry, 'utf8');
  expect(text).toMatch(/^\[Desktop Entry\]\nType=Application\nName=Cairn\n/);
  expect(text).toMatch(/^Exec="\/[^\n]+" "[^\n]+" "--hidden"$/m);
  expect(await ask(page, 'settings.get', {})).toMatchObject({ startAtLogin: true, theme: 'system' });

  await ask(page, 'settings.change', { startAtLogin: false });
  expect(existsSync(entry)).toBe(false);
});

test('the theme of the page follows the setting at once', async ({ page }) => {
  const isDark = (): Promise<boolean> => page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  await ask(page, 'settings.change', { theme: 'dark' });
  await expect.poll(isDark).toBe(true);
  await ask(page, 'settings.change', { theme: 'light' });
  await expect.poll(isDark).toBe(false);
});

test('a folder is chosen in the system’s dialog, and the page gets a handle for it', async ({ page, cairn, place }) => {
  const chosen = await cairn.evaluate(({ dialog }, folder) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [folder], bookmarks: [] });
    return folder;
  }, place.folder);
  const folder = await ask(page, 'places.dialog', { purpose: 'source' });
  expect(folder).toMatchObject({ path: chosen, kind: 'folder' });
  expect(folder?.handle).toMatch(/^[0-9a-f]{32}$/);
  expect(await ask(page, 'places.browse', { handle: folder?.handle ?? null, hidden: true })).toMatchObject({
    place: { path: chosen },
  });
});

test('the first screen has no accessibility findings', async ({ page }) => {
  // Legacy mode: in Electron nobody can open the further page that the other mode wants.
  const { violations, passes } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  expect(violations).toEqual([]);
  expect(passes.length).toBeGreaterThan(5);
});

test('copied text is on the clipboard', async ({ page, cairn }) => {
  await page.evaluate(() => window.cairn.copyText('four stones'));
  expect(await cairn.evaluate(({ clipboard }) => clipboard.readText())).toBe('four stones');
});

test('started at login it opens no window, until it is started by hand', async ({ place }) => {
  const cairn = await launch(place, '.', ['--hidden']);
  const enginePids = (): Promise<number> =>
    cairn.evaluate(({ app }) => app.getAppMetrics().filter(({ type }) => type === 'Utility').length);
  await expect.poll(enginePids).toBe(1);
  expect(cairn.windows()).toEqual([]);
  const opened = cairn.waitForEvent('window');
  await cairn.evaluate(({ app }) => app.emit('second-instance', {}, [], ''));
  await (await opened).getByRole('main').waitFor();
  await cairn.close();
});

test('the tray says how things stand and brings the window back, which says once that the app goes on', async ({
  page,
  cairn,
}) => {
  test.skip(host !== 'standin', 'A real tray cannot be looked into.');
  const tray = (): Promise<unknown> =>
    cairn.evaluate((electron) => {
      const standin = Reflect.get(electron, '__standin') as StandIn;
      const { toolTip, menu } = standin.tray() ?? { toolTip: '', menu: null };
      return {
        toolTip,
        labels: (menu?.items ?? []).map(({ label, enabled }) => `${label}${enabled ? '' : ' (text)'}`),
      };
    });
  await expect.poll(tray).toEqual({
    toolTip: 'Cairn: Nothing is backed up yet',
    labels: ['Nothing is backed up yet (text)', '', 'Open Cairn', '', 'Quit Cairn'],
  });

  for (const round of [1, 2]) {
    const open = round === 1 ? page : (cairn.windows()[0] ?? page);
    await closeWindow(cairn, open);
    const reopened = cairn.waitForEvent('window');
    await cairn.evaluate((electron) => {
      const standin = Reflect.get(electron, '__standin') as StandIn;
      standin
        .tray()
        ?.menu?.items.find(({ label }) => label === 'Open Cairn')
        ?.click();
    });
    await (await reopened).getByRole('main').waitFor();
  }
  const notices = await cairn.evaluate((electron) => {
    const standin = Reflect.get(electron, '__standin') as StandIn;
    return standin.calls.filter(({ api }) => api === 'Notification.show').map((call) => call.arguments[0]);
  });
  expect(notices).toEqual([expect.objectContaining({ title: 'Cairn goes on in the background' })]);
});
