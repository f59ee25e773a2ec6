/**
 * What no page may do, ours included: leave, open windows, embed others, or use any part of the computer that a website
 * could ask for. Held for every session and every web contents there will ever be, so nothing can be forgotten.
 */
import { type Session, type WebContents, app, session, shell } from 'electron';

import { isAllowedLink } from './policy/trust.ts';

export function lockDown(log: (message: string, fields: Readonly<Record<string, unknown>>) => void): void {
  app.on('session-created', denyPermissions);
  app.on('web-contents-created', (_event, contents) => confine(contents, log));
}

/** Once the app is ready: the default session may have been made before anyone could listen. */
export function lockDownDefaultSession(): void {
  denyPermissions(session.defaultSession);
}

function denyPermissions(locked: Session): void {
  locked.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  locked.setPermissionCheckHandler(() => false);
  locked.setDevicePermissionHandler(() => false);
  // Cairn has nothing to download or to spell: neither may reach the network.
  locked.on('will-download', (event) => event.preventDefault());
  locked.setSpellCheckerEnabled(false);
}

function confine(contents: WebContents, log: Parameters<typeof lockDown>[0]): void {
  const refuse = (event: { readonly url: string; preventDefault: () => void }): void => {
    event.preventDefault();
    log('the page tried to leave', { url: event.url });
  };
  contents.on('will-navigate', refuse);
  contents.on('will-frame-navigate', refuse);
  contents.on('will-redirect', refuse);
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    openLink(url).catch((error: unknown) => log('a window was refused', { url, error }));
    return { action: 'deny' };
  });
}

/** Shows a page of the allow-list in the user's browser; rejects every other address. */
export async function openLink(url: string): Promise<void> {
  if (!isAllowedLink(url)) throw new Error('This address is not one that Cairn opens.');
  await shell.openExternal(url);
}
