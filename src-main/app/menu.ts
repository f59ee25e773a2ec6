/** The application menu. Windows and Linux need it for the keys alone; macOS shows it, and expects these menus. */
import { Menu, type MenuItemConstructorOptions } from 'electron';

export function setApplicationMenu(quit: () => void): void {
  const quitItem: MenuItemConstructorOptions = { label: 'Quit Cairn', accelerator: 'CommandOrControl+Q', click: quit };
  const file: MenuItemConstructorOptions =
    process.platform === 'darwin'
      ? {
          label: 'Cairn',
          submenu: [{ role: 'about' }, { type: 'separator' }, { role: 'hide' }, { role: 'hideOthers' }, quitItem],
        }
      : { label: 'File', submenu: [{ role: 'close' }, quitItem] };
  const view: MenuItemConstructorOptions = {
    label: 'View',
    submenu: [{ role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, { role: 'togglefullscreen' }],
  };
  Menu.setApplicationMenu(Menu.buildFromTemplate([file, { role: 'editMenu' }, view, { role: 'windowMenu' }]));
}
