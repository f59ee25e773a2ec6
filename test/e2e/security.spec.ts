/**
 * What a page that was taken over could try. Each test is a row of Electron's security checklist, tried from inside the
 * page wherever that is possible, because a setting is only as good as what it stops.
 */
import { CONTENT_SECURITY_POLICY } from '../../src-main/engine-host/page-files.ts';
import type { DesktopBridge } from '../../src-shared/api/bridge.ts';
import { expect, test } from './app.ts';
import { builtFile, host } from './host.ts';

test('the page has no Node, no Electron, and a bridge it cannot change', async ({ page, cairn }) => {
  const seen = await page.evaluate(() => {
    'use strict';
    const names = ['require', 'process', 'module', 'Buffer', 'ipcRenderer', 'electron', 'global'];
    let change = 'accepted';
    try {
      Object.assign(window.cairn, { connect: undefined });
    } catch {
      change = 'refused';
    }
    return {
      found: names.filter((name) => name in globalThis),
      bridge: Object.keys(window.cairn).sort(),
      kinds: [...new Set(Object.values(window.cairn).map((value) => typeof value))],
      isFrozen: Object.isFrozen(window.cairn),
      change,
    };
  });
  expect(seen).toEqual({
    found: [],
    bridge: ['connect', 'copyText'],
    kinds: ['function'],
    isFrozen: true,
    change: 'refused',
  });

  if (host !== 'standin') return; // Electron tells nobody with which preferences a window was made.
  const preferences = await cairn.evaluate((electron) => {
    const { calls } = Reflect.get(electron, '__standin') as { calls: { api: string; arguments: unknown[] }[] };
    return calls.find(({ api }) => api === 'BrowserWindow')?.arguments[0];
  });
  expect(preferences).toMatchObject({
    webPreferences: {
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    },
  });
});

test('nothing but the page’s own scripts and styles runs, and nothing reaches the network', async ({ page }) => {
  const tried = await page.evaluate(async () => {
    const violations: string[] = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'document.body.dataset.inline = "ran"';
    document.body.append(script);
    const style = document.createElement('style');
    style.textContent = 'body { --injected: yes }';
    document.body.append(style);
    const image = document.createElement('img');
    image.src = 'https://example.com/a.png';
    document.body.append(image);
    document.body.append(Object.assign(document.createElement('iframe'), { src: 'https://example.com/' }));
    document.body.style.setProperty('--allowed', 'yes');
    // Not through evaluate itself: what the test driver runs is above the page’s policy.
    const evaluated = new Promise((resolve) =>
      setTimeout(() => {
        try {
          resolve((0, eval)('"ran"'));
        } catch {
          resolve('refused');
        }
      }),
    );
    const fetched = await fetch('https://example.com/').then(
      () => 'reached',
      () => 'refused',
    );
    await evaluated;
    await new Promise((resolve) => setTimeout(resolve, 200)); // Violations are told a little later.
    return {
      violations: [...new Set(violations)].sort(),
      evaluated: await evaluated,
      fetched,
      inline: document.body.dataset['inline'] ?? 'refused',
      injected: getComputedStyle(document.body).getPropertyValue('--injected'),
      ownStyle: document.body.style.getPropertyValue('--allowed'),
    };
  });
  expect(tried).toMatchObject({
    evaluated: 'refused',
    fetched: 'refused',
    inline: 'refused',
    ownStyle: 'yes',
    injected: '',
  });
  expect(tried.violations).toEqual([
    'connect-src',
    'frame-src',
    'img-src',
    'script-src',
    'script-src-elem',
    'style-src-elem',
  ]);
});

test('a page address leads to the page’s own files and nowhere else', async ({ page }) => {
  const answers = await page.evaluate(async () => {
    const addresses = [
      'index.html',
      '../../package.json',
      '..%2f..%2fpackage.json',
      '%2e%2e/main/main.js',
      '..%5cmain',
      '%00',
      '%',
    ];
    const statuses = await Promise.all(addresses.map((address) => fetch(`/${address}`).then(({ status }) => status)));
    const { headers } = await fetch('/index.html');
    return {
      statuses,
      headers: ['content-security-policy', 'x-content-type-options', 'referrer-policy'].map((name) =>
        headers.get(name),
      ),
      written: await fetch('/index.html', { method: 'POST', body: 'x' }).then(({ status }) => status),
    };
  });
  expect(answers.statuses).toEqual([200, 404, 404, 404, 404, 404, 404]);
  expect(answers.headers).toEqual([CONTENT_SECURITY_POLICY, 'nosniff', 'no-referrer']);
  expect(answers.written).toBe(405);
});

