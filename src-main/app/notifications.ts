/** Messages of the desktop. A click on one opens the window. */
import { Notification } from 'electron';

import type { Notice } from '../engine-host/port.ts';

/** Shown ones are kept until they are gone: a collected notification forgets what a click means. */
const shown = new Set<Notification>();
const SHOWN_MAX = 20;

export function notify(notice: Notice, onClick: () => void): void {
  if (!Notification.isSupported()) return;
  const notification = new Notification({ title: notice.title, body: notice.body });
  notification.on('click', onClick);
  notification.on('close', () => shown.delete(notification));
  const [oldest] = shown;
  if (shown.size >= SHOWN_MAX && oldest !== undefined) shown.delete(oldest);
  shown.add(notification);
  notification.show();
}

/** Said once, when the window is closed for the first time and the app goes on. */
export const BACKGROUND_NOTICE: Notice = {
  title: 'Cairn goes on in the background',
  body: 'Your backups stay up to date. Start Cairn again to see its window; quit from the tray or with Ctrl+Q.',
};
