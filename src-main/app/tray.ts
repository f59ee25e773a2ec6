/**
 * The picture in the tray. On Linux a menu that was handed over cannot be changed, so every change hands over a new
 * one. A desktop without a tray shows nothing, and nothing in the app depends on it.
 */
import { Menu, type MenuItemConstructorOptions, Tray as SystemTray, nativeImage } from 'electron';

import { assertNever } from '../../src-shared/assert.ts';
import type { HostState, HostStatus } from '../engine-host/port.ts';
import { STARTING, type TrayAction, type TrayItem, trayItems, trayTip } from './policy/tray.ts';
import { trayIcon } from './policy/tray-icon.ts';

const ICON_SIZE = 22;
const SCALES = [1, 2];

export class Tray {
  readonly #onAction: (action: TrayAction) => void;
  readonly #tray: SystemTray;
  #shown = '';

  constructor(onAction: (action: TrayAction) => void) {
    this.#onAction = onAction;
    this.#tray = new SystemTray(picture(STARTING.state));
    // On Linux a click opens the menu; elsewhere people expect the window.
    this.#tray.on('click', () => onAction('open'));
    this.show(STARTING);
  }

  /** What says nothing new is not shown again: a menu that is open would close. */
  show(status: HostStatus): void {
    const shown = `${status.state} ${status.text}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#tray.setImage(picture(status.state));
    this.#tray.setToolTip(trayTip(status));
    this.#tray.setContextMenu(Menu.buildFromTemplate(trayItems(status).map((item) => this.#menuItem(item))));
  }

  #menuItem(item: TrayItem): MenuItemConstructorOptions {
    switch (item.kind) {
      case 'text':
        return { label: item.label, enabled: false };
      case 'line':
        return { type: 'separator' };
      case 'action':
        return { label: item.label, click: () => this.#onAction(item.action) };
      default:
        return assertNever(item);
    }
  }
}

function picture(state: HostState): Electron.NativeImage {
  const isMac = process.platform === 'darwin';
  const image = nativeImage.createEmpty();
  for (const scaleFactor of SCALES) {
    image.addRepresentation({ scaleFactor, buffer: trayIcon(state, ICON_SIZE * scaleFactor, isMac) });
  }
  if (isMac) image.setTemplateImage(true);
  return image;
}
