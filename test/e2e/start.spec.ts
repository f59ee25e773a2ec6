/** The app from its start to its end: window, engine, second instance, one way out. */
import { spawnSync } from 'node:child_process';
import type { ElectronApplication, Page } from '@playwright/test';

import { expect, launch, test } from './app.ts';
import { host, hostProgram, root } from './host.ts';

/** The first thing the engine says on a new line. */
const greeting = (page: Page): Promise<unknown> =>
  page.evaluate(async () => {
    const port = await window.cairn.connect();
    return new Promise<unknown>((resolve) => port.onMessage(resolve));
  });

async function enginePid(cairn: ElectronApplication): Promise<number> {
  const pids = await cairn.evaluate(({ app }) =>
    app
      .getAppMetrics()
      .filter((metric) => metric.type === 'Utility' && metric.name === 'Cairn Engine')
      .map((metric) => metric.pid),
  );
  return pids[0] ?? 0;
}

const exitStatus = (cairn: ElectronApplication): Promise<number | null> =>
  new Promise((resolve) => cairn.process().once('exit', resolve));

test('shows its window, and the engine answers in it', async ({ page }) => {
  expect(await greeting(page)).toMatchObject({ kind: 'hello', protocol: 1 });
});

test('brings its window back when it is started a second time', async ({ cairn, page, place }) => {
  await page.close();
  expect(await cairn.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(0);

  const reopened = cairn.waitForEvent('window');
  const second = spawnSync(hostProgram(), ['.', `--user-data-dir=${place.userData}`, '--no-sandbox'], {
    cwd: root,
    env: place.env,
    timeout: 20_000,
  });
  expect(second.status).toBe(0);
  await (await reopened).getByRole('main').waitFor();
  expect(await enginePid(cairn)).toBeGreaterThan(0);
});

test('starts the engine again after it was killed, and tells the page that the line broke', async ({ cairn, page }) => {
  await page.evaluate(async () => {
    const port = await window.cairn.connect();
    port.onClose(() => document.body.setAttribute('data-line', 'broken'));
    port.onMessage(() => undefined);
  });
  const killed = await enginePid(cairn);
  process.kill(killed, 'SIGKILL');

  await expect(page.locator('body[data-line=broken]')).toBeAttached();
  expect(await greeting(page)).toMatchObject({ kind: 'hello', protocol: 1 });
  expect(await enginePid(cairn)).not.toBe(killed);
});

test('loads a page again that has crashed', async ({ cairn, page }) => {
  const debugging = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  // The answer never comes: who would send it is gone.
  debugging.send('Page.crash').catch(() => undefined);
  await crashed;
  // To Playwright the page stays crashed, so the app is asked.
  const isShown = (): Promise<unknown> =>
    cairn
      .evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript('document.querySelector("main") !== null'),
      )
      // Asked before it is loaded again.
      .catch(() => false);
  await expect.poll(isShown).toBe(true);
});

test('asks before it quits when the engine may be at work, and then quits once', async ({ cairn, page }) => {
  await page.getByRole('main').waitFor();
  await cairn.evaluate(({ dialog }) => {
    const answers = [2, 1]; // First “Cancel”, then “Stop and quit”.
    const asked: string[] = [];
    Object.assign(globalThis, { asked });
    dialog.showMessageBox = (...args: unknown[]) => {
      asked.push(JSON.stringify(args.at(-1)));
      return Promise.resolve({ response: answers.shift() ?? 2, checkboxChecked: false });
    };
  });
  const asked = (): Promise<string[]> =>
    cairn.evaluate(() => (Reflect.get(globalThis, 'asked') as string[] | undefined) ?? []);
  await greeting(page);
  const engine = await enginePid(cairn);
  process.kill(engine, 'SIGSTOP'); // It is there and does not answer, as when it is deep in a run.

  await cairn.evaluate(({ app }) => app.quit());
  await expect.poll(asked).toHaveLength(1);
  expect(await asked()).toEqual([expect.stringContaining('Stop and quit')]);
  expect(await cairn.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);

  const ended = exitStatus(cairn);
  await cairn.evaluate(({ app }) => {
    app.quit();
    app.quit(); // Asked twice at once, it still asks the user once.
  });
  await expect.poll(() => asked().catch(() => ['', ''])).toHaveLength(2);
  process.kill(engine, 'SIGCONT');
  expect(await ended).toBe(0);
});

test('ends on a signal without asking, and remembers its window', async ({ place }) => {
  test.skip(host === 'electron' && process.platform === 'win32', 'Windows has no such signals.');
  const bounds = { x: 40, y: 50, width: 1000, height: 700 };
  const first = await launch(place);
  await first.firstWindow();
  await first.evaluate(({ BrowserWindow }, wanted) => BrowserWindow.getAllWindows()[0]?.setBounds(wanted), bounds);
  const engine = await enginePid(first);
  const ended = exitStatus(first);
  first.process().kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(() => process.kill(engine, 0)).toThrow('ESRCH');

  const second = await launch(place);
  await second.firstWindow();
  const restored = await second.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBounds());
  await second.close();
  expect(restored).toEqual(bounds);
});
