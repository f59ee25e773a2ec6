/**
 * What every test of the app starts from: the app itself in folders of its own, and its page. Tests are written for
 * Electron; none of them knows which host it runs on, except where it says so and why.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ElectronApplication, type Page, _electron, test as base, expect } from '@playwright/test';

import type { DesktopBridge } from '../../src-shared/api/bridge.ts';
import type { CommandName, InputOf, ServerMessage, ValueOf } from '../../src-shared/api/index.ts';
import { STANDIN_FOLDER, host, root } from './host.ts';

declare global {
  // Only an interface can add to the one that the page has already.
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions
  interface Window {
    readonly cairn: DesktopBridge;
  }
}

/** Folders of one run of the app, and the environment that names them. */
export type Place = { readonly folder: string; readonly userData: string; readonly env: Record<string, string> };

if (host === 'standin') process.env['ELECTRON_OVERRIDE_DIST_PATH'] = STANDIN_FOLDER;
else delete process.env['ELECTRON_OVERRIDE_DIST_PATH'];

const LAUNCH_TIMEOUT_MS = 30_000;

export function makePlace(): Place {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cairn-e2e-'));
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const own = { CAIRN_HOME: path.join(folder, 'home'), XDG_CONFIG_HOME: path.join(folder, 'config') };
  return { folder, userData: path.join(folder, 'user-data'), env: { ...Object.fromEntries(inherited), ...own } };
}

export function removePlace(place: Place): void {
  rmSync(place.folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Starts the app of `appFolder`. No executablePath: with one, Playwright would leave out its part inside the app. */
export function launch(place: Place, appFolder = '.', args: readonly string[] = []): Promise<ElectronApplication> {
  return _electron.launch({
    args: [appFolder, `--user-data-dir=${place.userData}`, ...args],
    cwd: root,
    env: place.env,
    timeout: LAUNCH_TIMEOUT_MS,
  });
}

/** Ends the app, whatever is at work in it: the question whether to stop that is answered, because nobody sits before it. */
export async function quit(cairn: ElectronApplication): Promise<void> {
  await cairn.evaluate(({ dialog }) => {
    dialog.showMessageBox = (...args: unknown[]) => {
      const { buttons = [] } = args.at(-1) as Electron.MessageBoxOptions;
      return Promise.resolve({ response: buttons.indexOf('Stop and quit'), checkboxChecked: false });
    };
  });
  await cairn.close();
}

/** Closes a window and waits until the app knows: what is asked for then opens a new one. */
export async function closeWindow(cairn: ElectronApplication, page: Page): Promise<void> {
  await page.close();
  await expect.poll(() => cairn.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(0);
}

/** One command of the contract, on a line of its own. Rejects with the code of its error. */
export function ask<Name extends CommandName>(page: Page, command: Name, input: InputOf<Name>): Promise<ValueOf<Name>> {
  return page.evaluate(
    async ([name, argument]) => {
      const port = await window.cairn.connect();
      const reply = new Promise<ServerMessage>((resolve) => {
        port.onMessage((message) => {
          const said = message as ServerMessage;
          if (said.kind === 'reply') resolve(said);
        });
      });
      port.post({ kind: 'call', id: 1, command: name, input: argument });
      const answer = await reply;
      port.close();
      if (answer.kind !== 'reply') throw new Error('no reply');
      if (!answer.ok) throw new Error(answer.error.code);
      return answer.value as ValueOf<Name>;
    },
    [command, input] as const,
  );
}

export const test = base.extend<{ place: Place; cairn: ElectronApplication; page: Page }>({
  // Playwright reads from the first parameter what a fixture needs: nothing here.
  // eslint-disable-next-line no-empty-pattern
  place: async ({}, use) => {
    const place = makePlace();
    await use(place);
    removePlace(place);
  },
  cairn: async ({ place }, use, info) => {
    info.annotations.push({ type: 'host', description: host });
    const cairn = await launch(place);
    await use(cairn);
    // A test may have ended it itself.
    await quit(cairn).catch(() => cairn.close());
  },
  page: async ({ cairn }, use) => {
    const page = await cairn.firstWindow();
    await page.getByRole('main').waitFor();
    await use(page);
  },
});

export { expect };