test('the page cannot leave', async ({ page, cairn }) => {
  await cairn.evaluate(({ BrowserWindow }) => {
    const tried: unknown[] = [];
    Object.assign(globalThis, { tried });
    BrowserWindow.getAllWindows()[0]?.webContents.on('will-navigate', (event) => {
      tried.push({ url: event.url, isPrevented: event.defaultPrevented });
    });
  });
  // Later, so that nobody waits for an answer from a page that is about to leave.
  await page.evaluate(() => void setTimeout(() => (location.href = 'https://example.com/')));
  const left = (): Promise<unknown> =>
    cairn.evaluate(({ BrowserWindow }) => ({
      tried: Reflect.get(globalThis, 'tried') as unknown,
      shown: BrowserWindow.getAllWindows().map(({ webContents }) => webContents.getURL()),
    }));
  await expect.poll(left).toEqual({
    tried: [{ url: 'https://example.com/', isPrevented: true }],
    shown: [expect.stringMatching(/^app:\/\/cairn\//)],
  });
});

/** Runs in the main process of the stand-in. */
function askForWindow(electron: typeof Electron.CrossProcessExports, url: string): unknown {
  const { wantWindow } = Reflect.get(electron, '__standin') as { wantWindow: (id: number, url: string) => string };
  return wantWindow(electron.BrowserWindow.getAllWindows()[0]?.webContents.id ?? 0, url);
}

test('the page cannot open windows; links of the allow-list open in the browser', async ({ page, cairn }) => {
  await cairn.evaluate(({ shell }) => {
    const opened: string[] = [];
    Object.assign(globalThis, { opened });
    shell.openExternal = (url) => {
      opened.push(url);
      return Promise.resolve();
    };
  });
  for (const url of ['https://example.com/window', 'https://git-scm.com/docs/gitignore#_pattern_format']) {
    if (host === 'electron') await page.evaluate((address) => void window.open(address), url);
    // A Chromium without a window stands still in window.open now and then, so here the app alone is asked what it would
    // be asked. That the page itself gets no window is Electron's doing, and is not shown on the stand-in.
    else expect(await cairn.evaluate(askForWindow, url)).toBe('deny');
  }
  await expect
    .poll(() => cairn.evaluate(() => Reflect.get(globalThis, 'opened') as string[]))
    .toEqual(['https://git-scm.com/docs/gitignore#_pattern_format']);
  expect(cairn.windows()).toHaveLength(1);
});

test('no website’s permission is granted', async ({ page }) => {
  const states = await page.evaluate(async () => {
    const names = ['geolocation', 'notifications', 'camera', 'microphone'] as PermissionName[];
    return Promise.all(names.map((name) => navigator.permissions.query({ name }).then(({ state }) => state)));
  });
  expect(states).toEqual(['denied', 'denied', 'denied', 'denied']);
});

test('a window that is not ours gets no answer, with our preload and our page in it', async ({ page, cairn }) => {
  await page.getByRole('main').waitFor();
  const opened = cairn.waitForEvent('window');
  await cairn.evaluate(async ({ BrowserWindow }, preload) => {
    const stranger = new BrowserWindow({ show: false, webPreferences: { preload, sandbox: true } });
    await stranger.loadURL('app://cairn/index.html');
  }, builtFile('preload/preload.cjs'));
  const stranger = await opened;
  await stranger.getByRole('main').waitFor();
  const answers = await stranger.evaluate(() => {
    const attempts = [window.cairn.connect(), window.cairn.copyText('taken')];
    return Promise.all(
      attempts.map((attempt) =>
        attempt.then(
          () => 'answered',
          (error: unknown) => String(error),
        ),
      ),
    );
  });
  expect(new Set(answers)).toEqual(new Set(['Error: Only Cairn’s own window may ask for this.']));
});

test('a malformed call goes nowhere', async ({ page }) => {
  const refused = await page.evaluate(() => {
    const call = (name: keyof DesktopBridge, ...args: unknown[]): Promise<unknown> =>
      Reflect.apply(window.cairn[name], undefined, args) as Promise<unknown>;
    const attempts = [call('copyText'), call('copyText', 7), call('copyText', 'x'.repeat(200_000))];
    return Promise.all(
      attempts.map((attempt) =>
        attempt.then(
          () => 'answered',
          () => 'refused',
        ),
      ),
    );
  });
  expect(refused).toEqual(['refused', 'refused', 'refused']);
});
